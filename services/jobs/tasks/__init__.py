"""Work on its way to the workers, and what comes of it."""
