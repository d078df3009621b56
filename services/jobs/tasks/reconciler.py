"""Repairs what a crash or a loss left behind. Every replica runs it; each step can be repeated."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.errors import DomainError
from chassis.logs import get_logger
from services.jobs.commits import Commits
from services.jobs.models import ImageError, Job, ReconcilerSettings, Scope
from services.jobs.storage.store import JobStore
from services.jobs.storage.system_store import AbandonedJob, SystemStore
from services.jobs.tasks.queue import TaskQueue
from services.jobs.tasks.results import Results

PROCESSING_STALLED = ImageError(
    "PROCESSING_STALLED",
    "The image was handed to workers again and again and no result came back; "
    "the service was disturbed. Retry it.",
    retryable=True,
)
MODEL_WITHDRAWN = ImageError(
    "MODEL_WITHDRAWN",
    "The model that this job asked for is no longer offered; "
    "submit the image again with another one.",
    retryable=False,
)
# Rows that one statement looks at or changes.
_BATCH = 500
# How long purging the old tasks of a stuck job may take before its new ones are published anyway.
_CLAIM = timedelta(seconds=10)
_REPUBLISHED = Counter("carina_tasks_republished", "Tasks that the broker had lost")
_log = get_logger(__name__)


class Reconciler:
    """One loop over everything that may be stuck."""

    def __init__(
        self,
        *,
        store: JobStore,
        system_store: SystemStore,
        queue: TaskQueue,
        results: Results,
        commits: Commits,
        settings: ReconcilerSettings,
    ) -> None:
        self._store = store
        self._system_store = system_store
        self._queue = queue
        self._results = results
        self._commits = commits
        self._settings = settings
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: the broker was connected or lost."""
        self._woken.set()

    async def run(self) -> None:
        """Repair until cancelled."""
        while True:
            self._woken.clear()
            for step in (
                self._queue.ensure_streams,
                self.republish_lost,
                self.fail_withdrawn,
                self.close_abandoned,
            ):
                try:
                    await step()
                except DomainError as error:
                    _log.warning("reconciler step failed", step=step.__name__, reason=error.reason)
            # Replicas that started together drift apart.
            seconds = self._settings.interval.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()

    async def republish_lost(self) -> None:
        """Publish again what has been open for too long with nothing in the broker.

        One look at the database, then one at each stream, however many jobs wait: what reached
        the broker or its end between the two is not stalled any more when it is locked.
        """
        stalled = await self._system_store.find_stalled(
            stalled_after=self._settings.stalled_after, stuck_after=self._settings.stuck_after
        )
        if not stalled:
            return
        held = await self._queue.jobs_in_broker()
        lost = [job.job_id for job in stalled if job.job_id not in held]
        for start in range(0, len(lost), _BATCH):
            await self._republish(lost[start : start + _BATCH])
        for job in stalled:
            if job.stuck and job.job_id in held:
                await self._replace_stuck(job.job_id)

    async def fail_withdrawn(self) -> None:
        """Fail images whose model is no longer in the catalogue."""
        withdrawn = await self._system_store.find_withdrawn(
            withdrawn_after=self._settings.withdrawn_after, models=self._queue.models, limit=_BATCH
        )
        if withdrawn:
            await self._results.fail(withdrawn, MODEL_WITHDRAWN)
            await self._system_store.drop_outbox_tasks(withdrawn)

    async def close_abandoned(self) -> None:
        """Close jobs that were left open, and drop uploads that nobody will finish."""
        for abandoned in await self._system_store.find_abandoned(
            abandoned_after=self._settings.abandoned_after, limit=_BATCH
        ):
            await self._close(abandoned)
        await self._system_store.expire_uploads(self._settings.abandoned_after)

    async def _republish(self, job_ids: Sequence[UUID]) -> None:
        republished, exhausted = await self._system_store.republish(
            job_ids,
            stalled_after=self._settings.stalled_after,
            max_losses=self._settings.max_losses,
        )
        for job_id, count in republished.items():
            _log.warning("lost tasks republished", job=str(job_id), count=count)
            _REPUBLISHED.inc(count)
        await self._results.fail(exhausted, PROCESSING_STALLED)

    async def _replace_stuck(self, job_id: UUID) -> None:
        image_ids, claimed_until = await self._system_store.replace_stuck(
            job_id, stuck_after=self._settings.stuck_after, claim=_CLAIM
        )
        if claimed_until is None:
            return
        _log.warning("stuck tasks replaced", job=str(job_id), count=len(image_ids))
        await self._queue.purge(job_id)
        await self._system_store.release_claimed(image_ids, claimed_until)

    async def _close(self, abandoned: AbandonedJob) -> None:
        def admit(job: Job) -> None:
            if job.update_time != abandoned.update_time:
                raise _StillAliveError

        end = self._store.close_job if abandoned.total else self._store.cancel_job
        try:
            change = await end(Scope(abandoned.site), abandoned.job_id, admit=admit)
        except _StillAliveError:
            return
        _log.info("abandoned job closed", job=str(abandoned.job_id), state=change.job.state)
        await self._commits.publish(change)


class _StillAliveError(Exception):
    """The job had a sign of life between the search and the lock."""
