"""Augmentation: randomly changes what the model must not learn from.

Each step removes a shortcut that was measured in the data: the frame and its letters (crops, bars,
marks), the aspect ratio (stretch), the scanner's tone curve (curve, window), its sharpness (detail)
and the tubes and electrodes of intensive care (lines). All steps precede the system's own
preprocessing, as in production.
"""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

FLAT = 0.05  # of the grey scale; the window of a film with less contrast is not moved


def happens(rng: Generator, share: float) -> bool:
    """Return true with this probability."""
    return bool(rng.random() < share)


def random_view(pixels: Grey, rng: Generator) -> Grey:
    """Make a variant of a film, uint8 `[h, w]`, as uint8 of about the same size."""
    film = _geometry(pixels, rng)
    film = _tone(film, rng)
    film = _detail(film, rng)
    if happens(rng, 0.35):
        film = _lines(film, rng)
    if happens(rng, 0.5):
        film = _marks(film, rng)
    if happens(rng, 0.5):
        film = _bars(film, rng)
    if happens(rng, 0.5):
        film = _jpeg(film, int(rng.integers(25, 95)))
    return film


def _geometry(pixels: Grey, rng: Generator) -> Grey:
    """Crop, stretch, rotate and mirror in a single resampling."""
    height, width = pixels.shape
    part_x, part_y = rng.uniform(0.76, 1.04, 2)
    centre_x = width / 2 + rng.uniform(-1, 1) * max(0.04, 1 - part_x) * width / 2
    centre_y = height / 2 + rng.uniform(-1, 1) * max(0.04, 1 - part_y) * height / 2
    aspect = rng.uniform(0.75, 1.25)  # width to height of the new film
    side = rng.uniform(230, 340)
    new_width, new_height = round(side * min(1, aspect)), round(side * min(1, 1 / aspect))
    angle = np.deg2rad(np.clip(rng.normal(0, 5), -12, 12))
    shear = rng.normal(0, 0.04)
    mirror = -1 if happens(rng, 0.5) else 1
    # Maps pixels of the new film to the old one, as WARP_INVERSE_MAP expects.
    scale = np.diag([mirror * part_x * width / new_width, part_y * height / new_height])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, shear], [0, 1]]) @ scale
    shift = np.array([centre_x, centre_y]) - linear @ np.array([new_width / 2, new_height / 2])
    border = cv2.BORDER_CONSTANT if happens(rng, 0.7) else cv2.BORDER_REPLICATE
    placed = cv2.warpAffine(
        pixels,
        np.column_stack([linear, shift]),
        (new_width, new_height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    return _grey(placed)


def _tone(film: Grey, rng: Generator) -> Grey:
    """Apply a random increasing tone curve: another detector, window or gamma."""
    levels = np.linspace(0, 1, 256)
    low, high = np.percentile(film, [2, 98]) / 255
    if high - low > FLAT and happens(rng, 0.7):
        shift = rng.uniform(-0.18, 0.18) * (high - low)
        gain = np.exp(rng.uniform(-0.5, 0.15)) / (high - low)
        levels = np.clip((levels - low - shift) * gain + rng.uniform(0, 0.1), 0, 1)
    levels = levels ** np.exp(rng.normal(0, 0.35))
    knots = np.sort(rng.uniform(0, 1, 3))
    rising = np.interp(levels, [0, 0.25, 0.5, 0.75, 1], [0, *knots, 1])
    share = rng.uniform(0, 0.6)
    levels = (1 - share) * levels + share * rising
    floor, ceiling = rng.uniform(0, 0.15), rng.uniform(0.8, 1)
    curve = np.rint(255 * (floor + (ceiling - floor) * levels)).astype(np.uint8)
    return _grey(cv2.LUT(film, curve))


def _detail(film: Grey, rng: Generator) -> Grey:
    """Reduce or exaggerate sharpness, and add the noise of a lower dose."""
    height, width = film.shape
    if happens(rng, 0.4):
        side = rng.uniform(0.4, 0.95)
        small = cv2.resize(
            film, (round(width * side), round(height * side)), interpolation=cv2.INTER_AREA
        )
        film = _grey(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    if happens(rng, 0.3):
        film = _grey(cv2.GaussianBlur(film, (0, 0), rng.uniform(0.4, 1.6)))
    elif happens(rng, 0.35):
        soft = cv2.GaussianBlur(film, (0, 0), rng.uniform(1, 4))
        amount = rng.uniform(0.3, 1.5)
        film = _grey(cv2.addWeighted(film, 1 + amount, soft, -amount, 0))
    if happens(rng, 0.35):
        grain = rng.normal(0, rng.uniform(2, 9), film.shape)
        if happens(rng, 0.5):
            blurred = cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.2))
            grain = np.asarray(blurred, np.float64) * 2
        film = np.clip(film + grain, 0, 255).astype(np.uint8)
    return film


def _lines(film: Grey, rng: Generator) -> Grey:
    """Draw tubes, leads and electrodes on any film, so that they predict no label."""
    height, width = film.shape
    drawn = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        start, end = rng.uniform(0, 1, (2, 2)) * [width, height]
        bend = (start + end) / 2 + rng.normal(0, 0.25, 2) * [width, height]
        steps = np.linspace(0, 1, 24)[:, None]
        curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * end
        points = curve.round().astype(np.int32).reshape(-1, 1, 2)
        thickness = int(rng.integers(1, 4))
        strength = float(rng.uniform(0.15, 0.8))
        cv2.polylines(drawn, [points], isClosed=False, color=strength, thickness=thickness)
    for _ in range(rng.integers(0, 4)):
        x, y = (rng.uniform(0, 1, 2) * [width, height]).astype(int)
        size = int(rng.integers(2, 8))
        cv2.circle(drawn, (int(x), int(y)), size, float(rng.uniform(0.2, 0.9)), -1)
    soft = cv2.GaussianBlur(drawn, (0, 0), 0.7)
    bright = 255 if happens(rng, 0.85) else 0
    return np.rint(film * (1 - soft) + bright * soft).astype(np.uint8)


def _marks(film: Grey, rng: Generator) -> Grey:
    """Draw markers, letters and stickers near the rim, where they usually are."""
    height, width = film.shape
    marked = film.copy()
    for _ in range(rng.integers(1, 4)):
        along, across = rng.uniform(0, 1), rng.uniform(0, 0.14)
        place = (along, across) if happens(rng, 0.5) else (across, along)
        x, y = (int(value) for value in np.array(place) * [width, height])
        if happens(rng, 0.5):
            x, y = width - x, height - y
        text = "".join(rng.choice(list("LRABCDEP123(SUPINEportable"), rng.integers(1, 6)))
        ink = int(rng.choice([0, 255, 255, 220]))
        size = float(rng.uniform(0.3, 0.9))
        if happens(rng, 0.3):
            corner = (x + int(12 * size * len(text)), y + int(26 * size))
            cv2.rectangle(marked, (x - 3, y - 3), corner, 255 - ink, -1)
        cv2.putText(
            marked, text, (x, y + int(20 * size)), cv2.FONT_HERSHEY_SIMPLEX, size, ink,
            int(rng.integers(1, 3)), cv2.LINE_AA,
        )  # fmt: skip
    return marked


def _bars(film: Grey, rng: Generator) -> Grey:
    """Cover the rim with bars, as collimators and screenshots do."""
    height, width = film.shape
    barred = film.copy()
    ink = int(rng.choice([0, 0, 0, 255, int(film.mean()), int(rng.integers(256))]))
    top, bottom, left, right = (
        rng.uniform(0, 0.13) if happens(rng, 0.5) else 0.0 for _ in range(4)
    )
    barred[: int(top * height)] = ink
    barred[height - int(bottom * height) :] = ink
    barred[:, : int(left * width)] = ink
    barred[:, width - int(right * width) :] = ink
    return barred


def _jpeg(film: Grey, quality: int) -> Grey:
    """Compress and decompress as JPEG."""
    _, encoded = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _grey(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))


def _grey(film: Any) -> Grey:
    """Declare the type of an OpenCV result, which is that of its input."""
    return np.asarray(film, np.uint8)
