"""Compressed pictures, in files of their own and inside DICOM."""
