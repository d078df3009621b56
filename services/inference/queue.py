"""Between the messages of the bus and what the rest of the worker speaks of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from carina.tasks import bus
from carina.tasks.v1 import tasks_pb2
from chassis.errors import DomainError
from chassis.nats.consume import Delivery, Source
from chassis.nats.jetstream import JetStream
from chassis.retry import retry_transient
from services.inference.errors import MalformedTaskError
from services.inference.heatmap import Placement
from services.inference.model import Model

_STAGE = bus.Stage.INFER
# Urgent first; a quarter of the slots is kept for routine work, so that it never starves.
SOURCES = (
    Source(bus.TASKS, bus.task_consumer(_STAGE, bus.Priority.URGENT)),
    Source(bus.TASKS, bus.task_consumer(_STAGE, bus.Priority.ROUTINE), share=0.25),
)


@dataclass(frozen=True)
class Task:
    """One image to read."""

    message: tasks_pb2.InferTask
    model: Model
    image_id: UUID
    job_id: UUID

    @property
    def image(self) -> str:
        """The image, as logs name it."""
        return str(self.image_id)

    @property
    def pixels(self) -> bytes:
        """Grey values, row by row."""
        return self.message.pixels

    @property
    def urgent(self) -> bool:
        """Whether a doctor waits for the job."""
        return self.message.ref.urgent

    @property
    def placement(self) -> Placement | None:
        """Where the film lies on the model's input, if that is known."""
        preparation = self.message.preparation
        if not preparation.placement_width:
            return None
        return Placement(
            preparation.placement_x,
            preparation.placement_y,
            preparation.placement_width,
            preparation.placement_height,
        )


def task_from_message(data: bytes) -> Task:
    """Read a task.

    Raises:
        MalformedTaskError: it is none.
    """
    try:
        message = tasks_pb2.InferTask.FromString(data)
        image_id = UUID(bytes=message.ref.image_id)
        job_id = UUID(bytes=message.ref.job_id)
    except (DecodeError, ValueError) as error:
        raise MalformedTaskError from error
    model = message.model
    return Task(
        message,
        Model(
            name=model.name,
            version=model.version,
            width=model.input_width,
            height=model.input_height,
            labels=tuple(model.labels),
            thresholds=tuple(model.thresholds),
            gate_output=model.gate_output,
            gate_threshold=model.gate_threshold,
            max_batch_size=max(1, model.max_batch_size),
        ),
        image_id,
        job_id,
    )


@dataclass(frozen=True)
class Findings:
    """What is told of an image that was read."""

    probabilities: tuple[float, ...]
    predicted_label: str
    heatmap_png: bytes
    notes: tuple[str, ...]


def term_reason(delivery: Delivery, error: DomainError) -> str:
    """Tell the broker which task nobody can read; the jobs service reads it there."""
    return str(bus.TermReason(error.reason, delivery.message_id, delivery.subject))


class Reports:
    """What the worker tells: an image was taken up, was read, or can not be read."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def started(self, task: Task) -> None:
        """Tell that an image was taken up; it moves a progress bar, so nobody waits for it."""
        outcome = _outcome(task)
        outcome.started.SetInParent()
        await self._jetstream.publish_core(_subject(task), outcome.SerializeToString())

    async def succeeded(self, task: Task, findings: Findings) -> None:
        """Tell what was found, and wait until the broker has it."""
        outcome = _outcome(task)
        succeeded = outcome.succeeded
        succeeded.probabilities.extend(findings.probabilities)
        succeeded.predicted_label = findings.predicted_label
        succeeded.heatmap_png = findings.heatmap_png
        succeeded.notes.extend(findings.notes)
        succeeded.model.CopyFrom(task.message.model)
        succeeded.preparation.CopyFrom(task.message.preparation)
        taken = datetime.now(UTC) - task.message.queue_time.ToDatetime(UTC)
        # The clocks of two machines may differ by more than an image takes.
        succeeded.infer.FromTimedelta(max(taken, timedelta(0)))
        await self._publish(task, outcome, bus.Step.INFER_SUCCEEDED)

    async def failed(self, task: Task, *, code: str, message: str) -> None:
        """Tell why an image was not read, and wait until the broker has it.

        It is always worth another attempt: the film itself was readable.
        """
        outcome = _outcome(task)
        outcome.failed.code = code
        outcome.failed.message = message
        outcome.failed.retryable = True
        outcome.failed.preparation.CopyFrom(task.message.preparation)
        await self._publish(task, outcome, bus.Step.INFER_FAILED)

    async def _publish(self, task: Task, outcome: tasks_pb2.Outcome, step: bus.Step) -> None:
        ref = task.message.ref
        message_id = str(bus.MessageId(task.image_id, ref.attempt, step, ref.republished))
        subject, data = _subject(task), outcome.SerializeToString()
        # A full or absent broker is back-pressure: the findings wait here, and the task lives on.
        await retry_transient(
            "the broker", lambda: self._jetstream.publish(subject, data, message_id=message_id)
        )


def _subject(task: Task) -> str:
    return str(bus.ResultSubject(task.job_id))


def _outcome(task: Task) -> tasks_pb2.Outcome:
    outcome = tasks_pb2.Outcome(ref=task.message.ref, stage=tasks_pb2.STAGE_INFER)
    outcome.time.GetCurrentTime()
    return outcome
