"""Read the header of a JPEG or JPEG-LS picture, in a file of its own or in DICOM."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.preprocess.errors import CorruptImageError, TruncatedImageError
from services.preprocess.tiff_header import exif_orientation

# Passes over one picture: a film has 1 or about 10. Each costs a walk over all of it.
_MOST_SCANS = 100

# SOF0 to SOF15, without DHT, JPG and DAC, which share their range; and SOF55 of JPEG-LS.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_SCAN, _END, _EXIF, _ADOBE = 0xDA, 0xD9, 0xE1, 0xEE
_BARE = frozenset(range(0xD0, 0xD9)) | {0x00, 0x01}  # followed by no content


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegHeader:
    """What a JPEG or JPEG-LS picture says of itself."""

    width: int
    height: int
    precision: int  # bits a sample
    components: int
    process: int  # the marker of its frame, which says how it is compressed
    orientation: int
    names_colours: bool  # says itself whether it is RGB or YCbCr

    @property
    def progressive(self) -> bool:
        """Whether it comes in passes over the whole picture."""
        return self.process == 0xC2  # noqa: PLR2004 - a marker

    @property
    def common(self) -> bool:
        """Whether every program can read it: lossy, of 8 bits."""
        return self.process in (0xC0, 0xC1, 0xC2) and self.precision == 8  # noqa: PLR2004 - bits


def read_jpeg_header(data: bytes, kind: str) -> JpegHeader:
    """Read up to the first scan and look for the end, or raise what is wrong with this `kind`."""
    orientation, names_colours, frame, position = 1, False, None, 0
    try:
        for marker, start, length in _segments(data):
            position = start
            if marker == _EXIF and data.startswith(b"Exif\x00\x00", start):
                orientation = exif_orientation(data[start + 6 : start + length])
            # libjpeg takes no notice of a shorter one.
            elif marker == _ADOBE and length >= 12 and data.startswith(b"Adobe", start):  # noqa: PLR2004 - bytes
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
    """Give marker, start and length of each segment's content, up to and with the first scan's."""
    if data[:2] != b"\xff\xd8":
        raise ValueError
    position = 2
    marker = 0
    while marker != _SCAN:
        # As libjpeg does, skip what stands between segments: some writers count them wrong.
        position = data.index(b"\xff", position) + 1
        marker = data[position]
        if marker == _END:
            raise ValueError
        if marker == 0xFF:  # noqa: PLR2004 - a filling byte
            continue
        position += 1
        if marker not in _BARE:
            (length,) = struct.unpack_from(">H", data, position)
            yield marker, position + 2, length - 2
            position += length


def _check_scans(data: bytes, start: int, kind: str) -> None:
    """Raise unless there is an end to the picture, and a bearable number of passes over it.

    A picture that was cut has no end marker; what follows the end marker is nobody's business.
    Neither marker can occur within the compressed data, where FF is followed by 00.
    """
    if data.rfind(b"\xff\xd9", start) < 0:
        raise TruncatedImageError(kind)
    if data.count(b"\xff\xda", start) > _MOST_SCANS:
        raise CorruptImageError(kind)
