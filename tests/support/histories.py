"""The committed history of a job, and the part of it that each watcher received."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_TERMINAL = {"SUCCEEDED", "FAILED", "CANCELLED"}
_TERMINAL_JOB = {"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED"}

Counters = tuple[int, int, int, int]
# The state and attempt of each image, by id.
Images = dict[str, tuple[str, int]]


@dataclass(frozen=True)
class Revision:
    """A job after a change, with the images that changed or, for a snapshot, all images."""

    state: str
    counters: Counters
    images: Images


@dataclass
class History:
    """All committed changes of one job."""

    name: str
    changes: dict[int, Revision] = field(default_factory=dict)
    wholes: dict[int, Revision] = field(default_factory=dict)
    images: Images = field(default_factory=dict)
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, revision: int, job: dict[str, Any], images: list[dict[str, Any]]) -> None:
        """Add the next change."""
        if revision != len(self.changes) + 1:
            self.broken.append(f"revision {revision} follows {len(self.changes)}")
        changed = {each["image_id"]: (each["state"], each["attempt"]) for each in images}
        for image, (state, attempt) in changed.items():
            before, last = self.images.get(image, ("", 1))
            if attempt < last or (attempt == last and before in _TERMINAL):
                self.broken.append(f"image {image} went from {before} {last} to {state} {attempt}")
            if state in _TERMINAL:
                self.ends[image, attempt] += 1
        self.images |= changed
        counters = (job["total"], job["succeeded"], job["failed"], job["cancelled"])
        tally = Counter(state for state, _ in self.images.values())
        tallied = (len(self.images), tally["SUCCEEDED"], tally["FAILED"], tally["CANCELLED"])
        if counters != tallied:
            self.broken.append(
                f"revision {revision} counts {counters}, but its images are {tallied}"
            )
        self.changes[revision] = Revision(job["state"], counters, changed)
        self.wholes[revision] = Revision(job["state"], counters, dict(self.images))

    def problems(self, *, max_attempts: int) -> Iterator[str]:
        """Return the inconsistencies within the history."""
        yield from (f"{self.name}: {each}" for each in self.broken)
        for (image, attempt), times in self.ends.items():
            if times != 1:
                yield f"{self.name}: image {image} ended {times} times in attempt {attempt}"
        for image, (state, attempt) in self.images.items():
            if state not in _TERMINAL:
                yield f"{self.name}: image {image} has not ended: it is {state}"
            if attempt > max_attempts:
                yield f"{self.name}: image {image} is in attempt {attempt}, which was not requested"


@dataclass
class Watcher:
    """A watcher of one job."""

    job: str
    how: str
    # Each revision received, and whether it came as a snapshot.
    seen: list[tuple[int, bool, Revision]] = field(default_factory=list)
    ended: bool = False
    failure: str = ""

    @property
    def reached(self) -> int:
        """The newest revision received; 0 before the first."""
        return self.seen[-1][0] if self.seen else 0

    @property
    def sees_the_end(self) -> bool:
        """Whether the newest revision received is that of a job that has ended."""
        return bool(self.seen) and self.seen[-1][2].state in _TERMINAL_JOB

    def receive(self, revision: int, shown: Revision, *, whole: bool) -> None:
        """Record a revision that was received."""
        self.seen.append((revision, whole, shown))

    def problems(self, history: History) -> Iterator[str]:
        """Compare what was received with what was committed."""
        who = f"watcher of {self.job} by {self.how}"
        if self.failure:
            yield f"{who} failed: {self.failure}"
            return
        previous = 0
        for revision, whole, shown in self.seen:
            # No job here has so many changes that a slow watcher is sent a new snapshot.
            if whole != (previous == 0):
                yield f"{who} received a {'snapshot' if whole else 'change'} after {previous}"
            elif not whole and revision != previous + 1:
                yield f"{who} received revision {revision} after {previous}"
            previous = revision
            was = (history.wholes if whole else history.changes).get(revision)
            if shown != was:
                yield f"{who} received {shown} as revision {revision}, which is {was}"
        if not self.ended or not self.sees_the_end:
            yield f"{who} did not receive the end"
