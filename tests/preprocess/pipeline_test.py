"""From the bytes of a file to the model's frame, the preview, and how the two lie together."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom import uid

from services.preprocess.decode import decode
from services.preprocess.enhance import PipelineSettings, enhance, enhance_and_fit, place
from services.preprocess.film import Grey, Limits
from services.preprocess.pipeline import NO_PREVIEW, TINY, Prepared, prepare
from tests.support.films import CHEST, Pixels, encoded, real_film, shades, tiff, transcoded

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

SETTINGS = PipelineSettings(width=320, height=320, clahe=True)


def prepared(data: bytes, **settings: Any) -> Prepared:
    return prepare(data, replace(SETTINGS, **settings), Limits())


def read_preview(film: Prepared) -> Grey:
    assert film.preview is not None
    picture = cv2.imdecode(np.frombuffer(film.preview, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture.astype(np.uint8)


def test_a_real_film_becomes_a_frame_and_a_preview() -> None:
    film = prepared(real_film(CHEST))
    assert film.pixels.shape == (320, 320)
    assert film.pixels.dtype == np.uint8
    assert film.pixels.flags.c_contiguous
    assert (film.source_width, film.source_height, film.bits) == (1841, 1955, 15)
    assert (film.media_type, film.acquisition.view_position) == ("application/dicom", "PA")
    assert read_preview(film).shape == (1024, 964)
    assert film.notes == ()
    assert film.durations.decode > timedelta(0)
    # The lungs and the shadow between them are there: the film is not nearly all of one grey.
    assert 40 < np.percentile(film.pixels, 25) < np.percentile(film.pixels, 75) < 230


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless])
def test_lossless_encodings_of_a_film_give_the_model_identical_pixels(syntax: uid.UID) -> None:
    film = prepared(transcoded(real_film(CHEST), syntax))
    np.testing.assert_array_equal(film.pixels, prepared(real_film(CHEST)).pixels)


def test_training_sees_exactly_what_the_model_is_given() -> None:
    pixels = decode(real_film(CHEST), Limits()).pixels
    np.testing.assert_array_equal(
        enhance_and_fit(pixels, SETTINGS), prepared(real_film(CHEST)).pixels
    )


@pytest.mark.parametrize("clip_limit", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("tile_grid", [5, 8])
@pytest.mark.parametrize("shape", [(512, 512), (700, 501)])
def test_a_film_looks_the_same_at_16_bits_as_at_8(
    shape: tuple[int, int], clip_limit: float, tile_grid: int
) -> None:
    settings = replace(SETTINGS, clip_limit=clip_limit, tile_grid=tile_grid)
    noise = np.random.default_rng(0).normal(0, 6, shape)
    pixels: Grey = (shades(*shape) * 0.5 + 60 + noise).clip(0, 255).astype(np.uint8)
    shallow = enhance(pixels, settings)
    deep = enhance(pixels.astype(np.uint16) * np.uint16(257), settings)
    assert np.abs(shallow.astype(int) - deep).max() <= 1


def test_a_real_film_of_15_bits_is_not_washed_out() -> None:
    """OpenCV's own CLAHE at 16 bits makes nearly all of it white."""
    pixels = decode(real_film(CHEST), Limits()).pixels
    deep = enhance(pixels, SETTINGS)
    shallow = enhance((pixels // np.uint16(257)).astype(np.uint8), SETTINGS)
    assert np.abs(deep.astype(int) - shallow).mean() < 1.5
    assert np.percentile(deep, 25) < 150


def test_what_8_bits_cannot_tell_apart_is_told_apart_at_16() -> None:
    row = np.linspace(30_000, 30_000 + 5 * 257, 512).astype(np.uint16)
    deep = np.repeat(row[np.newaxis], 512, axis=0)
    shallow = (deep // np.uint16(257)).astype(np.uint8)
    settings = replace(SETTINGS, tile_grid=1)
    assert len(np.unique(enhance(shallow, settings))) <= 6
    assert len(np.unique(enhance(deep, settings))) >= 12


def test_8_bits_are_equalised_at_8_bits_with_the_settings() -> None:
    pixels = shades(512, 512)
    for clip_limit, tile_grid in ((2.0, 8), (4.0, 4)):
        settings = replace(SETTINGS, clip_limit=clip_limit, tile_grid=tile_grid)
        expected = cv2.createCLAHE(clip_limit, (tile_grid, tile_grid)).apply(pixels)
        np.testing.assert_array_equal(enhance(pixels, settings), expected)


def test_without_clahe_greys_are_only_scaled() -> None:
    settings = replace(SETTINGS, clahe=False)
    np.testing.assert_array_equal(enhance(shades(), settings), shades())
    deep = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    np.testing.assert_array_equal(enhance(deep, settings), [[0, 1, 128, 255]])


def test_threads_do_not_disturb_each_other() -> None:
    films = [shades(500 + 30 * n, 480, dtype=np.uint16) for n in range(4)]
    expected = [enhance_and_fit(film, SETTINGS) for film in films]
    wrong: list[int] = []

    def work(number: int) -> None:
        mine = [enhance_and_fit(films[number], SETTINGS) for _ in range(5)]
        wrong.extend(number for each in mine if not np.array_equal(each, expected[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (640, 640, (0, 0, 320, 320)),
        (640, 320, (0, 80, 320, 160)),
        (1841, 1955, (9, 0, 301, 320)),
        (10, 10, (0, 0, 320, 320)),
        (60_000, 20, (0, 159, 320, 1)),
        (1, 5000, (159, 0, 1, 320)),
    ],
)
def test_the_film_keeps_its_shape_in_the_middle_of_the_frame(
    width: int, height: int, expected: tuple[int, ...]
) -> None:
    placed = place(width, height, SETTINGS)
    assert (placed.left, placed.top, placed.width, placed.height) == expected


def test_what_is_around_the_film_is_black() -> None:
    film = prepared(encoded(".png", np.full((200, 400), 255, np.uint8)), clahe=False)
    left, top = film.placement.left, film.placement.top
    inside = film.pixels[top : top + film.placement.height, left : left + film.placement.width]
    assert inside.min() == 255
    assert film.pixels.astype(int).sum() == inside.astype(int).sum()


def test_a_heatmap_can_be_laid_over_the_preview() -> None:
    """A bright spot is found at the same part of the preview, by the placement, as of the film."""
    pixels = np.zeros((900, 1500), np.uint8)
    pixels[600:660, 300:360] = 255  # its centre at 0.7 of the height and 0.22 of the width
    film = prepared(encoded(".png", pixels), clahe=False)
    preview = read_preview(film)
    rows, columns = np.nonzero(preview > 128)
    on_preview = rows.mean() / preview.shape[0], columns.mean() / preview.shape[1]
    rows, columns = np.nonzero(film.pixels > 64)
    placed = film.placement
    on_frame = (
        (rows.mean() - placed.top) / placed.height,
        (columns.mean() - placed.left) / placed.width,
    )
    np.testing.assert_allclose(on_preview, (0.7, 0.22), atol=0.01)
    np.testing.assert_allclose(on_frame, (0.7, 0.22), atol=0.01)


def test_going_by_way_of_the_reading_size_is_as_good_as_one_step() -> None:
    film = enhance(decode(real_film(CHEST), Limits()).pixels, SETTINGS)
    for side in (224, 320, 384, 512):
        settings = replace(SETTINGS, width=side, height=side)
        placed = place(film.shape[1], film.shape[0], settings)
        direct = cv2.resize(film, (placed.width, placed.height), interpolation=cv2.INTER_AREA)
        frame = enhance_and_fit(film, replace(settings, clahe=False))
        cut = frame[placed.top :, placed.left : placed.left + placed.width][: placed.height]
        difference = np.abs(cut.astype(int) - direct.astype(int))
        assert difference.mean() < 0.3
        assert difference.max() <= 8


def test_the_preview_does_not_change_what_the_model_is_given() -> None:
    films = [prepared(real_film(CHEST), preview_side=side) for side in (0, 400, 1024, 1500)]
    assert films[0].preview is None
    assert NO_PREVIEW not in films[0].notes
    assert [max(read_preview(film).shape) for film in films[1:]] == [400, 1024, 1500]
    for film in films[1:]:
        np.testing.assert_array_equal(film.pixels, films[0].pixels)


def test_a_small_film_is_not_enlarged_in_the_preview_and_noted_where_it_is_tiny() -> None:
    film = prepared(encoded(".png", shades(200, 120)))
    assert read_preview(film).shape == (200, 120)
    assert film.notes == ()
    assert prepared(encoded(".png", shades(40, 90))).notes == (TINY.format(width=90, height=40),)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (5, 3), (9, 2000)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_film_of_any_shape_gets_through(shape: tuple[int, int], dtype: type) -> None:
    pixels: Pixels = np.random.default_rng(0).integers(0, 250, shape).astype(dtype)
    film = prepared(tiff(pixels))
    assert film.pixels.shape == (320, 320)
    assert film.preview is not None


def test_a_preview_that_fails_costs_a_note_and_not_the_film(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = prepared(real_film(CHEST))

    def fail(*_: object) -> None:
        raise cv2.error

    monkeypatch.setattr(cv2, "imencode", fail)
    film = prepared(real_film(CHEST))
    assert film.preview is None
    assert film.notes == (NO_PREVIEW,)
    np.testing.assert_array_equal(film.pixels, expected.pixels)


def test_opencv_keeps_to_one_thread() -> None:
    assert cv2.getNumThreads() == 1
