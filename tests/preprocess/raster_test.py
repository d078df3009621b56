"""Files that are no DICOM: every format, depth, colour, alpha and orientation."""

import struct

import cv2
import numpy as np
import pytest
import simplejpeg

from services.preprocess.decode import decode
from services.preprocess.film import BLANK, Acquisition, Frame, Limits
from services.preprocess.raster.decode import FIRST_PAGE, UNUSED_BITS
from tests.support.films import Pixels, encoded, exif, png, shades, tiff, with_exif

LOSSLESS_WEBP = (cv2.IMWRITE_WEBP_QUALITY, 101)


def read(data: bytes) -> Frame:
    return decode(data, Limits())


def in_colour(pixels: Pixels) -> Pixels:
    return np.dstack([pixels] * 3)


def with_alpha(pixels: Pixels, alpha: Pixels | None = None) -> Pixels:
    opaque = np.full_like(pixels, np.iinfo(pixels.dtype).max)
    return np.dstack([pixels] * 3 + [opaque if alpha is None else alpha])


@pytest.mark.parametrize(
    ("extension", "options", "media_type"),
    [
        (".png", (), "image/png"),
        (".bmp", (), "image/bmp"),
        (".tiff", (), "image/tiff"),
        (".webp", LOSSLESS_WEBP, "image/webp"),
    ],
)
@pytest.mark.parametrize("make", [np.asarray, in_colour, with_alpha])
def test_lossless_files_of_8_bits_keep_every_grey(
    extension: str, options: tuple[int, ...], media_type: str, make: object
) -> None:
    pixels = shades()
    assert callable(make)
    frame = read(encoded(extension, make(pixels), *options))
    assert frame.pixels.dtype == np.uint8
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert (frame.media_type, frame.bits, frame.notes) == (media_type, 8, ())
    assert frame.acquisition == Acquisition()


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("make", [np.asarray, in_colour, with_alpha])
def test_files_of_16_bits_keep_every_grey(extension: str, make: object) -> None:
    pixels = shades(dtype=np.uint16)
    assert callable(make)
    frame = read(encoded(extension, make(pixels)))
    assert frame.pixels.dtype == np.uint16
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert (frame.bits, frame.notes) == (16, ())


@pytest.mark.parametrize("make", [np.asarray, in_colour])
@pytest.mark.parametrize("progressive", [0, 1])
def test_jpeg_is_read_in_grey_and_colour_baseline_and_progressive(
    make: object, progressive: int
) -> None:
    pixels = shades()
    assert callable(make)
    data = encoded(".jpg", make(pixels), cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    frame = read(data)
    assert frame.media_type == "image/jpeg"
    assert np.abs(frame.pixels.astype(int) - pixels).max() <= 4


def test_colours_become_their_brightness() -> None:
    red, green, blue = (np.full((64, 64), value, np.uint8) for value in (200, 100, 50))
    frame = read(encoded(".png", np.dstack([blue, green, red])))
    assert np.abs(frame.pixels.astype(int) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)).max() <= 1


def test_what_is_transparent_is_black() -> None:
    pixels, alpha = shades(), np.full((96, 80), 255, np.uint8)
    alpha[:40] = 0
    frame = read(encoded(".png", with_alpha(pixels, alpha)))
    assert frame.pixels[:40].max() == 0
    np.testing.assert_array_equal(frame.pixels[40:], pixels[40:])


def test_a_picture_that_is_wholly_transparent_is_shown_all_the_same() -> None:
    pixels = shades()
    frame = read(encoded(".png", with_alpha(pixels, np.zeros_like(pixels))))
    np.testing.assert_array_equal(frame.pixels, pixels)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo what a camera that was held so did to the picture."""
    return {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: np.rot90(pixels, -1),
        7: pixels[::-1, ::-1].T,
        8: np.rot90(pixels),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed_in_every_format(orientation: int) -> None:
    pixels = shades()
    expected = upright(pixels, orientation)
    chunk = (b"eXIf", exif(orientation))
    np.testing.assert_array_equal(read(png(pixels, chunks=(chunk,))).pixels, expected)
    np.testing.assert_array_equal(read(tiff(pixels, orientation=orientation)).pixels, expected)
    jpeg = read(with_exif(encoded(".jpg", pixels), orientation)).pixels
    assert jpeg.shape == expected.shape
    assert np.abs(jpeg.astype(int) - expected).max() <= 4
    webp = read(webp_with_exif(pixels, orientation)).pixels
    np.testing.assert_array_equal(webp, expected)


def webp_with_exif(pixels: Pixels, orientation: int) -> bytes:
    """Wrap a plain WebP into the extended container."""
    height, width = pixels.shape
    plain = encoded(".webp", pixels, *LOSSLESS_WEBP)[12:]
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + size
    data = exif(orientation)
    content = b"WEBP" + extended + plain + b"EXIF" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_of_either_byte_order_and_either_zero(*, dtype: type, big_endian: bool) -> None:
    pixels = shades(dtype=dtype)
    white_is_zero = np.iinfo(dtype).max - pixels
    for data in (
        tiff(pixels, big_endian=big_endian),
        tiff(white_is_zero, photometric=0, big_endian=big_endian),
    ):
        np.testing.assert_array_equal(read(data).pixels, pixels)


def test_a_film_of_12_bits_in_a_file_of_16_is_not_black() -> None:
    pixels = shades(dtype=np.uint16) // np.uint16(16)
    frame = read(encoded(".png", pixels))
    assert frame.notes == (UNUSED_BITS.format(bits=12),)
    assert frame.bits == 12
    assert frame.pixels.max() == 65535
    np.testing.assert_array_equal(frame.pixels, pixels.astype(np.uint32) * 65535 // 4095)


def test_of_several_pages_the_first_is_read_with_a_note() -> None:
    pixels = shades()
    frame = read(tiff(pixels, pages=3))
    assert frame.notes == (FIRST_PAGE.format(pages=3),)
    np.testing.assert_array_equal(frame.pixels, pixels)


def test_a_blank_film_is_read_with_a_note() -> None:
    assert read(encoded(".png", np.full((64, 64), 7, np.uint8))).notes == (BLANK,)


def test_a_jpeg_in_four_inks_is_read() -> None:
    # As Adobe writes it: 255 is no ink.
    inks = np.full((64, 64, 4), 255, np.uint8)
    inks[..., 3] = shades(64, 64)
    data = simplejpeg.encode_jpeg(inks, quality=100, colorspace="CMYK", colorsubsampling="444")
    np.testing.assert_allclose(read(data).pixels, shades(64, 64), atol=4)


def test_a_name_means_nothing_and_content_everything() -> None:
    assert read(encoded(".bmp", shades())).media_type == "image/bmp"
    assert read(encoded(".webp", shades())).media_type == "image/webp"
