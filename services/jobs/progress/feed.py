"""Tells every watcher of a job each committed change once and in order.

The truth is the table of events. A message on the bus only wakes the feed, so a lost one costs the
time until the next look and nothing else. All watchers of a job on this replica share one reader
and one short memory of changes; a watcher is no more than the revision it has reached, so a slow
one costs nothing, and one that falls too far behind is given a snapshot.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from chassis.auth import Principal
from chassis.errors import TransientError
from chassis.logs import get_logger
from services.jobs.errors import JobNotFoundError, RevisionAheadError, TooManyWatchersError
from services.jobs.models import Change, Scope
from services.jobs.permissions import Action, authorize
from services.jobs.storage.store import JobStore
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.queue import TaskQueue

# Changes of a job that are kept for its watchers, and the most read from the table at once.
_MEMORY = 256
# A change of more images is told as a snapshot, which is sent in parts: it may exceed a message.
_MOST_IMAGES = 500
_log = get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """The whole job as of its revision."""

    state: Change


class _Channel:
    """One job that is watched on this replica."""

    def __init__(self, revision: int) -> None:
        self.watchers = 0
        self.revision = revision
        self.changes: deque[Change] = deque(maxlen=_MEMORY)
        self.wake = asyncio.Event()
        self.moved = asyncio.Event()
        self.deleted = False
        self.reader: asyncio.Task[None] | None = None

    def extend(self, changes: Sequence[Change]) -> None:
        """Remember changes that follow on what is known, and let the watchers know."""
        for change in changes:
            if change.revision <= self.revision:
                continue  # offered by `tell` while the reader was reading
            if change.revision > self.revision + 1:
                # A restored record goes on elsewhere: who is behind that has to read it whole.
                self.changes.clear()
            self.changes.append(change)
            self.revision = change.revision
        self._move()

    def end(self) -> None:
        """The job is gone, and its events with it: let the watchers know."""
        self.deleted = True
        self._move()

    def _move(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()

    def after(self, revision: int) -> list[Change] | None:
        """Return the changes after a revision, None where the memory does not reach back."""
        if revision >= self.revision:
            return []
        if not self.changes or self.changes[0].revision > revision + 1:
            return None
        # What is remembered has no gap, so the place of a change follows from its revision.
        first = revision + 1 - self.changes[0].revision
        return [self.changes[index] for index in range(first, len(self.changes))]


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
        # How long a change can stay unseen when its announcement is lost.
        self._poll = poll
        self._channels: dict[UUID, _Channel] = {}
        self._watchers = 0

    @property
    def watchers(self) -> int:
        """How many watches are open."""
        return self._watchers

    async def tell(self, change: Change) -> None:
        """Tell the watchers, on this replica and on all others, that a change was committed."""
        if not change.committed:
            return
        channel = self._channels.get(change.job.job_id)
        if channel and change.revision == channel.revision + 1:
            channel.extend([change])
        await self._queue.announce(change.job.job_id, change.revision)

    def wake(self, job_id: UUID, revision: int) -> None:
        """Look for the changes of a job up to a revision now; 0: whether it is still there."""
        channel = self._channels.get(job_id)
        if channel and (not revision or revision > channel.revision):
            channel.wake.set()

    async def watch(
        self, principal: Principal, job_id: UUID, after: int, *, heartbeat: timedelta
    ) -> AsyncGenerator[Snapshot | Change | None]:
        """Yield a snapshot, then each change after it; None when nothing happened for a while.

        Ends when the job is terminal.

        Raises:
            JobNotFoundError: the caller can not see the job, or it was deleted meanwhile.
            RevisionAheadError: `after` lies in the future.
            TooManyWatchersError: this replica is full.
        """
        scope = authorize(principal, Action.FOLLOW)
        async with self._counted():
            if after:
                job = await self._store.get_job(scope, job_id)
                if after > job.revision:
                    raise RevisionAheadError(after, job.revision)
                if after == job.revision and job.state.terminal:
                    return
            else:
                first = await self._store.snapshot(scope, job_id)
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
                behind = False
                if changes is None:
                    changes = await self._system_store.events_after(job_id, revision, _MEMORY)
                    gap = changes and changes[-1].revision != revision + len(changes)
                    behind = bool(gap) or len(changes) == _MEMORY
                if behind or any(len(change.images) > _MOST_IMAGES for change in changes):
                    state = await self._store.snapshot(scope, job_id)
                    yield Snapshot(state)
                    revision = state.revision
                    if state.job.state.terminal:
                        return
                    continue
                for change in changes:
                    revision = change.revision
                    yield _shown(change, scope)
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
    async def _channel(self, job_id: UUID, revision: int) -> AsyncIterator[_Channel]:
        channel = self._channels.get(job_id)
        if channel is None:
            channel = self._channels[job_id] = _Channel(revision)
            # What happened between the snapshot and this line is found by a first look.
            channel.wake.set()
            channel.reader = asyncio.create_task(self._read(job_id, channel))
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if not channel.watchers:
                del self._channels[job_id]
                assert channel.reader is not None  # noqa: S101 - made with the channel
                channel.reader.cancel()

    async def _read(self, job_id: UUID, channel: _Channel) -> None:
        while channel.watchers:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll.total_seconds()):
                    await channel.wake.wait()
            channel.wake.clear()
            found = False
            try:
                while changes := await self._system_store.events_after(
                    job_id, channel.revision, _MEMORY
                ):
                    channel.extend(changes)
                    found = True
                if not found and not await self._system_store.job_exists(job_id):
                    channel.end()
                    return
            except Exception as error:  # noqa: BLE001 - or all its watchers would wait for ever
                fault = None if isinstance(error, TransientError) else error
                _log.warning("feed can not read", job=str(job_id), exc_info=fault)
                await asyncio.sleep(1)
                channel.wake.set()


def _shown(change: Change, scope: Scope) -> Change:
    """Leave out what a patient may not see."""
    if not scope.patient_id:
        return change
    images = tuple(image for image in change.images if image.patient_id == scope.patient_id)
    return replace(change, images=images)
