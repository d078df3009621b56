"""Tells every watcher of a job each committed change, once and in order.

The truth is the table of events. A message on the bus only wakes the feed, so a lost message costs
the time until the next poll and nothing else. All watchers of a job on this replica share one short
memory of changes, and one loop reads for all jobs; a watcher is no more than the revision it has
reached, so a slow one costs nothing, and one that falls too far behind is given a snapshot.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from chassis.auth import Principal
from chassis.errors import TransientError
from chassis.logs import get_logger
from services.jobs.errors import JobNotFoundError, RevisionAheadError, TooManyWatchersError
from services.jobs.models import Change, Scope
from services.jobs.permissions import Action, authorize
from services.jobs.progress.channel import MEMORY, Channel
from services.jobs.storage.store import JobStore
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.queue import TaskQueue

T = TypeVar("T")
# A change of more images is sent as a snapshot, which is split: it may exceed a message.
_MAX_IMAGES = 500
# Jobs whose events one statement reads; it bounds the memory of a catch-up.
_JOBS_PER_READ = 50
_PAUSE_AFTER_FAILURE = timedelta(seconds=1)
_log = get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """The whole job as of its revision."""

    state: Change


class Feed:
    """The watched jobs of this replica."""

    def __init__(
        self,
        store: JobStore,
        system_store: SystemStore,
        queue: TaskQueue,
        *,
        max_watchers: int,
        poll: timedelta = timedelta(seconds=2),
    ) -> None:
        self._store = store
        self._system_store = system_store
        self._queue = queue
        self._max_watchers = max_watchers
        # How long a change can stay unseen if its announcement is lost.
        self._poll = poll
        self._channels: dict[UUID, Channel] = {}
        # Jobs that have changed, and jobs that may have changed or be deleted.
        self._behind: set[UUID] = set()
        self._unsure: set[UUID] = set()
        self._woken = asyncio.Event()
        self._reads: set[asyncio.Future[Any]] = set()
        self._watchers = 0

    @property
    def watchers(self) -> int:
        """How many watches are open."""
        return self._watchers

    async def committed(self, change: Change) -> None:
        """Tell the watchers, on this replica and on all others, that a change was committed."""
        channel = self._channels.get(change.job.job_id)
        if channel and change.revision == channel.revision + 1:
            channel.extend([change])
        await self._queue.announce(change.job.job_id, change.revision)

    def wake(self, job_id: UUID, revision: int) -> None:
        """Read the changes of a job up to a revision now; 0 asks whether it still exists."""
        channel = self._channels.get(job_id)
        if channel and (not revision or revision > channel.revision):
            (self._behind if revision else self._unsure).add(job_id)
            self._woken.set()

    async def run(self) -> None:
        """Read for all watched jobs until cancelled."""
        loop = asyncio.get_running_loop()
        polled = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(polled + self._poll.total_seconds() - loop.time()):
                    await self._woken.wait()
            self._woken.clear()
            if loop.time() - polled >= self._poll.total_seconds():
                polled = loop.time()
                self._unsure |= self._channels.keys()
            behind, self._behind = self._behind, set()
            unsure, self._unsure = self._unsure - behind, set()
            try:
                await self._check(unsure)
                await self._read(behind)
            except Exception as error:  # noqa: BLE001 - or all watchers would wait for ever
                fault = None if isinstance(error, TransientError) else error
                _log.warning("reading events failed", exc_info=fault)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE.total_seconds())
                self._unsure |= behind | unsure
                self._woken.set()

    async def watch(
        self, principal: Principal, job_id: UUID, after: int, *, heartbeat: timedelta
    ) -> AsyncGenerator[Snapshot | Change | None]:
        """Yield a snapshot, then each change after it; None if nothing happened for a while.

        Ends when the job is terminal.

        Raises:
            JobNotFoundError: the caller cannot see the job, or it was deleted meanwhile.
            RevisionAheadError: `after` is in the future.
            TooManyWatchersError: this replica has no room for another watch.
        """
        scope = authorize(principal, Action.FOLLOW)
        async with self._counted():
            if after:
                job = await self._finished(self._store.get_job(scope, job_id))
                if after > job.revision:
                    raise RevisionAheadError(after, job.revision)
                if after == job.revision and job.state.terminal:
                    return
            else:
                first = await self._finished(self._store.snapshot(scope, job_id))
                yield Snapshot(first)
                after = first.revision
                if first.job.state.terminal:
                    return
            async for item in self._follow(scope, job_id, after, heartbeat):
                yield item

    async def _follow(
        self, scope: Scope, job_id: UUID, revision: int, heartbeat: timedelta
    ) -> AsyncGenerator[Snapshot | Change | None]:
        async with self._channel(job_id, revision) as channel:
            while True:
                moved = channel.moved
                changes = channel.after(revision)
                if changes is None:
                    changes = await self._missed(job_id, revision)
                if changes is None or any(len(each.images) > _MAX_IMAGES for each in changes):
                    state = await self._finished(self._store.snapshot(scope, job_id))
                    yield Snapshot(state)
                    revision = state.revision
                    if state.job.state.terminal:
                        return
                    continue
                for change in changes:
                    revision = change.revision
                    yield _visible(change, scope)
                    if change.job.state.terminal:
                        return
                if changes:
                    continue
                if channel.deleted:
                    raise JobNotFoundError(f"jobs/{job_id}")
                try:
                    async with asyncio.timeout(heartbeat.total_seconds()):
                        await moved.wait()
                except TimeoutError:
                    yield None

    async def _missed(self, job_id: UUID, revision: int) -> list[Change] | None:
        """Read changes that the memory has lost; None if there are too many, or a gap."""
        changes = await self._finished(self._system_store.events_after({job_id: revision}, MEMORY))
        gap = changes and changes[-1].revision != revision + len(changes)
        return None if gap or len(changes) == MEMORY else changes

    async def _finished(self, read: Awaitable[T]) -> T:
        """Let a read finish although its watcher has left: a cut statement costs a connection."""
        task = asyncio.ensure_future(read)
        self._reads.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, read: asyncio.Future[Any]) -> None:
        self._reads.discard(read)
        if not read.cancelled():
            read.exception()  # its watcher may have left, and asyncio would complain

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        if self._watchers >= self._max_watchers:
            raise TooManyWatchersError(self._max_watchers)
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    @asynccontextmanager
    async def _channel(self, job_id: UUID, revision: int) -> AsyncIterator[Channel]:
        channel = self._channels.get(job_id)
        if channel is None:
            channel = self._channels[job_id] = Channel(revision)
            # What happened between the snapshot and this line is found by a first read.
            self._unsure.add(job_id)
            self._woken.set()
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if not channel.watchers:
                del self._channels[job_id]

    async def _check(self, job_ids: set[UUID]) -> None:
        """Read those of these jobs that have changed, and end those that are deleted."""
        revisions = self._revisions(job_ids)
        if not revisions:
            return
        behind = set()
        for job_id, revision in (await self._system_store.changed_jobs(revisions)).items():
            channel = self._channels.get(job_id)
            if channel and revision is None:
                channel.end()
            elif channel and revision is not None and revision > channel.revision:
                behind.add(job_id)
        await self._read(behind)

    async def _read(self, job_ids: set[UUID]) -> None:
        """Read the changes of jobs, a few jobs at a time."""
        waiting = list(job_ids)
        for start in range(0, len(waiting), _JOBS_PER_READ):
            revisions = self._revisions(waiting[start : start + _JOBS_PER_READ])
            found: dict[UUID, list[Change]] = {}
            for change in await self._system_store.events_after(revisions, MEMORY):
                found.setdefault(change.job.job_id, []).append(change)
            for job_id, changes in found.items():
                if channel := self._channels.get(job_id):
                    channel.extend(changes)
                if len(changes) == MEMORY:
                    self.wake(job_id, changes[-1].revision + 1)

    def _revisions(self, job_ids: Iterable[UUID]) -> dict[UUID, int]:
        """Return how far those of these jobs are read that are still watched."""
        return {
            job_id: channel.revision
            for job_id in job_ids
            if (channel := self._channels.get(job_id))
        }


def _visible(change: Change, scope: Scope) -> Change:
    """Leave out what a patient may not see."""
    if not scope.patient_id:
        return change
    images = tuple(image for image in change.images if image.patient_id == scope.patient_id)
    return replace(change, images=images)
