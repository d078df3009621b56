"""Pictures that are not frontal chest radiographs, made without a second data set.

The gate learns from rotated, shuffled and cropped films, from photographs that ship with
scikit-image, and from drawn noise, shapes, bones and text. It is tested with pictures it has never
seen: a real leg, CT, MR and other photographs.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.random import Generator

from models.training.augment import happens
from models.training.data import Grey

SIDE = 320  # of drawn pictures, in pixels; the same as that of the films

TRAINING_PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg",
    "ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "text.png",
)  # fmt: skip
HELD_OUT_PHOTOGRAPHS = (
    "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "color.png",
    "microaneurysms.png", "phantom.png", "rocket.jpg",
)  # fmt: skip


@cache
def photograph(name: str) -> Grey:
    """Read a picture that ships with scikit-image, in greyscale."""
    pixels = cv2.imread(str(Path(skimage.__file__).parent / "data" / name), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise FileNotFoundError(name)
    return np.asarray(pixels, np.uint8)


def _turned(film: Grey, rng: Generator) -> Grey:
    return np.ascontiguousarray(np.rot90(film, int(rng.integers(1, 4))))


def _upside_down(film: Grey, _rng: Generator) -> Grey:
    return np.ascontiguousarray(film[::-1])


def _part(film: Grey, rng: Generator) -> Grey:
    """Crop to 20 to 40 % of each side, too little to contain both lungs."""
    return _random_box(film, rng.uniform(0.2, 0.4), rng)


def _random_box(film: Grey, share: float, rng: Generator) -> Grey:
    height, width = (max(16, int(side * share)) for side in film.shape)
    top = int(rng.integers(0, max(1, film.shape[0] - height)))
    left = int(rng.integers(0, max(1, film.shape[1] - width)))
    piece = film[top : top + height, left : left + width]
    grown = cv2.resize(piece, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(grown, np.uint8)


def _shuffled(film: Grey, rng: Generator) -> Grey:
    """Shuffle the tiles of a 2 x 2 or 3 x 3 grid."""
    count = int(rng.integers(2, 4))
    side = SIDE // count
    square = cv2.resize(film, (side * count, side * count), interpolation=cv2.INTER_AREA)
    tiles = [t for row in np.split(square, count) for t in np.split(row, count, axis=1)]
    order = np.roll(np.arange(len(tiles)), int(rng.integers(1, len(tiles) - 1)))
    if happens(rng, 0.5):
        order = rng.permutation(order[::-1])
    mixed = [tiles[index] for index in order]
    rows = [np.hstack(mixed[row * count : (row + 1) * count]) for row in range(count)]
    return np.vstack(rows)


def _several(film: Grey, rng: Generator) -> Grey:
    """Tile copies of the film, like a screenshot of a viewer."""
    count = int(rng.integers(2, 5))
    small = cv2.resize(film, (SIDE // count, SIDE // count), interpolation=cv2.INTER_AREA)
    return np.tile(small, (count, count if happens(rng, 0.7) else 2))


def _noise(_film: Grey, rng: Generator) -> Grey:
    """Draw noise of random smoothness, from white noise to clouds."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = 1 / SIDE
    spectrum = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / frequency ** rng.uniform(0, 2.2)
    field = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    return _to_grey(field, rng)


def _to_grey(field: np.ndarray, rng: Generator) -> Grey:
    low, high = np.percentile(field, [rng.uniform(0, 5), rng.uniform(95, 100)])
    return np.clip((field - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)


def _shapes(_film: Grey, rng: Generator) -> Grey:
    """Draw ellipses and boxes, as seen in phantoms, slices and user interfaces."""
    drawn = np.full((SIDE, SIDE), int(rng.integers(0, 256)), np.uint8)
    for _ in range(rng.integers(0, 9)):
        centre = tuple(int(value) for value in rng.integers(0, SIDE, 2))
        axes = tuple(int(value) for value in rng.integers(8, 150, 2))
        ink = int(rng.integers(0, 256))
        if happens(rng, 0.7):
            cv2.ellipse(drawn, centre, axes, float(rng.uniform(0, 180)), 0, 360, ink, -1)
        else:
            corner = (centre[0] + axes[0], centre[1] + axes[1])
            cv2.rectangle(drawn, centre, corner, ink, -1)
    soft = cv2.GaussianBlur(drawn, (0, 0), rng.uniform(0.3, 6))
    return _grainy(np.asarray(soft, np.uint8), rng)


def _bones(_film: Grey, rng: Generator) -> Grey:
    """Draw limbs: soft cylinders that contain bright bones with joints."""
    drawn = np.zeros((SIDE, SIDE), np.float32)
    angle = rng.normal(0, 0.35) + (np.pi / 2 if happens(rng, 0.3) else 0)
    for _ in range(rng.integers(1, 4)):
        middle = rng.uniform(0.25, 0.75) * SIDE
        flesh = rng.uniform(40, 130)
        _limb(
            drawn, rng, middle=middle, angle=angle, width=flesh,
            strength=rng.uniform(0.15, 0.4),
        )  # fmt: skip
        for _ in range(rng.integers(1, 3)):
            beside = middle + rng.uniform(-0.3, 0.3) * flesh
            _limb(
                drawn, rng, middle=beside, angle=angle,
                width=flesh * rng.uniform(0.12, 0.4), strength=0.45,
            )  # fmt: skip
    soft = cv2.GaussianBlur(np.clip(drawn, 0, 1), (0, 0), rng.uniform(0.6, 2.5))
    return _grainy(_to_grey(np.asarray(soft, np.float32), rng), rng)


def _limb(
    drawn: np.ndarray,
    rng: Generator,
    *,
    middle: float,
    angle: float,
    width: float,
    strength: float,
) -> None:
    """Add a cylinder that is thicker at the joint and brighter in its wall or its core."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    along = (rows - SIDE / 2) * np.cos(angle) + (columns - middle) * np.sin(angle)
    across = (columns - middle) * np.cos(angle) - (rows - SIDE / 2) * np.sin(angle)
    joint = rng.uniform(-0.4, 0.4) * SIDE
    radius = width / 2 * (1 + 0.6 * np.exp(-(((along - joint) / (0.15 * SIDE)) ** 2)))
    depth = np.sqrt(np.clip(1 - (across / radius) ** 2, 0, 1))
    wall = (np.abs(across) < radius) * (1.2 - depth) if happens(rng, 0.4) else depth
    drawn += strength * wall.astype(np.float32)


def _text(_film: Grey, rng: Generator) -> Grey:
    """Draw a page of text, like a report that was scanned into a study."""
    dark = happens(rng, 0.3)
    page = np.full((SIDE, SIDE), 20 if dark else 240, np.uint8)
    size = float(rng.uniform(0.3, 0.9))
    for line in range(int(rng.integers(3, 20))):
        words = "".join(rng.choice(list("abcdefgh iklmnoprstu w"), 40))
        place = (int(rng.integers(0, 40)), int((line + 1) * 34 * size))
        cv2.putText(page, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, 230 if dark else 10, 1)
    return page


def _photograph(_film: Grey, rng: Generator) -> Grey:
    picture = photograph(str(rng.choice(TRAINING_PHOTOGRAPHS)))
    piece = _random_box(picture, rng.uniform(0.35, 1), rng)
    return piece if happens(rng, 0.8) else 255 - piece


def _grainy(picture: Grey, rng: Generator) -> Grey:
    grain = rng.normal(0, rng.uniform(0, 10), picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


# What the gate learns from; photographs stand for everything that is not drawn here.
KINDS: Mapping[str, Callable[[Grey, Generator], Grey]] = {
    "on its side or head": _turned,
    "upside down": _upside_down,
    "a part of a film": _part,
    "shuffled tiles": _shuffled,
    "a sheet of films": _several,
    "noise": _noise,
    "shapes": _shapes,
    "drawn bones": _bones,
    "text": _text,
    "photographs": _photograph,
}
_SHARES = (2, 1, 2, 1, 1, 1, 1, 2, 1, 3)  # relative frequencies of the kinds, in the same order


def negative(film: Grey, rng: Generator) -> Grey:
    """Make one picture that must not pass the gate, from the film if the kind uses one."""
    kinds = [
        kind for kind, share in zip(KINDS.values(), _SHARES, strict=True) for _ in range(share)
    ]
    return kinds[rng.integers(len(kinds))](film, rng)
