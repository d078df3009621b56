"""Commands that an operator or a CronJob runs."""
