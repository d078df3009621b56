"""The pure function of this service: from the bytes of a file to the model's frame and a preview.

The preview is the film as it was enhanced for the model, with its own aspect ratio and without the
black margins of the frame. Clinicians see it next to the findings, and `Placement` states how to
overlay a heatmap. It is not meant for diagnosis, and if it fails, the film does not.
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

NO_PREVIEW = "The preview of the film could not be created."
TINY = "The film has only {width} x {height} pixels; its findings mean little."

# Shortest side, in pixels, of a film that can show a finding at all.
_TINY_SIDE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The duration of each stage."""

    decode: timedelta
    enhance: timedelta
    resize: timedelta
    preview: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A film that is ready for the model."""

    pixels: Grey  # [settings.height, settings.width]
    placement: Placement  # of the film in `pixels`
    preview: bytes | None  # greyscale JPEG; None if none was requested, or if it failed
    acquisition: Acquisition
    notes: tuple[str, ...]  # sentences for clinicians
    media_type: str
    bits: int  # of a decoded grey value
    source_width: int  # pixels, upright
    source_height: int
    durations: Durations


def prepare(data: bytes, settings: PipelineSettings, limits: Limits) -> Prepared:
    """Decode, enhance and resize one film.

    Raises:
        FilmError: The file can never be read.
        MemoryError: This worker has too little memory; another one may have enough.
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
    """Encode the film as a JPEG, never enlarged; None if that fails."""
    large_enough = settings.preview_side <= settings.reading_side
    try:
        picture = shrink(reading if large_enough else film, settings.preview_side)
        quality = [cv2.IMWRITE_JPEG_QUALITY, settings.preview_quality]
        done, encoded = cv2.imencode(".jpg", picture, quality)
    except cv2.error:
        return None
    return encoded.tobytes() if done else None
