"""What the client takes and returns: frozen, typed, without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from carina.findings import (
    Acquisition,
    Finding,
    ImageFailure,
    Model,
    StageDurations,
)
from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.wire import message_to_json, record_of, timestamp_from


class JobState(StrEnum):
    """The state of a job."""

    UNSPECIFIED = "UNSPECIFIED"
    RECEIVING = "RECEIVING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self in _TERMINAL_JOB_STATES


class ImageState(StrEnum):
    """The state of an image."""

    UNSPECIFIED = "UNSPECIFIED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the image has ended."""
        return self in _TERMINAL_IMAGE_STATES


class ImageStage(StrEnum):
    """The pipeline stage of a running image."""

    UNSPECIFIED = "UNSPECIFIED"
    PREPROCESS = "PREPROCESS"
    INFER = "INFER"


class Priority(StrEnum):
    """The priority of a job's images."""

    UNSPECIFIED = "UNSPECIFIED"
    ROUTINE = "ROUTINE"
    URGENT = "URGENT"


class ImageKind(StrEnum):
    """Which bytes of an image to read."""

    ORIGINAL = "ORIGINAL"
    PREVIEW = "PREVIEW"
    HEATMAP = "HEATMAP"


_TERMINAL_JOB_STATES = {
    JobState.SUCCEEDED,
    JobState.PARTIALLY_SUCCEEDED,
    JobState.FAILED,
    JobState.CANCELLED,
}
_TERMINAL_IMAGE_STATES = {ImageState.SUCCEEDED, ImageState.FAILED, ImageState.CANCELLED}


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """What a caller chooses for a job; the service decides whatever is None or empty."""

    patient_id: str = ""
    clahe: bool | None = None
    notes: str = ""
    priority: Priority = Priority.UNSPECIFIED
    start_time: datetime | None = None
    model: str = ""
    display_name: str = ""

    def to_proto(self) -> job_pb2.JobSpec:
        """Return this as a message of the contract."""
        return job_pb2.JobSpec(
            patient_id=self.patient_id,
            clahe=self.clahe,
            notes=self.notes,
            priority=job_pb2.Priority.Value(f"PRIORITY_{self.priority}"),
            start_time=timestamp_from(self.start_time),
            model=self.model,
            display_name=self.display_name,
        )

    @classmethod
    def from_proto(cls, spec: job_pb2.JobSpec) -> Self:
        """Convert a message of the contract."""
        return record_of(cls, spec)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Counters of a job, in images."""

    total: int
    processed: int
    succeeded: int
    failed: int
    cancelled: int
    percent: int
    total_bytes: int


@dataclass(frozen=True, kw_only=True)
class Job:
    """A batch of radiographs that a caller submitted together.

    `message` is the answer as received, including fields of a newer contract.
    """

    name: str
    state: JobState
    revision: int
    spec: JobSpec
    progress: Progress
    creator: str
    create_time: datetime | None
    update_time: datetime | None
    close_time: datetime | None
    end_time: datetime | None
    expire_time: datetime | None
    etag: str
    message: job_pb2.Job = field(repr=False, compare=False)

    @classmethod
    def from_proto(cls, job: job_pb2.Job) -> Self:
        """Convert a message of the contract."""
        return record_of(cls, job, message=job)

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON form, as the gateway returns it."""
        return message_to_json(self.message)


@dataclass(frozen=True, kw_only=True)
class Image:
    """One radiograph of a job.

    `message` is the answer as received, including fields of a newer contract.
    """

    name: str
    image_key: str
    file_name: str
    ordinal: int
    size_bytes: int
    sha256: str
    media_type: str
    patient_id: str
    state: ImageState
    stage: ImageStage
    attempt: int
    error: ImageFailure | None
    findings: tuple[Finding, ...]
    predicted_label: str
    model: Model | None
    acquisition: Acquisition | None
    durations: StageDurations
    notes: tuple[str, ...]
    duplicate_of: str
    has_preview: bool
    has_heatmap: bool
    create_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    message: image_pb2.Image = field(repr=False, compare=False)

    @classmethod
    def from_proto(cls, image: image_pb2.Image) -> Self:
        """Convert a message of the contract."""
        return record_of(cls, image, message=image)

    @property
    def probability(self) -> float | None:
        """Probability of the predicted label, or None if there is none."""
        return next(
            (each.probability for each in self.findings if each.label == self.predicted_label), None
        )

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON form, as the gateway returns it."""
        return message_to_json(self.message)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A whole job with all its images, as of one revision."""

    revision: int
    job: Job
    images: tuple[Image, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """The job after a change, and the images that changed."""

    revision: int
    job: Job
    images: tuple[Image, ...]


Update = Snapshot | Change


@dataclass(frozen=True, kw_only=True)
class ImageContent:
    """The bytes of an original, a preview or a heatmap."""

    data: bytes
    media_type: str
    file_name: str


@dataclass(frozen=True, kw_only=True)
class UploadStatus:
    """How much of an upload is stored; `image` is empty until it is complete."""

    committed_size: int
    image: str

    @classmethod
    def from_proto(cls, upload: job_service_pb2.Upload) -> Self:
        """Convert a message of the contract."""
        return record_of(cls, upload)
