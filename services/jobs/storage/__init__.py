"""The record in PostgreSQL, and the blobs beside it."""
