"""Finds the elements of a DICOM file and how they are encoded, which its header may misstate.

The first element shows its byte order and whether its VR is explicit: it belongs to a group of a
low number, and a VR is two capital letters, which cannot be part of a length there. Elements that
begin otherwise are deflated, or damaged.
"""

import zlib
from dataclasses import dataclass

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from services.preprocess.errors import (
    CorruptImageError,
    FilmError,
    ImageTooLargeError,
    TruncatedImageError,
)
from services.preprocess.film import Limits

_PREAMBLE = 128
_INFLATE_SLICE = 4 << 10  # bytes of input, which become at most 4 MiB
_HEADER_BYTES = 16 << 20  # allowance for the elements before and after the pixels
_HIGHEST_FIRST_GROUP = 0x28  # the description of the pixels, which no film lacks
_UNDEFINED = 0xFFFFFFFF  # the length of a sequence with an end of its own
_PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
_LONG_VALUES = (b"OB", b"OW", b"UN", b"UT")  # of a VR with two reserved bytes before the length


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """The elements behind the file meta information, inflated."""

    body: bytes
    at: int
    transfer_syntax: UID | None  # as the file says
    encoding: UID  # as it is: one of the four for uncompressed pixels

    @property
    def implicit(self) -> bool:
        """Whether the elements have no VR."""
        return self.encoding == ImplicitVRLittleEndian

    @property
    def little_endian(self) -> bool:
        """Whether the lowest byte of a number comes first."""
        return self.encoding != ExplicitVRBigEndian


def find_elements(data: bytes, limits: Limits) -> Elements:
    """Find the elements, inflating them up to the limits if they are deflated."""
    at, said = _read_meta(data)
    encoding = _encoding(data, at)
    if encoding is not None:
        return Elements(body=data, at=at, transfer_syntax=said, encoding=encoding)
    deflated = DeflatedExplicitVRLittleEndian
    try:
        body = _inflate(data, at, limits)
        if said == deflated or _encoding(body, 0) is not None:
            return Elements(body=body, at=0, transfer_syntax=said, encoding=deflated)
    except FilmError:
        if said == deflated:
            raise
    # Damaged: reading on will show where.
    encoding = said if said in _PLAIN else ExplicitVRLittleEndian
    return Elements(body=data, at=at, transfer_syntax=said, encoding=encoding)


def _read_meta(data: bytes) -> tuple[int, UID | None]:
    """Read group 2: where the elements after it start, and how they are said to be stored."""
    position = _PREAMBLE + 4 if data[_PREAMBLE : _PREAMBLE + 4] == b"DICM" else 0
    transfer_syntax = None
    while data[position : position + 2] == b"\x02\x00":
        kind = data[position + 4 : position + 6]
        if kind in _LONG_VALUES:
            start, length = position + 12, data[position + 8 : position + 12]
        elif _is_vr(kind):
            start, length = position + 8, data[position + 6 : position + 8]
        else:  # without VR, which the standard forbids here
            start, length = position + 8, data[position + 4 : position + 8]
        end = start + int.from_bytes(length, "little")
        if data[position + 2 : position + 4] == b"\x10\x00":
            transfer_syntax = UID(data[start:end].decode("ascii", "replace").strip("\x00 "))
        position = end
    return position, transfer_syntax or None


def _encoding(data: bytes, at: int) -> UID | None:
    """Tell how elements are encoded by the first one; None if none begins here."""
    tag, kind = data[at : at + 4], data[at + 4 : at + 6]
    if len(tag) < 4:  # noqa: PLR2004 - bytes
        return None
    little, big = (int.from_bytes(tag[:2], order) for order in ("little", "big"))
    if 0 < little <= _HIGHEST_FIRST_GROUP:
        if _is_vr(kind):
            return ExplicitVRLittleEndian
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        return ImplicitVRLittleEndian if length < len(data) or length == _UNDEFINED else None
    return ExplicitVRBigEndian if 0 < big <= _HIGHEST_FIRST_GROUP and _is_vr(kind) else None


def _is_vr(kind: bytes) -> bool:
    return kind.isalpha() and kind.isupper()


def _inflate(data: bytes, start: int, limits: Limits) -> bytes:
    """Inflate the data after group 2, up to the limits."""
    limit = max(limits.expansion_free_pixels * 2, limits.expansion * len(data))
    limit = left = min(limit, limits.pixels * 2 + _HEADER_BYTES)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    try:
        # In slices: zlib needs twice the memory of what one call returns.
        for position in range(start, len(data), _INFLATE_SLICE):
            piece = inflater.decompress(data[position : position + _INFLATE_SLICE], left)
            pieces.append(piece)
            left -= len(piece)
            if inflater.eof:
                return b"".join(pieces)
            if left <= 0:
                raise ImageTooLargeError.of_expansion(limit / len(data), limits.expansion)
    except zlib.error:
        raise CorruptImageError("DICOM") from None
    raise TruncatedImageError("DICOM")
