"""The domain of the jobs service: jobs, images, outcomes, limits. No wire format, no SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class JobState(StrEnum):
    """What is true of a job."""

    RECEIVING = "RECEIVING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the job will not change any more, unless a caller retries it."""
        return self not in {JobState.RECEIVING, JobState.PENDING, JobState.RUNNING}


class ImageState(StrEnum):
    """What is true of an image."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Stage(StrEnum):
    """Where in the pipeline a running image is; NONE if it is not running."""

    NONE = ""
    PREPROCESS = "PREPROCESS"
    INFER = "INFER"


class Priority(StrEnum):
    """How soon the images of a job are processed. The order here is the rank, highest first."""

    URGENT = "URGENT"
    ROUTINE = "ROUTINE"


@dataclass(frozen=True)
class Scope:
    """Whose rows a transaction may see: one site, and for a patient only that patient's."""

    site: str
    patient_id: str = ""


@dataclass(frozen=True)
class JobSpec:
    """What a caller decides about a job."""

    patient_id: str = ""
    display_name: str = ""
    notes: str = ""
    clahe: bool = True
    priority: Priority = Priority.ROUTINE
    start_time: datetime | None = None
    model: str = ""


@dataclass(frozen=True)
class Job:
    """A batch of radiographs."""

    job_id: UUID
    site: str
    creator: str
    state: JobState
    revision: int
    spec: JobSpec
    total: int
    succeeded: int
    failed: int
    cancelled: int
    total_bytes: int
    create_time: datetime
    update_time: datetime
    close_time: datetime | None
    end_time: datetime | None
    expire_time: datetime

    @property
    def name(self) -> str:
        """Resource name."""
        return f"jobs/{self.job_id}"

    @property
    def etag(self) -> str:
        """Changes with every revision."""
        return f'"{self.revision}"'

    @property
    def processed(self) -> int:
        """Images that have ended."""
        return self.succeeded + self.failed + self.cancelled


@dataclass(frozen=True)
class Finding:
    """The answer of a model for one label; all values 0 to 1."""

    label: str
    probability: float
    threshold: float


@dataclass(frozen=True)
class Result:
    """What the workers found in an image. Stored as jsonb, field by field."""

    media_type: str = ""
    findings: tuple[Finding, ...] = ()
    model_name: str = ""
    model_version: str = ""
    model_digest: str = ""
    modality: str = ""
    view_position: str = ""
    body_part: str = ""
    row_spacing_mm: float = 0.0
    column_spacing_mm: float = 0.0
    width: int = 0
    height: int = 0
    bits: int = 0
    notes: tuple[str, ...] = ()
    # Width and height of the model's input; x, y, width and height of the film on it.
    placement: tuple[int, ...] = ()
    # Stage name to seconds: queued, decode, enhance, resize, infer.
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageError:
    """Why an image failed, in a code and a sentence for a doctor."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True)
class Image:
    """One radiograph of a job."""

    image_id: UUID
    job_id: UUID
    image_key: str
    file_name: str
    ordinal: int
    size_bytes: int
    sha256: str
    original_keys: tuple[str, ...]
    patient_id: str
    state: ImageState
    stage: Stage
    attempt: int
    error: ImageError | None
    predicted_label: str
    result: Result
    has_preview: bool
    has_heatmap: bool
    duplicate_of: str
    create_time: datetime
    start_time: datetime | None
    end_time: datetime | None

    @property
    def name(self) -> str:
        """Resource name."""
        return f"jobs/{self.job_id}/images/{self.image_id}"


@dataclass(frozen=True)
class NewImage:
    """An image whose bytes are durable and whose row is about to be committed."""

    image_id: UUID
    job_id: UUID
    site: str
    image_key: str
    file_name: str
    size_bytes: int
    sha256: str
    original_keys: tuple[str, ...]
    patient_id: str


@dataclass(frozen=True)
class Upload:
    """The durable part of an upload that is not an image yet."""

    image_id: UUID
    part_keys: tuple[str, ...]
    committed_size: int


@dataclass(frozen=True)
class Change:
    """What one committed transaction did to a job."""

    job: Job
    images: tuple[Image, ...]
    # False: the job was in this state already, nothing was committed, and nobody is told.
    committed: bool = True

    @property
    def revision(self) -> int:
        """The revision that was committed."""
        return self.job.revision


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue, with everything a worker has to know about it."""

    name: str
    version: str
    digest: str
    input_width: int
    input_height: int
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    gate_output: str
    gate_threshold: float
    max_batch_size: int


@dataclass(frozen=True)
class ImageRef:
    """Which image, which attempt at it, and which publication of that attempt."""

    image_id: UUID
    job_id: UUID
    attempt: int
    # 0 at first, then one more each time the attempt is published again.
    republished: int


@dataclass(frozen=True)
class OutboxTask:
    """A task that is to be published."""

    ref: ImageRef
    site: str
    original_keys: tuple[str, ...]
    size_bytes: int
    priority: Priority
    clahe: bool
    model: str
    queue_time: datetime
    # W3C trace context of the call that queued the image; empty if it is not traced.
    traceparent: str = ""


@dataclass(frozen=True)
class ClaimedTasks:
    """Tasks that this replica alone publishes until `claimed_until`, which identifies the claim."""

    tasks: tuple[OutboxTask, ...]
    claimed_until: datetime | None


@dataclass(frozen=True)
class DeadTask:
    """A dead-lettered task: the broker delivers it no more, and no outcome came of it."""

    sequence: int
    ref: ImageRef
    # Why a worker refused it; empty if no worker ever answered.
    refused: str


@dataclass(frozen=True)
class Outcome:
    """What a worker reports of an image. `state` RUNNING means that it has started."""

    image_id: UUID
    job_id: UUID
    attempt: int
    state: ImageState
    stage: Stage
    occurred_at: datetime
    error: ImageError | None = None
    predicted_label: str = ""
    result: Result = field(default_factory=Result)
    has_preview: bool = False
    heatmap_png: bytes = b""
    # When the image was started, if that is known only now.
    started_at: datetime | None = None
    # The one publication that this applies to; None: to all, as what workers report.
    republished: int | None = None


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list; an empty field does not filter."""

    states: tuple[JobState, ...] = ()
    patient_id: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    priority: Priority | None = None
    creator: str = ""


@dataclass(frozen=True)
class Limits:
    """Limits on what a caller may ask for; every breach is an error that names the limit."""

    images_per_job: int = 50
    image_bytes: int = 100 * 2**20
    job_bytes: int = 2 * 2**30
    jobs_per_minute: int = 60
    retention: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class ReconcilerSettings:
    """How long each state may last before it is repaired."""

    interval: timedelta = timedelta(seconds=10)
    # An open image whose job has nothing in the broker: its task was lost.
    stalled_after: timedelta = timedelta(seconds=30)
    # An open image although the broker holds something, which it may never deliver: all tasks of
    # the job are purged and published again. That no worker was there for so long is not a loss.
    stuck_after: timedelta = timedelta(hours=6)
    # How often the broker may lose the task of one attempt before its image fails.
    max_losses: int = 10
    # A task for a model that this replica does not know; during an upgrade others may.
    withdrawn_after: timedelta = timedelta(hours=1)
    # A job that is receiving without a sign of life.
    abandoned_after: timedelta = timedelta(hours=1)
