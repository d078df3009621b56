"""The progress of jobs, streamed to their watchers."""
