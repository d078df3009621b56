"""Reads the header of a JPEG or JPEG-LS picture, in its own file or inside DICOM."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from services.preprocess.codecs.tiff_header import exif_orientation
from services.preprocess.errors import CorruptImageError, TruncatedImageError

# Scans of one picture: a film has 1 or about 10. Each one is a pass over the whole picture.
_SCAN_LIMIT = 100
_SCANS = re.compile(rb"\xff\xda")  # twice as fast as counting the bytes

# SOF0 to SOF15 without DHT, JPG and DAC, which share the range; and SOF55 of JPEG-LS.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_SCAN, _END, _EXIF, _ADOBE = 0xDA, 0xD9, 0xE1, 0xEE
ADOBE_BYTES = 12  # of its segment; libjpeg ignores a shorter one
# The markers that may follow a segment: frames, tables, scans, DNL to EXP, APPn, those of JPEG-LS,
# COM and the end. Any other byte behind FF is no marker there.
KNOWN_MARKERS = (
    _FRAMES | {0xC4, 0xCC, _SCAN, _END} | frozenset(range(0xDB, 0xF0)) | {0xF7, 0xF8, 0xFE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegHeader:
    """The properties of a JPEG or JPEG-LS picture."""

    width: int
    height: int
    precision: int  # bits per sample
    components: int
    process: int  # the marker of its frame, which identifies the compression
    orientation: int
    names_colours: bool  # states whether it is RGB or YCbCr

    @property
    def progressive(self) -> bool:
        """Whether it consists of several scans of the whole picture."""
        return self.process == 0xC2  # noqa: PLR2004 - a marker

    @property
    def lossless(self) -> bool:
        """Whether it is coded by differences of neighbours, without loss."""
        return self.process == 0xC3  # noqa: PLR2004 - a marker

    @property
    def near_lossless(self) -> bool:
        """Whether it is JPEG-LS, which loses at most a given difference, and mostly none."""
        return self.process == 0xF7  # noqa: PLR2004 - a marker

    @property
    def common(self) -> bool:
        """Whether every program can read it: lossy, with 8 bits."""
        return self.process in (0xC0, 0xC1, 0xC2) and self.precision == 8  # noqa: PLR2004 - bits


def read_jpeg_header(data: bytes, kind: str) -> JpegHeader:
    """Read up to the first scan and check the end; raises an error that names `kind`."""
    orientation, names_colours, frame, position = 1, False, None, 0
    try:
        for marker, start, length in _segments(data):
            position = start
            if marker == _EXIF and data.startswith(b"Exif\x00\x00", start):
                orientation = exif_orientation(data[start + 6 : start + length])
            elif marker == _ADOBE and length >= ADOBE_BYTES and data.startswith(b"Adobe", start):
                names_colours = True
            elif marker in _FRAMES:
                frame = (marker, *struct.unpack_from(">BHHB", data, start))
    except (struct.error, IndexError):
        raise TruncatedImageError(kind) from None
    except ValueError:
        raise CorruptImageError(kind) from None
    _check_scans(data, position, kind)
    if frame is None:
        raise CorruptImageError(kind)
    process, precision, height, width, components = frame
    return JpegHeader(
        width=width,
        height=height,
        precision=precision,
        components=components,
        process=process,
        orientation=orientation,
        names_colours=names_colours,
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and length of the content of each segment, up to the first scan."""
    if data[:2] != b"\xff\xd8":
        raise ValueError
    position = 2
    marker = 0
    while marker != _SCAN:
        # Like libjpeg, skip bytes between segments: some writers store wrong lengths.
        position = data.index(b"\xff", position) + 1
        if data[position] not in KNOWN_MARKERS:
            continue
        marker = data[position]
        if marker == _END:
            raise ValueError
        position += 1
        (length,) = struct.unpack_from(">H", data, position)
        yield marker, position + 2, length - 2
        position += max(length, 2)


def _check_scans(data: bytes, start: int, kind: str) -> None:
    """Raise unless the picture has an end marker and not too many scans.

    A truncated picture has no end marker; bytes after the end marker are ignored. Neither marker
    can occur in compressed data, where FF is followed by 00.
    """
    if data.rfind(b"\xff\xd9", start) < 0:
        raise TruncatedImageError(kind)
    scans = islice(_SCANS.finditer(data, start), _SCAN_LIMIT + 1)
    if sum(1 for _ in scans) > _SCAN_LIMIT:
        raise CorruptImageError(kind)
