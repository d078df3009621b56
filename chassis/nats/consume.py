"""The consume loop that all workers share: slots or batches, acks, heartbeats, drain."""

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
    """Fills free slots from the sources in their order, keeping each lower source its share."""

    def __init__(self, desk: DeliveryTracker, handler: Handler, slots: int) -> None:
        self._desk = desk
        self._handler = handler
        self._slots = slots
        self._running: dict[asyncio.Task[None], Delivery] = {}
        self._closing = False
        self._credit = {puller.source: 0.0 for puller in desk.consumers}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and self._desk.failure is None:
            self._desk.wake.clear()
            self._start_waiting()
            if await self._ask(stop):
                continue
            await self._desk.wake.wait()

    async def _ask(self, stop: asyncio.Event) -> bool:
        """Ask the sources that may have something; return whether to look again at once.

        An open request means that a source had nothing left when it was asked. So a source
        without one is probed first, and left with an open request when it is empty; each may then
        deliver at any moment, and what has no slot waits here.
        """
        for puller in self._in_turn():
            free = self._slots - len(self._running)
            if free <= 0 or any(self._desk.waiting.values()) or stop.is_set():
                return False
            if not puller.ready:
                continue
            if len(self._desk.consumers) > 1 and await puller.probe(self._fair(puller, free)):
                return True
            if puller.ready:
                await puller.listen(max(1, self._slots - len(self._running)))
        return False

    def _in_turn(self) -> list[PullConsumer]:
        # A source that is owed a turn comes first; the sort is stable, so priority holds else.
        return sorted(self._desk.consumers, key=lambda puller: self._credit[puller.source] < 1)

    def _fair(self, puller: PullConsumer, free: int) -> int:
        """Return how many to probe for: a source on its owed turn takes what it is owed."""
        owed = int(self._credit[puller.source])
        return min(free, owed) if owed else free

    def _start_waiting(self) -> None:
        while len(self._running) < self._slots:
            source = next((p.source for p in self._in_turn() if self._desk.waiting[p.source]), None)
            if source is None:
                return
            self._start(self._desk.waiting[source].popleft())

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._handle(delivery))
        self._running[task] = delivery
        task.add_done_callback(self._ended)
        for source in self._credit:
            if source == delivery.source:
                self._credit[source] = max(0.0, self._credit[source] - 1)
            # Never owe more than the share of all slots, or a long idle time would buy a burst.
            limit = max(1.0, source.share * self._slots)
            self._credit[source] = min(limit, self._credit[source] + source.share)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._running.pop(task)
        if task.cancelled() and not self._closing:
            # The handler cancelled itself; without heartbeats it is delivered again.
            logger.error("handler cancelled", sequence=delivery.sequence)
            self._desk.release(delivery)
        self._desk.wake.set()

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
        except Exception as error:  # noqa: BLE001 - settled by its kind below
            failure = error
        await self._desk.settle((delivery,), failure, time.perf_counter() - started)

    async def drain(self, grace: timedelta) -> None:
        """Finish what runs within the grace period; what does not is cancelled."""
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
    desk = DeliveryTracker(jetstream, sources, term_reason)
    loop = _SlotLoop(desk, handler, slots)
    stopper = asyncio.create_task(_wait_for_stop(stop, desk.wake))
    try:
        async with desk.open():
            try:
                await loop.run(stop)
                await desk.stop_pulling()
                await loop.drain(grace)
            finally:
                await loop.cancel()
    finally:
        stopper.cancel()
    if desk.failure is not None:
        raise desk.failure


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
    """Run `handler` for batches of what is there, one batch at a time, until `stop`.

    After the first message a batch waits up to `max_wait` for more. TransientError: the whole
    batch comes again later. Any other error: each message is tried alone, so that one that can
    never work does not hold up its neighbours.
    """
    desk = DeliveryTracker(jetstream, [source], code_as_reason)
    stopper = asyncio.create_task(_wait_for_stop(stop, desk.wake))
    try:
        async with desk.open():
            working = asyncio.create_task(
                _work_in_batches(desk, handler, max_batch=max_batch, max_wait=max_wait, stop=stop)
            )
            try:
                await asyncio.wait({working, stopper}, return_when=asyncio.FIRST_COMPLETED)
                await desk.stop_pulling()
                await asyncio.wait({working}, timeout=grace.total_seconds())
            finally:
                await cancel_and_wait([working])
    finally:
        stopper.cancel()
    if desk.failure is not None:
        raise desk.failure


async def _work_in_batches(
    desk: DeliveryTracker,
    handler: BatchHandler,
    *,
    max_batch: int,
    max_wait: timedelta,
    stop: asyncio.Event,
) -> None:
    (puller,) = desk.consumers
    waiting = desk.waiting[puller.source]
    while not stop.is_set() and desk.failure is None:
        desk.wake.clear()
        # While a batch is worked on, the next one gathers here.
        if puller.ready and len(waiting) < max_batch:
            await puller.listen(max_batch)
        if not waiting:
            await desk.wake.wait()
            continue
        if max_wait and len(waiting) < max_batch:
            await _gather(desk, puller, max_batch=max_batch, max_wait=max_wait, stop=stop)
        batch = [waiting.popleft() for _ in range(min(len(waiting), max_batch))]
        if puller.ready:
            await puller.listen(max_batch)
        failure, seconds = await _try(handler, batch)
        if failure is None or isinstance(failure, TransientError) or len(batch) == 1:
            await desk.settle(batch, failure, seconds)
            continue
        for delivery in batch:
            failure, seconds = await _try(handler, (delivery,))
            await desk.settle((delivery,), failure, seconds)


async def _gather(
    desk: DeliveryTracker,
    puller: PullConsumer,
    *,
    max_batch: int,
    max_wait: timedelta,
    stop: asyncio.Event,
) -> None:
    try:
        async with asyncio.timeout(max_wait.total_seconds()):
            while len(desk.waiting[puller.source]) < max_batch and not stop.is_set():
                desk.wake.clear()
                if puller.ready:
                    await puller.listen(max_batch)
                await desk.wake.wait()
    except TimeoutError:
        pass


async def _try(handler: BatchHandler, batch: Sequence[Delivery]) -> tuple[Exception | None, float]:
    started = time.perf_counter()
    source = batch[0].source
    try:
        with tracing.process_batch_span(
            source.destination,
            [delivery.headers for delivery in batch],
            {"messaging.consumer.group.name": source.durable},
        ):
            await handler(batch)
    except Exception as error:  # noqa: BLE001 - settled by its kind
        return error, time.perf_counter() - started
    return None, time.perf_counter() - started
