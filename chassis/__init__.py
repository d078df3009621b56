"""Plumbing that any service could use: it knows no job and no image."""
