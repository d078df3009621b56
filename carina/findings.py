"""The details of an image: findings, model, acquisition, durations."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class ImageFailure:
    """Why an image failed: a code, a message for a doctor, and whether a retry may help."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The model's result for one label; probability and operating threshold are 0 to 1."""

    label: str
    probability: float
    threshold: float


@dataclass(frozen=True, kw_only=True)
class Model:
    """The model that read an image."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """Acquisition parameters that identify nobody; empty or 0 if unknown."""

    modality: str
    view_position: str
    body_part: str
    row_spacing_mm: float
    column_spacing_mm: float
    width: int
    height: int
    bits: int


@dataclass(frozen=True, kw_only=True)
class StageDurations:
    """How long each stage of the last attempt took; None if it was not reached."""

    queued: timedelta | None
    decode: timedelta | None
    enhance: timedelta | None
    resize: timedelta | None
    infer: timedelta | None
