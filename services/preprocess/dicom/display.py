"""Turns stored values into what a radiologist sees: bright where the rays were absorbed.

Every step from a stored value to a grey value (modality LUT, window or VOI LUT, inversion, padding)
is a function of that value alone. So it is computed once for each of the 256 or 65,536 possible
values, and the film, with millions of pixels, is mapped through one table.

A header that asks for something impossible does not fail its film, because clinicians cannot
correct the header. The film is then shown over its own range, and a note says so (decision 22).
"""

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
from pydicom.dataset import Dataset

from services.preprocess.dicom.elements import UnusableElementError, text
from services.preprocess.dicom.scale import read_scale
from services.preprocess.dicom.stored_frame import StoredFrame
from services.preprocess.dicom.tables import Values, VoiTable, read_palette, read_voi_table
from services.preprocess.dicom.values import StoredValues, read_values
from services.preprocess.dicom.window import Window, read_window
from services.preprocess.errors import CorruptImageError, UnsupportedPixelFormatError
from services.preprocess.film import BLANK, Pixels

FULL_RANGE = "the full range of its values is shown."
NO_WINDOW = f"The file has no display window; {FULL_RANGE}"
WINDOW_INSTEAD = "its display window is applied."
CONTRADICTORY_POLARITY = (
    "The file contradicts itself about which values are bright: its Photometric Interpretation is "
    "{photometric}, and its Presentation LUT Shape is {shape}. The first is applied; please check "
    "that the preview is not inverted."
)

_READERS: tuple[Callable[[Dataset], VoiTable | Window | None], ...] = (read_voi_table, read_window)

# A window hides a film if it leaves three greys, of 256, to all but this share of its pixels:
# black, white, and a border or a mark.
_SHOWN_SHARE = 1e-3
_FEW_GREYS = 3


def display(stored: StoredFrame, dataset: Dataset, photometric: str) -> tuple[Pixels, list[str]]:
    """Return a stored frame as its file wants it displayed, with 8 or 16 bits, and notes."""
    values = read_values(stored, dataset)
    notes: list[str] = []
    if photometric.startswith("PALETTE"):
        shown = _palette(values.meant, dataset)
    elif photometric.startswith("MONOCHROME"):
        shown, notes = _greys(values, dataset)
        notes += [*_polarity(dataset, photometric), *values.notes]
        if photometric == "MONOCHROME1":
            shown = 1 - shown
    else:  # colours, which are stored as their brightness
        shown = values.meant / ((1 << stored.bits) - 1)
    shown[values.padding] = 0
    white = np.iinfo(stored.patterns.dtype).max
    table: Pixels = (shown.clip(0, 1) * white + 0.5).astype(stored.patterns.dtype)
    if _is_flat(values.meant, values):
        notes.append(BLANK)
    return cast("Pixels", cv2.LUT(stored.patterns, table)), notes


def _greys(values: StoredValues, dataset: Dataset) -> tuple[Values, list[str]]:
    """Apply the modality LUT and the VOI LUT or window: 0 to 1 for each pattern, and notes."""
    scale = read_scale(values.meant, dataset)
    if _is_flat(scale.order, values) and not _is_flat(values.meant, values):
        raise CorruptImageError("DICOM", "its modality look-up table makes all pixels equal")
    full = _spread(scale.order, values)
    if scale.real is None:
        return full, [_note(scale.problem, FULL_RANGE)]
    problems: list[str] = []
    for read in _READERS:
        try:
            found = read(dataset)
        except UnusableElementError as error:
            problems.append(str(error))
            continue
        if found is None:
            continue
        shown = found.show(scale.real)
        if _shows_film(shown, values) or not _shows_film(full, values):
            return shown, [*(_note(each, WINDOW_INSTEAD) for each in problems), *found.remarks]
        problems.append(f"{found.name} shows nothing of the film")
    return full, [_note(each, FULL_RANGE) for each in problems] or [NO_WINDOW]


def _note(problem: str, instead: str) -> str:
    return f"{problem[0].upper()}{problem[1:]}; {instead}"


def _spread(order: Values, values: StoredValues) -> Values:
    """Spread the values that occur in the film over all greys."""
    present = order[values.seen]
    lowest, highest = present.min(), present.max()
    return (order - lowest) / (highest - lowest) if highest > lowest else np.zeros_like(order)


def _is_flat(order: Values, values: StoredValues) -> bool:
    return bool(np.ptp(order[values.seen]) == 0)


def _shows_film(shown: Values, values: StoredValues) -> bool:
    levels = (shown[values.seen].clip(0, 1) * 255 + 0.5).astype(np.uint8)
    pixels = np.sort(np.bincount(levels, values.counts, 256))
    return bool(pixels[:-_FEW_GREYS].sum() >= pixels.sum() * _SHOWN_SHARE)


def _polarity(dataset: Dataset, photometric: str) -> list[str]:
    """Compare with PS3.3 C.8.11.3.1.2: IDENTITY for MONOCHROME2, INVERSE for MONOCHROME1."""
    shape = text(dataset, "PresentationLUTShape")
    if (photometric, shape) in (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")):
        return [CONTRADICTORY_POLARITY.format(photometric=photometric, shape=shape)]
    return []


def _palette(meant: Values, dataset: Dataset) -> Values:
    """Convert the colours of a palette to their brightness (BT.601, as everywhere else)."""
    shown = np.zeros_like(meant)
    for colour, weight in (("Red", 0.299), ("Green", 0.587), ("Blue", 0.114)):
        try:
            table = read_palette(dataset, colour)
        except UnusableElementError as error:
            raise CorruptImageError("DICOM", str(error)) from None
        if table is None:
            raise UnsupportedPixelFormatError("a segmented palette")
        shown += weight * table.look_up(meant) / ((1 << table.bits) - 1)
    return shown
