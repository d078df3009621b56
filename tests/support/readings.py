"""Reads a DICOM film as the standard says, independently of the service: what a test expects."""

from dataclasses import dataclass
from io import BytesIO
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.support.displays import linear
from tests.support.kinds import Greys

Stored = NDArray[np.int64]


class NoReadingError(Exception):
    """The header has no single meaning."""


@dataclass(frozen=True)
class Reading:
    """One film; each property raises NoReadingError if the header does not tell."""

    dataset: Dataset
    unreadable: frozenset[str]  # keywords of elements that nobody can read

    def number(self, keyword: str, absent: float | None = None) -> float:
        """Return the first number of an element."""
        if keyword in self.unreadable:
            raise NoReadingError(keyword)
        try:
            value = self.dataset.get(keyword)
            value = value.decode() if isinstance(value, bytes) else value
            parts = value.split("\\") if isinstance(value, str) else value
            values = list(parts) if hasattr(parts, "__iter__") else [parts]
            if all(each in (None, "") for each in values):
                if absent is None:
                    raise NoReadingError(keyword)
                return absent
            number = float(str(values[0]).strip(" \0"))
        except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
            raise NoReadingError(keyword) from None
        if not isfinite(number):
            raise NoReadingError(keyword)
        return number

    def has(self, keyword: str) -> bool:
        """Whether an element says anything."""
        return keyword in self.unreadable or self.number(keyword, absent=np.pi) != np.pi

    def has_table(self, keyword: str) -> bool:
        """Whether a sequence holds a look-up table."""
        if keyword in self.unreadable:
            raise NoReadingError(keyword)
        items = self.dataset.get(keyword)
        return bool(items and len(items[0]))

    def word(self, keyword: str) -> str:
        """Return an element of one word."""
        value = self.dataset.get(keyword)
        return str(value or "").strip(" \0").upper()

    @property
    def stored(self) -> Stored:
        """PS3.5 8.1.1 and 8.1.2: the bits below the high bit, in two's complement if signed."""
        rows, columns = int(self.number("Rows")), int(self.number("Columns"))
        allocated = int(self.number("BitsAllocated"))
        # C.8.11.3: the high bit of a radiograph is one less than its bits.
        bits = int(self.number("BitsStored", absent=self.number("HighBit", absent=-1) + 1))
        if not bits:
            raise NoReadingError("BitsStored")
        high = int(self.number("HighBit", absent=bits - 1))
        words = np.frombuffer(self.dataset.PixelData, "u1" if allocated == 8 else "<u2")
        text = words[: rows * columns].reshape(rows, columns).astype(np.int64)
        cells = np.stack([text >> (high - bits + 1 + place) & 1 for place in range(bits)])
        weights = 1 << np.arange(bits)
        if self.number("PixelRepresentation"):
            weights[-1] *= -1
        return np.tensordot(weights, cells, 1)

    @property
    def padding(self) -> NDArray[np.bool_]:
        """PS3.3 C.7.5.1.1.2: from the padding value to its limit, with the sign of the pixels."""
        stored = self.stored
        if not self.has("PixelPaddingValue"):
            return np.zeros(stored.shape, np.bool_)
        dtype = np.int16 if self.number("PixelRepresentation") else np.uint16
        start = self.number("PixelPaddingValue")
        ends = [start, self.number("PixelPaddingRangeLimit", absent=start)]
        low, high = sorted(int(np.array(int(end) & 0xFFFF, np.uint16).view(dtype)) for end in ends)
        padding = (stored >= low) & (stored <= high)
        if padding.all():
            raise NoReadingError
        return padding

    @property
    def inverted(self) -> bool:
        """C.7.6.3.1.2: whether the lowest value is white."""
        photometric = self.word("PhotometricInterpretation")
        if photometric not in ("MONOCHROME1", "MONOCHROME2"):
            raise NoReadingError("PhotometricInterpretation")
        return photometric == "MONOCHROME1"

    @property
    def asks(self) -> bool:
        """Whether the header asks for a window or a VOI LUT."""
        return (
            self.has_table("VOILUTSequence") or self.has("WindowCenter") or self.has("WindowWidth")
        )

    @property
    def falling(self) -> bool:
        """Whether higher stored values are lower ones for the modality."""
        return self.word("RescaleSlope").startswith("-")

    @property
    def shown(self) -> Greys:
        """Modality LUT, VOI LUT or window, inversion, padding: 0 black to 1 white."""
        greys = self._display(self._real())
        return np.where(self.padding, 0, 1 - greys if self.inverted else greys)

    @property
    def full(self) -> Greys:
        """The same without a window: from the lowest to the highest value outside the padding."""
        real = self._real(lut_only=True)
        real, inside = (-real if self.falling else real), ~self.padding
        low, high = real[inside].min(), real[inside].max()
        greys = (real - low) / (high - low) if high > low else np.zeros(real.shape)
        return np.where(self.padding, 0, 1 - greys if self.inverted else greys)

    def _real(self, *, lut_only: bool = False) -> Greys:
        if self.has_table("ModalityLUTSequence"):
            return _looked_up(self.dataset.ModalityLUTSequence[0], self.stored.astype(float))
        if lut_only:
            return self.stored.astype(float)
        slope, intercept = self.has("RescaleSlope"), self.has("RescaleIntercept")
        if slope and intercept:
            return self.stored * self.number("RescaleSlope") + self.number("RescaleIntercept")
        return self.stored.astype(float)

    def _display(self, real: Greys) -> Greys:
        if self.has_table("VOILUTSequence"):
            item = self.dataset.VOILUTSequence[0]
            greys: Greys = _looked_up(item, real) / (2 ** item.LUTDescriptor[2] - 1)
            return greys
        center, width = self.number("WindowCenter"), self.number("WindowWidth")
        match self.word("VOILUTFunction"):
            case "SIGMOID" if width > 0:  # C.11.2.1.3.1
                exponent = (-4 * (real - center) / width).clip(-700, 700)
                shown: Greys = 1 / (1 + np.exp(exponent))
                return shown
            case "LINEAR_EXACT" if width > 0:  # C.11.2.1.3.2
                shown = (real - center) / width + 0.5
                return shown.clip(0, 1)
            case "" | "LINEAR" if width > 1:
                return linear(real, center, width)
        raise NoReadingError


def _looked_up(item: Dataset, values: Greys) -> Greys:
    """C.11.1.1.1 and C.11.2.1.1; pydicom knows few depths, and values of 16 bits only."""
    entries: Greys = np.frombuffer(item.LUTData, "<u2").astype(float)
    at = np.floor(values - item.LUTDescriptor[1]).clip(0, len(entries) - 1)
    found: Greys = np.take(entries, at.astype(int))
    return found


def read(data: bytes, unreadable: frozenset[str]) -> Reading:
    """Read a file with pydicom."""
    return Reading(dcmread(BytesIO(data), force=True), unreadable)
