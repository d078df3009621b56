"""Between the messages of the bus and what the pipeline speaks of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from carina.tasks import bus
from carina.tasks.v1 import tasks_pb2
from chassis.errors import DomainError, UsageError
from chassis.nats.consume import Delivery, Source
from chassis.nats.jetstream import JetStream
from chassis.retry import retry_transient
from services.preprocess.pipeline import Prepared

_STAGE = bus.Stage.PREPROCESS
# Urgent first; a quarter of the slots is kept for routine work, so that it never starves.
SOURCES = (
    Source(bus.TASKS, bus.task_consumer(_STAGE, bus.Priority.URGENT)),
    Source(bus.TASKS, bus.task_consumer(_STAGE, bus.Priority.ROUTINE), share=0.25),
)


class MalformedTaskError(UsageError):
    """The message is no task. Its image is found again by the reconciler of the jobs service."""

    reason = "MALFORMED_TASK"

    def __init__(self) -> None:
        super().__init__("The message is no preprocess task.")


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
    def outcome_subject(self) -> str:
        """Where the outcome is published."""
        return str(bus.ResultSubject(self._job_id))

    @property
    def infer_subject(self) -> str:
        """Where the prepared film goes."""
        lane = bus.priority_of(urgent=self.message.ref.urgent)
        return str(bus.TaskSubject(bus.Stage.INFER, lane, self._job_id))

    def message_id(self, step: bus.Step) -> str:
        """Return what the broker recognises a repeated message by."""
        ref = self.message.ref
        return str(bus.MessageId(self._image_id, ref.attempt, step, ref.republished))


def task_from_message(data: bytes) -> Task:
    """Read a task.

    Raises:
        MalformedTaskError: it is none.
    """
    try:
        message = tasks_pb2.PreprocessTask.FromString(data)
        task = Task(message, datetime.now(UTC) - message.queue_time.ToDatetime(UTC))
        _ = task.image, task.outcome_subject
    except (DecodeError, ValueError) as error:
        raise MalformedTaskError from error
    return task


def term_reason(delivery: Delivery, error: DomainError) -> str:
    """Tell the broker which task nobody can read; the jobs service reads it there."""
    return str(bus.TermReason(error.reason, delivery.message_id, delivery.subject))


class Reports:
    """What the worker tells: an image was taken up, is ready for the model, or can not be read."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def started(self, task: Task) -> None:
        """Tell that a film was taken up; it moves a progress bar, so nobody waits for it."""
        outcome = _outcome(task)
        outcome.started.SetInParent()
        await self._jetstream.publish_core(task.outcome_subject, outcome.SerializeToString())

    async def prepared(self, task: Task, film: Prepared, *, has_preview: bool) -> None:
        """Hand a prepared film to the model, and wait until the broker has it."""
        message = tasks_pb2.InferTask(
            ref=task.message.ref,
            pixels=film.pixels.tobytes(),
            model=task.message.model,
            preparation=_preparation(task, film, has_preview=has_preview),
        )
        message.queue_time.GetCurrentTime()
        await self._publish(task.infer_subject, message.SerializeToString(), task, bus.Step.INFER)

    async def failed(self, task: Task, *, code: str, message: str, retryable: bool) -> None:
        """Tell why a film can not be read, and wait until the broker has it."""
        outcome = _outcome(task)
        outcome.failed.code = code
        outcome.failed.message = message
        outcome.failed.retryable = retryable
        data = outcome.SerializeToString()
        await self._publish(task.outcome_subject, data, task, bus.Step.PREPROCESS_FAILED)

    async def _publish(self, subject: str, data: bytes, task: Task, step: bus.Step) -> None:
        message_id = task.message_id(step)
        # A full or absent broker is back-pressure: the film waits here, and its task lives on.
        await retry_transient(
            "the broker", lambda: self._jetstream.publish(subject, data, message_id=message_id)
        )


def _outcome(task: Task) -> tasks_pb2.Outcome:
    outcome = tasks_pb2.Outcome(ref=task.message.ref, stage=tasks_pb2.STAGE_PREPROCESS)
    outcome.time.GetCurrentTime()
    return outcome


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
