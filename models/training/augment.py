"""One film, many hospitals: what the model must not learn from is changed at random.

Each step takes away a shortcut that was measured in the data: the frame and its letters (crops,
bars, marks), the aspect ratio (stretch), the scanner's tone curve (curve, window), its sharpness
(detail) and the tubes and electrodes of intensive care (lines). All of it happens before the
system's own preprocessing, as in life.
"""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

FLAT = 0.05  # of the grey scale: a film with less contrast has no window to move


def happens(chance: Generator, share: float) -> bool:
    """Toss a coin that falls right in this share of the cases."""
    return bool(chance.random() < share)


def random_view(pixels: Grey, chance: Generator) -> Grey:
    """Make another film of the same chest, uint8 of about the same size, from uint8 `[h, w]`."""
    film = _geometry(pixels, chance)
    film = _tone(film, chance)
    film = _detail(film, chance)
    if happens(chance, 0.35):
        film = _lines(film, chance)
    if happens(chance, 0.5):
        film = _marks(film, chance)
    if happens(chance, 0.5):
        film = _bars(film, chance)
    if happens(chance, 0.5):
        film = _jpeg(film, int(chance.integers(25, 95)))
    return film


def _geometry(pixels: Grey, chance: Generator) -> Grey:
    """Crop, stretch, turn and mirror in one resampling."""
    height, width = pixels.shape
    part_x, part_y = chance.uniform(0.76, 1.04, 2)
    centre_x = width / 2 + chance.uniform(-1, 1) * max(0.04, 1 - part_x) * width / 2
    centre_y = height / 2 + chance.uniform(-1, 1) * max(0.04, 1 - part_y) * height / 2
    aspect = chance.uniform(0.75, 1.25)  # width to height of the new film
    side = chance.uniform(230, 340)
    new_width, new_height = round(side * min(1, aspect)), round(side * min(1, 1 / aspect))
    angle = np.deg2rad(np.clip(chance.normal(0, 5), -12, 12))
    shear = chance.normal(0, 0.04)
    mirror = -1 if happens(chance, 0.5) else 1
    # Maps a pixel of the new film to the old: that is what WARP_INVERSE_MAP wants.
    scale = np.diag([mirror * part_x * width / new_width, part_y * height / new_height])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, shear], [0, 1]]) @ scale
    shift = np.array([centre_x, centre_y]) - linear @ np.array([new_width / 2, new_height / 2])
    border = cv2.BORDER_CONSTANT if happens(chance, 0.7) else cv2.BORDER_REPLICATE
    placed = cv2.warpAffine(
        pixels,
        np.column_stack([linear, shift]),
        (new_width, new_height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    return _grey(placed)


def _tone(film: Grey, chance: Generator) -> Grey:
    """Pass the film through a random rising curve: another detector, window, gamma."""
    levels = np.linspace(0, 1, 256)
    low, high = np.percentile(film, [2, 98]) / 255
    if high - low > FLAT and happens(chance, 0.7):
        shift = chance.uniform(-0.18, 0.18) * (high - low)
        gain = np.exp(chance.uniform(-0.5, 0.15)) / (high - low)
        levels = np.clip((levels - low - shift) * gain + chance.uniform(0, 0.1), 0, 1)
    levels = levels ** np.exp(chance.normal(0, 0.35))
    knots = np.sort(chance.uniform(0, 1, 3))
    rising = np.interp(levels, [0, 0.25, 0.5, 0.75, 1], [0, *knots, 1])
    share = chance.uniform(0, 0.6)
    levels = (1 - share) * levels + share * rising
    floor, ceiling = chance.uniform(0, 0.15), chance.uniform(0.8, 1)
    curve = np.rint(255 * (floor + (ceiling - floor) * levels)).astype(np.uint8)
    return _grey(cv2.LUT(film, curve))


def _detail(film: Grey, chance: Generator) -> Grey:
    """Lose or exaggerate sharpness, and add the noise of a smaller dose."""
    height, width = film.shape
    if happens(chance, 0.4):
        side = chance.uniform(0.4, 0.95)
        small = cv2.resize(
            film, (round(width * side), round(height * side)), interpolation=cv2.INTER_AREA
        )
        film = _grey(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    if happens(chance, 0.3):
        film = _grey(cv2.GaussianBlur(film, (0, 0), chance.uniform(0.4, 1.6)))
    elif happens(chance, 0.35):
        soft = cv2.GaussianBlur(film, (0, 0), chance.uniform(1, 4))
        amount = chance.uniform(0.3, 1.5)
        film = _grey(cv2.addWeighted(film, 1 + amount, soft, -amount, 0))
    if happens(chance, 0.35):
        grain = chance.normal(0, chance.uniform(2, 9), film.shape)
        if happens(chance, 0.5):
            blurred = cv2.GaussianBlur(grain, (0, 0), chance.uniform(0.5, 1.2))
            grain = np.asarray(blurred, np.float64) * 2
        film = np.clip(film + grain, 0, 255).astype(np.uint8)
    return film


def _lines(film: Grey, chance: Generator) -> Grey:
    """Draw tubes, leads and electrodes on any film, so that they speak for no label."""
    height, width = film.shape
    drawn = np.zeros((height, width), np.float32)
    for _ in range(chance.integers(1, 4)):
        start, end = chance.uniform(0, 1, (2, 2)) * [width, height]
        bend = (start + end) / 2 + chance.normal(0, 0.25, 2) * [width, height]
        steps = np.linspace(0, 1, 24)[:, None]
        curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * end
        points = curve.round().astype(np.int32).reshape(-1, 1, 2)
        thickness = int(chance.integers(1, 4))
        strength = float(chance.uniform(0.15, 0.8))
        cv2.polylines(drawn, [points], isClosed=False, color=strength, thickness=thickness)
    for _ in range(chance.integers(0, 4)):
        x, y = (chance.uniform(0, 1, 2) * [width, height]).astype(int)
        size = int(chance.integers(2, 8))
        cv2.circle(drawn, (int(x), int(y)), size, float(chance.uniform(0.2, 0.9)), -1)
    soft = cv2.GaussianBlur(drawn, (0, 0), 0.7)
    bright = 255 if happens(chance, 0.85) else 0
    return np.rint(film * (1 - soft) + bright * soft).astype(np.uint8)


def _marks(film: Grey, chance: Generator) -> Grey:
    """Write markers, letters and stickers where people put them: near the rim."""
    height, width = film.shape
    marked = film.copy()
    for _ in range(chance.integers(1, 4)):
        along, across = chance.uniform(0, 1), chance.uniform(0, 0.14)
        place = (along, across) if happens(chance, 0.5) else (across, along)
        x, y = (int(value) for value in np.array(place) * [width, height])
        if happens(chance, 0.5):
            x, y = width - x, height - y
        text = "".join(chance.choice(list("LRABCDEP123(SUPINEportable"), chance.integers(1, 6)))
        ink = int(chance.choice([0, 255, 255, 220]))
        size = float(chance.uniform(0.3, 0.9))
        if happens(chance, 0.3):
            corner = (x + int(12 * size * len(text)), y + int(26 * size))
            cv2.rectangle(marked, (x - 3, y - 3), corner, 255 - ink, -1)
        cv2.putText(
            marked, text, (x, y + int(20 * size)), cv2.FONT_HERSHEY_SIMPLEX, size, ink,
            int(chance.integers(1, 3)), cv2.LINE_AA,
        )  # fmt: skip
    return marked


def _bars(film: Grey, chance: Generator) -> Grey:
    """Cover the rim with bars, as collimators and screenshots do."""
    height, width = film.shape
    barred = film.copy()
    ink = int(chance.choice([0, 0, 0, 255, int(film.mean()), int(chance.integers(256))]))
    top, bottom, left, right = (
        chance.uniform(0, 0.13) if happens(chance, 0.5) else 0.0 for _ in range(4)
    )
    barred[: int(top * height)] = ink
    barred[height - int(bottom * height) :] = ink
    barred[:, : int(left * width)] = ink
    barred[:, width - int(right * width) :] = ink
    return barred


def _jpeg(film: Grey, quality: int) -> Grey:
    """Compress and decompress."""
    _, encoded = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _grey(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))


def _grey(film: Any) -> Grey:
    """Say what OpenCV does not: that it returns the type it was given."""
    return np.asarray(film, np.uint8)
