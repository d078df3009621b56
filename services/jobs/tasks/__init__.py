"""Tasks for the workers, and their outcomes."""
