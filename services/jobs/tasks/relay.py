"""Publishes what the outbox owes to the broker. Every replica runs it; none is special."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.errors import DomainError
from chassis.logs import get_logger
from chassis.nats.jetstream import MessageTooLargeError
from services.jobs.models import ImageRef, OutboxTask
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.queue import TaskQueue
from services.jobs.tasks.results import TASK_REFUSED, Results

# Held in one transaction, so it bounds both its length and what a crash publishes twice.
_BATCH = 128
_GATHER = timedelta(milliseconds=15)
_PAUSE_AFTER_FAILURE = timedelta(seconds=1)
_PUBLISHED = Counter("carina_tasks_published", "Tasks that the broker has taken")
_log = get_logger(__name__)


class Relay:
    """One loop: woken by a commit here, and looking by itself for what others left behind."""

    def __init__(
        self,
        system_store: SystemStore,
        queue: TaskQueue,
        results: Results,
        *,
        clock: Callable[[], datetime],
        poll: timedelta = timedelta(seconds=1),
    ) -> None:
        self._system_store = system_store
        self._queue = queue
        self._results = results
        self._clock = clock
        self._poll = poll
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll.total_seconds()):
                    await self._woken.wait()
            # A moment for more: under load one transaction carries the tasks of many commits.
            await asyncio.sleep(_GATHER.total_seconds())
            self._woken.clear()
            try:
                while await self.publish_due() == _BATCH:
                    pass
            except DomainError as error:
                _log.warning("tasks stay in the outbox", reason=error.reason)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE.total_seconds())
                self._woken.set()

    async def publish_due(self) -> int:
        """Publish one batch of what is due, and fail what never can be; return how many.

        Raises:
            DomainError: the broker did not take them all; those it took are settled.
        """
        refused: list[ImageRef] = []
        # A task for a model that only newer replicas know is theirs.
        taking = self._system_store.claim_outbox(self._clock(), _BATCH, self._queue.models)
        async with taking as (tasks, published):
            if tasks:
                await self._queue.require_room()
            failures = await asyncio.gather(
                *(self._publish(task, published, refused) for task in tasks)
            )
        _PUBLISHED.inc(len(published))
        if refused:
            # Only now: what fails an image waits for its job, and whoever holds that may wait for
            # the row of the outbox.
            await self._results.fail(refused, TASK_REFUSED)
            await self._system_store.forget_owed(refused)
        for failure in failures:
            if failure is not None:
                raise failure
        return len(tasks)

    async def _publish(
        self, task: OutboxTask, published: list[UUID], refused: list[ImageRef]
    ) -> DomainError | None:
        try:
            await self._queue.publish(task)
        except MessageTooLargeError as error:
            _log.error("task too large", image=str(task.ref.image_id), reason=str(error))
            refused.append(task.ref)
            return None
        except DomainError as error:
            return error
        published.append(task.ref.image_id)
        return None
