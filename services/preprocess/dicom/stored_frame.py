"""The first frame of a DICOM file as stored, between the modules that read it and that show it."""

from dataclasses import dataclass

from services.preprocess.film import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """The first frame in grey, as bit patterns and their interpretation."""

    patterns: Pixels  # [rows, columns], native byte order
    bits: int  # in use
    high_bit: int  # the highest of these
    signed: bool
    swapped: bool = False  # the two bytes of each pattern are in the wrong order
