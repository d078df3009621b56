"""Finds out how the pixels of a DICOM file are stored, by looking at them.

The transfer syntax says it too, and is sometimes missing or wrong: archives have repacked files
under another name. Compressed pixels say themselves what they are.
"""

import struct
from dataclasses import dataclass, replace
from enum import Enum
from io import BytesIO

from pydicom import uid
from pydicom.encaps import generate_frames

from services.preprocess.codecs.jpeg2000 import is_codestream, is_high_throughput
from services.preprocess.codecs.jpeg_header import read_jpeg_header
from services.preprocess.dicom.header import DicomHeader
from services.preprocess.errors import (
    FilmError,
    TruncatedImageError,
    UnsupportedTransferSyntaxError,
)

UNTRUE = "The file says that it is stored as {said}, but it is stored as {found}."
UNSAID = "The file does not say how it is stored; it is stored as {found}."


class Coding(Enum):
    """How pixels can be stored; the values are the names in sentences."""

    NATIVE = "uncompressed"
    RLE = "RLE"
    JPEG = "JPEG"
    JPEG_12_BIT = "JPEG of more than 8 bits"
    JPEG_LOSSLESS = "lossless JPEG"
    JPEG_OTHER = "arithmetic-coded or hierarchical JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "High-Throughput JPEG 2000"


_OLD_JPEG = (Coding.JPEG, Coding.JPEG_12_BIT, Coding.JPEG_LOSSLESS, Coding.JPEG_OTHER)
_ENCODINGS = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
_UNCOMPRESSED_FRAGMENTS = (
    "1.2.840.10008.1.2.1.98"  # Encapsulated Uncompressed Explicit VR Little Endian
)
_CODINGS: dict[str, tuple[Coding, ...]] = {
    **dict.fromkeys((*_ENCODINGS, _UNCOMPRESSED_FRAGMENTS), (Coding.NATIVE,)),
    uid.RLELossless: (Coding.RLE,),
    uid.JPEGBaseline8Bit: (Coding.JPEG,),
    uid.JPEGExtended12Bit: (Coding.JPEG, Coding.JPEG_12_BIT),
    uid.JPEGLossless: (Coding.JPEG_LOSSLESS,),
    uid.JPEGLosslessSV1: (Coding.JPEG_LOSSLESS,),
    uid.JPEGLSLossless: (Coding.JPEG_LS,),
    uid.JPEGLSNearLossless: (Coding.JPEG_LS,),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), (Coding.JPEG_2000,)),
    **dict.fromkeys((uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K), (Coding.HTJ2K,)),
    # Retired processes of JPEG: other predictors, progressions and hierarchies.
    **{f"1.2.840.10008.1.2.4.{number}": _OLD_JPEG for number in (*range(52, 57), *range(58, 67))},
}
_ITEM = b"\xfe\xff\x00\xe0"
_NO_TABLE = _ITEM + bytes(4)  # the item before the fragments, empty
_SOF3 = 0xC3  # the last of the plain processes
_RLE_HEADER = struct.Struct("<16I")


@dataclass(frozen=True, slots=True)
class PixelStream:
    """How the pixels are stored, and where."""

    coding: Coding
    content: bytes  # the first frame if it is compressed, else bytes that contain it
    at: int
    length: int  # of the pixels; they are cut off if `content` is shorter
    note: str = ""


def find_stream(header: DicomHeader) -> PixelStream:
    """Find the first frame, and how it is stored.

    Raises:
        UnsupportedTransferSyntaxError: The file names one that we do not know, and the pixels do
            not tell what they are.
    """
    said = _codings(header.transfer_syntax)
    native = Coding.NATIVE in said
    at, length = header.pixels_at, header.pixels_length
    if length is None or (not native and header.body.startswith(_ITEM, at)):
        return _stream(header, _in_fragments(header, said))
    whole = PixelStream(Coding.NATIVE, header.body, at, length)
    if native and length >= native_bytes(header):
        return _stream(header, whole)
    content = header.body[at : at + length]
    coding = recognise(content)
    if coding is not None:
        return _stream(header, PixelStream(coding, content, 0, length))
    if said:
        return _stream(header, whole)
    raise UnsupportedTransferSyntaxError(_name(header.transfer_syntax))


def _in_fragments(header: DicomHeader, said: tuple[Coding, ...]) -> PixelStream:
    content = _first_frame(header)
    coding = recognise(content)
    if coding is None and len(content) - native_bytes(header) in (0, 1):
        coding = Coding.NATIVE
    if coding is None and said and Coding.NATIVE not in said:
        coding = said[0]  # damaged, as its decoder will tell
    if coding is None:
        raise UnsupportedTransferSyntaxError(_name(header.transfer_syntax))
    return PixelStream(coding, content, 0, len(content))


def _codings(syntax: uid.UID | None) -> tuple[Coding, ...]:
    """Return how a transfer syntax can store pixels; nothing if we do not know it."""
    return (Coding.NATIVE,) if syntax is None else _CODINGS.get(str(syntax), ())


def _stream(header: DicomHeader, stream: PixelStream) -> PixelStream:
    """Add a note if the file said something else, or nothing."""
    syntax, native = header.transfer_syntax, stream.coding is Coding.NATIVE
    found = header.encoding.name if native else stream.coding.value
    if syntax is None:
        return replace(stream, note=UNSAID.format(found=found))
    if stream.coding not in _codings(syntax) or (native and _is_other(header)):
        said = _name(syntax) or "an invalid transfer syntax"
        return replace(stream, note=UNTRUE.format(said=said, found=found))
    return stream


def _is_other(header: DicomHeader) -> bool:
    """Whether the elements are encoded in another way than the file says."""
    return header.transfer_syntax != header.encoding and header.transfer_syntax in _ENCODINGS


def recognise(frame: bytes) -> Coding | None:
    """Tell how a frame is compressed by its first bytes; None if they do not show it."""
    if is_codestream(frame):
        return Coding.HTJ2K if is_high_throughput(frame) else Coding.JPEG_2000
    if frame.startswith(b"\xff\xd8\xff"):
        return _recognise_jpeg(frame)
    return Coding.RLE if _is_rle(frame) else None


def _recognise_jpeg(frame: bytes) -> Coding | None:
    try:
        jpeg = read_jpeg_header(frame, "DICOM")
    except FilmError:
        return None
    if jpeg.near_lossless:
        return Coding.JPEG_LS
    if jpeg.lossless:
        return Coding.JPEG_LOSSLESS
    if jpeg.process > _SOF3:
        return Coding.JPEG_OTHER
    return Coding.JPEG if jpeg.common else Coding.JPEG_12_BIT


def _is_rle(frame: bytes) -> bool:
    """Whether a frame begins with the header of PS3.5 G.5: how many segments, and where each is."""
    if len(frame) < _RLE_HEADER.size:
        return False
    count, *offsets = _RLE_HEADER.unpack_from(frame)
    return (
        1 <= count <= len(offsets)
        and offsets[0] == _RLE_HEADER.size
        and offsets[:count] == sorted(set(offsets[:count]))
        and not any(offsets[count:])
    )


def native_bytes(header: DicomHeader) -> int:
    """Return how many bytes the first frame has if it is not compressed."""
    count = header.rows * header.columns * header.samples
    if header.photometric == "YBR_FULL_422":  # two pixels share a pair of colours
        count = count * 2 // 3
    return count * header.allocated // 8


def _first_frame(header: DicomHeader) -> bytes:
    """Join the fragments of the first frame."""
    stream = BytesIO(header.body)
    stream.seek(header.pixels_at)
    rest = _without_table(header)
    if rest is not None:
        stream = BytesIO(_NO_TABLE + rest)
    try:
        return next(generate_frames(stream, number_of_frames=header.frames))
    except (StopIteration, ValueError, OSError, struct.error):
        raise TruncatedImageError("DICOM") from None


def _without_table(header: DicomHeader) -> bytes | None:
    """Return the fragments if no table of offsets is before them, or one that cannot be read."""
    start = header.pixels_at + len(_NO_TABLE)
    length = int.from_bytes(header.body[start - 4 : start], "little")
    first = header.body[start : start + min(length, _RLE_HEADER.size)]
    if first.startswith((b"\xff\xd8\xff", b"\xff\x4f\xff\x51")) or _is_rle(first):
        return header.body[header.pixels_at :]
    return header.body[start + length :] if length % 4 else None


def _name(syntax: uid.UID | None) -> str:
    # Only names of the standard and valid identifiers; a file may contain anything.
    return syntax.name if syntax is not None and syntax.is_valid else ""
