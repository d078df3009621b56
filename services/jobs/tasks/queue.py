"""The broker's side of a job: the streams, its tasks, and those that are dead-lettered."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from carina.events.v1 import events_pb2
from carina.tasks import bus
from carina.tasks.v1 import tasks_pb2
from chassis.errors import TransientError
from chassis.logs import get_logger
from chassis.nats.jetstream import (
    ConsumerSpec,
    JetStream,
    QueueFullError,
    StreamNotFoundError,
    StreamSpec,
)
from chassis.tracing import remote_parent
from services.jobs.errors import MalformedMessageError
from services.jobs.models import DeadTask, ImageRef, Model, OutboxTask, Priority
from services.jobs.storage.blob_keys import preview_key

_log = get_logger(__name__)
# Pixels of at most 512 KiB and what stands around them.
_MAX_TASK_BYTES = 600 * 2**10


def streams(*, replicas: int, max_bytes: int, ack_wait: timedelta) -> tuple[StreamSpec, ...]:
    """Return the streams and consumers of the system; `max_bytes` bounds each of the two queues."""
    workers = tuple(
        ConsumerSpec(
            durable=bus.task_consumer(stage, priority),
            filter_subject=bus.tasks_for(stage, priority),
            ack_wait=ack_wait,
        )
        for stage in bus.Stage
        for priority in bus.Priority
    )
    return (
        StreamSpec(
            bus.TASKS,
            subjects=(bus.ALL_TASKS,),
            consumers=workers,
            replicas=replicas,
            max_bytes=max_bytes,
            max_message_bytes=_MAX_TASK_BYTES,
        ),
        StreamSpec(
            bus.RESULTS,
            subjects=(bus.ALL_RESULTS,),
            # Outcomes are delivered without a limit: until one is applied, its image has not ended.
            consumers=(
                ConsumerSpec(
                    bus.RESULTS_CONSUMER,
                    filter_subject=bus.ALL_RESULTS,
                    ack_wait=ack_wait,
                    max_deliver=-1,
                    max_ack_pending=5000,
                ),
            ),
            replicas=replicas,
            max_bytes=max_bytes,
        ),
        StreamSpec(
            bus.DEAD,
            subjects=tuple(kind.subjects for kind in bus.AdvisoryKind),
            consumers=(
                ConsumerSpec(
                    bus.DEAD_CONSUMER,
                    filter_subject=bus.ALL_ADVISORIES,
                    ack_wait=ack_wait,
                    max_deliver=-1,
                ),
            ),
            retention="limits",
            discard="old",
            max_age=timedelta(days=30),
            max_bytes=64 * 2**20,
            replicas=replicas,
        ),
    )


class TaskQueue:
    """Tasks on their way to the workers."""

    def __init__(
        self, jetstream: JetStream, specs: tuple[StreamSpec, ...], models: Mapping[str, Model]
    ) -> None:
        self._jetstream = jetstream
        self._specs = specs
        self._max_bytes = next(spec.max_bytes for spec in specs if spec.name == bus.TASKS)
        self.models = models

    async def ensure_streams(self) -> None:
        """Create missing streams and consumers; change nothing that holds work.

        Raises:
            TransientError: the broker is unavailable.
        """
        await self._jetstream.ensure_streams(self._specs)

    async def require_room(self) -> None:
        """Refuse new tasks while the queue is more than half full.

        A task leaves the queue only after its follow-up task, a hundred times its size, is in it;
        a queue full of new tasks could never move again.

        Raises:
            QueueFullError: there is no room; the tasks stay in the outbox.
            TransientError: the broker is unavailable.
        """
        if self._max_bytes <= 0:  # JetStream's word for no limit
            return
        if await self._jetstream.stored_bytes(bus.TASKS) > self._max_bytes // 2:
            raise QueueFullError

    async def publish(self, task: OutboxTask) -> None:
        """Publish a task and wait until the broker has stored it.

        Raises:
            TransientError: the broker is unavailable or full; the task stays in the outbox.
            MessageTooLargeError: the broker will never store it.
            QueueRefusedError: the broker refuses all tasks until an operator repairs it.
        """
        ref = task.ref
        lane = bus.Priority(task.priority.lower())
        step = bus.Step.PREPROCESS
        subject = bus.TaskSubject(bus.Stage.PREPROCESS, lane, ref.job_id)
        with remote_parent(task.traceparent):
            await self._jetstream.publish(
                str(subject),
                _task_message(task, self.models[task.model]).SerializeToString(),
                message_id=str(bus.MessageId(ref.image_id, ref.attempt, step, ref.republished)),
                template=subject.template,
            )

    async def purge(self, job_id: UUID) -> None:
        """Remove the queued tasks of a job.

        Raises:
            TransientError: the broker is unavailable.
        """
        await self._jetstream.purge(bus.TASKS, bus.tasks_of(job_id))

    async def purge_quietly(self, job_id: UUID) -> None:
        """Remove the queued tasks of a job, if the broker can do it now."""
        try:
            await self.purge(job_id)
        except TransientError as error:
            _log.warning("purging tasks failed", job=str(job_id), reason=error.reason)

    async def jobs_in_broker(self) -> set[UUID]:
        """Return the jobs of which the broker holds a task or an outcome.

        TASKS is looked at first: what leaves it meanwhile is in RESULTS before it leaves.

        Raises:
            TransientError: the broker is unavailable.
        """
        held: set[UUID] = set()
        for stream, kind in ((bus.TASKS, bus.TaskSubject), (bus.RESULTS, bus.ResultSubject)):
            try:
                subjects = await self._jetstream.subjects(stream)
            except StreamNotFoundError:
                continue  # it holds nothing; `ensure_streams` creates it again
            for subject in subjects:
                with suppress(bus.BusFormatError):  # not one of ours
                    held.add(kind.parse(subject).job)
        return held

    async def announce(self, job_id: UUID, revision: int) -> None:
        """Tell watchers on all replicas that a change was committed. Best effort."""
        event = events_pb2.JobChanged(job_id=job_id.bytes, revision=revision)
        try:
            subject = bus.EventSubject(job_id)
            await self._jetstream.publish_core(
                str(subject), event.SerializeToString(), template=subject.template
            )
        except TransientError as error:
            _log.debug("announcing a change failed", job=str(job_id), reason=error.reason)

    async def follow_changes(self, changed: Callable[[UUID, int], None]) -> None:
        """Call `changed` for each job that any replica announces a change of, until cancelled."""

        async def received(_subject: str, data: bytes) -> None:
            event = events_pb2.JobChanged.FromString(data)
            changed(UUID(bytes=event.job_id), event.revision)

        await self._jetstream.opened()
        await self._jetstream.subscribe_core(bus.ALL_EVENTS, received)
        await asyncio.Event().wait()

    async def find_dead_task(self, advisory: bytes) -> DeadTask | None:
        """Return the task that an advisory is about; None if nobody has to do it any more.

        That is so if a worker finished it after all, or its job was cancelled or published again.

        Raises:
            MalformedMessageError: the task is not one of ours.
        """
        try:
            notice = bus.Advisory.parse(advisory)
            if notice.deleted:
                return None
            if notice.kind is bus.AdvisoryKind.TERMINATED:
                # The task is gone; what is known of it is in the reason.
                term = bus.TermReason.parse(notice.reason)
                return _dead_task(notice.sequence, term.subject, term.message_id, code=term.code)
            message = await self._jetstream.get_message(bus.TASKS, notice.sequence)
            return _dead_task(notice.sequence, message.subject, message.message_id, code="")
        except bus.BusFormatError as error:
            raise MalformedMessageError("task") from error
        except StreamNotFoundError:
            return None

    async def forget_dead_task(self, sequence: int) -> None:
        """Delete a dead-lettered task."""
        await self._jetstream.delete_message(bus.TASKS, sequence)


def _task_message(task: OutboxTask, model: Model) -> tasks_pb2.PreprocessTask:
    ref = task.ref
    message = tasks_pb2.PreprocessTask(
        ref=tasks_pb2.ImageRef(
            job_id=ref.job_id.bytes,
            image_id=ref.image_id.bytes,
            attempt=ref.attempt,
            republished=ref.republished,
            urgent=task.priority == Priority.URGENT,
        ),
        original_keys=task.original_keys,
        preview_key=preview_key(task.site, ref.job_id, ref.image_id),
        clahe=task.clahe,
        model=tasks_pb2.Model(
            name=model.name,
            version=model.version,
            digest=model.digest,
            input_width=model.input_width,
            input_height=model.input_height,
            labels=model.labels,
            thresholds=model.thresholds,
            gate_output=model.gate_output,
            gate_threshold=model.gate_threshold,
            max_batch_size=model.max_batch_size,
        ),
        size_bytes=task.size_bytes,
    )
    message.queue_time.FromDatetime(task.queue_time)
    return message


def _dead_task(sequence: int, subject: str, message_id: str, *, code: str) -> DeadTask:
    """Read the subject and the id of a task: its content may be unreadable."""
    job = bus.TaskSubject.parse(subject).job
    message = bus.MessageId.parse(message_id)
    ref = ImageRef(
        image_id=message.image,
        job_id=job,
        attempt=message.attempt,
        republished=message.republished,
    )
    return DeadTask(sequence, ref, code)
