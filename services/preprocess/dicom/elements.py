"""Reads elements of a DICOM header from their bytes: numbers, words, items of sequences.

pydicom converts an element as a whole, by the value representation (VR) that the file states: one
number that it cannot read costs all of them. Here each value is read by itself. A number that is
there and cannot be read is NaN, never absent, so that nobody takes it for a default.
"""

import re
from math import isfinite, nan
from typing import Any

import numpy as np
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

_BINARY = {
    "US": "u2",
    "SS": "i2",
    "US or SS": "u2",
    "UL": "u4",
    "SL": "i4",
    "UV": "u8",
    "SV": "i8",
    "FL": "f4",
    "FD": "f8",
}
# These say nothing about how a number is stored; the dictionary of the standard does.
_OPAQUE = (None, "OB", "OW", "UN", "SQ")

# Of each overlay: the bit of the pixels that it is kept in, or 0 (PS3.3 C.9.2).
OVERLAY_BITS = tuple(Tag(group, 0x0102) for group in range(0x6000, 0x6020, 2))

# PS3.5 6.2, decimal string (DS), with a comma for the point as some programs write it.
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
# "1,000" is a thousand to some programs and one to others. "0,250" and "2000,500" are no doubt.
_DOUBTFUL = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}([eE].*)?", re.ASCII)


class UnusableElementError(Exception):
    """The header asks for what cannot be applied; the message is a clause that says why."""


def numbers(dataset: Dataset, keyword: str | BaseTag) -> list[float]:
    """Return the numbers in an element: none if it is absent or empty, NaN for unreadable ones."""
    element = _raw(dataset, keyword)
    if element is None:
        return []
    kind = _kind(element, keyword)
    if kind not in _BINARY:
        parts = _parts(element)
        return [_number(part) for part in parts] if any(parts) else []
    dtype = np.dtype(f"{'<' if element.is_little_endian else '>'}{_BINARY[kind]}")
    if len(element.value or b"") % dtype.itemsize:
        return [nan]
    found = np.frombuffer(element.value or b"", dtype).astype(np.float64)
    return [number if isfinite(number) else nan for number in found.tolist()]


def sign(dataset: Dataset, keyword: str) -> int:
    """Return 1 or -1, as the first number of an element begins; 0 if that cannot be told."""
    element = _raw(dataset, keyword)
    if element is None or _kind(element, keyword) in _BINARY:
        return 0
    found = re.match(r"([+-]?)[.,]?\d", _parts(element)[0], re.ASCII)
    if found is None:
        return 0
    return -1 if found[1] == "-" else 1


def text(dataset: Dataset, keyword: str) -> str:
    """Return the first word of an element in capitals; empty if it is absent."""
    element = _raw(dataset, keyword)
    return _parts(element)[0].upper() if element else ""


def content(dataset: Dataset, keyword: str) -> tuple[bytes, bool]:
    """Return the bytes of an element, and whether its words are little-endian."""
    element = _raw(dataset, keyword)
    return (element.value or b"", element.is_little_endian) if element else (b"", True)


def items(dataset: Dataset, keyword: str) -> list[Dataset] | None:
    """Return the items of a sequence that have elements; None if the sequence cannot be read."""
    try:
        value: Any = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - on garbage, pydicom raises more than it documents
        return None
    if not value:
        return []
    return [item for item in value if len(item)] if isinstance(value, Sequence) else None


def has_overlay_in_pixels(dataset: Dataset) -> bool:
    """Whether bits of the pixels that hold no sample hold an overlay, as older files have it."""
    return any(bit > 0 for tag in OVERLAY_BITS for bit in numbers(dataset, tag))


def _raw(dataset: Dataset, keyword: str | BaseTag) -> RawDataElement | None:
    # An element of another type is a sequence, which holds neither numbers nor words.
    element = dataset.get_item(Tag(keyword), keep_deferred=True)
    return element if isinstance(element, RawDataElement) else None


def _kind(element: RawDataElement, keyword: str | BaseTag) -> str:
    return dictionary_VR(keyword) if element.VR in _OPAQUE else str(element.VR)


def _parts(element: RawDataElement) -> list[str]:
    written = (element.value or b"").decode("latin-1")
    return [part.strip(" \t\r\n\0") for part in written.split("\\")]


def _number(written: str) -> float:
    if not _NUMBER.fullmatch(written) or _DOUBTFUL.fullmatch(written):
        return nan
    number = float(written.replace(",", "."))
    return number if isfinite(number) else nan
