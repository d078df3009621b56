"""Files that can not be read: each a code and a sentence that a doctor understands."""

import re
import zipfile
from io import BytesIO

import cv2
import numpy as np
import pytest
from pydicom import uid

from services.preprocess import errors
from services.preprocess.decode import decode
from services.preprocess.errors import CorruptImageError, FilmError
from services.preprocess.film import Limits
from tests.support.films import dicom, encoded, png, real_film, shades, tiff, transcoded

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


def refused(data: bytes) -> FilmError:
    with pytest.raises(FilmError) as caught:
        decode(data, Limits())
    return caught.value


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("film.png", encoded(".png", shades()))
    return file.getvalue()


def test_an_empty_file_is_empty() -> None:
    error = refused(b"")
    assert (error.code, str(error), error.retryable) == ("EMPTY_FILE", "The file is empty.", False)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"Dear colleague,\r\nthank you for referring this patient.", "a text file"),
        ("Sehr geehrte Kollegin, überwiesen wurde".encode(), "a text file"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document"),
        (b"\n\n%PDF-1.4", "a PDF document"),
        (zipped(), "a ZIP archive"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "an MP4 video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "a QuickTime video"),
        (b"RIFF\x24\0\0\0AVI LIST", "an AVI video"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0", "a Matroska or WebM video"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><a/>", "an XML document"),
        (b"GIF89a\x01\0\x01\0", "a GIF picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC photograph"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "a gzip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8), "a Microsoft Office document"),
    ],
)
def test_a_foreign_file_is_called_what_it_is(data: bytes, name: str) -> None:
    error = refused(data)
    assert error.code == "UNSUPPORTED_FILE_TYPE"
    assert str(error).startswith(f"This is {name}, not a radiograph")


@pytest.mark.parametrize("data", [b"\0", bytes(1000), bytes(range(256)), b"\xff\xd8"])
def test_what_nobody_knows_is_of_an_unknown_kind(data: bytes) -> None:
    error = refused(data)
    assert error.code == "UNSUPPORTED_FILE_TYPE"
    assert str(error).startswith("This file is of an unknown type")


def test_every_code_is_written_as_codes_are_and_no_two_are_the_same() -> None:
    classes = FilmError.__subclasses__()
    codes = [each.code for each in classes]
    assert len(set(codes)) == len(codes) >= 8
    assert all(re.fullmatch("[A-Z][A-Z_]+[A-Z]", code) for code in codes)
    assert {each.__name__ for each in classes} == {
        name for name in vars(errors) if name.endswith("Error") and name != "FilmError"
    }


# --- cut short, and with flipped bits -------------------------------------------------------------

RASTERS = {
    "PNG": encoded(".png", shades(dtype=np.uint16)),
    "JPEG": encoded(".jpg", shades()),
    "TIFF": encoded(".tiff", shades()),
    "BMP": encoded(".bmp", shades()),
    "WebP": encoded(".webp", shades()),
}


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("kind", RASTERS)
def test_a_file_that_was_cut_short_is_said_to_be_incomplete(kind: str, part: float) -> None:
    data = RASTERS[kind]
    error = refused(data[: int(len(data) * part)])
    assert error.code == "TRUNCATED_IMAGE"
    assert str(error).startswith(f"The {kind} file is incomplete")


@pytest.mark.parametrize("kind", RASTERS)
def test_a_single_missing_byte_at_the_end_is_seen(kind: str) -> None:
    assert refused(RASTERS[kind][:-1]).code == "TRUNCATED_IMAGE"


def test_a_png_with_any_flipped_bit_in_its_picture_is_damaged() -> None:
    data = png(shades())
    start, end = data.index(b"IDAT") + 4, data.index(b"IEND") - 8
    for position in range(start, end, 97):
        flipped = bytearray(data)
        flipped[position] ^= 0x10
        assert refused(bytes(flipped)).code == "CORRUPT_IMAGE"


def test_a_jpeg_whose_header_is_damaged_is_damaged() -> None:
    data = bytearray(RASTERS["JPEG"])
    tables = data.index(b"\xff\xc4") + 5
    data[tables : tables + 16] = b"\xff" * 16
    assert refused(bytes(data)).code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
def test_a_jpeg_with_a_hole_before_its_end_is_damaged(part: float, progressive: int) -> None:
    data = encoded(".jpg", shades(), cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    assert refused(data[: int(len(data) * part)] + b"\xff\xd9").code == "CORRUPT_IMAGE"


def test_most_flipped_bits_that_show_in_a_jpeg_are_seen() -> None:
    data = RASTERS["JPEG"]
    whole = decode(data, Limits()).pixels.astype(int)
    seen, shown = 0, 0
    for position in range(data.index(b"\xff\xda") + 14, len(data) - 2, 13):
        flipped = bytearray(data)
        flipped[position] ^= 0x10
        try:
            pixels = decode(bytes(flipped), Limits()).pixels
        except CorruptImageError:
            seen += 1
        else:
            shown += bool((abs(pixels - whole) > 8).mean() > 0.01)
    assert seen > shown > 0


SYNTAXES = [
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.RLELossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("part", [0.2, 0.7, 0.97])
def test_dicom_that_was_cut_short_is_incomplete_or_damaged(syntax: uid.UID, part: float) -> None:
    data = transcoded(real_film("MR_small.dcm"), syntax)
    error = refused(data[: int(len(data) * part)])
    # Of RLE no more can be said than that it gives too few pixels.
    codes = {"TRUNCATED_IMAGE"} | ({"CORRUPT_IMAGE"} if syntax == uid.RLELossless else set())
    assert error.code in codes
    assert "DICOM" in str(error)


def test_dicom_whose_compressed_frame_is_damaged_is_damaged() -> None:
    data = bytearray(transcoded(real_film("MR_small.dcm"), uid.JPEGLSLossless))
    start = data.index(b"\xff\xd8\xff")
    data[start + 60 : start + 400] = b"\xff\x01" * 170
    assert refused(bytes(data)).code == "CORRUPT_IMAGE"


# --- DICOM that is whole and can not be shown -----------------------------------------------------


def test_dicom_without_pixels_is_called_what_it_is() -> None:
    for name, what in (
        ("reportsi.dcm", "a structured report"),
        ("rtplan.dcm", "a radiotherapy object"),
        ("waveform_ecg.dcm", "a waveform, such as an ECG"),
    ):
        error = refused(real_film(name))
        assert error.code == "DICOM_WITHOUT_PIXELS"
        assert str(error) == f"The DICOM file contains no image: it is {what}."
    assert refused(dicom(shades(), leave_out=("PixelData",))).code == "DICOM_WITHOUT_PIXELS"


@pytest.mark.parametrize("syntax", [uid.JPIPHTJ2KReferenced, uid.MPEG4HP41, uid.MPEG2MPML])
def test_a_transfer_syntax_that_is_not_read_is_named(syntax: uid.UID) -> None:
    error = refused(dicom(shades(), syntax=syntax, frame=b"\0\0"))
    assert error.code == "UNSUPPORTED_TRANSFER_SYNTAX"
    assert syntax.name in str(error)


def test_a_transfer_syntax_that_nobody_knows_is_given_by_its_identifier() -> None:
    data = dicom(shades(), syntax=uid.JPIPHTJ2KReferenced, frame=b"\0\0")
    unknown = data.replace(b"1.2.840.10008.1.2.4.204", b"1.2.826.0.1.3680043.999")
    error = refused(unknown)
    assert error.code == "UNSUPPORTED_TRANSFER_SYNTAX"
    assert "1.2.826.0.1.3680043.999" in str(error)


def test_a_transfer_syntax_that_is_no_identifier_is_not_quoted() -> None:
    data = dicom(shades(), syntax=uid.JPIPHTJ2KReferenced, frame=b"\0\0")
    forged = data.replace(b"1.2.840.10008.1.2.4.204", b"1.2.3\0SMITH^JOHN 4.5.67")
    assert len(forged) == len(data)
    error = refused(forged)
    assert error.code == "UNSUPPORTED_TRANSFER_SYNTAX"
    assert "SMITH" not in str(error)
    assert "\0" not in str(error)


@pytest.mark.parametrize("name", ["SC_rgb_32bit.dcm", "liver_1frame.dcm", "rtdose.dcm"])
def test_samples_that_no_radiograph_has_are_refused(name: str) -> None:
    assert refused(real_film(name)).code == "UNSUPPORTED_PIXEL_FORMAT"


@pytest.mark.parametrize("compression", [34712, 34925, 50000, 50001])
def test_a_tiff_in_a_compression_that_is_not_read_is_not_called_damaged(compression: int) -> None:
    error = refused(tiff(shades(), compression=compression))
    assert error.code == "UNSUPPORTED_PIXEL_FORMAT"
    assert "a TIFF compression that is not supported" in str(error)


def test_a_frame_of_another_size_than_the_header_says_is_damaged() -> None:
    small = encoded(".jpg", shades(32, 32))
    data = dicom(shades(), syntax=uid.JPEGBaseline8Bit, frame=small)
    assert refused(data).code == "CORRUPT_IMAGE"
