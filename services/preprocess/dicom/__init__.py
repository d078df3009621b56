"""DICOM films: their header, their pixels, and how they are displayed."""
