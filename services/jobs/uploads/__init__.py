"""Receiving the bytes of images."""
