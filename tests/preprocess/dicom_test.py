"""DICOM: every transfer syntax, and how stored values become what a radiologist sees."""

from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from services.preprocess.decode import decode
from services.preprocess.dicom.decode import FIRST_FRAME, NOT_A_RADIOGRAPH
from services.preprocess.dicom.display import NO_WINDOW
from services.preprocess.dicom.header import read_dicom_header
from services.preprocess.film import BLANK, Acquisition, Frame, Limits
from tests.support.films import CHEST, Pixels, dicom, encoded, real_film, shades, transcoded

# Only warnings of pydicom, in which this process also writes the files.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

LOSSLESS = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]


def read(data: bytes) -> Frame:
    return decode(data, Limits())


@cache
def chest() -> Frame:
    return read(real_film(CHEST))


def test_a_real_film_is_shown_as_its_header_asks() -> None:
    frame = chest()
    assert frame.pixels.dtype == np.uint16
    assert frame.pixels.shape == (1955, 1841)
    assert (frame.media_type, frame.bits, frame.notes) == ("application/dicom", 15, ())
    # Its spacing is written as 0, which is none.
    assert frame.acquisition == Acquisition(modality="CR", view_position="PA", body_part="CHEST")
    # MONOCHROME1, window 0 to 30 000: a stored value of 26 479, the most, is the darkest grey.
    stored = dcmread(BytesIO(real_film(CHEST))).pixel_array.astype(float)
    expected = (1 - (stored - 14999.5) / 29999 - 0.5) * 65535
    np.testing.assert_allclose(frame.pixels, expected, atol=1)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
def test_the_same_film_gives_the_same_pixels_in_every_lossless_encoding(syntax: uid.UID) -> None:
    frame = read(transcoded(real_film(CHEST), syntax))
    np.testing.assert_array_equal(frame.pixels, chest().pixels)
    assert frame.acquisition == chest().acquisition


def test_lossy_jpeg_2000_is_what_the_standard_says_it_decompresses_to() -> None:
    lossy, reference = read(real_film("RG1_J2KI.dcm")), read(real_film("RG1_UNCI.dcm"))
    np.testing.assert_array_equal(lossy.pixels, reference.pixels)


def test_extended_jpeg_of_12_bits_is_read() -> None:
    # 0 to 264, and without a window; two of its values are in pydicom's own tests.
    frame = read(real_film("JPGExtended.dcm"))
    assert frame.bits == 12
    stored = (frame.pixels / 65535 * 264).round()
    assert (stored.max(), stored[420, 140], stored[230, 120]) == (264, 244, 95)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_jpeg_of_8_bits_is_read(syntax: uid.UID) -> None:
    pixels = shades()
    data = dicom(
        pixels, syntax=syntax, frame=encoded(".jpg", pixels), WindowCenter=128, WindowWidth=256
    )
    frame = read(data)
    assert frame.pixels.dtype == np.uint8
    assert np.abs(frame.pixels.astype(int) - pixels).max() <= 4


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),  # signed
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_padded.dcm", "MR_small.dcm"),
        ("RG3_J2KR.dcm", "RG3_UNCR.dcm"),
        ("SC_rgb_rle.dcm", "SC_rgb.dcm"),
        ("SC_rgb_gdcm_KY.dcm", "SC_rgb_gdcm2k_uncompressed.dcm"),
        ("US1_J2KR.dcm", "US1_UNCR.dcm"),
        ("OBXXXX1A_rle.dcm", "OBXXXX1A.dcm"),  # a palette
        ("OBXXXX1A_expb.dcm", "OBXXXX1A.dcm"),
        ("color-pl.dcm", "color-px.dcm"),  # by plane and by pixel
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
        ("emri_small_RLE.dcm", "emri_small.dcm"),
        ("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm"),
        ("emri_small_big_endian.dcm", "emri_small.dcm"),
    ],
)
def test_pydicoms_films_give_the_same_pixels_in_each_encoding(name: str, reference: str) -> None:
    np.testing.assert_array_equal(read(real_film(name)).pixels, read(real_film(reference)).pixels)


@pytest.mark.parametrize(
    "name",
    ["SC_ybr_full_uncompressed.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jpeg_dcmtk.dcm"],
)
def test_colours_in_other_spaces_become_the_same_greys(name: str) -> None:
    greys = read(real_film("SC_rgb.dcm")).pixels.astype(int)
    assert np.abs(read(real_film(name)).pixels - greys).max() <= 3


def test_a_jpeg_that_holds_red_green_and_blue_without_saying_so_is_not_taken_for_ycbcr() -> None:
    compressed, plain = read(real_film("SC_rgb_jpeg.dcm")), read(real_film("SC_rgb_jpeg_dcmd.dcm"))
    np.testing.assert_array_equal(compressed.pixels, plain.pixels)


# --- what is shown --------------------------------------------------------------------------------


def ramp() -> Pixels:
    """Every value of 12 bits, once."""
    return np.arange(4096, dtype=np.uint16).reshape(64, 64)


def show(pixels: Pixels | None = None, **elements: Any) -> Pixels:
    pixels = ramp() if pixels is None else pixels
    bits: dict[str, Any] = {"BitsStored": 12, "HighBit": 11} if pixels.dtype == np.uint16 else {}
    return read(dicom(pixels, **{**bits, **elements})).pixels


def test_a_linear_window_spreads_its_values_over_all_greys() -> None:
    shown = show(WindowCenter=2048, WindowWidth=1024)
    assert shown[:24].max() == 0
    assert shown[40:].min() == 65535
    assert abs(int(shown.ravel()[2048]) - 32799) <= 1  # PS3.3 C.11.2.1.2.1
    assert np.all(np.diff(shown.ravel().astype(int)) >= 0)


def test_an_exact_window_and_a_sigmoid_are_those_of_the_standard() -> None:
    exact = show(WindowCenter=2048, WindowWidth=1024, VOILUTFunction="LINEAR_EXACT").ravel()
    assert (exact[1536], exact[2048], exact[2560]) == (0, 32768, 65535)
    sigmoid = show(WindowCenter=2048, WindowWidth=1024, VOILUTFunction="SIGMOID").ravel()
    assert (sigmoid[2048], round(sigmoid[2304] / 65535, 3)) == (32768, 0.731)


def test_the_first_of_several_windows_is_applied() -> None:
    several = show(WindowCenter=[2048, 100], WindowWidth=[1024, 50])
    np.testing.assert_array_equal(several, show(WindowCenter=2048, WindowWidth=1024))


def test_the_window_is_one_of_rescaled_values() -> None:
    rescaled = show(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3096, WindowWidth=2048)
    plain = show(WindowCenter=2048, WindowWidth=1024)
    assert np.abs(rescaled.astype(int) - plain).max() <= 40


def test_monochrome1_is_shown_inverted() -> None:
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
    inverted = show(PhotometricInterpretation="MONOCHROME1", **window)
    np.testing.assert_allclose(inverted, 65535 - show(**window).astype(int), atol=1)


def test_without_a_window_all_values_are_shown_with_a_note() -> None:
    frame = read(dicom(ramp() // 2 + 500, BitsStored=12, HighBit=11))
    assert (frame.pixels.min(), frame.pixels.max()) == (0, 65535)
    assert frame.notes == (NO_WINDOW,)


def test_padding_is_black_and_has_no_part_in_the_range() -> None:
    pixels = ramp() // 2 + 500
    pixels[:8] = 4095
    pixels[8:16] = 4094
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        shown = show(
            pixels,
            PhotometricInterpretation=photometric,
            PixelPaddingValue=4095,
            PixelPaddingRangeLimit=4094,
        )
        assert shown[:16].max() == 0
        assert (shown[16:].min(), shown[16:].max()) == (0, 65535)


def test_signed_values_keep_their_order() -> None:
    stored = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64).view(np.uint16)
    shown = show(
        stored, PixelRepresentation=1, BitsStored=16, HighBit=15, WindowCenter=0, WindowWidth=4096
    )
    assert (shown.min(), shown.max()) == (0, 65535)
    assert np.all(np.diff(shown.ravel().astype(int)) > 0)


def test_an_overlay_in_the_unused_bits_is_not_shown() -> None:
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
    np.testing.assert_array_equal(show(ramp() | np.uint16(0x8000), **window), show(**window))


def lut(entries: Pixels, *, first: int = 0, bits: int = 16) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = entries.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return Sequence([item])


def test_a_voi_lut_is_applied_and_comes_before_the_window() -> None:
    squares = (np.arange(4096, dtype=np.float64) ** 2 / 4095**2 * 65535).astype(np.uint16)
    shown = show(VOILUTSequence=lut(squares), WindowCenter=1, WindowWidth=2)
    np.testing.assert_array_equal(shown.ravel(), squares)


def test_a_modality_lut_is_applied_before_the_window() -> None:
    falling = np.arange(4095, -1, -1, dtype=np.uint16)
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
    shown = show(ModalityLUTSequence=lut(falling), **window)
    np.testing.assert_array_equal(shown.ravel(), show(**window).ravel()[::-1])


def test_real_luts_are_applied() -> None:
    # References: what pydicom makes of the same files.
    for name, apply in (("mlut_18.dcm", apply_modality_lut), ("vlut_04.dcm", apply_voi_lut)):
        dataset, shown = dcmread(BytesIO(real_film(name))), read(real_film(name)).pixels
        reference = apply(dataset.pixel_array, dataset).astype(float)
        reference = (reference - reference.min()) / np.ptp(reference)
        np.testing.assert_allclose(shown / np.iinfo(shown.dtype).max, reference, atol=0.003)


def test_a_blank_film_with_a_window_is_no_fault_of_the_window() -> None:
    frame = read(dicom(np.full((64, 64), 9, np.uint8), WindowCenter=128, WindowWidth=256))
    assert frame.notes == (BLANK,)


# --- what is kept ---------------------------------------------------------------------------------


def test_how_the_film_was_taken_is_kept() -> None:
    acquisition = read(dicom(shades(), WindowCenter=128, WindowWidth=256)).acquisition
    assert acquisition == Acquisition(
        modality="DX",
        view_position="PA",
        body_part="CHEST",
        row_spacing=0.14,
        column_spacing=0.15,
    )


def test_a_name_in_an_element_that_should_hold_a_word_is_dropped() -> None:
    frame = read(dicom(shades(), BodyPartExamined="DOE JANE", ViewPosition="JANE"))
    assert (frame.acquisition.body_part, frame.acquisition.view_position) == ("", "")
    assert "JANE" not in repr(frame).upper()


@pytest.mark.parametrize("spacing", [[0, 0], [-1, 0.1], ["nan", 1], [1e9, 1e9], ["x", "y"], [0.1]])
def test_an_impossible_spacing_is_dropped(spacing: list[object]) -> None:
    data = dicom(shades())
    written = b"0.14\\0.15 "
    text = "\\".join(str(part) for part in spacing).encode().ljust(len(written))
    assert written in data
    acquisition = read(data.replace(written, text[: len(written)])).acquisition
    assert (acquisition.row_spacing, acquisition.column_spacing) == (None, None)


def test_of_several_frames_the_first_is_read_with_a_note() -> None:
    frame = read(real_film("emri_small.dcm"))
    assert frame.pixels.shape == (64, 64)
    assert FIRST_FRAME.format(frames=10) in frame.notes
    assert NOT_A_RADIOGRAPH.format(modality="MR") in frame.notes


def test_dicom_without_preamble_is_dicom_all_the_same() -> None:
    data = dicom(shades(), syntax=uid.ExplicitVRLittleEndian, WindowCenter=128, WindowWidth=256)
    bare = data[132:]
    np.testing.assert_array_equal(read(bare).pixels, read(data).pixels)


def test_a_preamble_may_look_like_another_kind_of_file() -> None:
    data = dicom(shades(), WindowCenter=128, WindowWidth=256)
    assert read(b"II*\0" + data[4:]).media_type == "application/dicom"


def test_nothing_that_names_the_patient_is_read_out_of_the_file() -> None:
    data = dicom(shades())
    assert b"Doe^Jane" in data
    header = read_dicom_header(data, Limits())
    assert {element.tag.group for element in header.dataset} == {0x0008, 0x0018, 0x0028}
    assert "Jane" not in str(header.dataset)
