"""Turns a grey film of 8 or 16 bits into the frame that a model evaluates.

Model training imports `enhance_and_fit`, so that a model is trained on exactly what it will get.

Films are enhanced at full size, because at a smaller size CLAHE would equalise a different picture.
They are then reduced once, by area, to the reading size, and from there to the model's frame. With
the intermediate size, the preview shares the expensive first step. Compared with one direct step, a
pixel differs by 0.2 grey levels on average and by at most 7 of 255 (1955 x 1841 film to 384 x 384).
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from services.preprocess.clahe import equalise
from services.preprocess.film import Grey, Pixels

# One core per film: the threads of the worker process several films, and OpenCV's would compete.
cv2.setNumThreads(1)

# Longest side, in pixels, of the film between enhancement and the model's frame.
# Not a setting, because it affects the pixels that a model gets.
_READING_SIDE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """How a film is processed between decoding and the model."""

    width: int  # of the model's frame, pixels
    height: int  # of the model's frame, pixels
    clahe: bool
    clip_limit: float = 2.0  # a multiple of the mean height of a tile's histogram
    tile_grid: int = 8  # tiles along each side
    preview_side: int = 1024  # longest side of the preview, pixels; 0: no preview
    preview_quality: int = 85  # JPEG, 1 to 100

    @property
    def reading_side(self) -> int:
        """The longest side of the film between enhancement and the model's frame."""
        return max(_READING_SIDE, 2 * self.width, 2 * self.height)


@dataclass(frozen=True, slots=True)
class Placement:
    """Position of the film in the model's frame, in pixels of the frame; the rest is black.

    The film keeps its aspect ratio and is centred. To overlay a heatmap on a film or its preview,
    stretch the heatmap to the frame, crop this rectangle, and stretch it over the picture.
    """

    left: int
    top: int
    width: int
    height: int


def place(source_width: int, source_height: int, settings: PipelineSettings) -> Placement:
    """Return the position of a film of this size in the model's frame."""
    scale = min(settings.width / source_width, settings.height / source_height)
    width = min(settings.width, max(1, round(source_width * scale)))
    height = min(settings.height, max(1, round(source_height * scale)))
    left, top = (settings.width - width) // 2, (settings.height - height) // 2
    return Placement(left=left, top=top, width=width, height=height)


def enhance(pixels: Pixels, settings: PipelineSettings) -> Grey:
    """Equalise the contrast at the depth of the film, if requested, and reduce it to 8 bits."""
    if settings.clahe:
        return equalise(pixels, clip_limit=settings.clip_limit, tile_grid=settings.tile_grid)
    if pixels.dtype == np.uint16:
        return cast("Grey", cv2.convertScaleAbs(pixels, alpha=1 / 257))  # 65535 becomes 255
    return cast("Grey", pixels)


def shrink(film: Grey, longest_side: int) -> Grey:
    """Reduce by area to this longest side; a smaller film is returned unchanged."""
    height, width = film.shape
    scale = longest_side / max(height, width)
    if scale >= 1:
        return film
    return _resize(film, max(1, round(width * scale)), max(1, round(height * scale)))


def fit(reading: Grey, placement: Placement, settings: PipelineSettings) -> Grey:
    """Resize to the placement, centred on black: uint8 `[settings.height, settings.width]`."""
    film = _resize(reading, placement.width, placement.height)
    if film.shape == (settings.height, settings.width):
        return film
    frame: Grey = np.zeros((settings.height, settings.width), np.uint8)
    rows = slice(placement.top, placement.top + placement.height)
    columns = slice(placement.left, placement.left + placement.width)
    frame[rows, columns] = film
    return frame


def enhance_and_fit(pixels: Pixels, settings: PipelineSettings) -> Grey:
    """Return the model's frame, `[settings.height, settings.width]`, for pixels `[h, w]`."""
    height, width = pixels.shape
    reading = shrink(enhance(pixels, settings), settings.reading_side)
    return fit(reading, place(width, height, settings), settings)


def _resize(film: Grey, width: int, height: int) -> Grey:
    if film.shape == (height, width):
        return film
    # INTER_AREA averages when it reduces; when it enlarges, it would produce blocks.
    enlarges = width > film.shape[1] or height > film.shape[0]
    how = cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
    return cast("Grey", cv2.resize(film, (width, height), interpolation=how))
