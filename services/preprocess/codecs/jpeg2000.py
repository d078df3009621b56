"""Walks the codestream of a JPEG 2000 picture: its header, and where it ends.

HTJ2K (ISO/IEC 15444-15) has the same codestream with other blocks in it, and a marker that says so.
"""

import struct
from dataclasses import dataclass

from services.preprocess.errors import CorruptImageError, TruncatedImageError

_START = b"\xff\x4f\xff\x51"
_TILE_PART, _END, _CAPABILITIES = 0xFF90, 0xFFD9, 0xFF50
_HIGH_THROUGHPUT = 1 << 17  # in the capabilities: that part 15 is used
_SIGN = 0x80
_TILE_LIMIT = 4096  # each one takes kilobytes before it is decoded
_PADDING = b"\0\xff "
_SHORTEST = 46  # bytes, up to the depth of the first component


@dataclass(frozen=True, slots=True, kw_only=True)
class Codestream:
    """The properties of a JPEG 2000 picture, and its bytes without what surrounds them."""

    content: bytes
    width: int
    height: int
    components: int
    bits: int  # of each sample
    signed: bool


def is_codestream(data: bytes) -> bool:
    """Whether a picture begins here, with or without the boxes of a JP2 file around it."""
    return data.startswith(_START) or (data[4:8] == b"jP  " and _START in data)


def is_high_throughput(data: bytes) -> bool:
    """Whether the blocks of a picture are those of HTJ2K."""
    return _main_header(data[data.find(_START) :])[1]


def read_codestream(data: bytes, kind: str) -> Codestream:
    """Read the header and find the end; raises an error that names `kind`."""
    start = data.find(_START)
    if start < 0 or len(data) < start + _SHORTEST:
        raise CorruptImageError(kind)
    stream = data[start:]
    right, lower, left, upper, tile_width, tile_height = struct.unpack_from(">6I", stream, 8)
    components, depth = struct.unpack_from(">HB", stream, 40)
    width, height = right - left, lower - upper
    if min(tile_width, tile_height) < 1:
        raise CorruptImageError(kind)
    tiles = -(-width // tile_width) * -(-height // tile_height)
    if tiles > _TILE_LIMIT:
        raise CorruptImageError(kind)
    return Codestream(
        content=_without_padding(stream, _main_header(stream)[0], tiles, kind),
        width=width,
        height=height,
        components=components,
        bits=(depth & ~_SIGN) + 1,
        signed=bool(depth & _SIGN),
    )


def _main_header(stream: bytes) -> tuple[int, bool]:
    """Return where the first tile begins, and whether its blocks are those of HTJ2K."""
    position, high_throughput = 2, False
    while position + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker in (_TILE_PART, _END) or length < 2:  # noqa: PLR2004 - a length counts itself
            break
        if marker == _CAPABILITIES:
            parts = int.from_bytes(stream[position + 4 : position + 8], "big")
            high_throughput = bool(parts & _HIGH_THROUGHPUT)
        position += 2 + length
    return position, high_throughput


def _without_padding(stream: bytes, position: int, tiles: int, kind: str) -> bytes:
    """Follow the lengths of the tile parts to the end.

    The marker of the end may be missing if every tile is there with all of its parts.
    """
    parts_left: dict[int, int] = {}  # of each tile that has begun; unknown is 0
    while position + 12 <= len(stream):
        marker, _, tile, length, part, parts = struct.unpack_from(">HHHIBB", stream, position)
        if marker != _TILE_PART or (length and position + length > len(stream)):
            break
        if length == 0:  # the last one, up to the end of the stream
            end = stream.rfind(b"\xff\xd9", position)
            return _up_to(stream, end + 2 if end > 0 else 0, kind)
        if parts:
            parts_left[tile] = parts - part - 1
        else:
            parts_left[tile] = parts_left.get(tile, 1) - 1 if part else 0
        position += length
    if stream[position : position + 2] == b"\xff\xd9":
        return stream[: position + 2]
    whole = len(parts_left) == tiles and not any(parts_left.values())
    # Data that end like padding may be padding in the place of data.
    if whole and len(stream.rstrip(_PADDING)) == position:
        return stream[:position] + b"\xff\xd9"
    # Lengths may be wrong in a stream that is whole; the decoder will tell.
    if b"\xff\xd9" in stream.rstrip(_PADDING)[-10:]:
        return stream
    raise TruncatedImageError(kind)


def _up_to(stream: bytes, end: int, kind: str) -> bytes:
    if end < 1:
        raise TruncatedImageError(kind)
    return stream[:end]
