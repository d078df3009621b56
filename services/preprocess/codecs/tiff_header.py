"""Reads the header of a TIFF, and of EXIF data, which is a small TIFF."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.preprocess.errors import (
    CorruptImageError,
    ImageTooLargeError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
)

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES = 274, 277
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 322, 323, 338, 339
# None, CCITT, LZW, JPEG, Deflate, PackBits and rare ones; those that OpenCV's libtiff supports.
_DECOMPRESSED = {1, 2, 3, 4, 5, 6, 7, 8, 32766, 32771, 32773, 32809, 32909, 32946}
_INTEGERS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # other types are ignored here


Values = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffHeader:
    """The properties of the first picture of a TIFF."""

    width: int
    height: int
    samples: int  # per pixel
    bits: int  # per sample
    alpha: bool
    white_is_zero: bool
    pages: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order, and the integer widths of TIFF or BigTIFF."""

    order: str
    big: bool

    def number(self, data: bytes, position: int) -> int:
        """Read a number of values, or an offset."""
        (number,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), data, position)
        return int(number)


def read_tiff_header(data: bytes, *, page_limit: int) -> TiffHeader:
    """Read the first directory and count the others; raises a FilmError on a bad file."""
    order = "<" if data[:2] == b"II" else ">"
    layout = _Layout(order, big=data[2:4] in (b"+\x00", b"\x00+"))
    first = layout.number(data, 8 if layout.big else 4)
    pages = _count_pages(data, layout, first, page_limit)
    tags = dict(_tags(data, layout, first))

    def first_of(tag: int, absent: int) -> int:
        return int(tags[tag][0]) if tag in tags else absent

    width, height = first_of(_WIDTH, 0), first_of(_HEIGHT, 0)
    bits, samples = first_of(_BITS, 1), first_of(_SAMPLES, 1)
    if bits not in (1, 2, 4, 8, 10, 12, 14, 16):
        raise UnsupportedPixelFormatError(f"{bits} bits per sample")
    if first_of(_SAMPLE_FORMAT, 1) != 1:
        raise UnsupportedPixelFormatError("samples that are not unsigned integers")
    if samples not in (1, 2, 3, 4):
        raise UnsupportedPixelFormatError(f"{samples} samples per pixel")
    if first_of(_COMPRESSION, 1) not in _DECOMPRESSED:
        raise UnsupportedPixelFormatError("a TIFF compression that is not supported (LZW is)")
    # A tile may be larger than the picture, and is decoded as a whole.
    if _TILE_WIDTH in tags and _TILE_HEIGHT in tags:
        tile_width = max(width, first_of(_TILE_WIDTH, 0))
        tile_height = max(height, first_of(_TILE_HEIGHT, 0))
        if tile_width * tile_height > 4 * max(width * height, 1 << 20):
            raise CorruptImageError("TIFF")
    _check_data(data, tags)
    return TiffHeader(
        width=width,
        height=height,
        samples=samples,
        bits=bits,
        alpha=first_of(_EXTRA_SAMPLES, 0) in (1, 2),
        white_is_zero=first_of(_PHOTOMETRIC, 1) == 0,
        pages=pages,
    )


def _count_pages(data: bytes, layout: _Layout, first: int, limit: int) -> int:
    """Follow the chain of directories, which may be a cycle in a malicious file."""
    seen: set[int] = set()
    position = first
    while position:
        if position in seen:
            raise CorruptImageError("TIFF")
        seen.add(position)
        if len(seen) > limit:
            raise ImageTooLargeError.of_pages(limit)
        entries, start, size = _directory(data, layout, position)
        position = layout.number(data, start + entries * size)
    return len(seen)


def _directory(data: bytes, layout: _Layout, position: int) -> tuple[int, int, int]:
    """Return the number of entries in a directory, where they start, and the size of one."""
    if layout.big:
        return struct.unpack_from(layout.order + "Q", data, position)[0], position + 8, 20
    return struct.unpack_from(layout.order + "H", data, position)[0], position + 2, 12


def _tags(data: bytes, layout: _Layout, position: int) -> Iterator[tuple[int, Values]]:
    """Yield the tags of a directory that contain integers."""
    entries, start, size = _directory(data, layout, position)
    for entry in range(start, start + min(entries, 4096) * size, size):
        tag, kind = struct.unpack_from(layout.order + "HH", data, entry)
        count = layout.number(data, entry + 4)
        if kind not in _INTEGERS or count < 1:
            continue
        number = np.dtype(layout.order + _INTEGERS[kind])
        value, inline = (entry + 12, 8) if layout.big else (entry + 8, 4)
        if count * number.itemsize > inline:
            value = layout.number(data, value)
        if value + count * number.itemsize > len(data):
            raise TruncatedImageError("TIFF")
        yield tag, np.frombuffer(data, number, count, value)


def _check_data(data: bytes, tags: dict[int, Values]) -> None:
    """Raise unless every strip or tile is within the file; libtiff would fill gaps silently."""
    offsets = tags.get(_STRIP_OFFSETS, tags.get(_TILE_OFFSETS))
    counts = tags.get(_STRIP_BYTES, tags.get(_TILE_BYTES))
    if offsets is None or counts is None or len(offsets) != len(counts):
        raise CorruptImageError("TIFF")
    if int((offsets.astype(np.float64) + counts.astype(np.float64)).max()) > len(data):
        raise TruncatedImageError("TIFF")


def exif_orientation(exif: bytes) -> int:
    """Return the orientation in EXIF data; 1 if there is none or the data is damaged."""
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        layout = _Layout(order, big=False)
        tags = dict(_tags(exif, layout, layout.number(exif, 4)))
    except (struct.error, TruncatedImageError):
        return 1
    orientation = int(tags[_ORIENTATION][0]) if _ORIENTATION in tags else 1
    return orientation if 1 <= orientation <= 8 else 1  # noqa: PLR2004 - as in EXIF
