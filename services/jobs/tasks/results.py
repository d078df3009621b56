"""Applies what workers say, in batches, and what the broker says of work that killed its worker."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from prometheus_client import Counter, Histogram

from carina.tasks import bus
from chassis.errors import TransientError
from chassis.logs import get_logger
from chassis.nats.consume import Delivery, Source, consume, consume_batches
from chassis.nats.jetstream import JetStream
from services.jobs.commits import Clock, Committed
from services.jobs.errors import MalformedMessageError
from services.jobs.models import Change, ImageError, ImageRef, ImageState, Outcome, Stage
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.outcomes import outcome_from_message, ref_from_message
from services.jobs.tasks.queue import TaskQueue

_ENDED = Counter("carina_images_ended", "Images that reached a terminal state", ["state", "code"])
_SECONDS = Histogram(
    "carina_image_seconds",
    "From the commit of an image to its terminal state",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
# Outcomes gather this long, so that under load one transaction applies many.
_GATHER = timedelta(milliseconds=80)
_MAX_BATCH = 256
# Deliveries after which an outcome that can not be applied is given up.
_TRIES = 5
WORKER_DIED = ImageError(
    "WORKER_DIED",
    "Every attempt to process this image ended without an answer; "
    "the image may be too demanding, or the service was disturbed.",
    retryable=True,
)
TASK_REFUSED = ImageError(
    "TASK_REFUSED",
    "The service's own messages about this image were too large or could not be read; retry it.",
    retryable=True,
)
_RANK = {Stage.PREPROCESS: 1, Stage.INFER: 2, Stage.NONE: 3}
_log = get_logger(__name__)


class Results:
    """The consumers of RESULTS and DEAD."""

    def __init__(
        self,
        system_store: SystemStore,
        queue: TaskQueue,
        *,
        clock: Clock,
        committed: Committed,
        redelivery_delay: timedelta,
    ) -> None:
        self._system_store = system_store
        self._queue = queue
        self._clock = clock
        self._committed = committed
        self._redelivery_delay = redelivery_delay

    async def consume(self, jetstream: JetStream, stop: asyncio.Event) -> None:
        """Apply outcomes until `stop`."""
        source = Source(bus.RESULTS, bus.RESULTS_CONSUMER)
        await consume_batches(
            jetstream, source, self.apply, max_batch=_MAX_BATCH, max_wait=_GATHER, stop=stop
        )

    async def consume_dead(self, jetstream: JetStream, stop: asyncio.Event) -> None:
        """Fail what was given up until `stop`."""
        source = Source(bus.DEAD, bus.DEAD_CONSUMER)
        await consume(jetstream, [source], self.apply_dead, slots=1, stop=stop)

    async def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Apply a batch of outcomes; being run twice changes nothing.

        One that can not be applied, time after time, fails its image: RESULTS hands it out for
        ever, and enough of them would hold up all others.
        """
        try:
            await self._apply(deliveries)
        except TransientError:
            raise
        except Exception as error:
            # Of several, each is tried alone next.
            if len(deliveries) > 1 or deliveries[0].attempt < _TRIES:
                raise
            await self._give_up(deliveries[0], error)

    async def _apply(self, deliveries: Sequence[Delivery]) -> None:
        outcomes = []
        for delivery in deliveries:
            try:
                outcomes.append(outcome_from_message(delivery.data))
            except MalformedMessageError as error:
                # Nobody can ever read it; its image is the reconciler's.
                _log.error("outcome dropped", sequence=delivery.sequence, reason=error.reason)
        await self.apply_outcomes(outcomes)

    async def _give_up(self, delivery: Delivery, error: Exception) -> None:
        _log.error("outcome given up", sequence=delivery.sequence, exc_info=error)
        try:
            await self.fail([ref_from_message(delivery.data)], TASK_REFUSED)
        except TransientError:
            raise
        except Exception as failure:  # noqa: BLE001 - its image is the reconciler's
            _log.error("outcome dropped", sequence=delivery.sequence, exc_info=failure)

    async def apply_dead(self, delivery: Delivery) -> None:
        """Give a task that no worker has answered another chance, or fail its image."""
        try:
            dead = await self._queue.find_dead_task(delivery.data)
        except MalformedMessageError as error:
            # Its image, if it has one, is the reconciler's.
            _log.error("dead task dropped", sequence=delivery.sequence, reason=error.reason)
            return
        if dead is None:
            return
        _log.error(
            "work was given up",
            job=str(dead.ref.job_id),
            image=str(dead.ref.image_id),
            reason=dead.refused or WORKER_DIED.code,
            count=dead.ref.republished,
        )
        if dead.refused:
            await self.fail([dead.ref], TASK_REFUSED)
        elif not await self._redeliver_once(dead.ref):
            await self.fail([dead.ref], WORKER_DIED)
        if not dead.refused:
            # What was refused is gone already.
            await self._queue.forget_dead_task(dead.sequence)

    async def _redeliver_once(self, ref: ImageRef) -> bool:
        """Owe it once more, if it is the first time, when what went on around it has passed.

        That is a line that was down, or another image that killed the workers which held this one.
        """
        now = self._clock()
        return await self._system_store.redeliver_once(
            ref, now=now, due=now + self._redelivery_delay
        )

    async def fail(self, refs: Sequence[ImageRef], error: ImageError) -> None:
        """Fail images that no worker will speak of; those published again since stay open."""
        now = self._clock()
        await self.apply_outcomes(
            [
                Outcome(
                    image_id=ref.image_id,
                    job_id=ref.job_id,
                    attempt=ref.attempt,
                    republished=ref.republished,
                    state=ImageState.FAILED,
                    stage=Stage.NONE,
                    happened=now,
                    error=error,
                )
                for ref in refs
            ]
        )

    async def apply_outcomes(self, outcomes: Sequence[Outcome]) -> list[Change]:
        """Apply outcomes and announce what they changed."""
        if not outcomes:
            return []
        changes = await self._system_store.apply_outcomes(_latest(outcomes), self._clock())
        for change in changes:
            await self._committed(change)
            _count(change)
        return changes


def _latest(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Keep of each attempt what is furthest along: one statement changes a row once."""
    latest: dict[object, Outcome] = {}
    taken_up: dict[object, datetime] = {}
    for outcome in outcomes:
        key = (outcome.image_id, outcome.attempt)
        known = latest.get(key)
        if known is None or _RANK[known.stage] < _RANK[outcome.stage]:
            latest[key] = outcome
        taken_up[key] = min(outcome.happened, taken_up.get(key, outcome.happened))
    return [replace(outcome, taken_up=taken_up[key]) for key, outcome in latest.items()]


def _count(change: Change) -> None:
    for image in change.images:
        if image.state in {ImageState.SUCCEEDED, ImageState.FAILED} and image.end_time:
            _ENDED.labels(image.state, image.error.code if image.error else "").inc()
            _SECONDS.observe((image.end_time - image.create_time).total_seconds())
