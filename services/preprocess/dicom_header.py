"""Reads the header of a DICOM file: what is needed to display it, and no patient data."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from math import isfinite
from typing import Any, Literal

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from services.preprocess.dicom_encoding import Elements, find_elements
from services.preprocess.errors import (
    CorruptImageError,
    DicomWithoutPixelsError,
    TruncatedImageError,
    UnsupportedPixelFormatError,
)
from services.preprocess.film import Acquisition, Limits

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
# Of each overlay: the bit of the pixels that it is kept in, or 0 (PS3.3 C.9.2).
_OVERLAY_BITS = tuple(Tag(group, 0x0102) for group in range(0x6000, 0x6020, 2))
_PIXEL_DATA = 0x7FE00010
_OTHER_PIXELS = (0x7FE00008, 0x7FE00009)  # floating point, 32 and 64 bits

_UNDEFINED_LENGTH = 0xFFFFFFFF
_ORDERS: dict[bool, Literal["little", "big"]] = {True: "little", False: "big"}


def _terms(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Terms that the standard defines, PS3.3 C.7.3.1.1.1, C.8.1.1, C.8.7.1.1.3, PS3.16 annex L.
# Other values of these elements are dropped, because free text could contain a name.
_MODALITIES = _terms(
    "CR DX RG XA RF MG IO PX CT MR NM US PT OT SC ES GM SM XC OP OPT SEG RTIMAGE RTDOSE"
)
_VIEWS = _terms("AP PA LL RL LLD RLD LLO RLO LAT LATERAL LAO RAO LPO RPO XTL")
_BODY_PARTS = _terms(
    "CHEST THORAX LUNG RIB RIBS STERNUM CLAVICLE SCAPULA HEART CHESTABDOMEN CHESTABDPELVIS ABDOMEN "
    "PELVIS SKULL HEAD JAW NECK CSPINE TSPINE LSPINE SSPINE SPINE COCCYX SACRUM BREAST SHOULDER "
    "ARM HUMERUS ELBOW FOREARM WRIST HAND FINGER THUMB HIP LEG FEMUR THIGH KNEE PATELLA TIBIA CALF "
    "ANKLE FOOT HEEL TOE EXTREMITY WHOLEBODY"
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

    def check_bits(self) -> None:
        """Raise unless the bits of a sample can be found by the header alone."""
        if self.allocated not in (8, 16):
            raise UnsupportedPixelFormatError(f"{self.allocated} bits per sample")
        if not 1 <= self.stored <= self.allocated or not (
            self.stored - 1 <= self.high_bit < self.allocated
        ):
            raise CorruptImageError("DICOM")


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
    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    allocated = _integer(dataset, "BitsAllocated", 16)
    stored = _integer(dataset, "BitsStored", allocated)
    samples = _integer(dataset, "SamplesPerPixel", 1)
    header = DicomHeader(
        dataset=dataset,
        transfer_syntax=elements.transfer_syntax,
        encoding=elements.encoding,
        big_endian=not elements.little_endian,
        rows=rows,
        columns=columns,
        samples=samples,
        allocated=allocated,
        stored=stored,
        high_bit=_integer(dataset, "HighBit", stored - 1),
        signed=_integer(dataset, "PixelRepresentation", 0) == 1,
        photometric=_text(dataset, "PhotometricInterpretation") or "MONOCHROME2",
        by_plane=_integer(dataset, "PlanarConfiguration", 0) == 1,
        frames=max(1, _integer(dataset, "NumberOfFrames", 1)),
        body=body,
        pixels_at=length_at + 4,
        pixels_length=None if length == _UNDEFINED_LENGTH else length,
        words=kind == b"OW",
        overlay_in_pixels=any(_first(dataset, tag) > 0 for tag in _OVERLAY_BITS),
    )
    _check(header, limits)
    return header


def read_acquisition(dataset: Dataset) -> Acquisition:
    """Return how the film was acquired."""
    spacing = numbers(dataset, "PixelSpacing") or numbers(dataset, "ImagerPixelSpacing")
    sane = len(spacing) == 2 and all(isfinite(x) and 0.001 < x < 10 for x in spacing)  # noqa: PLR2004 - rows and columns; millimetres
    return Acquisition(
        modality=_word(dataset, "Modality", _MODALITIES),
        view_position=_word(dataset, "ViewPosition", _VIEWS),
        body_part=_word(dataset, "BodyPartExamined", _BODY_PARTS),
        row_spacing=spacing[0] if sane else None,
        column_spacing=spacing[1] if sane else None,
    )


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the numbers in an element; empty if it is absent, empty or not a number."""
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            return []
        return [float(number) for number in (value if _is_list(value) else [value])]
    except (TypeError, ValueError, OverflowError):
        return []


def _is_list(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes)


def _integer(dataset: Dataset, keyword: str, absent: int | None = None) -> int:
    values = numbers(dataset, keyword)
    if values and isfinite(values[0]):
        return int(values[0])
    if absent is None:
        raise CorruptImageError("DICOM")
    return absent


def _first(dataset: Dataset, tag: BaseTag) -> float:
    element = dataset.get(tag)
    value = getattr(element, "value", None)
    return value if isinstance(value, int) else 0


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return value.strip().upper() if isinstance(value, str) else ""


def _word(dataset: Dataset, keyword: str, allowed: frozenset[str]) -> str:
    word = _text(dataset, keyword)
    return word if word in allowed else ""


def _name_object(dataset: Dataset) -> str:
    sop_class = _text(dataset, "SOPClassUID")
    for start, name in _OBJECTS_WITHOUT_PIXELS.items():
        if sop_class == start or sop_class.startswith(start + "."):
            return name
    return "an object without pixels"


def _check(header: DicomHeader, limits: Limits) -> None:
    if header.rows < 1 or header.columns < 1:
        raise CorruptImageError("DICOM")
    if header.samples not in (1, 3):
        raise UnsupportedPixelFormatError(f"{header.samples} samples per pixel")
    one_sample = header.photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    if header.photometric not in _PHOTOMETRIC or one_sample != (header.samples == 1):
        raise CorruptImageError("DICOM")
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
        specific_tags=[*_WANTED, *_OVERLAY_BITS],
    )
    dataset.set_original_encoding(
        is_implicit_vr=elements.implicit, is_little_endian=elements.little_endian
    )
    at = file.tell()
    # A file without pixels must end with a complete element.
    if found is None and end is not None and end != len(elements.body):
        raise TruncatedImageError("DICOM")
    return elements, dataset, found, at
