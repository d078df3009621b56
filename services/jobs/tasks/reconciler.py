"""Mends what a crash or a loss left behind. Every replica runs it; each step can be repeated."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.errors import DomainError
from chassis.logs import get_logger
from services.jobs.commits import Clock, Committed
from services.jobs.models import ImageError, Job, Scope
from services.jobs.storage.store import JobStore
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import Abandoned, Stalled, SystemStore
from services.jobs.tasks.queue import TaskQueue
from services.jobs.tasks.results import Results

PROCESSING_STALLED = ImageError(
    "PROCESSING_STALLED",
    "The image was handed out again and again and nothing ever came back; "
    "the service was disturbed. Retry it.",
    retryable=True,
)
MODEL_WITHDRAWN = ImageError(
    "MODEL_WITHDRAWN",
    "The model that this job asked for is no longer offered; "
    "submit the image again for another one.",
    retryable=False,
)
_BATCH = 500
# A clock that is only kept right moves by less between two looks.
_STEP = timedelta(minutes=1)
_NEVER = datetime.fromtimestamp(0, UTC)
_REPUBLISHED = Counter("carina_tasks_republished", "Tasks that the broker had lost")
_log = get_logger(__name__)


@dataclass(frozen=True)
class ReconcilerSettings:
    """How long things may take before they are mended."""

    cycle: timedelta = timedelta(seconds=10)
    # An open image with nothing in the broker: its task was lost.
    stalled: timedelta = timedelta(seconds=30)
    # An open image though the broker holds something, which it may never hand out: all the tasks of
    # its job are taken away and published again. That no worker was there for so long is no loss.
    stuck: timedelta = timedelta(hours=6)
    # How long what no worker has answered rests before its last chance.
    redelivery_delay: timedelta = timedelta(minutes=1)
    # How often the broker may lose the task of one attempt before it is given up.
    republications: int = 10
    # A task for a model that this replica does not know; during an upgrade others may.
    withdrawn: timedelta = timedelta(hours=1)
    # A job that is receiving without a sign of life.
    abandoned: timedelta = timedelta(hours=1)


class Reconciler:
    """One loop over everything that may be stuck."""

    def __init__(
        self,
        *,
        store: JobStore,
        system_store: SystemStore,
        queue: TaskQueue,
        results: Results,
        sweeper: Sweeper,
        clock: Clock,
        committed: Committed,
        wake_relay: Callable[[], None],
        settings: ReconcilerSettings,
    ) -> None:
        self._store = store
        self._system_store = system_store
        self._queue = queue
        self._results = results
        self._sweeper = sweeper
        self._clock = clock
        self._committed = committed
        self._wake_relay = wake_relay
        self._settings = settings
        self._woken = asyncio.Event()
        # How far the clock is ahead of the one that nobody sets, and since when evenly, seconds.
        self._ahead = clock().timestamp() - time.monotonic()
        self._even_since = float("-inf")

    def wake(self) -> None:
        """Look now: the broker came or went."""
        self._woken.set()

    async def run(self) -> None:
        """Mend for ever."""
        while True:
            self._woken.clear()
            for step in (
                self._queue.ensure_streams,
                self.release_delayed,
                self.republish_lost,
                self.fail_withdrawn,
                self.close_abandoned,
                self._sweeper.sweep,
            ):
                try:
                    await step()
                except DomainError as error:
                    _log.warning("reconciler waits", step=step.__name__, reason=error.reason)
            # Replicas that started together drift apart.
            seconds = self._settings.cycle.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()

    async def release_delayed(self) -> None:
        """Owe at once what a clock that was set back since has put off."""
        # Twice, for the clocks of two replicas are never quite the same.
        latest = self._clock() + 2 * self._settings.redelivery_delay
        if await self._system_store.release_delayed(latest):
            self._wake_relay()

    async def republish_lost(self) -> None:
        """Publish again what is open for too long with nothing in the broker."""
        now = self._clock()
        before, after = now - self._settings.stalled, now + self._settings.stalled
        for stalled in await self._system_store.find_stalled(before, after, _BATCH):
            if not await self._queue.count(stalled.job_id):
                await self._republish(stalled, before, after, now)
            elif stalled.oldest < now - self._settings.stuck:
                await self._publish_anew(stalled.job_id, now)

    async def fail_withdrawn(self) -> None:
        """Fail what is owed to models that are in the catalogue no more."""
        now = self._clock()
        withdrawn = await self._system_store.find_withdrawn(
            now - self._settings.withdrawn, _BATCH, self._queue.models
        )
        if withdrawn:
            await self._results.fail(withdrawn, MODEL_WITHDRAWN)
            await self._system_store.forget_owed(withdrawn)

    async def close_abandoned(self) -> None:
        """Close jobs that were left open, and forget uploads nobody will finish."""
        now = self._clock()
        before = now - self._settings.abandoned if self._evenly(now) else _NEVER
        for abandoned in await self._system_store.find_abandoned(before, _BATCH):
            await self._close(abandoned, before, now)
        await self._system_store.expire_uploads(before, now)

    async def _republish(
        self, stalled: Stalled, before: datetime, after: datetime, now: datetime
    ) -> None:
        owed, exhausted = await self._system_store.republish(
            stalled.image_ids,
            before=before,
            after=after,
            most=self._settings.republications,
            now=now,
        )
        if owed:
            _log.warning("tasks were lost", job=str(stalled.job_id), count=owed)
            _REPUBLISHED.inc(owed)
            self._wake_relay()
        await self._results.fail(exhausted, PROCESSING_STALLED)

    async def _publish_anew(self, job_id: UUID, now: datetime) -> None:
        before = now - self._settings.stuck
        async with self._system_store.publish_anew(job_id, before=before, now=now) as owed:
            if owed:
                await self._queue.purge(job_id)
        if owed:
            _log.warning("tasks were stuck", job=str(job_id), count=owed)
            self._wake_relay()

    def _evenly(self, now: datetime) -> bool:
        """Tell whether the clock has run evenly for as long as a job may be silent.

        One that was set forward makes every open job look abandoned.
        """
        running = time.monotonic()
        ahead = now.timestamp() - running
        if abs(ahead - self._ahead) > _STEP.total_seconds():
            _log.warning("the clock was set", delay_seconds=round(ahead - self._ahead))
            self._even_since = running
        self._ahead = ahead
        return running - self._even_since > self._settings.abandoned.total_seconds()

    async def _close(self, abandoned: Abandoned, before: datetime, now: datetime) -> None:
        def admit(job: Job) -> None:
            if job.update_time >= before:
                raise _StillAliveError

        end = self._store.close_job if abandoned.total else self._store.cancel_job
        try:
            change = await end(Scope(abandoned.site), abandoned.job_id, admit=admit, now=now)
        except _StillAliveError:
            return
        _log.info("abandoned job closed", job=str(abandoned.job_id), state=change.job.state)
        await self._committed(change)


class _StillAliveError(Exception):
    """The job got a sign of life between the search and the lock."""
