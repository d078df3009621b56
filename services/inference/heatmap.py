"""The picture of where a model found its evidence."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

_QUICK = 1  # a few hundred bytes are not worth more


@dataclass(frozen=True)
class Placement:
    """Where the film lies on the model's input, in pixels of the input; the rest is padding."""

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
    """Draw evidence of 0 to 1 as a grey PNG that covers the whole input of the model.

    One pixel for each cell of `evidence` [rows, columns]: whoever shows it stretches it over the
    input and lays the film where `placement` says. Cells whose centre lies on padding are black:
    what the model sees there is no finding. The scale is the same for all images, so two heatmaps
    can be compared.
    """
    rows, columns = evidence.shape
    # fmax and fmin take the number where the other one is NaN.
    grey = (np.fmin(np.fmax(evidence, 0.0), 1.0) * 255.0 + 0.5).astype(np.uint8)
    if placement is not None:
        grey *= _film(rows, columns, placement, input_width, input_height)
    _, encoded = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, _QUICK])
    return encoded.tobytes()


@lru_cache(maxsize=256)
def _film(
    rows: int, columns: int, placement: Placement, input_width: int, input_height: int
) -> npt.NDArray[np.uint8]:
    """Return 1 for the cells on the film, 0 for padding; films of one device lie alike."""
    return np.outer(
        _inside(rows, input_height, placement.y, placement.height),
        _inside(columns, input_width, placement.x, placement.width),
    )


def _inside(cells: int, size: int, start: int, length: int) -> npt.NDArray[np.uint8]:
    centres = (np.arange(cells) + 0.5) * (size / cells)
    return ((centres >= start) & (centres < start + length)).astype(np.uint8)
