"""What the client returns: frozen, typed, free of protobuf until one asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2

_Member = TypeVar("_Member", bound=StrEnum)


class JobState(StrEnum):
    """What is true of a job."""

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
    """What is true of an image."""

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
    """Where in the pipeline a running image is."""

    UNSPECIFIED = "UNSPECIFIED"
    PREPROCESS = "PREPROCESS"
    INFER = "INFER"


class Priority(StrEnum):
    """Which queue the images of a job take."""

    UNSPECIFIED = "UNSPECIFIED"
    ROUTINE = "ROUTINE"
    URGENT = "URGENT"


class ImageKind(StrEnum):
    """Which bytes of an image."""

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
    """What a caller decides about a job; None and empty leave it to the service."""

    patient_id: str = ""
    clahe: bool | None = None
    notes: str = ""
    priority: Priority = Priority.UNSPECIFIED
    start_time: datetime | None = None
    model: str = ""
    display_name: str = ""

    def to_proto(self) -> job_pb2.JobSpec:
        """Return the message of the contract."""
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
        """Read the message of the contract."""
        return cls(
            patient_id=spec.patient_id,
            clahe=spec.clahe if spec.HasField("clahe") else None,
            notes=spec.notes,
            priority=_member(Priority, job_pb2.Priority, spec.priority),
            start_time=_moment(spec, "start_time"),
            model=spec.model,
            display_name=spec.display_name,
        )


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
    """A batch of radiographs that one caller handed in together.

    `message` is the answer as it came, with what a newer contract may hold.
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
        """Read the message of the contract."""
        progress = job.progress
        return cls(
            name=job.name,
            state=_member(JobState, job_pb2.Job.State, job.state),
            revision=job.revision,
            spec=JobSpec.from_proto(job.spec),
            progress=Progress(
                total=progress.total,
                processed=progress.processed,
                succeeded=progress.succeeded,
                failed=progress.failed,
                cancelled=progress.cancelled,
                percent=progress.percent,
                total_bytes=progress.total_bytes,
            ),
            creator=job.creator,
            create_time=_moment(job, "create_time"),
            update_time=_moment(job, "update_time"),
            close_time=_moment(job, "close_time"),
            end_time=_moment(job, "end_time"),
            expire_time=_moment(job, "expire_time"),
            etag=job.etag,
            message=job,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form of the contract, the same that the gateway answers with."""
        return message_to_json(self.message)


@dataclass(frozen=True, kw_only=True)
class ImageFailure:
    """Why an image failed: a code, a sentence for a doctor, whether a retry may help."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the model says of one label; probability and operating threshold are 0 to 1."""

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
    """Facts of the acquisition that identify nobody; empty and 0 where unknown."""

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
    """How long each stage of the last attempt took; None where it was not reached."""

    queued: timedelta | None
    decode: timedelta | None
    enhance: timedelta | None
    resize: timedelta | None
    infer: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Image:
    """One radiograph of a job.

    `message` is the answer as it came, with what a newer contract may hold.
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
        """Read the message of the contract."""
        return cls(
            name=image.name,
            image_key=image.image_key,
            file_name=image.file_name,
            ordinal=image.ordinal,
            size_bytes=image.size_bytes,
            sha256=image.sha256,
            media_type=image.media_type,
            patient_id=image.patient_id,
            state=_member(ImageState, image_pb2.Image.State, image.state),
            stage=_member(ImageStage, image_pb2.Image.Stage, image.stage),
            attempt=image.attempt,
            error=_failure(image),
            findings=tuple(
                Finding(label=each.label, probability=each.probability, threshold=each.threshold)
                for each in image.findings
            ),
            predicted_label=image.predicted_label,
            model=_model(image),
            acquisition=_acquisition(image),
            durations=_durations(image.durations),
            notes=tuple(image.notes),
            duplicate_of=image.duplicate_of,
            has_preview=image.has_preview,
            has_heatmap=image.has_heatmap,
            create_time=_moment(image, "create_time"),
            start_time=_moment(image, "start_time"),
            end_time=_moment(image, "end_time"),
            message=image,
        )

    @property
    def probability(self) -> float | None:
        """Probability of the predicted label, or None where there is none."""
        return next(
            (each.probability for each in self.findings if each.label == self.predicted_label), None
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form of the contract, the same that the gateway answers with."""
        return message_to_json(self.message)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A whole job with all its images, as of one revision."""

    revision: int
    job: Job
    images: tuple[Image, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """The job after a change, and the images that the change touched."""

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
    """How far an upload has come; `image` is empty until it is complete."""

    committed_size: int
    image: str

    @classmethod
    def from_proto(cls, upload: job_service_pb2.Upload) -> Self:
        """Read the message of the contract."""
        return cls(committed_size=upload.committed_size, image=upload.image)


def message_to_json(message: Message) -> dict[str, Any]:
    """Return the proto3 JSON form of a message, with the fields that stand at their default."""
    as_dict: dict[str, Any] = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True
    )
    return as_dict


def timestamp_from(moment: datetime | None) -> Timestamp | None:
    """Return the message of a moment; a moment without a zone is local time."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment.astimezone(UTC))
    return timestamp


def _moment(message: Any, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    value: Timestamp = getattr(message, name)
    return value.ToDatetime(tzinfo=UTC)


def _member(kind: type[_Member], wrapper: Any, number: int) -> _Member:
    """Return the member without its prefix; a number that only a newer server knows is 0."""
    names: Mapping[int, str] = {value: name for name, value in wrapper.items()}
    _, _, short = names.get(number, "_UNSPECIFIED").partition("_")
    return kind(short)


def _failure(image: image_pb2.Image) -> ImageFailure | None:
    if not image.HasField("error"):
        return None
    error = image.error
    return ImageFailure(code=error.code, message=error.message, retryable=error.retryable)


def _model(image: image_pb2.Image) -> Model | None:
    if not image.HasField("model"):
        return None
    model = image.model
    return Model(name=model.name, version=model.version, digest=model.digest)


def _acquisition(image: image_pb2.Image) -> Acquisition | None:
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


def _durations(durations: image_pb2.StageDurations) -> StageDurations:
    return StageDurations(
        queued=_duration(durations, "queued"),
        decode=_duration(durations, "decode"),
        enhance=_duration(durations, "enhance"),
        resize=_duration(durations, "resize"),
        infer=_duration(durations, "infer"),
    )


def _duration(message: Any, name: str) -> timedelta | None:
    if not message.HasField(name):
        return None
    value: Duration = getattr(message, name)
    return value.ToTimedelta()
