"""Fifty different films: the real sample film, shifted by one grey level each time."""

from pathlib import Path

import cv2
import numpy as np
from pydicom import dcmread

from deploy.local.films import real_films

KINDS = ("jpeg", "png16", "dicom")


def write_films(folder: Path, kind: str, count: int = 50) -> list[Path]:
    """Write films of 1955 x 1841 pixels: 8-bit JPEG, 16-bit PNG or uncompressed DICOM."""
    folder.mkdir(parents=True)
    stored = dcmread(real_films("RG1_UNCR.dcm")[0])
    pixels = stored.pixel_array
    depth = int(stored.BitsStored)
    paths = []
    for number in range(count):
        path = folder / f"{number:03d}.{kind}"
        shifted = np.minimum(pixels + number, (1 << depth) - 1).astype(np.uint16)
        if kind == "dicom":
            stored.PixelData = shifted.tobytes()
            stored.save_as(path)
        else:
            grey = ((1 << depth) - 1 - shifted) << (16 - depth)
            picture = grey if kind == "png16" else (grey >> 8).astype(np.uint8)
            cv2.imencode(".png" if kind == "png16" else ".jpg", picture)[1].tofile(path)
        paths.append(path)
    return paths
