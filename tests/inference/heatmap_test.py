from typing import Any

import cv2
import numpy as np
import pytest

from services.inference.heatmap import Placement, heatmap_png


def drawn(evidence: object, placement: Placement | None = None) -> Any:
    values = np.asarray(evidence, np.float32)
    png = heatmap_png(values, placement=placement, input_width=224, input_height=224)
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def test_evidence_maps_to_the_same_grey_scale_for_all_images() -> None:
    picture = drawn([[0.0, 0.5], [1.0, 0.25]])
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, [[0, 128], [255, 64]])


def test_values_outside_the_scale_are_clipped() -> None:
    np.testing.assert_array_equal(drawn([[-1.0, 2.0, float("nan")]]), [[0, 255, 0]])


def test_each_cell_becomes_one_pixel() -> None:
    evidence = np.random.default_rng(0).random((5, 9), np.float32)
    np.testing.assert_array_equal(drawn(evidence), np.rint(evidence * 255))


def test_padding_beside_a_narrow_film_is_black() -> None:
    # 8 cells of 28 pixels, centred at 14, 42, 70 ... 182, 210; the film spans columns 42 to 182.
    picture = drawn(np.ones((8, 8)), Placement(x=42, y=0, width=140, height=224))
    np.testing.assert_array_equal(picture, [[0, 255, 255, 255, 255, 255, 0, 0]] * 8)


def test_padding_above_a_wide_film_is_black() -> None:
    picture = drawn(np.ones((8, 8)), Placement(x=0, y=112, width=224, height=112))
    assert not picture[:4].any()
    assert (picture[4:] == 255).all()


@pytest.mark.parametrize("side", [7, 28])
def test_a_heatmap_is_small(side: int) -> None:
    evidence = np.random.default_rng(0).random((side, side), np.float32)
    png = heatmap_png(evidence, placement=None, input_width=224, input_height=224)
    assert len(png) < 1000
