"""Films for tests: real ones from pydicom's test data, and synthetic ones in every format."""

import struct
import tempfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

Pixels = NDArray[np.unsignedinteger[Any]]

# A chest radiograph, 1955 x 1841 pixels of 15 bits, MONOCHROME1.
CHEST = "RG1_UNCR.dcm"


def real_film(name: str) -> bytes:
    """Return a DICOM file from pydicom's test data."""
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def transcoded(data: bytes, syntax: uid.UID) -> bytes:
    """Re-encode a film in another transfer syntax."""
    with tempfile.TemporaryDirectory(prefix="carina-films-") as folder:
        before, after = Path(folder, "before.dcm"), Path(folder, "after.dcm")
        before.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(before))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        wanted = gdcm.TransferSyntax.GetTSType(str(syntax))
        change.SetTransferSyntax(gdcm.TransferSyntax(wanted))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return after.read_bytes()


def shades(height: int = 96, width: int = 80, *, dtype: type = np.uint8) -> Pixels:
    """Return a picture that covers its full value range and has no symmetry."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.sin(columns / 11) + np.cos(rows / 17) + 1.5 * rows / height - 1.5 * columns / width
    waves = (waves - waves.min()) / (waves.max() - waves.min())
    return cast("Pixels", (waves * np.iinfo(dtype).max).round().astype(dtype))


def encoded(extension: str, pixels: Pixels, *options: int) -> bytes:
    """Encode pixels with OpenCV."""
    done, data = cv2.imencode(extension, pixels, list(options))
    assert done
    return data.tobytes()


def written(keyword: str | BaseTag, vr: str, value: bytes) -> RawDataElement:
    """Return an element as no library would write it: these bytes, with this VR."""
    value += b"\0" * (len(value) % 2)
    return RawDataElement(
        Tag(keyword), vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
    )


def _items(elements: dict[str, Any]) -> list[Dataset]:
    sequences = [value for value in elements.values() if isinstance(value, Sequence)]
    return [item for sequence in sequences for item in sequence]


def dicom(
    pixels: Pixels,
    *,
    syntax: uid.UID = uid.ExplicitVRLittleEndian,
    frame: bytes | None = None,
    leave_out: tuple[str, ...] = (),
    **elements: Any,
) -> bytes:
    """Make a DICOM file from the pixels, or from a compressed frame of the same shape."""
    dataset = Dataset()
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = uid.generate_uid()
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "4711"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.PixelSpacing = [0.14, 0.15]
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = dataset.BitsAllocated
    dataset.HighBit = dataset.BitsAllocated - 1
    dataset.PixelRepresentation = 0
    raw = [value for value in elements.values() if isinstance(value, RawDataElement)]
    for keyword, value in elements.items():
        if not isinstance(value, RawDataElement):
            setattr(dataset, keyword, value)
    if frame is None:
        dataset.PixelData = pixels.tobytes()
    else:
        dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB" if frame is not None or pixels.dtype == np.uint8 else "OW"
    for keyword in leave_out:
        delattr(dataset, keyword)
    # pydicom writes raw elements as they are only into a file that seems to be where they are from.
    correct_ambiguous_vr(dataset, syntax.is_little_endian)
    for element in raw:
        dataset[element.tag] = element
    for each in (dataset, *_items(elements)):
        each.set_original_encoding(
            syntax.is_implicit_VR, syntax.is_little_endian, each._character_set
        )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def png(
    pixels: Pixels | None = None,
    *,
    width: int = 0,
    height: int = 0,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """Make an 8-bit greyscale PNG from the pixels, or one whose header merely declares a size."""
    rows = b"\0"
    if pixels is not None:
        height, width = pixels.shape
        rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def exif(orientation: int) -> bytes:
    """Make EXIF data with an orientation tag."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """Insert an EXIF orientation into a JPEG."""
    content = b"Exif\0\0" + exif(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def tiff(
    pixels: Pixels,
    *,
    photometric: int = 1,
    orientation: int = 1,
    pages: int = 1,
    big_endian: bool = False,
    compression: int = 1,
) -> bytes:
    """Make an uncompressed greyscale TIFF with identical pages; the tag may claim otherwise."""
    order: Literal["<", ">"] = ">" if big_endian else "<"
    height, width = pixels.shape
    content = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    tags = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8 * pixels.dtype.itemsize),
        (259, 3, compression),
        (262, 3, photometric),
        (273, 4, 8),
        (274, 3, orientation),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(content)),
    )
    at = 8 + len(content)
    size = 2 + 12 * len(tags) + 4
    directories = b""
    for page in range(1, pages + 1):
        directories += struct.pack(order + "H", len(tags))
        for tag, kind, value in tags:
            entry = "HHIHH" if kind == 3 else "HHII"  # SHORT values are padded to 4 bytes
            values = (value, 0) if kind == 3 else (value,)
            directories += struct.pack(order + entry, tag, kind, 1, *values)
        directories += struct.pack(order + "I", at + page * size if page < pages else 0)
    mark = b"MM\0*" if big_endian else b"II*\0"
    return mark + struct.pack(order + "I", at) + content + directories
