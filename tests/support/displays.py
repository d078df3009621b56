"""Films for tests of how a header wants them displayed, and the formulas of the standard."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from services.preprocess.dicom.display import FULL_RANGE
from tests.support.films import Pixels, dicom, shades, written
from tests.support.kinds import Greys

Values = NDArray[np.floating[Any]]


def film() -> Pixels:
    """Make a picture of 12 bits, from 0 to 4095."""
    return shades(dtype=np.uint16) >> np.uint16(4)


def made(pixels: Pixels | None = None, /, **elements: Any) -> Callable[[], bytes]:
    """Make a file of 12 bits when it is called, in any byte order."""
    stored = film() if pixels is None else pixels
    if elements.get("syntax") == uid.ExplicitVRBigEndian:
        stored = stored.byteswap()
    return partial(dicom, stored, **{"BitsStored": 12, "HighBit": 11, **elements})


def linear(values: Values | Pixels, center: float, width: float) -> Greys:
    """C.11.2.1.2.1, with 0 and 1 for the smallest and largest output."""
    x = np.asarray(values, np.float64)
    low = x <= center - 0.5 - (width - 1) / 2
    high = x > center - 0.5 + (width - 1) / 2
    y = (x - (center - 0.5)) / (width - 1) + 0.5
    return np.where(low, 0, np.where(high, 1, y))


def full(values: Values | Pixels) -> Greys:
    """Spread all values over all greys."""
    x = np.asarray(values, np.float64)
    spread: Greys = (x - x.min()) / (x.max() - x.min())
    return spread


def told(problem: str) -> tuple[str, ...]:
    """Return the note that the film is shown over its own range."""
    return (f"{problem}; {FULL_RANGE}",)


def window(center: bytes, width: bytes, **elements: Any) -> Callable[[], bytes]:
    """Make a file whose window is written like this."""
    return made(
        WindowCenter=written("WindowCenter", "DS", center),
        WindowWidth=written("WindowWidth", "DS", width),
        **elements,
    )


def rescale(slope: bytes, intercept: bytes, **elements: Any) -> Callable[[], bytes]:
    """Make a file whose rescale values are written like this."""
    return made(
        RescaleSlope=written("RescaleSlope", "DS", slope),
        RescaleIntercept=written("RescaleIntercept", "DS", intercept),
        **elements,
    )


def curve(highest: int, length: int = 4096) -> Pixels:
    """Make a table that rises in a curve, as those of films do."""
    x = np.linspace(0, 1, length)
    return (highest * (0.05 + 0.95 * x**2)).round().astype(np.uint16)


def table(
    entries: Pixels,
    *,
    first: bytes = b"\0\0",
    bits: int = 16,
    length: int | None = None,
    vr: str = "US",
    data: bytes | None = None,
    data_vr: str = "OW",
) -> Sequence:
    """Make a sequence with a look-up table that describes itself like this."""
    item = Dataset()
    count = (len(entries) if length is None else length) & 0xFFFF
    descriptor = count.to_bytes(2, "little") + first + bits.to_bytes(2, "little")
    words = entries.astype("<u2").tobytes() if data is None else data
    for element in (
        written("LUTDescriptor", vr, descriptor),
        written("LUTData", data_vr, words),
    ):
        item[element.tag] = element
    return Sequence([item])
