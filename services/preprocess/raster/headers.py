"""Reads the headers of raster files, to know their size before they are decoded (decision 17).

OpenCV does not report the size without decoding. Each format is parsed just far enough to limit the
memory that decoding needs, to check that the end of the file is there, and to find what OpenCV does
not report: orientation, alpha, pages.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.preprocess.codecs.jpeg_header import read_jpeg_header
from services.preprocess.codecs.tiff_header import exif_orientation, read_tiff_header
from services.preprocess.errors import (
    CorruptImageError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
)
from services.preprocess.filetype import FileType


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterHeader:
    """The properties of the first picture in a raster file."""

    width: int
    height: int
    pixel_bytes: int  # of one decoded pixel
    orientation: int = 1  # as in EXIF, 1 to 8; 1 if it is upright once OpenCV has decoded it
    alpha: bool = False
    deep: bool = False  # more than 8 bits per sample
    inverted: bool = False  # 0 is white, also once OpenCV has decoded it
    four_inks: bool = False  # CMYK
    pages: int = 1


def read_header(data: bytes, file_type: FileType, *, page_limit: int) -> RasterHeader:
    """Read the header; raises a FilmError if the file is damaged or too large."""
    try:
        match file_type:
            case FileType.PNG:
                header = _png(data)
            case FileType.JPEG:
                header = _jpeg(data)
            case FileType.TIFF:
                header = _tiff(data, page_limit)
            case FileType.BMP:
                header = _bmp(data)
            case _:
                header = _webp(data)
    except (struct.error, IndexError):  # a read past the end
        raise TruncatedImageError(file_type.label) from None
    if header.width < 1 or header.height < 1:
        raise CorruptImageError(file_type.label)
    return header


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
            orientation = exif_orientation(data[start : start + length])
        elif last == b"acTL":
            (pages,) = struct.unpack_from(">I", data, start)
    if last != b"IEND":
        raise TruncatedImageError("PNG")
    # OpenCV decodes a picture with alpha to four channels.
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
    """Yield name, start and length of each complete chunk. libpng checks their CRCs."""
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            return
        yield name, position + 8, length
        if name == b"IEND":
            return
        position += 12 + length


def _jpeg(data: bytes) -> RasterHeader:
    header = read_jpeg_header(data, "JPEG")
    if not header.common:
        raise UnsupportedPixelFormatError(
            "a JPEG compression that is supported only inside DICOM (lossless, or over 8 bits)"
        )
    if header.components not in (1, 3, 4):
        raise CorruptImageError("JPEG")
    return RasterHeader(
        width=header.width,
        height=header.height,
        # A progressive picture is collected in coefficients of two bytes.
        pixel_bytes=header.components * (2 if header.progressive else 1),
        orientation=header.orientation,
        four_inks=header.components == 4,  # noqa: PLR2004 - cyan, magenta, yellow, black
    )


def _tiff(data: bytes, page_limit: int) -> RasterHeader:
    header = read_tiff_header(data, page_limit=page_limit)
    deep = header.bits > 8  # noqa: PLR2004 - bits
    return RasterHeader(
        width=header.width,
        height=header.height,
        # OpenCV decodes samples of up to 8 bits through four channels. It always turns a TIFF
        # upright, but inverts only samples of up to 8 bits.
        pixel_bytes=header.samples * 2 if deep else 4,
        alpha=header.alpha,
        deep=deep,
        inverted=deep and header.white_is_zero,
        pages=header.pages,
    )


def _bmp(data: bytes) -> RasterHeader:
    (pixels_at,) = struct.unpack_from("<I", data, 10)
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == 12:  # noqa: PLR2004 - the header of OS/2
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative if the top row comes first
    uncompressed = (0, 3)
    stored = (width * bits + 31) // 32 * 4 * height if compression in uncompressed else 0
    if pixels_at + stored > len(data):
        raise TruncatedImageError("BMP")
    return RasterHeader(
        width=width,
        height=height,
        pixel_bytes=4,
        alpha=bits == 32,  # noqa: PLR2004 - the only depth with alpha
    )


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
                orientation = exif_orientation(data[start : start + length])
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
