"""The conditions under which the report evaluates every film, each with a single change."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from models.training.data import SIDE, Grey, model_frame

RIM_DEPTH = 40  # pixels, 18 % of the frame; separates the rim from the centre


def _plain(pixels: Grey) -> Grey:
    return model_frame(pixels, clahe=False)


def _clahe(pixels: Grey) -> Grey:
    return model_frame(pixels, clahe=True)


def _jpeg(pixels: Grey) -> Grey:
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 50])
    return _plain(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8))


def _window(share: float) -> Callable[[Grey], Grey]:
    def shifted(pixels: Grey) -> Grey:
        moved = np.clip(pixels.astype(np.float32) - share * 255, 0, 255)
        return _plain(moved.astype(np.uint8))

    return shifted


def _inverted(pixels: Grey) -> Grey:
    return _plain(255 - pixels)


def _centre_only(pixels: Grey) -> Grey:
    frame = _plain(pixels)
    inside = slice(RIM_DEPTH, -RIM_DEPTH)
    covered = np.full_like(frame, round(float(frame[inside, inside].mean())))
    covered[inside, inside] = frame[inside, inside]
    return covered


def _rim_only(pixels: Grey) -> Grey:
    frame = _plain(pixels)
    frame = frame.copy()
    frame[RIM_DEPTH:-RIM_DEPTH, RIM_DEPTH:-RIM_DEPTH] = round(float(frame.mean()))
    return frame


def _lungs_covered(pixels: Grey) -> Grey:
    """Cover the lungs of a centred film with two ellipses; the heart and the rim remain."""
    frame = _plain(pixels).copy()
    ink = round(float(frame.mean()))
    for x in (0.32, 0.68):
        centre = (round(x * SIDE), round(0.46 * SIDE))
        axes = (round(0.15 * SIDE), round(0.31 * SIDE))
        cv2.ellipse(frame, centre, axes, 0, 0, 360, ink, -1)
    return frame


CONDITIONS: Mapping[str, Callable[[Grey], Grey]] = {
    "as it is": _plain,
    "CLAHE": _clahe,
    "JPEG quality 50": _jpeg,
    "window 20 % up": _window(0.2),
    "window 20 % down": _window(-0.2),
    "inverted, unannounced": _inverted,
    "centre only": _centre_only,
    "rim only": _rim_only,
    "lungs covered": _lungs_covered,
}
