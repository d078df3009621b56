"""Reads the header of a DICOM file: what is needed to display it, and no patient data."""

import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from math import isnan

from pydicom import config
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from services.preprocess.dicom_elements import OVERLAY_BITS, numbers, text
from services.preprocess.errors import (
    CorruptImageError,
    DicomWithoutPixelsError,
    ImageTooLargeError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
)
from services.preprocess.film import Limits

# We check values where we use them. pydicom would quote invalid ones in a warning, and a quoted
# value may name a patient.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")

# All other elements are skipped without reading them, so they cannot leak.
_WANTED = tuple(
    Tag(keyword)
    for keyword in (
        "SOPClassUID",
        "Modality",
        "ViewPosition",
        "BodyPartExamined",
        "PixelSpacing",
        "ImagerPixelSpacing",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PresentationLUTShape",
        "PlanarConfiguration",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "ModalityLUTSequence",
        "RescaleSlope",
        "RescaleIntercept",
        "VOILUTSequence",
        "VOILUTFunction",
        "WindowCenter",
        "WindowWidth",
        "RedPaletteColorLookupTableDescriptor",
        "GreenPaletteColorLookupTableDescriptor",
        "BluePaletteColorLookupTableDescriptor",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
    )
)
_PIXEL_DATA = 0x7FE00010
_OTHER_PIXELS = (0x7FE00008, 0x7FE00009)  # floating point, 32 and 64 bits

_UNDEFINED_LENGTH = 0xFFFFFFFF
_INFLATE_SLICE = 4 << 10  # bytes of input, which become at most 4 MiB
_HEADER_BYTES = 16 << 20  # allowance for the elements before and after the pixels


ASSUMED_POLARITY = (
    "The file has no Photometric Interpretation, so its {bright} values are shown bright; "
    "please check that the preview is not inverted."
)
ASSUMED_BITS = (
    "The file does not state how many bits of its pixels are used, so all were taken for used."
)

_PHOTOMETRIC = (
    "MONOCHROME1",
    "MONOCHROME2",
    "PALETTE COLOR",
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_ICT",
    "YBR_RCT",
)

# Names of objects without an image, by the start of their SOP class.
_OBJECTS_WITHOUT_PIXELS = {
    "1.2.840.10008.1.3.10": "an index of other DICOM files (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.9": "a waveform, such as an ECG",
    "1.2.840.10008.5.1.4.1.1.11": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.88": "a structured report",
    "1.2.840.10008.5.1.4.1.1.104": "a document",
    "1.2.840.10008.5.1.4.1.1.481": "a radiotherapy object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """The checked elements for reading the pixels; `dataset` has those for displaying them."""

    dataset: Dataset
    transfer_syntax: UID | None  # None if the file omits it; such files are uncompressed
    big_endian: bool
    rows: int
    columns: int
    samples: int  # per pixel: 1 or 3
    allocated: int  # bits per sample in the file: 8 or 16
    stored: int  # bits per sample in use
    high_bit: int  # the highest of these
    signed: bool
    photometric: str
    by_plane: bool  # all red samples before all green ones
    frames: int
    body: bytes  # contains the pixels: the file, or its inflated content
    pixels_at: int  # position of the value of Pixel Data in `body`
    pixels_length: int | None  # in bytes, according to the header; None if encapsulated
    words: bool  # whether big-endian Pixel Data consists of 16-bit words
    notes: tuple[str, ...] = ()  # sentences for clinicians


def read_dicom_header(data: bytes, limits: Limits) -> DicomHeader:
    """Read up to the pixels; raises a FilmError if the file is damaged or too large."""
    body, dataset, transfer_syntax, found, at = _read_elements(data, limits)
    if found in _OTHER_PIXELS:
        raise UnsupportedPixelFormatError("floating-point samples")
    implicit, little_endian = dataset.original_encoding
    if found is None:
        raise DicomWithoutPixelsError(_name_object(dataset))
    # The tag, then for explicit VR two letters and two reserved bytes, then the length. Some files
    # that should use explicit VR do not.
    kind = b"" if implicit else body[at + 4 : at + 6]
    length_at = at + (8 if kind in (b"OB", b"OW", b"UN") else 4)
    length = int.from_bytes(body[length_at : length_at + 4], "little" if little_endian else "big")
    allocated = _integer(dataset, "BitsAllocated", 16)
    # The high bit is the one below the number of bits, unless the file says otherwise.
    stored = _integer(dataset, "BitsStored", _integer(dataset, "HighBit", allocated - 1) + 1)
    header = DicomHeader(
        dataset=dataset,
        transfer_syntax=transfer_syntax,
        big_endian=not little_endian,
        rows=_integer(dataset, "Rows"),
        columns=_integer(dataset, "Columns"),
        samples=_integer(dataset, "SamplesPerPixel", 1),
        allocated=allocated,
        stored=stored,
        high_bit=_integer(dataset, "HighBit", stored - 1),
        signed=_signed(dataset),
        photometric=text(dataset, "PhotometricInterpretation") or _default_photometric(dataset),
        by_plane=_integer(dataset, "PlanarConfiguration", 0) == 1,
        frames=_frames(dataset),
        body=body,
        pixels_at=length_at + 4,
        pixels_length=None if length == _UNDEFINED_LENGTH else length,
        words=kind == b"OW",
        notes=tuple(_assumptions(dataset, native=length != _UNDEFINED_LENGTH)),
    )
    _check(header, limits)
    return header


def _integer(dataset: Dataset, keyword: str, absent: int | None = None) -> int:
    values = numbers(dataset, keyword)
    name = dictionary_description(keyword)
    if values:
        if isnan(values[0]) or values[0] != int(values[0]):
            raise CorruptImageError("DICOM", f"its {name} is not a whole number")
        return int(values[0])
    if absent is None:
        raise CorruptImageError("DICOM", f"its {name} is missing")
    return absent


def _signed(dataset: Dataset) -> bool:
    representation = _integer(dataset, "PixelRepresentation", 0)
    if representation not in (0, 1):
        raise CorruptImageError("DICOM", f"its Pixel Representation is {representation}")
    return representation == 1


def _frames(dataset: Dataset) -> int:
    # Only the first is read, so a number that makes no sense does no harm.
    values = numbers(dataset, "NumberOfFrames")
    return int(values[0]) if values and values[0] >= 1 else 1


def _default_photometric(dataset: Dataset) -> str:
    if _integer(dataset, "SamplesPerPixel", 1) != 1:
        raise CorruptImageError("DICOM", "its Photometric Interpretation is missing")
    inverted = text(dataset, "PresentationLUTShape") == "INVERSE"
    return "MONOCHROME1" if inverted else "MONOCHROME2"


def _assumptions(dataset: Dataset, *, native: bool) -> list[str]:
    """Say what the file should state and does not, if it decides how the film looks."""
    notes = []
    if not text(dataset, "PhotometricInterpretation"):
        bright = "low" if _default_photometric(dataset) == "MONOCHROME1" else "high"
        notes.append(ASSUMED_POLARITY.format(bright=bright))
    # A compressed picture itself says how many bits it has.
    if native and not numbers(dataset, "BitsStored") and not numbers(dataset, "HighBit"):
        notes.append(ASSUMED_BITS)
    return notes


def _name_object(dataset: Dataset) -> str:
    sop_class = text(dataset, "SOPClassUID")
    for start, name in _OBJECTS_WITHOUT_PIXELS.items():
        if sop_class == start or sop_class.startswith(start + "."):
            return name
    return "an object without pixels"


def _check(header: DicomHeader, limits: Limits) -> None:
    if header.rows < 1 or header.columns < 1:
        raise CorruptImageError(
            "DICOM", f"by its header it has {header.rows} rows and {header.columns} columns"
        )
    if header.allocated not in (8, 16):
        raise UnsupportedPixelFormatError(f"{header.allocated} bits per sample")
    if header.samples not in (1, 3):
        raise UnsupportedPixelFormatError(f"{header.samples} samples per pixel")
    if header.photometric not in _PHOTOMETRIC:
        raise UnsupportedPixelFormatError("a photometric interpretation that is not supported")
    one_sample = header.photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    if one_sample != (header.samples == 1):
        raise CorruptImageError(
            "DICOM",
            f"its Photometric Interpretation is {header.photometric}, "
            f"and its Samples per Pixel is {header.samples}",
        )
    if not 1 <= header.stored <= header.high_bit + 1 <= header.allocated:
        raise CorruptImageError(
            "DICOM",
            f"its header states {header.allocated} bits allocated, {header.stored} bits stored and "
            f"{header.high_bit} as the high bit",
        )
    pixel_bytes = header.samples * header.allocated // 8
    limits.check(header.columns, header.rows, pixel_bytes=pixel_bytes, file_bytes=len(header.body))


def _read_elements(
    data: bytes, limits: Limits
) -> tuple[bytes, Dataset, UID | None, int | None, int]:
    """Return the bytes, the elements, their encoding, the tag of the pixels, and where it is."""
    found: int | None = None
    end: int | None = None  # of the last element, if its length is known

    def at_pixels(tag: BaseTag, _vr: str | None, length: int) -> bool:
        nonlocal found, end
        if tag == _PIXEL_DATA or tag in _OTHER_PIXELS:
            found = int(tag)
            return True
        end = None if length == _UNDEFINED_LENGTH else file.tell() + length
        return False

    dataset_at, transfer_syntax = _read_meta(data)
    dataset: Dataset
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        body = _inflate(data, dataset_at, limits)
        file = BytesIO(body)
        dataset = read_dataset(
            file,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=at_pixels,
            specific_tags=[*_WANTED, *OVERLAY_BITS],
        )
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    else:
        body, file = data, BytesIO(data)
        dataset = read_partial(file, at_pixels, force=True, specific_tags=[*_WANTED, *OVERLAY_BITS])
    at = file.tell()
    # A file without pixels must end with a complete element.
    if found is None and end is not None and end != len(body):
        raise TruncatedImageError("DICOM")
    return body, dataset, transfer_syntax, found, at


def _read_meta(data: bytes) -> tuple[int, UID | None]:
    """Read group 2: where the elements after it start, and how they are stored."""
    position = 132 if data[128:132] == b"DICM" else 0
    transfer_syntax = None
    while data[position : position + 2] == b"\x02\x00":
        if data[position + 4 : position + 6] in (b"OB", b"OW", b"UN", b"UT"):
            start, length = position + 12, data[position + 8 : position + 12]
        else:
            start, length = position + 8, data[position + 6 : position + 8]
        end = start + int.from_bytes(length, "little")
        if data[position + 2 : position + 4] == b"\x10\x00":
            transfer_syntax = UID(data[start:end].decode("ascii", "replace").strip("\x00 "))
        position = end
    # pydicom inflates without limit, and might consider a file deflated that we do not.
    deflated = DeflatedExplicitVRLittleEndian
    if transfer_syntax != deflated and deflated.encode() in data[: position + 4096]:
        raise CorruptImageError("DICOM")
    return position, transfer_syntax


def _inflate(data: bytes, start: int, limits: Limits) -> bytes:
    """Inflate the data after group 2, up to the limits."""
    limit = max(limits.expansion_free_pixels * 2, limits.expansion * len(data))
    limit = left = min(limit, limits.pixels * 2 + _HEADER_BYTES)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    try:
        # In slices: zlib needs twice the memory of what one call returns.
        for position in range(start, len(data), _INFLATE_SLICE):
            piece = inflater.decompress(data[position : position + _INFLATE_SLICE], left)
            pieces.append(piece)
            left -= len(piece)
            if inflater.eof:
                return b"".join(pieces)
            if left <= 0:
                raise ImageTooLargeError.of_expansion(limit / len(data), limits.expansion)
    except zlib.error:
        raise CorruptImageError("DICOM") from None
    raise TruncatedImageError("DICOM")
