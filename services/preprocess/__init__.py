"""From the bytes of a film to pixels that a model can read."""
