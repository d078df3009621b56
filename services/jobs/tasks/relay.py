"""Publishes the tasks of the outbox to the broker. Every replica runs it; none is special."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.errors import DomainError
from chassis.logs import get_logger
from chassis.nats.jetstream import MessageTooLargeError, QueueUnavailableError
from services.jobs.models import Change, ImageRef, ImageState, OutboxTask
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.queue import TaskQueue
from services.jobs.tasks.results import TASK_REFUSED, Results

# Claimed together, so it bounds what a crash leaves to the next replica.
_BATCH = 128
# A short delay, so that under load one claim carries the tasks of many commits.
_BATCH_DELAY = timedelta(milliseconds=15)
# A replica that dies leaves its claim behind for this long; publishing ends before it.
_CLAIM = timedelta(seconds=10)
_PUBLISH_TIMEOUT = timedelta(seconds=8)
_PAUSE_AFTER_FAILURE = timedelta(seconds=1)
_PUBLISHED = Counter("carina_tasks_published", "Tasks that the broker has stored")
_log = get_logger(__name__)


@dataclass
class _Batch:
    """What became of the tasks of one claim."""

    published: list[UUID] = field(default_factory=list)
    refused: list[ImageRef] = field(default_factory=list)
    failure: DomainError | None = None


class Relay:
    """One loop: woken by a commit of this replica, and polling for what others left behind."""

    def __init__(
        self,
        system_store: SystemStore,
        queue: TaskQueue,
        results: Results,
        *,
        poll: timedelta = timedelta(seconds=1),
    ) -> None:
        self._system_store = system_store
        self._queue = queue
        self._results = results
        self._poll = poll
        self._woken = asyncio.Event()

    async def committed(self, change: Change) -> None:
        """Look at the outbox now if a commit may have put a task there."""
        if any(image.state == ImageState.QUEUED for image in change.images):
            self._woken.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll.total_seconds()):
                    await self._woken.wait()
            await asyncio.sleep(_BATCH_DELAY.total_seconds())
            self._woken.clear()
            try:
                while await self.publish_due() == _BATCH:
                    pass
            except DomainError as error:
                _log.warning("publishing tasks failed", reason=error.reason)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE.total_seconds())
                self._woken.set()

    async def publish_due(self) -> int:
        """Publish one batch of due tasks, and fail those that can never be published.

        Returns how many were claimed.

        Raises:
            DomainError: the broker did not store all of them; the others may be claimed again.
        """
        # A task for a model that only newer replicas know is left to them.
        claimed = await self._system_store.claim_outbox(
            models=self._queue.models, claim=_CLAIM, limit=_BATCH
        )
        if claimed.claimed_until is None:
            return 0
        batch = await self._publish_all(claimed.tasks)
        if batch.published:
            await self._system_store.delete_claimed(batch.published, claimed.claimed_until)
            _PUBLISHED.inc(len(batch.published))
        if batch.refused:
            await self._results.fail(batch.refused, TASK_REFUSED)
            await self._system_store.drop_outbox_tasks(batch.refused)
        if batch.failure is not None:
            done = {*batch.published, *(ref.image_id for ref in batch.refused)}
            left = [task.ref.image_id for task in claimed.tasks if task.ref.image_id not in done]
            await self._system_store.release_claimed(left, claimed.claimed_until)
            raise batch.failure
        return len(claimed.tasks)

    async def _publish_all(self, tasks: tuple[OutboxTask, ...]) -> _Batch:
        batch = _Batch()
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT.total_seconds()):
                await self._queue.require_room()
                await asyncio.gather(*(self._publish(task, batch) for task in tasks))
        except TimeoutError:
            batch.failure = QueueUnavailableError("tasks were not stored in time")
        except DomainError as error:
            batch.failure = error
        return batch

    async def _publish(self, task: OutboxTask, batch: _Batch) -> None:
        try:
            await self._queue.publish(task)
        except MessageTooLargeError as error:
            _log.error("task too large", image=str(task.ref.image_id), reason=str(error))
            batch.refused.append(task.ref)
        except DomainError as error:
            batch.failure = error
        else:
            batch.published.append(task.ref.image_id)
