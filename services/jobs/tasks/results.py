"""Applies the outcomes of workers, in batches, and handles dead-lettered tasks."""

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
from services.jobs.commits import Commits
from services.jobs.errors import MalformedMessageError
from services.jobs.models import Change, ImageError, ImageRef, ImageState, Outcome, Stage
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.outcomes import outcome_from_message, ref_from_message
from services.jobs.tasks.queue import TaskQueue

_ENDED = Counter("carina_images_ended", "Images that reached a terminal state", ["state", "code"])
_SECONDS = Histogram(
    "carina_image_duration_seconds",
    "From the commit of an image to its terminal state",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
# A short delay, so that under load one transaction applies many outcomes.
_BATCH_DELAY = timedelta(milliseconds=80)
_MAX_BATCH = 256
# Deliveries after which an outcome that cannot be applied fails its image.
_MAX_ATTEMPTS = 5
WORKER_DIED = ImageError(
    "WORKER_DIED",
    "Every attempt to process this image ended without a result; "
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
        commits: Commits,
        *,
        redelivery_delay: timedelta,
    ) -> None:
        self._system_store = system_store
        self._queue = queue
        self._commits = commits
        self._redelivery_delay = redelivery_delay

    async def consume(self, jetstream: JetStream, stop: asyncio.Event) -> None:
        """Apply outcomes until `stop` is set."""
        source = Source(bus.RESULTS, bus.RESULTS_CONSUMER)
        await consume_batches(
            jetstream, source, self.apply, max_batch=_MAX_BATCH, max_wait=_BATCH_DELAY, stop=stop
        )

    async def consume_dead(self, jetstream: JetStream, stop: asyncio.Event) -> None:
        """Handle dead-lettered tasks until `stop` is set."""
        source = Source(bus.DEAD, bus.DEAD_CONSUMER)
        await consume(jetstream, [source], self.apply_dead, slots=1, stop=stop)

    async def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Apply a batch of outcomes; running it twice changes nothing.

        An outcome that repeatedly cannot be applied fails its image: RESULTS would deliver it for
        ever, and enough of them would block all others.
        """
        try:
            await self._apply(deliveries)
        except TransientError:
            raise
        except Exception as error:
            # A batch of several is split: each outcome is tried alone next.
            if len(deliveries) > 1 or deliveries[0].attempt < _MAX_ATTEMPTS:
                raise
            await self._fail_image_of(deliveries[0], error)

    async def _apply(self, deliveries: Sequence[Delivery]) -> None:
        outcomes = []
        for delivery in deliveries:
            try:
                outcomes.append(outcome_from_message(delivery.data))
            except MalformedMessageError as error:
                # Nobody can ever read it; the reconciler takes care of its image.
                _log.error("outcome dropped", sequence=delivery.sequence, reason=error.reason)
        await self.apply_outcomes(outcomes)

    async def _fail_image_of(self, delivery: Delivery, error: Exception) -> None:
        _log.error("outcome cannot be applied", sequence=delivery.sequence, exc_info=error)
        try:
            await self.fail([ref_from_message(delivery.data)], TASK_REFUSED)
        except TransientError:
            raise
        except Exception as failure:  # noqa: BLE001 - the reconciler takes care of its image
            _log.error("outcome dropped", sequence=delivery.sequence, exc_info=failure)

    async def apply_dead(self, delivery: Delivery) -> None:
        """Redeliver a task that no worker has answered, once; then fail its image."""
        try:
            dead = await self._queue.find_dead_task(delivery.data)
        except MalformedMessageError as error:
            # The reconciler takes care of its image, if it has one.
            _log.error("dead task dropped", sequence=delivery.sequence, reason=error.reason)
            return
        if dead is None:
            return
        _log.error(
            "task dead-lettered",
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
            # A refused task is gone already.
            await self._queue.forget_dead_task(dead.sequence)

    async def _redeliver_once(self, ref: ImageRef) -> bool:
        """Redeliver a task after a delay, if this is the first time.

        By then what disturbed it may have passed: a connection that was down, or another image
        that killed the workers holding this one.
        """
        return await self._system_store.redeliver_once(ref, self._redelivery_delay)

    async def fail(self, refs: Sequence[ImageRef], error: ImageError) -> None:
        """Fail images that no worker will report; those published again since stay open."""
        if not refs:
            return
        now = await self._system_store.now()
        await self.apply_outcomes(
            [
                Outcome(
                    image_id=ref.image_id,
                    job_id=ref.job_id,
                    attempt=ref.attempt,
                    republished=ref.republished,
                    state=ImageState.FAILED,
                    stage=Stage.NONE,
                    occurred_at=now,
                    error=error,
                )
                for ref in refs
            ]
        )

    async def apply_outcomes(self, outcomes: Sequence[Outcome]) -> list[Change]:
        """Apply outcomes and announce what they changed."""
        if not outcomes:
            return []
        changes = await self._system_store.apply_outcomes(_latest(outcomes))
        for change in changes:
            await self._commits.publish(change)
            _count(change)
        return changes


def _latest(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Keep the outcome of each attempt that is furthest along: a statement changes a row once."""
    latest: dict[object, Outcome] = {}
    started_at: dict[object, datetime] = {}
    for outcome in outcomes:
        key = (outcome.image_id, outcome.attempt)
        known = latest.get(key)
        if known is None or _RANK[known.stage] < _RANK[outcome.stage]:
            latest[key] = outcome
        started_at[key] = min(outcome.occurred_at, started_at.get(key, outcome.occurred_at))
    return [replace(outcome, started_at=started_at[key]) for key, outcome in latest.items()]


def _count(change: Change) -> None:
    for image in change.images:
        if image.state in {ImageState.SUCCEEDED, ImageState.FAILED} and image.end_time:
            _ENDED.labels(image.state, image.error.code if image.error else "").inc()
            _SECONDS.observe((image.end_time - image.create_time).total_seconds())
