"""Draws where a model found its evidence."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

_COMPRESSION = 1  # more effort would save a few hundred bytes


@dataclass(frozen=True)
class Placement:
    """Position of the film on the model's input, in pixels of the input; the rest is padding."""

    x: int
    y: int
    width: int
    height: int


def heatmap_png(
    evidence: npt.NDArray[np.float32],
    *,
    placement: Placement | None,
    input_width: int,
    input_height: int,
) -> bytes:
    """Draw evidence from 0 to 1 as a greyscale PNG that covers the whole input of the model.

    There is one pixel for each cell of `evidence` [rows, columns]. To show it, stretch it over the
    input and place the film according to `placement`. Cells whose centre is on padding are black,
    because evidence there is not a finding. The scale is the same for all images, so heatmaps can
    be compared.
    """
    rows, columns = evidence.shape
    # fmax and fmin ignore NaN.
    grey = (np.fmin(np.fmax(evidence, 0.0), 1.0) * 255.0 + 0.5).astype(np.uint8)
    if placement is not None:
        grey *= _film(rows, columns, placement, input_width, input_height)
    _, encoded = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
    return encoded.tobytes()


@lru_cache(maxsize=256)
def _film(
    rows: int, columns: int, placement: Placement, input_width: int, input_height: int
) -> npt.NDArray[np.uint8]:
    """Return 1 for cells on the film, 0 for padding; cached, as films of a device are alike."""
    return np.outer(
        _inside(rows, input_height, placement.y, placement.height),
        _inside(columns, input_width, placement.x, placement.width),
    )


def _inside(cells: int, size: int, start: int, length: int) -> npt.NDArray[np.uint8]:
    centres = (np.arange(cells) + 0.5) * (size / cells)
    return ((centres >= start) & (centres < start + length)).astype(np.uint8)
