"""The one pure function of this service: a file's bytes in, the model's frame and a preview out.

The preview is the film as it was enhanced for the model, in its own shape and without the frame's
black edges: it is what a doctor sees beside the findings, and `Placement` says how to lay a heatmap
over it. It is no picture to diagnose from, and its failure never fails the film.
"""

from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import cv2

from services.preprocess.decode import decode
from services.preprocess.enhance import (
    PipelineSettings,
    Placement,
    enhance,
    enhance_and_fit,
    fit,
    place,
    shrink,
)
from services.preprocess.film import Acquisition, Grey, Limits

__all__ = [
    "Durations",
    "Limits",
    "PipelineSettings",
    "Placement",
    "Prepared",
    "enhance_and_fit",
    "prepare",
]

NO_PREVIEW = "The preview of the film could not be made."
TINY = "The film is only {width} x {height} pixels; findings on it mean little."

# Shortest side, in pixels, of a film in which a finding could be seen at all.
_TINY_SIDE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The time that each stage took."""

    decode: timedelta
    enhance: timedelta
    resize: timedelta
    preview: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A film that is ready for the model."""

    pixels: Grey  # [settings.height, settings.width]
    placement: Placement  # of the film in `pixels`
    preview: bytes | None  # JPEG in grey; None if none was asked for, or it could not be made
    acquisition: Acquisition
    notes: tuple[str, ...]  # sentences for a doctor
    media_type: str
    bits: int  # of a grey level as it was decoded
    source_width: int  # pixels, upright
    source_height: int
    durations: Durations


def prepare(data: bytes, settings: PipelineSettings, limits: Limits) -> Prepared:
    """Decode, enhance and resize one film.

    Raises:
        FilmError: The file can never be read.
        MemoryError: The worker has too little memory left; elsewhere the file may be read.
    """
    started = perf_counter()
    frame = decode(data, limits)
    height, width = frame.pixels.shape
    decoded = perf_counter()
    film = enhance(frame.pixels, settings)
    enhanced = perf_counter()
    reading = shrink(film, settings.reading_side)
    placement = place(width, height, settings)
    pixels = fit(reading, placement, settings)
    resized = perf_counter()
    preview = encode_preview(film, reading, settings) if settings.preview_side else None
    previewed = perf_counter()
    notes = list(frame.notes)
    if settings.preview_side and preview is None:
        notes.append(NO_PREVIEW)
    if min(width, height) < _TINY_SIDE:
        notes.append(TINY.format(width=width, height=height))
    return Prepared(
        pixels=pixels,
        placement=placement,
        preview=preview,
        acquisition=frame.acquisition,
        notes=tuple(notes),
        media_type=frame.media_type,
        bits=frame.bits,
        source_width=width,
        source_height=height,
        durations=Durations(
            decode=timedelta(seconds=decoded - started),
            enhance=timedelta(seconds=enhanced - decoded),
            resize=timedelta(seconds=resized - enhanced),
            preview=timedelta(seconds=previewed - resized),
        ),
    )


def encode_preview(film: Grey, reading: Grey, settings: PipelineSettings) -> bytes | None:
    """Make a JPEG of the film, never enlarged; None where that fails."""
    large_enough = settings.preview_side <= settings.reading_side
    try:
        picture = shrink(reading if large_enough else film, settings.preview_side)
        quality = [cv2.IMWRITE_JPEG_QUALITY, settings.preview_quality]
        done, encoded = cv2.imencode(".jpg", picture, quality)
    except cv2.error:
        return None
    return encoded.tobytes() if done else None
