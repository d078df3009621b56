"""The consume loop that all workers share: slots or batches, acks, heartbeats, drain."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from chassis import tracing
from chassis.errors import DomainError, TransientError, UsageError
from chassis.jetstream import JetStream
from chassis.logs import get_logger
from chassis.pull import Delivery, Puller, Source

__all__ = ["Delivery", "Source", "consume", "consume_batches"]

logger = get_logger(__name__)

Handler = Callable[[Delivery], Awaitable[object]]
BatchHandler = Callable[[Sequence[Delivery]], Awaitable[object]]

_FIRST_DELAY = timedelta(seconds=1)  # then 3, 9, 27 s: five deliveries bridge an outage of 40 s
_DELAY_FACTOR = 3
_LONGEST_DELAY = timedelta(seconds=60)
_GRACE = timedelta(seconds=25)
_ACK = b""  # an empty ack is an ack

_SECONDS = Histogram(
    "messaging_process_duration_seconds",
    "Time in the handler, by consumer and outcome; of a batch, once",
    ["consumer", "outcome"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)
_MESSAGES = Counter(
    "messaging_consumed_messages",
    "Messages settled, by consumer and outcome",
    ["consumer", "outcome"],
)
_HELD = Gauge("messaging_held_messages", "Messages received and not yet settled", ["consumer"])


class _Desk:
    """What both loops do with deliveries: hold them, keep them alive, settle them."""

    def __init__(self, jetstream: JetStream, sources: Sequence[Source]) -> None:
        self.wake = asyncio.Event()
        self.failure: BaseException | None = None
        self.waiting: dict[Source, deque[Delivery]] = {source: deque() for source in sources}
        self.pullers = [
            Puller(jetstream, source, arrived=self._arrived, changed=self.wake.set)
            for source in sources
        ]
        self._jetstream = jetstream
        self._touched: dict[str, tuple[Delivery, float]] = {}
        self._holds_some = asyncio.Event()
        self._held = {source: _HELD.labels(source.durable) for source in sources}

    def _arrived(self, delivery: Delivery) -> None:
        self._touched[delivery.reply] = (delivery, time.monotonic())
        self._held[delivery.source].inc()
        self._holds_some.set()
        self.waiting[delivery.source].append(delivery)
        self.wake.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep the sources bound and what is held alive; at the end hand back the rest."""
        tasks = [asyncio.create_task(puller.run()) for puller in self.pullers]
        tasks.append(asyncio.create_task(self._keep_alive()))
        for task in tasks:
            task.add_done_callback(self._task_ended)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.stop_pulling()
            for delivery in list(self._touched.values()):
                await self._nak(delivery[0], timedelta(0))

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("consume task failed", exc_info=error)
            self.failure = error
        self.wake.set()

    async def stop_pulling(self) -> None:
        """Take nothing new; another worker gets at once what nobody here has begun."""
        await asyncio.gather(*(puller.unbind() for puller in self.pullers))
        for queue in self.waiting.values():
            while queue:
                await self._nak(queue.popleft(), timedelta(0))

    async def _keep_alive(self) -> None:
        """Tell the server every third of ack_wait that work goes on; one task for all messages."""
        while True:
            if not self._touched:
                self._holds_some.clear()
                await self._holds_some.wait()
            third = min(puller.ack_wait for puller in self.pullers).total_seconds() / 3
            await asyncio.sleep(third / 2)
            now = time.monotonic()
            for reply, (delivery, touched) in list(self._touched.items()):
                if now - touched >= third / 2 and reply in self._touched:
                    self._touched[reply] = (delivery, now)
                    await self._send(delivery, b"+WPI")

    async def settle(
        self, deliveries: Sequence[Delivery], error: Exception | None, seconds: float
    ) -> None:
        """Ack, nak or end, by what the handler raised."""
        outcome = "done"
        if error is None:
            await self._ack(deliveries)
        elif isinstance(error, TransientError):
            outcome = "transient"
            logger.warning(
                "try again",
                consumer=deliveries[0].source.durable,
                sequence=deliveries[0].sequence,
                attempt=deliveries[0].attempt,
                count=len(deliveries),
                reason=error.reason,
            )
            for delivery in deliveries:
                await self._nak(delivery, error.delay or _delay(delivery.attempt))
        elif isinstance(error, UsageError):
            outcome = "usage"
            for delivery in deliveries:
                await self._term(delivery, error)
        else:
            outcome = "failed"
            for delivery in deliveries:
                logger.error(
                    "handler failed",
                    consumer=delivery.source.durable,
                    sequence=delivery.sequence,
                    attempt=delivery.attempt,
                    exc_info=error,
                )
                # Also on the last delivery: the server then sends its max-deliveries advisory and
                # keeps the message, where a term would delete what tells whose work it was.
                await self._nak(delivery, _delay(delivery.attempt))
        durable = deliveries[0].source.durable
        _SECONDS.labels(durable, outcome).observe(seconds)
        _MESSAGES.labels(durable, outcome).inc(len(deliveries))

    async def _ack(self, deliveries: Sequence[Delivery]) -> None:
        """Ack all and wait until the server has processed the last.

        Acks of one consumer on one connection are processed in order, so the answer to the last
        stands for all. An ack that is lost leads to a second delivery, which handlers bear.
        """
        for delivery in deliveries[:-1]:
            self.release(delivery)
            await self._send(delivery, _ACK)
        last = deliveries[-1]
        try:
            await self._jetstream.request(last.reply, _ACK)
        except DomainError as error:
            logger.warning(
                "not acked", consumer=last.source.durable, sequence=last.sequence, reason=str(error)
            )
        self.release(last)

    async def _nak(self, delivery: Delivery, delay: timedelta) -> None:
        self.release(delivery)
        nanoseconds = int(delay.total_seconds() * 1e9)
        await self._send(delivery, b'-NAK {"delay": %d}' % nanoseconds if nanoseconds else b"-NAK")

    async def _term(self, delivery: Delivery, error: DomainError) -> None:
        """End it for ever; the advisory carries the reason and the id of the message."""
        self.release(delivery)
        logger.error(
            "handler let a usage error escape",
            consumer=delivery.source.durable,
            sequence=delivery.sequence,
            reason=error.reason,
        )
        message_id = delivery.headers.get("Nats-Msg-Id", "")
        await self._send(delivery, f"+TERM {error.reason} {message_id}".encode())

    async def _send(self, delivery: Delivery, payload: bytes) -> None:
        try:
            await self._jetstream.send(delivery.reply, payload)
        except TransientError as error:
            logger.warning("not sent", consumer=delivery.source.durable, reason=str(error))

    def release(self, delivery: Delivery) -> None:
        """Keep it alive no longer."""
        if self._touched.pop(delivery.reply, None) is not None:
            self._held[delivery.source].dec()


def _delay(attempt: int) -> timedelta:
    """Return an exponential delay with jitter, so that what failed together comes back apart."""
    factor: int = _DELAY_FACTOR ** min(attempt - 1, 10)
    delay = min(_FIRST_DELAY * factor, _LONGEST_DELAY)
    return delay * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


async def _wait_for_stop(stop: asyncio.Event, wake: asyncio.Event) -> None:
    await stop.wait()
    wake.set()


class _SlotLoop:
    """Fills free slots from the sources in their order, keeping each lower source its share."""

    def __init__(self, desk: _Desk, handler: Handler, slots: int) -> None:
        self._desk = desk
        self._handler = handler
        self._slots = slots
        self._running: dict[asyncio.Task[None], Delivery] = {}
        self._closing = False
        self._credit = {puller.source: 0.0 for puller in desk.pullers}

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
            if len(self._desk.pullers) > 1 and await puller.probe(self._fair(puller, free)):
                return True
            if puller.ready:
                await puller.listen(max(1, self._slots - len(self._running)))
        return False

    def _in_turn(self) -> list[Puller]:
        # A source that is owed a turn comes first; the sort is stable, so priority holds else.
        return sorted(self._desk.pullers, key=lambda puller: self._credit[puller.source] < 1)

    def _fair(self, puller: Puller, free: int) -> int:
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
                delivery.source.durable,
                delivery.headers,
                **{
                    "messaging.destination.name": delivery.source.stream,
                    "messaging.consumer.group.name": delivery.source.durable,
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
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def consume(
    jetstream: JetStream,
    sources: Sequence[Source],
    handler: Handler,
    *,
    slots: int,
    stop: asyncio.Event,
    grace: timedelta = _GRACE,
) -> None:
    """Run `handler` for each message, up to `slots` at once, until `stop`; then drain.

    Sources stand in order of priority. The handler returns: acked. It raises TransientError:
    delivered again later. UsageError: ended. Anything else: logged, delivered again.
    """
    desk = _Desk(jetstream, sources)
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
    desk = _Desk(jetstream, [source])
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
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
    finally:
        stopper.cancel()
    if desk.failure is not None:
        raise desk.failure


async def _work_in_batches(
    desk: _Desk,
    handler: BatchHandler,
    *,
    max_batch: int,
    max_wait: timedelta,
    stop: asyncio.Event,
) -> None:
    (puller,) = desk.pullers
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
    desk: _Desk, puller: Puller, *, max_batch: int, max_wait: timedelta, stop: asyncio.Event
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
    try:
        await handler(batch)
    except Exception as error:  # noqa: BLE001 - settled by its kind
        return error, time.perf_counter() - started
    return None, time.perf_counter() - started
