"""The array part: a grey film of 8 or 16 bit in, the frame that a model reads out.

Model training imports `enhance_and_fit`, so that a model learns from exactly what it will be given.

Films are enhanced at their full size: at a smaller one CLAHE would equalise another picture. They
are then reduced once, by area, to the reading size, and from there to the model's frame. Going by
way of the reading size lets the preview share the costly first step. Against one direct step a
pixel differs by 0.2 grey levels on average, 7 of 255 at most (1955 x 1841 film to 384 x 384).
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from services.preprocess.clahe import equalise
from services.preprocess.film import Grey, Pixels

# One film, one core: the worker's threads carry several films, OpenCV's pool would fight with them.
cv2.setNumThreads(1)

# Longest side, in pixels, of the film between enhancement and the model's frame.
# It is no setting, because a model's pixels would change with it.
_READING_SIDE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """What is done to a film between decoding and the model."""

    width: int  # of the model's frame, pixels
    height: int  # of the model's frame, pixels
    clahe: bool
    clip_limit: float = 2.0  # times the mean height of a tile's histogram
    tile_grid: int = 8  # tiles along each side
    preview_side: int = 1024  # longest side of the preview, pixels; 0 makes none
    preview_quality: int = 85  # JPEG, 1 to 100

    @property
    def reading_side(self) -> int:
        """The longest side of the film between enhancement and the model's frame."""
        return max(_READING_SIDE, 2 * self.width, 2 * self.height)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the film lies in the model's frame, in the frame's pixels; the rest is black.

    The film keeps its shape and is centred. To lay a heatmap over a film or its preview: stretch
    the heatmap to the frame, cut this rectangle out, stretch that over the picture.
    """

    left: int
    top: int
    width: int
    height: int


def place(source_width: int, source_height: int, settings: PipelineSettings) -> Placement:
    """Say where a film of this size lies in the model's frame."""
    scale = min(settings.width / source_width, settings.height / source_height)
    width = min(settings.width, max(1, round(source_width * scale)))
    height = min(settings.height, max(1, round(source_height * scale)))
    left, top = (settings.width - width) // 2, (settings.height - height) // 2
    return Placement(left=left, top=top, width=width, height=height)


def enhance(pixels: Pixels, settings: PipelineSettings) -> Grey:
    """Equalise the contrast at the film's own depth, if asked, and bring it to 8 bit."""
    if settings.clahe:
        return equalise(pixels, clip_limit=settings.clip_limit, tile_grid=settings.tile_grid)
    if pixels.dtype == np.uint16:
        return cast("Grey", cv2.convertScaleAbs(pixels, alpha=1 / 257))  # 65535 becomes 255
    return cast("Grey", pixels)


def shrink(film: Grey, longest_side: int) -> Grey:
    """Reduce by area so that the longest side is at most this; a smaller film stays as it is."""
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
    """Make the model's frame, `[settings.height, settings.width]`, of grey pixels `[h, w]`."""
    height, width = pixels.shape
    reading = shrink(enhance(pixels, settings), settings.reading_side)
    return fit(reading, place(width, height, settings), settings)


def _resize(film: Grey, width: int, height: int) -> Grey:
    if film.shape == (height, width):
        return film
    # Area averages what it reduces; where it enlarges it has nothing to average and shows blocks.
    enlarges = width > film.shape[1] or height > film.shape[0]
    how = cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
    return cast("Grey", cv2.resize(film, (width, height), interpolation=how))
