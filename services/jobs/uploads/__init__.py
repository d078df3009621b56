"""Taking in the bytes of images."""
