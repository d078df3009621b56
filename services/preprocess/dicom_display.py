"""Turns stored values into what a radiologist sees: bright where the rays were absorbed.

Every step from a stored value to a grey value (modality LUT, window or VOI LUT, inversion, padding)
is a function of that value alone. So it is computed once for each of the 256 or 65,536 possible
values, and the film, with millions of pixels, is mapped through one table.
"""

from dataclasses import dataclass
from math import isfinite
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from services.preprocess.dicom_header import numbers
from services.preprocess.errors import (
    CorruptImageError,
    InvalidDisplayWindowError,
    UnsupportedPixelFormatError,
)
from services.preprocess.film import BLANK, Pixels
from services.preprocess.stored_frame import StoredFrame

Values = NDArray[np.float64]

NO_WINDOW = "The file has no display window; the full range of its values is shown."

# Of 256 grey values. A window that shows the film with fewer hides its content.
_MIN_GREYS = 4


def display(stored: StoredFrame, dataset: Dataset, photometric: str) -> tuple[Pixels, list[str]]:
    """Return a stored frame as its file wants it displayed, with 8 or 16 bits, and notes."""
    meant = _meanings(stored)
    notes: list[str] = []
    if photometric.startswith("PALETTE"):
        shown = _palette(meant, dataset)
    elif photometric.startswith("MONOCHROME"):
        shown, notes = _greys(meant, stored, dataset)
        if photometric == "MONOCHROME1":
            shown = 1 - shown
    else:  # colours, which are stored as their brightness
        shown = meant / ((1 << stored.bits) - 1)
    shown[_padding(meant, dataset)] = 0
    white = np.iinfo(stored.patterns.dtype).max
    table: Pixels = (shown.clip(0, 1) * white + 0.5).astype(stored.patterns.dtype)
    film = cast("Pixels", cv2.LUT(stored.patterns, table))
    darkest, brightest, _, _ = cv2.minMaxLoc(film)
    if brightest - darkest >= white * _MIN_GREYS / 256:
        return film, notes
    if stored.patterns.min() == stored.patterns.max():
        return film, [*notes, BLANK]
    if NO_WINDOW in notes or not photometric.startswith("MONOCHROME"):
        return film, notes
    raise _invalid_window(dataset)


def _meanings(stored: StoredFrame) -> Values:
    """Return the number that each bit pattern represents."""
    size = stored.patterns.dtype.itemsize
    patterns = np.arange(1 << 8 * size, dtype=f"u{size}")
    if stored.swapped:
        patterns = patterns.byteswap()
    numbers_meant = patterns.astype(np.int32) >> stored.high_bit + 1 - stored.bits
    numbers_meant &= (1 << stored.bits) - 1  # older files store an overlay in the other bits
    if stored.signed:
        sign = 1 << stored.bits - 1
        numbers_meant = (numbers_meant ^ sign) - sign
    return numbers_meant.astype(np.float64)


def _greys(meant: Values, stored: StoredFrame, dataset: Dataset) -> tuple[Values, list[str]]:
    """Apply the modality LUT and the VOI LUT or window: 0 to 1 for each pattern."""
    real = _modality(meant, dataset)
    table = _first_item(dataset, "VOILUTSequence")
    if table is not None:
        entries, index, highest = _look_up(table, real, dataset)
        return entries[index] / highest, []
    center, width = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if center or width:
        if not center or not width:
            raise _invalid_window(dataset)
        function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
        return _window(real, Window(center[0], width[0], function)), []
    present = _present(stored) & ~_padding(meant, dataset)
    if not present.any():
        return np.zeros_like(real), [NO_WINDOW]
    lowest, highest = real[present].min(), real[present].max()
    return (real - lowest) / max(highest - lowest, np.finfo(np.float64).tiny), [NO_WINDOW]


@dataclass(frozen=True, slots=True)
class Window:
    """The range of values that is shown from black to white."""

    center: float
    width: float
    function: str


def _window(real: Values, window: Window) -> Values:
    """Apply a window as PS3.3 C.11.2.1.2 defines it."""
    center, width = window.center, window.width
    error = InvalidDisplayWindowError(center, width)
    if not (isfinite(center) and isfinite(width)):
        raise error
    match window.function:
        case "SIGMOID" if width > 0:
            return cast("Values", 1 / (1 + np.exp((-4 * (real - center) / width).clip(-700, 700))))
        case "LINEAR_EXACT" if width > 0:
            shown = (real - center) / width + 0.5
        case _ if width > 1 and window.function not in ("SIGMOID", "LINEAR_EXACT"):
            shown = (real - center + 0.5) / (width - 1) + 0.5
        case _:
            raise error
    shown = shown.clip(0, 1)
    if len(np.unique(shown)) < min(_MIN_GREYS, len(np.unique(real))):
        raise error
    return shown


def _invalid_window(dataset: Dataset) -> InvalidDisplayWindowError:
    center, width = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if _first_item(dataset, "VOILUTSequence") is not None:
        return InvalidDisplayWindowError(None, None)
    return InvalidDisplayWindowError(center[0] if center else None, width[0] if width else None)


def _modality(meant: Values, dataset: Dataset) -> Values:
    """Convert stored values to those of the modality, such as optical density."""
    table = _first_item(dataset, "ModalityLUTSequence")
    if table is not None:
        entries, index, _ = _look_up(table, meant, dataset)
        return entries[index]
    slope, intercept = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    factor, offset = slope[0] if slope else 1.0, intercept[0] if intercept else 0.0
    if not (isfinite(factor) and isfinite(offset)) or factor == 0:
        raise CorruptImageError("DICOM")
    return meant * factor + offset


def _first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    items = dataset.get(keyword)
    return items[0] if items else None


def _look_up(
    table: Dataset, values: Values, dataset: Dataset
) -> tuple[Values, NDArray[np.int64], float]:
    """Read a LUT: its entries, the index for each value, and the largest possible entry."""
    descriptor = [int(number) for number in numbers(table, "LUTDescriptor")]
    if len(descriptor) != 3:  # noqa: PLR2004 - number of entries, first value, bits
        raise CorruptImageError("DICOM")
    length, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
    if first >= 1 << 15 and values.min() < 0:
        first -= 1 << 16  # a negative number that was read as a positive one
    entries = _entries(table.get("LUTData"), length, dataset)
    index = (values - first).clip(0, len(entries) - 1).astype(np.int64)
    return entries, index, max((1 << bits) - 1 if 1 <= bits <= 16 else 0, entries.max(), 1)  # noqa: PLR2004 - bits


def _entries(data: object, length: int, dataset: Dataset) -> Values:
    """Read the entries of a LUT, which files store as numbers, bytes or words."""
    if isinstance(data, bytes):
        width = 2 if len(data) >= 2 * length else 1
        _, little_endian = dataset.original_encoding
        order = "<" if little_endian else ">"
        entries = np.frombuffer(data[: length * width], f"{order}u{width}")
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.int64))[:length] & 0xFFFF
    if len(entries) < 1:
        raise CorruptImageError("DICOM")
    return entries.astype(np.float64)


def _palette(meant: Values, dataset: Dataset) -> Values:
    """Convert the colours of a palette to their brightness (BT.601, as everywhere else)."""
    shown = np.zeros_like(meant)
    for colour, weight in (("Red", 0.299), ("Green", 0.587), ("Blue", 0.114)):
        name = f"{colour}PaletteColorLookupTable"
        descriptor = [int(number) for number in numbers(dataset, name + "Descriptor")]
        if len(descriptor) != 3:  # noqa: PLR2004 - number of entries, first value, bits
            raise CorruptImageError("DICOM")
        data = dataset.get(name + "Data")
        if data is None:
            raise UnsupportedPixelFormatError("a segmented palette")
        entries = _entries(data, descriptor[0] or 65536, dataset)
        index = (meant - descriptor[1]).clip(0, len(entries) - 1).astype(np.int64)
        shown += weight * entries[index] / ((1 << descriptor[2]) - 1)
    return shown


def _padding(meant: Values, dataset: Dataset) -> NDArray[np.bool_]:
    """Return which values are padding, outside the exposed area; they are shown in black."""
    start = numbers(dataset, "PixelPaddingValue")
    if not start:
        return np.zeros(meant.shape, np.bool_)
    limit = numbers(dataset, "PixelPaddingRangeLimit") or start
    low, high = sorted((start[0], limit[0]))
    return (meant >= low) & (meant <= high)


def _present(stored: StoredFrame) -> NDArray[np.bool_]:
    """Return which bit patterns occur in the film."""
    present = np.zeros(np.iinfo(stored.patterns.dtype).max + 1, np.bool_)
    present[stored.patterns.ravel()] = True
    return present
