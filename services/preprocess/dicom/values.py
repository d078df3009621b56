"""The stored values of a film: what a bit pattern means, how often it occurs, what is padding."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from services.preprocess.dicom.elements import has_overlay_in_pixels, numbers
from services.preprocess.dicom.stored_frame import StoredFrame
from services.preprocess.dicom.tables import Values
from services.preprocess.film import Pixels

UNUSED_BITS_SET = (
    "Some pixels use bits other than the {bits} that the file states; these bits were ignored."
)
ASSUMED_UNSIGNED = (
    "The file has no Pixel Representation, so its values were taken for unsigned ones; please "
    "check that the preview is right."
)
UNREADABLE_PADDING = (
    "The padding value of the file cannot be read, so the area around the film may not be black."
)
ALL_PADDING = "The padding value of the file covers the whole film; it was ignored."

_LOWEST, _HIGHEST = -0x8000, 0xFFFF  # of 16 bits, signed or not
_LARGE, _STEP = 1_000_000, 4  # pixels of a film of which every so many rows are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValues:
    """What is known of each bit pattern; the position in an array is the pattern."""

    meant: Values  # the number that it represents
    seen: NDArray[np.intp]  # the patterns that are counted; the least and greatest value are there
    counts: NDArray[np.int64]  # of the pixels that have a pattern seen; none is padding
    padding: NDArray[np.bool_]  # outside the exposed area, to be shown in black
    notes: tuple[str, ...] = ()  # sentences for clinicians


def read_values(stored: StoredFrame, dataset: Dataset) -> StoredValues:
    """Interpret the bit patterns of a frame."""
    patterns = _patterns(stored)
    meant = _meanings(patterns, stored)
    padded = bool(numbers(dataset, "PixelPaddingValue"))
    counts = _count(stored.patterns) if padded else _count_quickly(stored)
    seen = np.flatnonzero(counts)
    notes = []
    # JPEG 2000 itself says whether its values are signed.
    if not stored.signed and not numbers(dataset, "PixelRepresentation"):
        notes.append(ASSUMED_UNSIGNED)
    padding, readable = _padding(patterns, meant, stored, dataset)
    if not readable:
        notes.append(UNREADABLE_PADDING)
    if padding[seen].all():
        notes.append(ALL_PADDING)
        padding = np.zeros_like(padding)
    seen = seen[~padding[seen]]
    regular = _regular(patterns[seen], meant[seen], stored)
    if not regular.all() and not has_overlay_in_pixels(dataset):
        notes.append(UNUSED_BITS_SET.format(bits=stored.bits))
    return StoredValues(
        meant=meant.astype(np.float64),
        seen=seen,
        counts=counts[seen],
        padding=padding,
        notes=tuple(notes),
    )


def _patterns(stored: StoredFrame) -> NDArray[np.int32]:
    """Return all bit patterns, as the numbers that they are in the byte order of the file."""
    size = stored.patterns.dtype.itemsize
    patterns = np.arange(1 << 8 * size, dtype=f"u{size}")
    return (patterns.byteswap() if stored.swapped else patterns).astype(np.int32)


def _meanings(patterns: NDArray[np.int32], stored: StoredFrame) -> NDArray[np.int32]:
    meant = patterns >> stored.high_bit + 1 - stored.bits
    meant &= (1 << stored.bits) - 1  # older files store an overlay in the other bits
    if stored.signed:
        half = 1 << stored.bits - 1
        meant = (meant ^ half) - half
    return meant


def _regular(
    patterns: NDArray[np.int32], meant: NDArray[np.int32], stored: StoredFrame
) -> NDArray[np.bool_]:
    """Return which patterns use no other bits than the stored ones, or repeat the sign there."""
    shift = stored.high_bit + 1 - stored.bits
    word = (1 << 8 * stored.patterns.dtype.itemsize) - 1
    used = (1 << stored.bits) - 1
    regular: NDArray[np.bool_] = patterns == (meant & used) << shift
    regular |= patterns == (meant << shift) & word
    return regular


def _count(patterns: Pixels) -> NDArray[np.int64]:
    """Return how many pixels have each pattern."""
    size = np.iinfo(patterns.dtype).max + 1
    return cv2.calcHist([patterns], [0], None, [size], [0, size]).ravel().astype(np.int64)


def _count_quickly(stored: StoredFrame) -> NDArray[np.int64]:
    """Count part of the rows, and both ends of the range, if these can be found without counting.

    The ends and their order have to be exact, and of the rest only the shares are needed.
    """
    patterns = stored.patterns
    kind = f"{'i' if stored.signed else 'u'}{patterns.itemsize}"
    least = -1 << stored.bits - 1 if stored.signed else 0
    if patterns.size < _LARGE or stored.swapped or stored.high_bit != stored.bits - 1:
        return _count(patterns)
    lowest, highest, _, _ = cv2.minMaxLoc(patterns.view(kind))
    if lowest < least or highest >= least + (1 << stored.bits):  # other bits are set
        return _count(patterns)
    counts = _count(patterns[::_STEP])
    counts[[int(lowest), int(highest)]] += 1  # negative ones count from the end, as patterns do
    return counts


def _padding(
    patterns: NDArray[np.int32], meant: NDArray[np.int32], stored: StoredFrame, dataset: Dataset
) -> tuple[NDArray[np.bool_], bool]:
    """Return which patterns are padding, and whether all that the file says of it is readable."""
    none = np.zeros(meant.shape, np.bool_)
    start = numbers(dataset, "PixelPaddingValue")[:1]
    limit = numbers(dataset, "PixelPaddingRangeLimit")[:1]
    if not start or not start[0].is_integer():
        return none, not start
    readable = all(number.is_integer() for number in limit)
    bounds = [_as_stored(number, stored) for number in (start + limit if readable else start)]
    padding = (meant >= min(bounds)) & (meant <= max(bounds))
    if not meant.min() <= bounds[0] <= meant.max():
        # No stored value: it can only be a pattern, with or without the unused bits.
        padding |= patterns == bounds[0] % (_HIGHEST + 1)
        if stored.signed and bounds[0] < 1 << stored.bits:
            padding |= meant == bounds[0] - (1 << stored.bits)
    return padding, readable


def _as_stored(number: float, stored: StoredFrame) -> float:
    """Return the stored value with the bits of a padding value.

    Whether these bits are signed follows from the pixels (PS3.3 C.7.5.1.1.2). Many files state US,
    unsigned, for pixels that are signed.
    """
    if not _LOWEST <= number <= _HIGHEST:
        return number
    word = int(number) & _HIGHEST
    return word - (word >> 15 << 16) if stored.signed else word
