"""The owner of every job: uploads, tasks, outcomes, progress."""
