"""CLAHE at the full depth of a film: by OpenCV for 8 bits, and by this module for 16 bits.

OpenCV's CLAHE makes films of 16 bits nearly white (docs/decisions/0003). Here the histogram has 256
bins, as for 8 bits, and only the curve through it, which maps the grey values, has 65,536 steps. So
a film of 16 bits looks like its copy of 8 bits, but without banding.
"""

import threading
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from services.preprocess.film import Grey, Pixels

Floats = NDArray[np.float32]
Words = NDArray[np.uint16]

_BINS = 256
_STEP = 257  # 16-bit values per 8-bit value: 255 * 257 = 65535
_WHITE = 65535
_WITHIN_STEP: Floats = np.arange(_STEP, dtype=np.float32) / np.float32(_STEP)

# One per thread: OpenCV's object must not be shared, and allocating the curves (8 MB) is slow.
_local = threading.local()


def equalise(pixels: Pixels, *, clip_limit: float, tile_grid: int) -> Grey:
    """Equalise the contrast of a film locally and with a limit; the result has 8 bits.

    `clip_limit` is a multiple of the mean height of a tile's histogram; `tile_grid` is the number
    of tiles along each side.
    """
    if pixels.dtype == np.uint8:
        return cast("Grey", _opencv(clip_limit, tile_grid).apply(pixels))
    curves, tile_height, tile_width = _curves(cast("Words", pixels), clip_limit, tile_grid)
    height, width = pixels.shape
    rows = _spans(height, tile_height, tile_grid)
    columns = _spans(width, tile_width, tile_grid)
    # Most cells have the same size and blend in the same way; weights are computed once per kind.
    kinds: dict[tuple[int, int, int, int], list[tuple[int, int, Words]]] = {}
    equalised: Grey = np.empty(pixels.shape, np.uint8)
    for row in rows:
        for column in columns:
            weights = kinds.setdefault((*row.kind, *column.kind), [])
            if not weights:
                weights.extend(_weights(row, column))
            cell = pixels[row.start : row.stop, column.start : column.stop]
            blended: Floats = np.zeros(cell.shape, np.float32)
            for down, right, weight in weights:
                curve = curves[(row.tile + down) * tile_grid + column.tile + right]
                cv2.accumulateProduct(cv2.LUT(cell, curve), weight, blended)
            equalised[row.start : row.stop, column.start : column.stop] = cv2.convertScaleAbs(
                blended, alpha=1 / (_STEP * _WHITE)
            )
    return equalised


@dataclass(frozen=True, slots=True)
class _Span:
    """A range along one side that is influenced by the same one or two tiles."""

    start: int
    stop: int
    tile: int  # the first of these
    shares: tuple[Floats, ...]  # of each tile, for every pixel of the range

    @property
    def kind(self) -> tuple[int, int]:
        """A key that is equal for spans with equal shares."""
        return self.stop - self.start, len(self.shares)


def _spans(length: int, tile: int, tiles: int) -> list[_Span]:
    """Split a side at the centres of its tiles; at both ends a single tile counts."""
    spans = []
    for before in range(-1, tiles):
        start = max(0, -(-(2 * before + 1) * tile // 2))
        stop = min(length, -(-(2 * before + 3) * tile // 2)) if before < tiles - 1 else length
        if start >= stop:
            continue
        if before in (-1, tiles - 1):
            alone: Floats = np.ones(stop - start, np.float32)
            spans.append(_Span(start, stop, max(before, 0), (alone,)))
            continue
        place = np.arange(start, stop, dtype=np.float32) / np.float32(tile)
        second: Floats = place - np.float32(before + 0.5)
        spans.append(_Span(start, stop, before, (1 - second, second)))
    return spans


def _weights(row: _Span, column: _Span) -> list[tuple[int, int, Words]]:
    """Return the tiles of a cell, as offsets down and right from the first, with weights."""
    return [
        (down, right, (np.multiply.outer(above, beside) * _WHITE + 0.5).astype(np.uint16))
        for down, above in enumerate(row.shares)
        for right, beside in enumerate(column.shares)
    ]


def _curves(pixels: Words, clip_limit: float, tile_grid: int) -> tuple[Words, int, int]:
    """Return the curve of each tile, `[tiles, 65536]`, row by row, and the size of a tile."""
    counts, tile_height, tile_width = _histograms(pixels, tile_grid)
    tile_pixels = tile_height * tile_width
    _limit(counts, max(int(clip_limit * tile_pixels / _BINS), 1))
    knots: Floats = (np.cumsum(counts, axis=1) * (_WHITE / tile_pixels)).astype(np.float32)
    np.minimum(knots, _WHITE, out=knots)
    curves = _curve_buffer(tile_grid)
    rises: Floats = np.diff(knots, axis=1)
    between: Floats = np.empty((_BINS - 1, _STEP), np.float32)
    for curve, knot, rise in zip(curves, knots, rises, strict=True):
        np.multiply(rise[:, np.newaxis], _WITHIN_STEP, out=between)
        between += knot[:-1, np.newaxis]
        curve[:_WHITE] = between.ravel()
        curve[_WHITE] = knot[-1]
    return curves, tile_height, tile_width


def _limit(counts: Floats, limit: int) -> None:
    """Clip histograms and distribute the excess over all bins, with OpenCV's arithmetic."""
    clipped = np.maximum(counts - limit, 0).sum(axis=1)
    shares, rests = np.divmod(clipped.astype(np.int64), _BINS)
    np.minimum(counts, limit, out=counts)
    counts += shares[:, np.newaxis]
    for tile in np.flatnonzero(rests):
        step = max(_BINS // int(rests[tile]), 1)
        counts[tile, : int(rests[tile]) * step : step] += 1


def _histograms(pixels: Words, tile_grid: int) -> tuple[Floats, int, int]:
    """Return the histogram of each tile, `[tiles, 256]`, and the size of a tile."""
    shallow = cv2.convertScaleAbs(pixels, alpha=1 / _STEP)
    height, width = pixels.shape
    if height % tile_grid or width % tile_grid:
        # Like OpenCV for 8 bits: both sides are extended if one has to be.
        below, beside = tile_grid - height % tile_grid, tile_grid - width % tile_grid
        shallow = cv2.copyMakeBorder(shallow, 0, below, 0, beside, cv2.BORDER_REFLECT_101)
    tile_height, tile_width = shallow.shape[0] // tile_grid, shallow.shape[1] // tile_grid
    counts: Floats = np.empty((tile_grid * tile_grid, _BINS), np.float32)
    for number in range(tile_grid * tile_grid):
        top, left = number // tile_grid * tile_height, number % tile_grid * tile_width
        tile = shallow[top : top + tile_height, left : left + tile_width]
        counts[number] = cv2.calcHist([tile], [0], None, [_BINS], [0, _BINS]).ravel()
    return counts, tile_height, tile_width


def _curve_buffer(tile_grid: int) -> Words:
    """Return the curve buffer of this thread."""
    curves: Words | None = getattr(_local, "curves", None)
    if curves is None or len(curves) != tile_grid * tile_grid:
        curves = np.empty((tile_grid * tile_grid, _WHITE + 1), np.uint16)
        _local.curves = curves
    return curves


def _opencv(clip_limit: float, tile_grid: int) -> cv2.CLAHE:
    """Return the CLAHE object of this thread for 8 bits."""
    key = (clip_limit, tile_grid)
    if getattr(_local, "key", None) != key:
        _local.key = key
        _local.opencv = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=(tile_grid,) * 2)
    return cast("cv2.CLAHE", _local.opencv)
