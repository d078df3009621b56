"""One watched job: a short memory of its changes, shared by all its watchers."""

import asyncio
from collections import deque
from collections.abc import Sequence

from services.jobs.models import Change

# Changes of a job that are kept for its watchers, and the number that one read returns at most.
MEMORY = 256


class Channel:
    """One job that is watched on this replica."""

    def __init__(self, revision: int) -> None:
        self.watchers = 0
        self.revision = revision
        # Set, and replaced by a new one, whenever something has changed.
        self.moved = asyncio.Event()
        self.deleted = False
        self._changes: deque[Change] = deque(maxlen=MEMORY)

    def extend(self, changes: Sequence[Change]) -> None:
        """Remember changes that follow those already known, and wake the watchers."""
        for change in changes:
            if change.revision <= self.revision:
                continue  # committed by this replica while it was read
            if change.revision > self.revision + 1:
                # A restored database continues at a higher revision: watchers need a snapshot.
                self._changes.clear()
            self._changes.append(change)
            self.revision = change.revision
        self._move()

    def end(self) -> None:
        """The job is deleted, and its events with it: wake the watchers."""
        self.deleted = True
        self._move()

    def after(self, revision: int) -> list[Change] | None:
        """Return the changes after a revision, None if the memory does not reach back that far."""
        if revision >= self.revision:
            return []
        if not self._changes or self._changes[0].revision > revision + 1:
            return None
        # There is no gap in the memory, so the index of a change follows from its revision.
        first = revision + 1 - self._changes[0].revision
        return [self._changes[index] for index in range(first, len(self._changes))]

    def _move(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()
