"""Decodes PNG, JPEG, TIFF, BMP and WebP to grey, at the depth of the file."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from services.preprocess.codecs.jpeg_header import read_jpeg_header
from services.preprocess.codecs.jpeg_pixels import decode_jpeg
from services.preprocess.errors import CorruptImageError
from services.preprocess.filetype import FileType
from services.preprocess.film import BLANK, Frame, Limits, Pixels
from services.preprocess.raster.headers import RasterHeader, read_header

# Grey as the codec converts it, at the depth of the file. We apply the orientation, because OpenCV
# does not do so for a picture with alpha.
_AS_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_WITH_ALPHA = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION

REDUCED_DEPTH = "The film was read with 8 bits, fewer than the file contains."
FIRST_PAGE = "Only the first of {pages} pictures in the file was read."
UNUSED_BITS = "The file uses {bits} of 16 bits; the film was brightened to match."


def decode_raster(data: bytes, file_type: FileType, limits: Limits) -> Frame:
    """Decode a file of this type, after checking its header against the limits."""
    header = read_header(data, file_type, page_limit=limits.pages)
    limits.check(header.width, header.height, pixel_bytes=header.pixel_bytes, file_bytes=len(data))
    if file_type is FileType.JPEG and not header.four_inks:
        decoded = decode_jpeg(data, read_jpeg_header(data, file_type.label), file_type.label)
    else:
        decoded = _imdecode(data, _WITH_ALPHA if header.alpha else _AS_GREY, file_type)
    if sorted(decoded.shape[:2]) != sorted((header.width, header.height)):
        raise CorruptImageError(file_type.label)
    notes = []
    if header.pages > 1:
        notes.append(FIRST_PAGE.format(pages=header.pages))
    if header.deep and decoded.dtype == np.uint8:
        notes.append(REDUCED_DEPTH)
    pixels = _flatten(decoded)
    pixels, used = _use_all_bits(pixels)
    if used:
        notes.append(UNUSED_BITS.format(bits=used))
    if header.inverted and pixels.dtype == np.uint16:
        pixels = cast("Pixels", cv2.bitwise_not(pixels))
    darkest, brightest, _, _ = cv2.minMaxLoc(pixels)
    if darkest == brightest:
        notes.append(BLANK)
    return Frame(
        pixels=_upright(pixels, header),
        bits=used or 8 * pixels.dtype.itemsize,
        media_type=file_type.value,
        notes=tuple(notes),
    )


def _imdecode(data: bytes, flags: int, file_type: FileType) -> Pixels:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        raise CorruptImageError(file_type.label) from None
    # None is the result for a PNG with a wrong checksum.
    if decoded is None or decoded.dtype not in (np.uint8, np.uint16):
        raise CorruptImageError(file_type.label)
    return cast("Pixels", decoded)


def _flatten(decoded: Pixels) -> Pixels:
    """Convert the result of OpenCV to grey; transparent areas become black, like a film's."""
    if decoded.ndim == 2:  # noqa: PLR2004 - rows and columns
        return decoded
    if decoded.shape[2] == 1:
        return decoded[..., 0]
    if decoded.shape[2] == 3:  # noqa: PLR2004 - blue, green, red
        return cast("Pixels", cv2.cvtColor(decoded, cv2.COLOR_BGR2GRAY))
    grey = cast("Pixels", cv2.cvtColor(decoded, cv2.COLOR_BGRA2GRAY))
    opacity = cast("NDArray[np.uint8]", cv2.extractChannel(decoded, 3))
    lowest, highest, _, _ = cv2.minMaxLoc(opacity)
    opaque = np.iinfo(decoded.dtype).max
    # Programs that do not support alpha write pictures that are fully transparent.
    if lowest == opaque or highest == 0:
        return grey
    return cast("Pixels", cv2.multiply(grey, opacity, scale=1 / opaque))


def _use_all_bits(pixels: Pixels) -> tuple[Pixels, int]:
    """Scale up values of 10 to 15 bits in a file of 16 bits; otherwise the film would be black.

    Returns the number of bits that the film uses, or 0 if nothing had to be done. DICOM files state
    how many bits they use. For other files the brightest pixel decides.
    """
    if pixels.dtype != np.uint16:
        return pixels, 0
    used = int(cv2.minMaxLoc(pixels)[1]).bit_length()
    if used in (0, 16):
        return pixels, 0
    highest = (1 << used) - 1
    table = np.arange(65536, dtype=np.uint32).clip(0, highest) * 65535 // highest
    return cast("Pixels", cv2.LUT(pixels, table.astype(np.uint16))), used


_TURNS = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
_HORIZONTALLY, _VERTICALLY = 1, 0


def _upright(pixels: Pixels, header: RasterHeader) -> Pixels:
    """Turn the film according to its EXIF orientation."""
    match header.orientation:
        case 2:
            turned = cv2.flip(pixels, _HORIZONTALLY)
        case 4:
            turned = cv2.flip(pixels, _VERTICALLY)
        case 5:
            turned = cv2.transpose(pixels)
        case 7:
            turned = cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180)
        case 3 | 6 | 8 as turn:
            turned = cv2.rotate(pixels, _TURNS[turn])
        case _:
            return np.ascontiguousarray(pixels)
    return cast("Pixels", turned)
