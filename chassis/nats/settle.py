"""Holding deliveries: bound sources, heartbeats, and the ack, nak or end of each message."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from chassis.errors import DomainError, TransientError, UsageError
from chassis.logs import get_logger
from chassis.nats.jetstream import JetStream
from chassis.nats.pull import Delivery, PullConsumer, Source
from chassis.stopping import LostTaskError, cancel_and_wait

logger = get_logger(__name__)

_FIRST_DELAY = timedelta(seconds=1)  # then 3, 9, 27 s: five deliveries bridge an outage of 40 s
_DELAY_FACTOR = 3
_LONGEST_DELAY = timedelta(seconds=60)
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


TermReason = Callable[[Delivery, DomainError], str]
"""What the broker is told of a message that no worker will ever process, in one line."""


def code_as_reason(_delivery: Delivery, error: DomainError) -> str:
    """Tell the broker nothing but the code of the error."""
    return error.reason


class DeliveryTracker:
    """What both loops do with deliveries: hold them, keep them alive, settle them."""

    def __init__(
        self, jetstream: JetStream, sources: Sequence[Source], term_reason: TermReason
    ) -> None:
        self.wake = asyncio.Event()
        self.failure: BaseException | None = None
        self.waiting: dict[Source, deque[Delivery]] = {source: deque() for source in sources}
        self.consumers = [
            PullConsumer(jetstream, source, arrived=self._arrived, changed=self.wake.set)
            for source in sources
        ]
        self._jetstream = jetstream
        self._term_reason = term_reason
        self._touched: dict[str, tuple[Delivery, float]] = {}
        self._holds_some = asyncio.Event()
        self._closing = False
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
        tasks = [asyncio.create_task(puller.run()) for puller in self.consumers]
        tasks.append(asyncio.create_task(self._keep_alive()))
        for task in tasks:
            task.add_done_callback(self._task_ended)
        try:
            yield
        finally:
            self._closing = True
            await cancel_and_wait(tasks)
            await self.stop_pulling()
            for delivery in list(self._touched.values()):
                await self._nak(delivery[0], timedelta(0))

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            # By a library, unless it is the end: the loop would go on and never hear anything.
            error: BaseException | None = None if self._closing else LostTaskError(task.get_name())
        else:
            error = task.exception()
        if error is not None:
            logger.error("consume task failed", exc_info=error)
            self.failure = error
        self.wake.set()

    async def stop_pulling(self) -> None:
        """Take nothing new; another worker gets at once what nobody here has begun."""
        await asyncio.gather(*(puller.unbind() for puller in self.consumers))
        for queue in self.waiting.values():
            while queue:
                await self._nak(queue.popleft(), timedelta(0))

    async def _keep_alive(self) -> None:
        """Tell the server every third of ack_wait that work goes on; one task for all messages."""
        while True:
            if not self._touched:
                self._holds_some.clear()
                await self._holds_some.wait()
            third = min(puller.ack_wait for puller in self.consumers).total_seconds() / 3
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
            # Once more, without an answer: it waits for a line that is away.
            await self._send(last, _ACK)
        self.release(last)

    async def _nak(self, delivery: Delivery, delay: timedelta) -> None:
        self.release(delivery)
        nanoseconds = int(delay.total_seconds() * 1e9)
        await self._send(delivery, b'-NAK {"delay": %d}' % nanoseconds if nanoseconds else b"-NAK")

    async def _term(self, delivery: Delivery, error: DomainError) -> None:
        """End it for good; the broker's advisory carries the reason."""
        self.release(delivery)
        logger.error(
            "handler let a usage error escape",
            consumer=delivery.source.durable,
            sequence=delivery.sequence,
            reason=error.reason,
        )
        await self._send(delivery, f"+TERM {self._term_reason(delivery, error)}".encode())

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
