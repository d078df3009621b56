"""Puts right what is odd in a JPEG and harmless, so that a strict decoder sees only damage.

libjpeg reports a wrong version number with the same kind of warning as missing data, and only the
first of its warnings can be read. So the stream is rewritten before it is decoded: segments that no
decoder needs and bytes between segments are left out, and fields without effect are corrected. The
compressed data stay as they are. Where they are not followed by a valid marker, so does the rest.
"""

import re
import struct
from collections.abc import Iterator

from services.preprocess.codecs.jpeg_header import ADOBE_BYTES, KNOWN_MARKERS, JpegHeader

_START = b"\xff\xd8"
_JFIF, _ADOBE, _SCAN, _END, _COMMENT = 0xE0, 0xEE, 0xDA, 0xD9, 0xFE
_COMPRESSED = 0  # stands for data between segments, which have no marker
_SEQUENTIAL = (0xC0, 0xC1)
_APPLICATIONS = range(0xE0, 0xF0)
# Compressed data end with any marker but a stuffed zero and those of a restart. Without fill bytes
# before it, as a pattern that begins with one byte is found 25 times as fast.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_WHOLE_BLOCKS = b"\x00\x3f\x00"  # the coefficients 0 to 63, in one pass
_VERSION = b"\x01\x02"
_TRANSFORMS = {3: (0, 1), 4: (0, 2)}  # that Adobe defines, by components; the last is the default


def tidy(data: bytes, header: JpegHeader) -> bytes:
    """Return the same picture without harmless oddities, up to its end marker."""
    parts = [_START]
    for marker, content in _segments(data):
        if marker == _COMPRESSED:
            parts.append(content)
        elif marker == _END:
            parts.append(b"\xff\xd9")
        elif marker not in _APPLICATIONS and marker != _COMMENT:
            right = _scan(content) if marker == _SCAN and header.process in _SEQUENTIAL else content
            parts.append(_segment(marker, right))
        elif marker == _JFIF and content.startswith(b"JFIF\0"):
            parts.append(_segment(marker, content[:5] + _VERSION + content[7:]))
        elif marker == _ADOBE and content.startswith(b"Adobe") and len(content) >= ADOBE_BYTES:
            parts.append(_segment(marker, _adobe(content, header.components)))
    return b"".join(parts)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the content of each segment, passing over bytes between them."""
    position = 2
    while (position := data.find(b"\xff", position) + 1) > 0:
        marker = data[position] if position < len(data) else _END
        if marker not in KNOWN_MARKERS:
            continue
        if marker == _END:
            yield marker, b""
            return
        length = int.from_bytes(data[position + 1 : position + 3], "big")
        start, position = position + 3, position + 1 + max(length, 2)
        yield marker, data[start:position]
        if marker == _SCAN:
            after = _AFTER_SCAN.search(data, position)
            whole = after is not None and after[0][-1] in KNOWN_MARKERS
            stop = after.start() if after is not None and whole else len(data)
            yield _COMPRESSED, data[position:stop].rstrip(b"\xff")
            position = stop


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _scan(content: bytes) -> bytes:
    """Correct the end of a scan header: T.81 table B.3 allows nothing else in sequential mode."""
    return content[:-3] + _WHOLE_BLOCKS


def _adobe(content: bytes, components: int) -> bytes:
    """Replace a transform of colours that is not defined by the one that libjpeg assumes."""
    known = _TRANSFORMS.get(components, ())
    if not known or content[11] in known:
        return content
    return content[:11] + bytes([known[-1]]) + content[12:]
