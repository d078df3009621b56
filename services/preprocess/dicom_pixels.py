"""Extracts the first frame of a DICOM file as stored, without display transformations."""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import cv2
import numpy as np
import openjpeg.utils
from pydicom import uid
from pydicom.encaps import generate_frames

from services.preprocess.decompress import Compressed, decompress
from services.preprocess.dicom_header import DicomHeader
from services.preprocess.errors import (
    CorruptImageError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
    UnsupportedTransferSyntaxError,
)
from services.preprocess.film import Pixels
from services.preprocess.jpeg_header import read_jpeg_header
from services.preprocess.jpeg_pixels import decode_jpeg

_UNCOMPRESSED = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
_JPEG = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
)
_JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000)

# Tells libjpeg that three components are red, green and blue if the JPEG does not state it.
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

# OpenCV writes warnings to stderr, which are neither structured nor useful.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_TILE_LIMIT = 4096  # of a JPEG 2000 picture; each one takes kilobytes before it is decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """The first frame in grey, as bit patterns and their interpretation."""

    patterns: Pixels  # [rows, columns], native byte order
    bits: int  # in use
    high_bit: int  # the highest of these
    signed: bool
    swapped: bool = False  # the two bytes of each pattern are in the wrong order


def read_first_frame(header: DicomHeader) -> StoredFrame:
    """Read the first frame and decompress it."""
    syntax = header.transfer_syntax
    if syntax is None or syntax in _UNCOMPRESSED:
        return _read_uncompressed(header)
    if syntax not in _JPEG and syntax not in _JPEG_2000 and syntax != uid.RLELossless:
        # Only names of the standard and valid identifiers; a file may contain anything.
        raise UnsupportedTransferSyntaxError(syntax.name if syntax.is_valid else "")
    if header.pixels_length is not None:
        raise CorruptImageError("DICOM")
    frame = _read_encapsulated(header)
    if syntax in _JPEG_2000:
        return _decode_jpeg_2000(frame, header)
    if syntax in _JPEG:
        return _decode_jpeg(frame, header, syntax)
    return _decode_with_gdcm(frame, header, syntax)


def _read_uncompressed(header: DicomHeader) -> StoredFrame:
    """Return a view of the frame in the file."""
    length = header.rows * header.columns * header.samples * header.allocated // 8
    subsampled = header.photometric == "YBR_FULL_422"  # two pixels share a pair of colours
    if subsampled:
        length = length * 2 // 3
    if header.pixels_length is None or header.pixels_length < length:
        raise CorruptImageError("DICOM")
    if header.pixels_at + length > len(header.body):
        raise TruncatedImageError("DICOM")
    values: Pixels = np.frombuffer(
        header.body,
        np.uint8 if header.allocated == 8 else np.dtype("<u2"),  # noqa: PLR2004 - bits
        length * 8 // header.allocated,
        header.pixels_at,
    )
    swapped = header.big_endian and header.allocated == 16  # noqa: PLR2004 - bits
    if header.big_endian and header.words and header.allocated == 8:  # noqa: PLR2004 - bits
        words = np.frombuffer(header.body, ">u2", -(-length // 2), header.pixels_at)
        values = words.astype("<u2").view(np.uint8)[:length]
    if swapped and header.samples > 1:
        values, swapped = values.byteswap(), False
    if subsampled:
        patterns = values.reshape(header.rows, -1, 4)[..., :2].reshape(header.rows, -1)
    elif header.samples == 1:
        patterns = values.reshape(header.rows, header.columns)
    else:
        patterns = _to_grey(values, header, by_plane=header.by_plane)
    return _as_stored(patterns, header, swapped=swapped)


def _read_encapsulated(header: DicomHeader) -> bytes:
    """Join the fragments of the first frame."""
    stream = BytesIO(header.body)
    stream.seek(header.pixels_at)
    try:
        return next(generate_frames(stream, number_of_frames=header.frames))
    except (StopIteration, ValueError, OSError, struct.error):
        raise TruncatedImageError("DICOM") from None


def _decode_jpeg(frame: bytes, header: DicomHeader, syntax: uid.UID) -> StoredFrame:
    jpeg = read_jpeg_header(frame, "DICOM")
    if (jpeg.height, jpeg.width, jpeg.components) != (header.rows, header.columns, header.samples):
        raise CorruptImageError("DICOM")
    if jpeg.precision > header.allocated:
        raise CorruptImageError("DICOM")
    if not jpeg.common:
        return _decode_with_gdcm(frame, header, syntax)
    if header.photometric == "RGB" and not jpeg.names_colours:
        frame = frame[:2] + _ADOBE_RGB + frame[2:]
    return _as_stored(decode_jpeg(frame, "DICOM"), header)


def _decode_jpeg_2000(frame: bytes, header: DicomHeader) -> StoredFrame:
    """Decode with OpenCV if possible: unlike openjpeg, it releases the GIL."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(frame) < start + 46:
        raise CorruptImageError("DICOM")
    if b"\xff\xd9" not in frame[-10:]:
        raise TruncatedImageError("DICOM")
    codestream = frame[start:]
    right, lower, left, upper, tile_width, tile_height = struct.unpack_from(">6I", codestream, 8)
    components, depth = struct.unpack_from(">HB", codestream, 40)
    width, height, bits, signed = right - left, lower - upper, (depth & 0x7F) + 1, depth > 0x7F  # noqa: PLR2004 - the highest bit
    if (height, width, components) != (header.rows, header.columns, header.samples):
        raise CorruptImageError("DICOM")
    if min(tile_width, tile_height) < 1 or (
        -(-width // tile_width) * -(-height // tile_height) > _TILE_LIMIT
    ):
        raise CorruptImageError("DICOM")
    if bits > 16:  # noqa: PLR2004 - the limit for radiographs
        raise UnsupportedPixelFormatError(f"{bits} bits per sample")
    # OpenCV scales up fewer than 8 bits, and supports neither signed samples nor plain YCbCr.
    plain = not signed and bits >= 8 and not header.photometric.startswith("YBR_FULL")  # noqa: PLR2004 - bits
    if not plain:
        patterns = _decode_with_openjpeg(codestream, header)
    elif components == 1:
        patterns = _imdecode(codestream, cv2.IMREAD_UNCHANGED, header)
    else:
        colours = _imdecode(codestream, cv2.IMREAD_UNCHANGED, header)
        patterns = cast("Pixels", cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY))
    return StoredFrame(
        patterns=patterns, bits=bits, high_bit=bits - 1, signed=signed or header.signed
    )


def _imdecode(frame: bytes, flags: int, header: DicomHeader) -> Pixels:
    try:
        decoded = cv2.imdecode(np.frombuffer(frame, np.uint8), flags)
    except cv2.error:
        raise CorruptImageError("DICOM") from None
    if decoded is None or decoded.shape[:2] != (header.rows, header.columns):
        raise CorruptImageError("DICOM")
    return cast("Pixels", decoded)


def _decode_with_openjpeg(codestream: bytes, header: DicomHeader) -> Pixels:
    try:
        values = openjpeg.utils.decode(codestream, 0)
    except RuntimeError:
        raise CorruptImageError("DICOM") from None
    if values.shape[:2] != (header.rows, header.columns):
        raise CorruptImageError("DICOM")
    patterns: Pixels = values.view(f"u{values.dtype.itemsize}")
    return patterns if patterns.ndim == 2 else _to_grey(patterns, header, by_plane=False)  # noqa: PLR2004 - rows and columns


def _decode_with_gdcm(frame: bytes, header: DicomHeader, syntax: uid.UID) -> StoredFrame:
    number = np.dtype("u1" if header.allocated == 8 else "<u2")  # noqa: PLR2004 - bits
    if syntax == uid.RLELossless and header.samples > 1 and number.itemsize > 1:
        raise UnsupportedPixelFormatError("RLE colours of 16 bits")  # gdcm confuses their bytes
    decoded = decompress(
        Compressed(
            content=frame,
            transfer_syntax=str(syntax),
            rows=header.rows,
            columns=header.columns,
            samples=header.samples,
            allocated=header.allocated,
            stored=header.stored,
            high_bit=header.high_bit,
            signed=header.signed,
            by_plane=header.by_plane,
        )
    )
    count = header.rows * header.columns * header.samples
    if decoded is None or len(decoded.content) < count * number.itemsize:
        raise CorruptImageError("DICOM")
    values: Pixels = np.frombuffer(decoded.content, number, count)
    if header.samples == 1:
        return _as_stored(values.reshape(header.rows, header.columns), header)
    return _as_stored(_to_grey(values, header, by_plane=decoded.by_plane), header)


def _to_grey(values: Pixels, header: DicomHeader, *, by_plane: bool) -> Pixels:
    """Convert three samples per pixel to grey: RGB, or brightness and two colour differences."""
    if by_plane:
        planes = values.reshape(3, header.rows, header.columns)
        colours = cast("Pixels", cv2.merge(list(planes)))
    else:
        colours = values.reshape(header.rows, header.columns, 3)
    if header.photometric.startswith("YBR_FULL"):
        return np.ascontiguousarray(colours[..., 0])
    return cast("Pixels", cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))


def _as_stored(patterns: Pixels, header: DicomHeader, *, swapped: bool = False) -> StoredFrame:
    return StoredFrame(
        patterns=np.ascontiguousarray(patterns),
        bits=header.stored,
        high_bit=header.high_bit,
        signed=header.signed,
        swapped=swapped,
    )
