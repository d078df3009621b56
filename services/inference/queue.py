"""Translates between messages on the bus and the types of this worker."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from carina.tasks import bus
from carina.tasks.outcomes import new_outcome
from carina.tasks.v1 import tasks_pb2
from chassis.errors import DomainError
from chassis.nats.consume import Delivery, Source
from chassis.nats.jetstream import Message
from services.inference.errors import MalformedTaskError
from services.inference.heatmap import Placement
from services.inference.model import Model

_STAGE = bus.Stage.INFER
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


@dataclass(frozen=True)
class Task:
    """One image to evaluate."""

    message: tasks_pb2.InferTask
    model: Model
    image_id: UUID
    job_id: UUID

    @property
    def image(self) -> str:
        """The image, as logs name it."""
        return str(self.image_id)

    @property
    def result_subject(self) -> bus.ResultSubject:
        """Where the outcome is published."""
        return bus.ResultSubject(self.job_id)

    @property
    def pixels(self) -> bytes:
        """Grey values, row by row."""
        return self.message.pixels

    @property
    def urgent(self) -> bool:
        """Whether a clinician is waiting for the job."""
        return self.message.ref.urgent

    @property
    def placement(self) -> Placement | None:
        """Position of the film on the model's input, if it is known."""
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
        MalformedTaskError: it is not a task.
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
    """The findings of an image."""

    probabilities: tuple[float, ...]
    predicted_label: str
    heatmap_png: bytes
    notes: tuple[str, ...]


def term_reason(delivery: Delivery, error: DomainError) -> str:
    """Identify the task in the advisory of the broker, which the jobs service reads."""
    return str(bus.TermReason(error.reason, delivery.message_id, delivery.subject))


@dataclass(frozen=True)
class Failure:
    """Why an image has no findings. It may be retried: the film itself was readable."""

    code: str
    message: str


def message_of(task: Task, result: Findings | Failure) -> Message:
    """Return the outcome that is published when a task is done."""
    outcome = new_outcome(task.message.ref, tasks_pb2.STAGE_INFER)
    if isinstance(result, Failure):
        step = bus.Step.INFER_FAILED
        outcome.failed.code = result.code
        outcome.failed.message = result.message
        outcome.failed.retryable = True
        outcome.failed.preparation.CopyFrom(task.message.preparation)
    else:
        step = bus.Step.INFER_SUCCEEDED
        _add_findings(outcome.succeeded, task, result)
    ref, subject = task.message.ref, task.result_subject
    return Message(
        str(subject),
        outcome.SerializeToString(),
        message_id=str(bus.MessageId(task.image_id, ref.attempt, step, ref.republished)),
        template=subject.template,
    )


def _add_findings(succeeded: tasks_pb2.Succeeded, task: Task, findings: Findings) -> None:
    succeeded.probabilities.extend(findings.probabilities)
    succeeded.predicted_label = findings.predicted_label
    succeeded.heatmap_png = findings.heatmap_png
    succeeded.notes.extend(findings.notes)
    succeeded.model.CopyFrom(task.message.model)
    succeeded.preparation.CopyFrom(task.message.preparation)
    duration = datetime.now(UTC) - task.message.queue_time.ToDatetime(UTC)
    # The clocks of two machines may differ by more than an image takes.
    succeeded.infer.FromTimedelta(max(duration, timedelta(0)))
