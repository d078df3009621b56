"""The consume loops that all workers share: slots or batches, acks, heartbeats, drain."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from chassis import tracing
from chassis.errors import TransientError
from chassis.logs import get_logger
from chassis.nats.jetstream import JetStream
from chassis.nats.pull import Delivery, PullConsumer, Source
from chassis.nats.settle import DeliveryTracker, TermReason, code_as_reason
from chassis.stopping import cancel_and_wait

__all__ = ["Delivery", "Source", "consume", "consume_batches"]

logger = get_logger(__name__)

Handler = Callable[[Delivery], Awaitable[object]]
BatchHandler = Callable[[Sequence[Delivery]], Awaitable[object]]

_GRACE = timedelta(seconds=25)


async def _wait_for_stop(stop: asyncio.Event, wake: asyncio.Event) -> None:
    await stop.wait()
    wake.set()


class _SlotLoop:
    """Fills free slots from the sources by priority, and reserves its share for each source."""

    def __init__(self, tracker: DeliveryTracker, handler: Handler, slots: int) -> None:
        self._tracker = tracker
        self._handler = handler
        self._slots = slots
        self._running: dict[asyncio.Task[None], Delivery] = {}
        self._closing = False
        self._credit = {consumer.source: 0.0 for consumer in tracker.consumers}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and self._tracker.failure is None:
            self._tracker.wake.clear()
            self._start_waiting()
            if await self._ask(stop):
                continue
            await self._tracker.wake.wait()

    async def _ask(self, stop: asyncio.Event) -> bool:
        """Request messages from the sources; return whether to call this again at once.

        A source with an open request was empty when the request was sent. A source without one is
        probed first, and gets an open request if it is empty. Each may then deliver at any moment;
        a message without a free slot waits here.
        """
        for consumer in self._in_turn():
            free = self._slots - len(self._running)
            if free <= 0 or any(self._tracker.waiting.values()) or stop.is_set():
                return False
            if not consumer.ready:
                continue
            if len(self._tracker.consumers) > 1 and await consumer.probe(
                self._probe_size(consumer, free)
            ):
                return True
            if consumer.ready:
                await consumer.listen(max(1, self._slots - len(self._running)))
        return False

    def _in_turn(self) -> list[PullConsumer]:
        # A source with a whole turn of credit comes first. The sort is stable, so otherwise
        # priority decides.
        return sorted(
            self._tracker.consumers, key=lambda consumer: self._credit[consumer.source] < 1
        )

    def _probe_size(self, consumer: PullConsumer, free: int) -> int:
        """Return how many messages to probe for: a source that spends its credit gets no more."""
        credit = int(self._credit[consumer.source])
        return min(free, credit) if credit else free

    def _start_waiting(self) -> None:
        while len(self._running) < self._slots:
            source = next(
                (p.source for p in self._in_turn() if self._tracker.waiting[p.source]), None
            )
            if source is None:
                return
            self._start(self._tracker.waiting[source].popleft())

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._handle(delivery))
        self._running[task] = delivery
        task.add_done_callback(self._ended)
        for source in self._credit:
            if source == delivery.source:
                self._credit[source] = max(0.0, self._credit[source] - 1)
            # At most the share of all slots, or a long idle time would end in a burst.
            limit = max(1.0, source.share * self._slots)
            self._credit[source] = min(limit, self._credit[source] + source.share)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._running.pop(task)
        if task.cancelled() and not self._closing:
            # The handler cancelled itself. Without heartbeats the message is redelivered.
            logger.error("handler cancelled", sequence=delivery.sequence)
            self._tracker.release(delivery)
        self._tracker.wake.set()

    async def _handle(self, delivery: Delivery) -> None:
        failure: Exception | None = None
        started = time.perf_counter()
        try:
            with tracing.process_span(
                delivery.source.destination,
                delivery.headers,
                {
                    "messaging.destination.name": delivery.subject,
                    "messaging.consumer.group.name": delivery.source.durable,
                    "messaging.message.id": delivery.message_id,
                    "messaging.message.body.size": len(delivery.data),
                    "messaging.nats.num_delivered": delivery.attempt,
                },
            ):
                await self._handler(delivery)
        except Exception as error:  # noqa: BLE001 - settled by its type below
            failure = error
        await self._tracker.settle((delivery,), failure, time.perf_counter() - started)

    async def drain(self, grace: timedelta) -> None:
        """Wait for running handlers up to the grace period, then cancel them."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace.total_seconds())
        await self.cancel()

    async def cancel(self) -> None:
        self._closing = True
        await cancel_and_wait(self._running)


async def consume(
    jetstream: JetStream,
    sources: Sequence[Source],
    handler: Handler,
    *,
    slots: int,
    stop: asyncio.Event,
    grace: timedelta = _GRACE,
    term_reason: TermReason = code_as_reason,
) -> None:
    """Run `handler` for each message, up to `slots` at once, until `stop`; then drain.

    Sources are in order of priority. If the handler returns, the message is acked. TransientError:
    it is redelivered later. UsageError: it is terminated, with `term_reason` in the broker's
    advisory. Any other error is logged, and the message is redelivered.
    """
    tracker = DeliveryTracker(jetstream, sources, term_reason)
    loop = _SlotLoop(tracker, handler, slots)
    stopper = asyncio.create_task(_wait_for_stop(stop, tracker.wake))
    try:
        async with tracker.open():
            try:
                await loop.run(stop)
                await tracker.stop_pulling()
                await loop.drain(grace)
            finally:
                await loop.cancel()
    finally:
        stopper.cancel()
    if tracker.failure is not None:
        raise tracker.failure


async def consume_batches(
    jetstream: JetStream,
    source: Source,
    handler: BatchHandler,
    *,
    max_batch: int,
    max_wait: timedelta,
    stop: asyncio.Event,
    grace: timedelta = _GRACE,
) -> None:
    """Run `handler` for batches of messages, one batch at a time, until `stop`.

    After its first message a batch waits up to `max_wait` for more. TransientError: the whole batch
    is redelivered later. After any other error each message is processed alone, so that a message
    that can never work does not hold up the others.
    """
    tracker = DeliveryTracker(jetstream, [source], code_as_reason)
    stopper = asyncio.create_task(_wait_for_stop(stop, tracker.wake))
    try:
        async with tracker.open():
            working = asyncio.create_task(
                _work_in_batches(
                    tracker, handler, max_batch=max_batch, max_wait=max_wait, stop=stop
                )
            )
            try:
                await asyncio.wait({working, stopper}, return_when=asyncio.FIRST_COMPLETED)
                await tracker.stop_pulling()
                await asyncio.wait({working}, timeout=grace.total_seconds())
            finally:
                await cancel_and_wait([working])
    finally:
        stopper.cancel()
    if tracker.failure is not None:
        raise tracker.failure


async def _work_in_batches(
    tracker: DeliveryTracker,
    handler: BatchHandler,
    *,
    max_batch: int,
    max_wait: timedelta,
    stop: asyncio.Event,
) -> None:
    (consumer,) = tracker.consumers
    waiting = tracker.waiting[consumer.source]
    while not stop.is_set() and tracker.failure is None:
        tracker.wake.clear()
        # While one batch is processed, the next one fills here.
        if consumer.ready and len(waiting) < max_batch:
            await consumer.listen(max_batch)
        if not waiting:
            await tracker.wake.wait()
            continue
        if max_wait and len(waiting) < max_batch:
            await _fill(tracker, consumer, max_batch=max_batch, max_wait=max_wait, stop=stop)
        batch = [waiting.popleft() for _ in range(min(len(waiting), max_batch))]
        if consumer.ready:
            await consumer.listen(max_batch)
        failure, seconds = await _call(handler, batch)
        if failure is None or isinstance(failure, TransientError) or len(batch) == 1:
            await tracker.settle(batch, failure, seconds)
            continue
        for delivery in batch:
            failure, seconds = await _call(handler, (delivery,))
            await tracker.settle((delivery,), failure, seconds)


async def _fill(
    tracker: DeliveryTracker,
    consumer: PullConsumer,
    *,
    max_batch: int,
    max_wait: timedelta,
    stop: asyncio.Event,
) -> None:
    try:
        async with asyncio.timeout(max_wait.total_seconds()):
            while len(tracker.waiting[consumer.source]) < max_batch and not stop.is_set():
                tracker.wake.clear()
                if consumer.ready:
                    await consumer.listen(max_batch)
                await tracker.wake.wait()
    except TimeoutError:
        pass


async def _call(handler: BatchHandler, batch: Sequence[Delivery]) -> tuple[Exception | None, float]:
    started = time.perf_counter()
    source = batch[0].source
    try:
        with tracing.process_batch_span(
            source.destination,
            [delivery.headers for delivery in batch],
            {"messaging.consumer.group.name": source.durable},
        ):
            await handler(batch)
    except Exception as error:  # noqa: BLE001 - settled by its type
        return error, time.perf_counter() - started
    return None, time.perf_counter() - started
