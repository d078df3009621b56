"""The types that the modules of this service share: a decoded film and its limits."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.preprocess.errors import ImageTooLargeError

# uint8 or uint16, whichever holds the bits of the film; see Frame.
Pixels = NDArray[np.unsignedinteger[Any]]
Grey = NDArray[np.uint8]


BLANK = "Every pixel of the film has the same value."


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How the film was acquired; only terms of the DICOM standard, so none can name a patient."""

    modality: str = ""  # CR, DX, ...
    view_position: str = ""  # PA, AP, LL, ...
    body_part: str = ""  # CHEST, ...
    row_spacing: float | None = None  # millimetres between the centres of rows
    column_spacing: float | None = None  # millimetres between the centres of columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One decoded film: upright, greyscale, bright where the rays were absorbed."""

    # [height, width] of uint8 or uint16, contiguous; 0 is black, the type's maximum white.
    pixels: Pixels
    bits: int  # of a decoded grey value; `pixels` are scaled up from these
    media_type: str
    acquisition: Acquisition = field(default_factory=Acquisition)
    notes: tuple[str, ...] = ()  # sentences for clinicians


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the memory that a file may need; checked with its header, before decoding."""

    pixels: int = 64_000_000
    pages: int = 100  # of a TIFF; a film has one, a scanned folder a thousand
    expansion: int = 200  # decoded bytes for each byte of the file
    # The expansion is limited only above this size. A blank or collimated film compresses 1000
    # times, and no detector has more pixels (the largest have 15 million), so smaller images are
    # not decompression bombs.
    expansion_free_pixels: int = 16_000_000

    def check(self, width: int, height: int, *, pixel_bytes: int, file_bytes: int) -> None:
        """Raise unless an image of this size may be decoded from a file of this size."""
        pixels = width * height
        if pixels > self.pixels:
            raise ImageTooLargeError.of_pixels(width, height, self.pixels)
        ratio = pixels * pixel_bytes / file_bytes
        if pixels > self.expansion_free_pixels and ratio > self.expansion:
            raise ImageTooLargeError.of_expansion(ratio, self.expansion)
