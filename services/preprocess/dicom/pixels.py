"""Extracts the first frame of a DICOM file as stored, without display transformations."""

import struct
from dataclasses import replace
from typing import cast

import cv2
import numpy as np
import openjpeg.utils
from pydicom import uid

from services.preprocess.codecs.decompress import Compressed, Decompressed, decompress
from services.preprocess.codecs.jpeg2000 import read_codestream
from services.preprocess.codecs.jpeg_header import JpegHeader, read_jpeg_header
from services.preprocess.codecs.jpeg_oddities import tidy
from services.preprocess.codecs.jpeg_pixels import decode_jpeg
from services.preprocess.codecs.jpeg_tail import without_stray_end
from services.preprocess.dicom.bits import reconcile
from services.preprocess.dicom.header import DicomHeader
from services.preprocess.dicom.stored_frame import StoredFrame
from services.preprocess.dicom.stream import Coding, PixelStream, find_stream, native_bytes
from services.preprocess.errors import (
    CorruptImageError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
    UnsupportedTransferSyntaxError,
)
from services.preprocess.film import Pixels

# Tells libjpeg that three components are red, green and blue if the JPEG does not state it.
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

_BYTE, _WORD = 8, 16  # bits

# OpenCV writes warnings to stderr, which are neither structured nor useful.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_first_frame(header: DicomHeader) -> tuple[StoredFrame, list[str]]:
    """Read the first frame and decompress it; also returns notes for clinicians."""
    stream = find_stream(header)
    match stream.coding:
        case Coding.NATIVE:
            stored = _read_uncompressed(header, stream)
        case Coding.RLE:
            stored = _decode_rle(stream.content, header)
        case Coding.JPEG_2000 | Coding.HTJ2K:
            stored = _decode_jpeg_2000(stream.content, header)
        case Coding.JPEG_OTHER:
            raise UnsupportedTransferSyntaxError(stream.coding.value)
        case _:
            stored = _decode_jpeg(stream.content, header)
    return stored, [stream.note] if stream.note else []


def _read_uncompressed(header: DicomHeader, stream: PixelStream) -> StoredFrame:
    """Return a view of the frame in the file."""
    header.check_bits()
    length = native_bytes(header)
    subsampled = header.photometric == "YBR_FULL_422"
    if stream.length < length:
        raise CorruptImageError("DICOM")
    if stream.at + length > len(stream.content):
        raise TruncatedImageError("DICOM")
    values: Pixels = np.frombuffer(
        stream.content,
        np.uint8 if header.allocated == 8 else np.dtype("<u2"),  # noqa: PLR2004 - bits
        length * 8 // header.allocated,
        stream.at,
    )
    swapped = header.big_endian and header.allocated == 16  # noqa: PLR2004 - bits
    if header.big_endian and header.words and header.allocated == 8:  # noqa: PLR2004 - bits
        words = np.frombuffer(stream.content, ">u2", -(-length // 2), stream.at)
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


def _decode_jpeg(frame: bytes, header: DicomHeader) -> StoredFrame:
    jpeg = read_jpeg_header(frame, "DICOM")
    if (jpeg.height, jpeg.width, jpeg.components) != (header.rows, header.columns, header.samples):
        raise CorruptImageError("DICOM")
    if not 2 <= jpeg.precision <= _WORD:  # noqa: PLR2004 - T.81 B.2.2
        raise CorruptImageError("DICOM")
    if jpeg.common:
        if header.photometric == "RGB" and not jpeg.names_colours:
            frame = frame[:2] + _ADOBE_RGB + frame[2:]
        patterns = decode_jpeg(frame, jpeg, "DICOM")
    elif jpeg.lossless:
        patterns = _decode_lossless_jpeg(frame, jpeg, header)
    elif jpeg.near_lossless:
        patterns = _decompress(frame, header, uid.JPEGLSLossless, jpeg.precision)
    else:
        patterns = _decompress_jpeg(frame, jpeg, header, uid.JPEGExtended12Bit)
    lossy = not (jpeg.lossless or jpeg.near_lossless)
    return reconcile(patterns, header, precision=jpeg.precision, lossy=lossy)


def _decode_lossless_jpeg(frame: bytes, jpeg: JpegHeader, header: DicomHeader) -> Pixels:
    """Decode with gdcm, which supports no precision below 8."""
    if jpeg.precision >= _BYTE:
        return _decompress_jpeg(frame, jpeg, header, uid.JPEGLossless)
    # The precision only decides from which value the differences start (T.81 H.1.2.1).
    frame = tidy(frame, jpeg)
    at = frame.index(b"\xff\xc3") + 4
    frame = frame[:at] + bytes([_BYTE]) + frame[at + 1 :]
    shifted = _decompress_jpeg(frame, replace(jpeg, precision=_BYTE), header, uid.JPEGLossless)
    return shifted - np.uint8((1 << _BYTE - 1) - (1 << jpeg.precision - 1))


def _decompress_jpeg(
    frame: bytes, jpeg: JpegHeader, header: DicomHeader, syntax: uid.UID
) -> Pixels:
    """Decompress a JPEG with gdcm; bytes behind its data are left out, or are a sign of damage."""

    def start(data: bytes) -> Pixels | None:
        found = _try(data, header, syntax, jpeg.precision)
        return None if found is None else _grey(found, header, jpeg.precision)

    frame = tidy(frame, jpeg)
    decoded = _try(frame, header, syntax, jpeg.precision)
    if decoded is not None and decoded.left_over:
        shorter = without_stray_end(frame, start)
        decoded = None if shorter is None else _try(shorter, header, syntax, jpeg.precision)
    if decoded is None:
        raise CorruptImageError("DICOM")
    return _grey(decoded, header, jpeg.precision)


def _decode_jpeg_2000(frame: bytes, header: DicomHeader) -> StoredFrame:
    """Decode with OpenCV if possible: unlike openjpeg, it releases the GIL."""
    picture = read_codestream(frame, "DICOM")
    shape = (picture.height, picture.width, picture.components)
    if shape != (header.rows, header.columns, header.samples):
        raise CorruptImageError("DICOM")
    if picture.bits > _WORD:
        raise UnsupportedPixelFormatError(f"{picture.bits} bits per sample")
    # OpenCV scales up fewer than 8 bits, and supports neither signed samples nor plain YCbCr.
    plain = not picture.signed and picture.bits >= _BYTE
    if not plain or header.photometric.startswith("YBR_FULL"):
        patterns = _decode_with_openjpeg(picture.content, header)
    elif picture.components == 1:
        patterns = _imdecode(picture.content, cv2.IMREAD_UNCHANGED, header)
    else:
        colours = _imdecode(picture.content, cv2.IMREAD_UNCHANGED, header)
        patterns = cast("Pixels", cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY))
    return reconcile(patterns, header, precision=picture.bits, signed=picture.signed)


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


def _decode_rle(frame: bytes, header: DicomHeader) -> StoredFrame:
    """Decode RLE, which has a segment for each byte of a pixel and knows no precision."""
    header.check_bits()
    (segments,) = struct.unpack_from("<I", frame.ljust(4, b"\0"))
    allocated = {header.samples: _BYTE, 2 * header.samples: _WORD}.get(segments, header.allocated)
    if allocated > _BYTE and header.samples > 1:
        raise UnsupportedPixelFormatError("RLE colours of 16 bits")  # gdcm confuses their bytes
    patterns = _decompress(frame, header, uid.RLELossless, allocated)
    if allocated != header.allocated:
        return reconcile(patterns, header, precision=allocated)
    return _as_stored(patterns, header)


def _decompress(frame: bytes, header: DicomHeader, syntax: uid.UID, bits: int) -> Pixels:
    """Decompress samples of so many bits in another process, to grey."""
    decoded = _try(frame, header, syntax, bits)
    if decoded is None:
        raise CorruptImageError("DICOM")
    return _grey(decoded, header, bits)


def _try(frame: bytes, header: DicomHeader, syntax: uid.UID, bits: int) -> Decompressed | None:
    """Decompress in another process; None if a part of the picture is missing."""
    width = 1 if bits <= _BYTE else 2
    decoded = decompress(
        Compressed(
            content=frame,
            transfer_syntax=str(syntax),
            rows=header.rows,
            columns=header.columns,
            samples=header.samples,
            allocated=8 * width,
            stored=bits,
            high_bit=bits - 1,
            signed=False,
            by_plane=header.by_plane,
        )
    )
    count = header.rows * header.columns * header.samples
    return None if decoded is None or len(decoded.content) < count * width else decoded


def _grey(decoded: Decompressed, header: DicomHeader, bits: int) -> Pixels:
    count = header.rows * header.columns * header.samples
    number = "u1" if bits <= _BYTE else "<u2"
    values: Pixels = np.frombuffer(decoded.content, number, count)
    if header.samples == 1:
        return values.reshape(header.rows, header.columns)
    return _to_grey(values, header, by_plane=decoded.by_plane)


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
