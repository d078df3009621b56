"""Reads the header of a DICOM file: what is needed to display it, and no patient data."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from math import isnan
from typing import Literal

from pydicom import config
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from services.preprocess.dicom.elements import OVERLAY_BITS, has_overlay_in_pixels, numbers, text
from services.preprocess.dicom.encoding import Elements, find_elements
from services.preprocess.errors import (
    CorruptImageError,
    DicomWithoutPixelsError,
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
_ORDERS: dict[bool, Literal["little", "big"]] = {True: "little", False: "big"}


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
    transfer_syntax: UID | None  # as the file says; None if it does not
    encoding: UID  # of the elements, as it is
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
    overlay_in_pixels: bool  # in bits that hold no sample, as older files have it
    notes: tuple[str, ...] = ()  # sentences for clinicians

    def check_bits(self) -> None:
        """Raise unless the bits of a sample can be found by the header alone."""
        if self.allocated not in (8, 16):
            raise UnsupportedPixelFormatError(f"{self.allocated} bits per sample")
        if not 1 <= self.stored <= self.high_bit + 1 <= self.allocated:
            raise CorruptImageError(
                "DICOM",
                f"its header states {self.allocated} bits allocated, {self.stored} bits stored and "
                f"{self.high_bit} as the high bit",
            )


def read_dicom_header(data: bytes, limits: Limits) -> DicomHeader:
    """Read up to the pixels; raises a FilmError if the file is damaged or too large."""
    elements, dataset, found, at = _read_elements(data, limits)
    body = elements.body
    if found in _OTHER_PIXELS:
        raise UnsupportedPixelFormatError("floating-point samples")
    if found is None:
        raise DicomWithoutPixelsError(_name_object(dataset))
    # The tag, then for explicit VR two letters and two reserved bytes, then the length. Some files
    # that should use explicit VR do not.
    kind = b"" if elements.implicit else body[at + 4 : at + 6]
    length_at = at + (8 if kind in (b"OB", b"OW", b"UN") else 4)
    length = int.from_bytes(body[length_at : length_at + 4], _ORDERS[elements.little_endian])
    allocated = _integer(dataset, "BitsAllocated", 16)
    # The high bit is the one below the number of bits, unless the file says otherwise.
    stored = _integer(dataset, "BitsStored", _integer(dataset, "HighBit", allocated - 1) + 1)
    header = DicomHeader(
        dataset=dataset,
        transfer_syntax=elements.transfer_syntax,
        encoding=elements.encoding,
        big_endian=not elements.little_endian,
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
        overlay_in_pixels=has_overlay_in_pixels(dataset),
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
    # What is compressed may have more bits than the header says.
    bits = 16 if header.pixels_length is None else header.allocated
    pixel_bytes = header.samples * bits // 8
    limits.check(header.columns, header.rows, pixel_bytes=pixel_bytes, file_bytes=len(header.body))


def _read_elements(data: bytes, limits: Limits) -> tuple[Elements, Dataset, int | None, int]:
    """Return the bytes, the elements of interest, the tag of the pixels, and where it is."""
    found: int | None = None
    end: int | None = None  # of the last element, if its length is known

    def at_pixels(tag: BaseTag, _vr: str | None, length: int) -> bool:
        nonlocal found, end
        if tag == _PIXEL_DATA or tag in _OTHER_PIXELS:
            found = int(tag)
            return True
        end = None if length == _UNDEFINED_LENGTH else file.tell() + length
        return False

    elements = find_elements(data, limits)
    file = BytesIO(elements.body)
    file.seek(elements.at)
    dataset = read_dataset(
        file,
        is_implicit_VR=elements.implicit,
        is_little_endian=elements.little_endian,
        stop_when=at_pixels,
        specific_tags=[*_WANTED, *OVERLAY_BITS],
    )
    dataset.set_original_encoding(
        is_implicit_vr=elements.implicit, is_little_endian=elements.little_endian
    )
    at = file.tell()
    # A file without pixels must end with a complete element.
    if found is None and end is not None and end != len(elements.body):
        raise TruncatedImageError("DICOM")
    return elements, dataset, found, at
