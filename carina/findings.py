"""The details of an image: findings, model, acquisition, durations."""

from dataclasses import dataclass
from datetime import timedelta

from carina.jobs.v1 import image_pb2
from carina.wire import duration_of


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


def failure_of(image: image_pb2.Image) -> ImageFailure | None:
    """Return why an image failed, or None if it did not."""
    if not image.HasField("error"):
        return None
    error = image.error
    return ImageFailure(code=error.code, message=error.message, retryable=error.retryable)


def model_of(image: image_pb2.Image) -> Model | None:
    """Return the model that read an image, or None if none has."""
    if not image.HasField("model"):
        return None
    model = image.model
    return Model(name=model.name, version=model.version, digest=model.digest)


def acquisition_of(image: image_pb2.Image) -> Acquisition | None:
    """Return the acquisition parameters, or None if none are known."""
    if not image.HasField("acquisition"):
        return None
    facts = image.acquisition
    return Acquisition(
        modality=facts.modality,
        view_position=facts.view_position,
        body_part=facts.body_part,
        row_spacing_mm=facts.row_spacing_mm,
        column_spacing_mm=facts.column_spacing_mm,
        width=facts.width,
        height=facts.height,
        bits=facts.bits,
    )


def durations_of(durations: image_pb2.StageDurations) -> StageDurations:
    """Return how long each stage took."""
    return StageDurations(
        queued=duration_of(durations, "queued"),
        decode=duration_of(durations, "decode"),
        enhance=duration_of(durations, "enhance"),
        resize=duration_of(durations, "resize"),
        infer=duration_of(durations, "infer"),
    )
