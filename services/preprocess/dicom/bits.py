"""Reconciles a compressed picture with a header that describes other samples (PS3.5 8.2.1).

The precision in the stream governs, with one exception. Some archives compress the whole cells of
Bits Allocated without loss, together with the bits beside the sample. The stream then has as many
bits as a cell, and the header is right about those in use.

Of the sign, only JPEG 2000 tells in the stream. JPEG and JPEG-LS compress bit patterns. For them
the header tells, with the sign in the highest bit of the stream's precision; lossy JPEG is unsigned
by table 8.2.1-1. Where header and stream differ, the picture itself may show that this is wrong:
read with the wrong sign, neighbouring pixels jump from one end of the range to the other.
"""

import numpy as np
from numpy.typing import NDArray

from services.preprocess.dicom.elements import numbers
from services.preprocess.dicom.header import DicomHeader
from services.preprocess.dicom.stored_frame import StoredFrame
from services.preprocess.film import Pixels

_Values = NDArray[np.int32]
_Mask = NDArray[np.bool_]

_CLEARLY = 4  # times fewer jumps; noise over the whole range has as many with and without sign


def reconcile(
    patterns: Pixels,
    header: DicomHeader,
    *,
    precision: int,
    signed: bool | None = None,
    lossy: bool = False,
) -> StoredFrame:
    """Describe decoded patterns; `precision` and `signed` are as the stream says, or None."""
    bits, high_bit = precision, precision - 1
    if not signed and header.stored < precision and _are_cells(patterns, header, precision):
        bits, high_bit = header.stored, header.high_bit
    agreed = signed is None and not lossy and precision == header.stored
    if signed is None or (header.signed and not signed):
        signed = header.signed
        if signed and not agreed:
            values = patterns.astype(np.int32) >> high_bit + 1 - bits & (1 << bits) - 1
            inside = _is_inside(values, bits, header)
            signed = _has_negatives(values, inside, bits, expected=not lossy)
    return StoredFrame(
        patterns=np.ascontiguousarray(patterns), bits=bits, high_bit=high_bit, signed=signed
    )


def _are_cells(patterns: Pixels, header: DicomHeader, precision: int) -> bool:
    """Whether the bits that the header does not name are unused, or are an overlay."""
    if not header.stored - 1 <= header.high_bit < precision:
        return False
    if header.overlay_in_pixels:
        return True
    below = (1 << header.high_bit + 1 - header.stored) - 1
    if np.bitwise_or.reduce(patterns, axis=None) & below:
        return False
    above = patterns >> header.high_bit
    highest = (1 << precision - header.high_bit) - 1
    if header.signed and np.isin(above, (0, highest)).all():
        return True  # copies of the sign
    return not (above > 1).any()


def _is_inside(unsigned: _Values, bits: int, header: DicomHeader) -> _Mask:
    """Return which samples are no padding, which jumps along its border with any sign."""
    padding = numbers(header.dataset, "PixelPaddingValue")[:1]
    if not padding or not padding[0].is_integer():
        return np.ones(unsigned.shape, np.bool_)
    inside: _Mask = unsigned != int(padding[0]) & (1 << bits) - 1
    return inside


def _has_negatives(unsigned: _Values, inside: _Mask, bits: int, *, expected: bool) -> bool:
    """Whether samples are signed, by the picture if it clearly contradicts what is expected."""
    half = 1 << bits - 1
    with_sign = _jumps((unsigned ^ half) - half, inside, half)
    without = _jumps(unsigned, inside, half)
    if expected:
        return without * _CLEARLY >= with_sign
    return with_sign * _CLEARLY < without


def _jumps(values: _Values, inside: _Mask, size: int) -> int:
    """Count neighbours inside the film that differ by more than this."""
    down = (abs(np.diff(values, axis=0)) > size) & inside[1:] & inside[:-1]
    across = (abs(np.diff(values, axis=1)) > size) & inside[:, 1:] & inside[:, :-1]
    return int(down.sum()) + int(across.sum())
