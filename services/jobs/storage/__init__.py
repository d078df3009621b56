"""The database, and the names of the blobs beside it."""
