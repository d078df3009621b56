"""Tells stray bytes behind the compressed data of a JPEG from a part of them.

A decoder that loses its place in damaged data has often read all blocks of the picture before the
data end. What is left then are blocks: Huffman codes that end, filled up with ones, where the data
do (T.81 F.1.2.3). Other bytes in that place belong to no picture.
"""

import struct
from collections.abc import Callable, Sequence

from services.preprocess.film import Pixels

_END = b"\xff\xd9"
_SCAN, _TABLES = 0xDA, 0xC4
_SEQUENTIAL = (0xC0, 0xC1)
_LONGEST = 1 << 16  # bytes; no writer leaves more behind by accident
_STARTS = 1024  # bits that are tried
_MOST_BLOCKS = 50_000  # a second of work; more are not what a writer leaves behind by accident
_FILLING = b"\0 \xff"
_COEFFICIENTS = 64
_SIXTEEN_ZEROS = 0xF0

_Codes = dict[str, int]  # from the bits of a code to its symbol


def without_stray_end(data: bytes, decode: Callable[[bytes], Pixels | None]) -> bytes | None:
    """Return a JPEG without the bytes behind its compressed data; None if they are part of them.

    `decode` returns the picture, or None if data for some of its blocks are missing.
    """
    start, stop = data.rfind(b"\xff\xda") + 2, len(data) - len(_END)
    if start < len(_END) or not data.endswith(_END):
        return None
    while stop - start > 1:  # the end is behind `start`, and not behind `stop`
        middle = (start + stop) // 2
        if decode(data[:middle] + _END) is None:
            start = middle
        else:
            stop = middle
    shorter, rest = data[:stop] + _END, data[stop : -len(_END)]
    if not _is_filled_up(shorter, decode):
        return None
    if not rest.strip(_FILLING):
        # Unless it begins before the end: then it stands in place of the data.
        return shorter if data[stop - 1] != rest[0] else None
    blocks = _blocks(data)
    if len(rest) > _LONGEST or not blocks or _continues(data[stop - 1 : -len(_END)], blocks):
        return None
    return shorter


def _is_filled_up(data: bytes, decode: Callable[[bytes], Pixels | None]) -> bool:
    """Whether the bits of the last byte without effect on the picture are ones."""
    last, whole = data[-3], decode(data)
    for bit in range(8):
        changed = data[:-3] + bytes([last ^ 1 << bit]) + _END
        picture = decode(changed)
        if picture is None or whole is None or (picture != whole).any():
            return True
        if not last >> bit & 1:
            return False
    return True


def _continues(rest: bytes, blocks: Sequence[tuple[_Codes, _Codes]]) -> bool:
    """Whether the bytes are whole units of blocks from some bit on, in their first half.

    What comes before them may be the damage itself.
    """
    bits = "".join(f"{byte:08b}" for byte in rest.replace(b"\xff\x00", b"\xff"))
    read: set[tuple[int, int]] = set()
    return any(
        _are_blocks(bits, start, blocks, first, read)
        for start in range(1, max(9, min(len(bits) // 2, _STARTS)))
        for first in range(len(blocks))
    )


def _are_blocks(
    bits: str,
    position: int,
    blocks: Sequence[tuple[_Codes, _Codes]],
    first: int,
    read: set[tuple[int, int]],
) -> bool:
    """Whether the bits are blocks up to their end; `read` has what was read before, in vain."""
    number = first
    while (position, number) not in read:
        read.add((position, number))
        if len(read) > _MOST_BLOCKS:
            return True
        if number == 0 and len(bits) - position < 8 and "0" not in bits[position:]:  # noqa: PLR2004 - a byte is filled up
            return True
        end = _after_block(bits, position, *blocks[number])
        if end is None:
            return False
        position, number = end, (number + 1) % len(blocks)
    return False


def _after_block(bits: str, position: int, first: _Codes, others: _Codes) -> int | None:
    """Return where a block ends, or None if there is none."""
    coefficient = 0
    while coefficient < _COEFFICIENTS:
        symbol, position = _symbol(bits, position, others if coefficient else first)
        if symbol is None:
            return None
        size = symbol & 0xF
        position += size
        if coefficient and size == 0 and symbol != _SIXTEEN_ZEROS:
            break
        coefficient += 1 + (symbol >> 4 if coefficient else 0)
    return position if position <= len(bits) and coefficient <= _COEFFICIENTS else None


def _symbol(bits: str, position: int, codes: _Codes) -> tuple[int | None, int]:
    for length in range(1, 17):
        symbol = codes.get(bits[position : position + length])
        if symbol is not None:
            return symbol, position + length
    return None, position


def _blocks(data: bytes) -> list[tuple[_Codes, _Codes]]:
    """Return the codes of each block of a unit, in their order; empty unless there is one scan."""
    codes: dict[int, _Codes] = {}
    sampling: dict[int, int] = {}
    position, marker = 2, 0
    while marker != _SCAN:
        marker, length = struct.unpack_from(">xBH", data, position)
        content = data[position + 4 : position + 2 + length]
        position += 2 + length
        if marker == _TABLES:
            codes |= _tables(content)
        elif marker in _SEQUENTIAL:
            sampling = {content[at]: content[at + 1] for at in range(6, len(content) - 2, 3)}
    scan = [(content[at], content[at + 1]) for at in range(1, 1 + 2 * content[0], 2)]
    if len(scan) != len(sampling):
        return []
    blocks = []
    for component, tables in scan:
        across, down = divmod(sampling[component], 16)
        pair = codes[tables >> 4], codes[tables & 0xF | 0x10]
        blocks += [pair] * (across * down if len(scan) > 1 else 1)
    return blocks


def _tables(content: bytes) -> dict[int, _Codes]:
    """Return the codes of each table in a segment, as T.81 C.2 builds them."""
    found = {}
    position = 0
    while position + 17 <= len(content):
        counts = content[position + 1 : position + 17]
        symbols = iter(content[position + 17 : position + 17 + sum(counts)])
        codes: _Codes = {}
        code = 0
        for length, count in enumerate(counts, 1):
            for symbol in (next(symbols, 0) for _ in range(count)):
                codes[f"{code:0{length}b}"] = symbol
                code += 1
            code <<= 1
        found[content[position]] = codes
        position += 17 + sum(counts)
    return found
