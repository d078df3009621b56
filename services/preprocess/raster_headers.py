"""Read the headers of raster files: how large they are, before any of them is decoded.

OpenCV gives no size without decoding, so each format is walked here just far enough to bound the
memory that decoding will take, to see that the end of the file is there, and to learn what OpenCV
keeps to itself: orientation, alpha, pages.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.preprocess.errors import (
    CorruptImageError,
    ImageTooLargeError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
)
from services.preprocess.filetype import FileType

# Passes over one JPEG: a film has 1 or about 10. Each costs a walk over all of the picture.
_MOST_SCANS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterHeader:
    """What the header of a raster file says of the first picture in it."""

    width: int
    height: int
    pixel_bytes: int  # that one decoded pixel takes
    orientation: int = 1  # as in EXIF, 1 to 8; 1 is upright, or will be as OpenCV gives it
    alpha: bool = False
    deep: bool = False  # more than 8 bits a sample
    inverted: bool = False  # 0 is white, and will still be as OpenCV gives it
    pages: int = 1


def read_header(data: bytes, file_type: FileType, *, most_pages: int) -> RasterHeader:
    """Read the header, or raise what is wrong with the file."""
    try:
        match file_type:
            case FileType.PNG:
                header = _png(data)
            case FileType.JPEG:
                header = _jpeg(data)
            case FileType.TIFF:
                header = _tiff(data, most_pages)
            case FileType.BMP:
                header = _bmp(data)
            case _:
                header = _webp(data)
    except (struct.error, IndexError):  # a read past the end
        raise TruncatedImageError(file_type.label) from None
    if header.width < 1 or header.height < 1:
        raise CorruptImageError(file_type.label)
    return header


# --- PNG ------------------------------------------------------------------------------------------


def _png(data: bytes) -> RasterHeader:
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    if data[12:16] != b"IHDR":
        raise CorruptImageError("PNG")
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour)
    if channels is None:
        raise CorruptImageError("PNG")
    orientation, alpha, pages, last = 1, colour in (4, 6), 1, b""
    for last, start, length in _png_chunks(data):
        if last == b"tRNS":
            alpha = True
        elif last == b"eXIf":
            orientation = _exif_orientation(data[start : start + length])
        elif last == b"acTL":
            (pages,) = struct.unpack_from(">I", data, start)
    if last != b"IEND":
        raise TruncatedImageError("PNG")
    # OpenCV makes four channels of a picture with alpha.
    deep = depth == 16  # noqa: PLR2004 - bits
    pixel_bytes = (4 if alpha else channels) * (2 if deep else 1)
    return RasterHeader(
        width=width,
        height=height,
        pixel_bytes=pixel_bytes,
        orientation=orientation,
        alpha=alpha,
        deep=deep,
        pages=pages,
    )


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give name, start and length of each whole chunk. Their CRCs are checked by libpng."""
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            return
        yield name, position + 8, length
        if name == b"IEND":
            return
        position += 12 + length


# --- JPEG -----------------------------------------------------------------------------------------

# SOF0 to SOF15, without DHT, JPG and DAC, which share their range; and SOF55 of JPEG-LS.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_JPEG_PROGRESSIVE, _JPEG_SCAN, _JPEG_END, _JPEG_EXIF, _JPEG_ADOBE = 0xC2, 0xDA, 0xD9, 0xE1, 0xEE
_JPEG_BARE = frozenset(range(0xD0, 0xD9)) | {0x00, 0x01}  # followed by no content


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
    def common(self) -> bool:
        """Whether every program can read it: lossy, of 8 bits."""
        return self.process in (0xC0, 0xC1, 0xC2) and self.precision == 8  # noqa: PLR2004 - bits


def read_jpeg_header(data: bytes, kind: str) -> JpegHeader:
    """Read up to the first scan and look for the end, or raise what is wrong with this `kind`."""
    orientation, names_colours, frame, position = 1, False, None, 0
    try:
        for marker, start, length in _jpeg_segments(data):
            position = start
            if marker == _JPEG_EXIF and data.startswith(b"Exif\x00\x00", start):
                orientation = _exif_orientation(data[start + 6 : start + length])
            elif marker == _JPEG_ADOBE and data.startswith(b"Adobe", start):
                names_colours = True
            elif marker in _JPEG_FRAMES:
                frame = (marker, *struct.unpack_from(">BHHB", data, start))
    except (struct.error, IndexError):
        raise TruncatedImageError(kind) from None
    except ValueError:
        raise CorruptImageError(kind) from None
    _check_jpeg_scans(data, position, kind)
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


def _jpeg(data: bytes) -> RasterHeader:
    header = read_jpeg_header(data, "JPEG")
    if not header.common:
        raise UnsupportedPixelFormatError(
            "a JPEG of a kind that is only read inside DICOM (lossless, or over 8 bits)"
        )
    if header.components not in (1, 3, 4):
        raise CorruptImageError("JPEG")
    # A progressive picture is gathered in coefficients of two bytes.
    progressive = header.process == _JPEG_PROGRESSIVE
    return RasterHeader(
        width=header.width,
        height=header.height,
        pixel_bytes=header.components * (2 if progressive else 1),
        orientation=header.orientation,
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, start and length of each segment's content, up to and with the first scan's."""
    if data[:2] != b"\xff\xd8":
        raise ValueError
    position = 2
    marker = 0
    while marker != _JPEG_SCAN:
        # As libjpeg does, skip what stands between segments: some writers count them wrong.
        position = data.index(b"\xff", position) + 1
        marker = data[position]
        if marker == _JPEG_END:
            raise ValueError
        if marker == 0xFF:  # noqa: PLR2004 - a filling byte
            continue
        position += 1
        if marker not in _JPEG_BARE:
            (length,) = struct.unpack_from(">H", data, position)
            yield marker, position + 2, length - 2
            position += length


def _check_jpeg_scans(data: bytes, start: int, kind: str) -> None:
    """Raise unless there is an end to the picture, and a bearable number of passes over it.

    A picture that was cut has no end marker; what follows the end marker is nobody's business.
    Neither marker can occur within the compressed data, where FF is followed by 00.
    """
    if data.rfind(b"\xff\xd9", start) < 0:
        raise TruncatedImageError(kind)
    if data.count(b"\xff\xda", start) > _MOST_SCANS:
        raise CorruptImageError(kind)


# --- TIFF -----------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES = 256, 257, 258, 262, 274, 277
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 322, 323, 338, 339
_TIFF_TYPES = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # the integers; others are not read here


@dataclass(frozen=True, slots=True)
class _TiffLayout:
    """The widths that tell a TIFF from a BigTIFF."""

    order: str
    big: bool

    def number(self, data: bytes, position: int) -> int:
        """Read a count of values, or an offset."""
        (number,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), data, position)
        return int(number)


def _tiff(data: bytes, most_pages: int) -> RasterHeader:
    order = "<" if data[:2] == b"II" else ">"
    layout = _TiffLayout(order, big=data[2:4] in (b"+\x00", b"\x00+"))
    first = layout.number(data, 8 if layout.big else 4)
    pages = _count_tiff_pages(data, layout, first, most_pages)
    tags = dict(_tiff_tags(data, layout, first))

    def first_of(tag: int, absent: int) -> int:
        return int(tags[tag][0]) if tag in tags else absent

    width, height = first_of(_WIDTH, 0), first_of(_HEIGHT, 0)
    bits, samples = first_of(_BITS, 1), first_of(_SAMPLES, 1)
    if bits not in (1, 2, 4, 8, 10, 12, 14, 16):
        raise UnsupportedPixelFormatError(f"{bits} bits a sample")
    if first_of(_SAMPLE_FORMAT, 1) != 1:
        raise UnsupportedPixelFormatError("samples that are no whole, positive numbers")
    if samples not in (1, 2, 3, 4):
        raise UnsupportedPixelFormatError(f"{samples} samples a pixel")
    # A tile may be larger than the picture, and is decoded whole.
    if _TILE_WIDTH in tags and _TILE_HEIGHT in tags:
        width_held = max(width, first_of(_TILE_WIDTH, 0))
        height_held = max(height, first_of(_TILE_HEIGHT, 0))
        if width_held * height_held > 4 * max(width * height, 1 << 20):
            raise CorruptImageError("TIFF")
    _check_tiff_data(data, tags)
    deep = bits > 8  # noqa: PLR2004 - bits
    return RasterHeader(
        width=width,
        height=height,
        # OpenCV decodes samples of up to 8 bits by way of four channels. It turns a TIFF upright
        # in any case, but inverts only a shallow one.
        pixel_bytes=samples * 2 if deep else 4,
        alpha=first_of(_EXTRA_SAMPLES, 0) in (1, 2),
        deep=deep,
        inverted=deep and first_of(_PHOTOMETRIC, 1) == 0,
        pages=pages,
    )


def _count_tiff_pages(data: bytes, layout: _TiffLayout, first: int, most: int) -> int:
    """Follow the chain of directories, which may be endless by malice."""
    seen: set[int] = set()
    position = first
    while position:
        if position in seen:
            raise CorruptImageError("TIFF")
        seen.add(position)
        if len(seen) > most:
            raise ImageTooLargeError.of_pages(most)
        entries, start, size = _tiff_directory(data, layout, position)
        position = layout.number(data, start + entries * size)
    return len(seen)


def _tiff_directory(data: bytes, layout: _TiffLayout, position: int) -> tuple[int, int, int]:
    """Give the number of entries in a directory, where they start, and the size of one."""
    if layout.big:
        return struct.unpack_from(layout.order + "Q", data, position)[0], position + 8, 20
    return struct.unpack_from(layout.order + "H", data, position)[0], position + 2, 12


def _tiff_tags(
    data: bytes, layout: _TiffLayout, position: int
) -> Iterator[tuple[int, np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]]]:
    """Give the tags of a directory that hold integers."""
    entries, start, size = _tiff_directory(data, layout, position)
    for entry in range(start, start + min(entries, 4096) * size, size):
        tag, kind = struct.unpack_from(layout.order + "HH", data, entry)
        count = layout.number(data, entry + 4)
        if kind not in _TIFF_TYPES or count < 1:
            continue
        number = np.dtype(layout.order + _TIFF_TYPES[kind])
        value, inline = (entry + 12, 8) if layout.big else (entry + 8, 4)
        if count * number.itemsize > inline:
            value = layout.number(data, value)
        if value + count * number.itemsize > len(data):
            raise TruncatedImageError("TIFF")
        yield tag, np.frombuffer(data, number, count, value)


def _check_tiff_data(
    data: bytes, tags: dict[int, np.ndarray[tuple[int], np.dtype[np.unsignedinteger]]]
) -> None:
    """Raise unless every strip or tile lies within the file: libtiff would fill in for it."""
    offsets = tags.get(_STRIP_OFFSETS, tags.get(_TILE_OFFSETS))
    counts = tags.get(_STRIP_BYTES, tags.get(_TILE_BYTES))
    if offsets is None or counts is None or len(offsets) != len(counts):
        raise CorruptImageError("TIFF")
    if int((offsets.astype(np.float64) + counts.astype(np.float64)).max()) > len(data):
        raise TruncatedImageError("TIFF")


# --- BMP ------------------------------------------------------------------------------------------


def _bmp(data: bytes) -> RasterHeader:
    (pixels_at,) = struct.unpack_from("<I", data, 10)
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == 12:  # noqa: PLR2004 - the header of OS/2
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative where the top row comes first
    uncompressed = (0, 3)
    stored = (width * bits + 31) // 32 * 4 * height if compression in uncompressed else 0
    if pixels_at + stored > len(data):
        raise TruncatedImageError("BMP")
    return RasterHeader(
        width=width,
        height=height,
        pixel_bytes=4,
        alpha=bits == 32,  # noqa: PLR2004 - the depth that has room for alpha
    )


# --- WebP -----------------------------------------------------------------------------------------


def _webp(data: bytes) -> RasterHeader:
    (riff_bytes,) = struct.unpack_from("<I", data, 4)
    if 8 + riff_bytes > len(data):
        raise TruncatedImageError("WebP")
    kind, orientation, pages = data[12:16], 1, 0
    alpha = False
    if kind == b"VP8X":
        alpha = bool(data[20] & 0x10)
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        for name, start, length in _riff_chunks(data):
            if name == b"EXIF":
                orientation = _exif_orientation(data[start : start + length])
            elif name == b"ANMF":
                pages += 1
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        alpha = bool(bits >> 28 & 1)
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        width, height = width & 0x3FFF, height & 0x3FFF
    else:
        raise CorruptImageError("WebP")
    return RasterHeader(
        width=width,
        height=height,
        pixel_bytes=4,
        orientation=orientation,
        alpha=alpha,
        pages=max(pages, 1),
    )


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        yield name, position + 8, length
        position += 8 + length + (length & 1)


# --- EXIF -----------------------------------------------------------------------------------------


def _exif_orientation(exif: bytes) -> int:
    """Find the orientation in EXIF data, a small TIFF; 1 where there is none or it is damaged."""
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        layout = _TiffLayout(order, big=False)
        tags = dict(_tiff_tags(exif, layout, layout.number(exif, 4)))
    except (struct.error, TruncatedImageError):
        return 1
    orientation = int(tags[_ORIENTATION][0]) if _ORIENTATION in tags else 1
    return orientation if 1 <= orientation <= 8 else 1  # noqa: PLR2004 - as in EXIF
