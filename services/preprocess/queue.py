"""Translates between messages on the bus and the types of this worker."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from carina.tasks import bus
from carina.tasks.outcomes import new_outcome
from carina.tasks.v1 import tasks_pb2
from chassis.errors import DomainError, UsageError
from chassis.nats.consume import Delivery, Source
from chassis.nats.jetstream import Message
from services.preprocess.pipeline import Prepared

_STAGE = bus.Stage.PREPROCESS
# Urgent first; a quarter of the slots is reserved for routine work, so that it never starves.
SOURCES = tuple(
    Source(
        bus.TASKS,
        bus.task_consumer(_STAGE, lane),
        share=share,
        template=bus.task_template(_STAGE, lane),
    )
    for lane, share in ((bus.Priority.URGENT, 0.0), (bus.Priority.ROUTINE, 0.25))
)


class MalformedTaskError(UsageError):
    """The message is not a task. The reconciler of the jobs service finds its image again."""

    reason = "MALFORMED_TASK"

    def __init__(self) -> None:
        super().__init__("The message is not a preprocess task.")


@dataclass(frozen=True)
class Task:
    """One film to prepare."""

    message: tasks_pb2.PreprocessTask
    queued: timedelta

    @property
    def image(self) -> str:
        """The image, as logs name it."""
        return str(self._image_id)

    @property
    def _image_id(self) -> UUID:
        return UUID(bytes=self.message.ref.image_id)

    @property
    def _job_id(self) -> UUID:
        return UUID(bytes=self.message.ref.job_id)

    @property
    def result_subject(self) -> bus.ResultSubject:
        """Where the outcome is published."""
        return bus.ResultSubject(self._job_id)

    @property
    def infer_subject(self) -> bus.TaskSubject:
        """Where the prepared film is published."""
        lane = bus.priority_of(urgent=self.message.ref.urgent)
        return bus.TaskSubject(bus.Stage.INFER, lane, self._job_id)

    def message_id(self, step: bus.Step) -> str:
        """Return what the broker recognises a repeated message by."""
        ref = self.message.ref
        return str(bus.MessageId(self._image_id, ref.attempt, step, ref.republished))


def task_from_message(data: bytes) -> Task:
    """Read a task.

    Raises:
        MalformedTaskError: it is not a task.
    """
    try:
        message = tasks_pb2.PreprocessTask.FromString(data)
        task = Task(message, datetime.now(UTC) - message.queue_time.ToDatetime(UTC))
        _ = task.image, task.result_subject
    except (DecodeError, ValueError) as error:
        raise MalformedTaskError from error
    return task


def term_reason(delivery: Delivery, error: DomainError) -> str:
    """Identify the task in the advisory of the broker, which the jobs service reads."""
    return str(bus.TermReason(error.reason, delivery.message_id, delivery.subject))


@dataclass(frozen=True)
class Ready:
    """A film that is prepared for the model."""

    film: Prepared
    has_preview: bool


@dataclass(frozen=True)
class Failure:
    """Why a film could not be prepared, in a sentence for clinicians."""

    code: str
    message: str
    retryable: bool


def message_of(task: Task, result: Ready | Failure) -> Message:
    """Return what is published when a task is done: the next task, or the outcome."""
    if isinstance(result, Failure):
        return _failed_message(task, result)
    message = tasks_pb2.InferTask(
        ref=task.message.ref,
        pixels=result.film.pixels.tobytes(),
        model=task.message.model,
        preparation=_preparation(task, result.film, has_preview=result.has_preview),
    )
    message.queue_time.GetCurrentTime()
    subject = task.infer_subject
    return Message(
        str(subject),
        message.SerializeToString(),
        message_id=task.message_id(bus.Step.INFER),
        template=subject.template,
    )


def _failed_message(task: Task, failure: Failure) -> Message:
    outcome = new_outcome(task.message.ref, tasks_pb2.STAGE_PREPROCESS)
    outcome.failed.code = failure.code
    outcome.failed.message = failure.message
    outcome.failed.retryable = failure.retryable
    return Message(
        str(task.result_subject),
        outcome.SerializeToString(),
        message_id=task.message_id(bus.Step.PREPROCESS_FAILED),
        template=task.result_subject.template,
    )


def _preparation(task: Task, film: Prepared, *, has_preview: bool) -> tasks_pb2.Preparation:
    acquisition, placement, durations = film.acquisition, film.placement, film.durations
    message = tasks_pb2.Preparation(
        media_type=film.media_type,
        modality=acquisition.modality,
        view_position=acquisition.view_position,
        body_part=acquisition.body_part,
        row_spacing_mm=acquisition.row_spacing or 0.0,
        column_spacing_mm=acquisition.column_spacing or 0.0,
        width=film.source_width,
        height=film.source_height,
        bits=film.bits,
        notes=film.notes,
        has_preview=has_preview,
        placement_x=placement.left,
        placement_y=placement.top,
        placement_width=placement.width,
        placement_height=placement.height,
    )
    message.queued.FromTimedelta(max(task.queued, timedelta(0)))
    message.decode.FromTimedelta(durations.decode)
    message.enhance.FromTimedelta(durations.enhance)
    message.resize.FromTimedelta(durations.resize + durations.preview)
    return message
