"""Tracks deliveries: bound sources, heartbeats, and the ack, nak or term of each message."""

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

_FIRST_DELAY = timedelta(seconds=1)  # then 3, 9, 27 s: five deliveries bridge a 40 s outage
_DELAY_FACTOR = 3
_LONGEST_DELAY = timedelta(seconds=60)
_ACK = b""  # an empty ack is an ack

_SECONDS = Histogram(
    "messaging_process_duration_seconds",
    "Time in the handler, by consumer and outcome; counted once for a batch",
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
"""Builds the reason, one line, that the broker reports for a message that is terminated."""


def code_as_reason(_delivery: Delivery, error: DomainError) -> str:
    """Give the broker only the code of the error."""
    return error.reason


class DeliveryTracker:
    """Holds deliveries for both loops, keeps them alive with heartbeats, and settles them."""

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
        self._holding = asyncio.Event()
        self._closing = False
        self._held = {source: _HELD.labels(source.durable) for source in sources}

    def _arrived(self, delivery: Delivery) -> None:
        self._touched[delivery.reply] = (delivery, time.monotonic())
        self._held[delivery.source].inc()
        self._holding.set()
        self.waiting[delivery.source].append(delivery)
        self.wake.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep sources bound and deliveries alive; at the end hand the remaining ones back."""
        tasks = [asyncio.create_task(consumer.run()) for consumer in self.consumers]
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
            # By a library, unless we are closing. Without this task the loop would wait for ever.
            error: BaseException | None = None if self._closing else LostTaskError(task.get_name())
        else:
            error = task.exception()
        if error is not None:
            logger.error("consume task failed", exc_info=error)
            self.failure = error
        self.wake.set()

    async def stop_pulling(self) -> None:
        """Accept nothing new, and return at once the messages that no handler has started on."""
        await asyncio.gather(*(consumer.unbind() for consumer in self.consumers))
        for queue in self.waiting.values():
            while queue:
                await self._nak(queue.popleft(), timedelta(0))

    async def _keep_alive(self) -> None:
        """Send a heartbeat for each message every third of ack_wait; one task for all messages."""
        while True:
            if not self._touched:
                self._holding.clear()
                await self._holding.wait()
            third = min(consumer.ack_wait for consumer in self.consumers).total_seconds() / 3
            await asyncio.sleep(third / 2)
            now = time.monotonic()
            for reply, (delivery, touched) in list(self._touched.items()):
                if now - touched >= third / 2 and reply in self._touched:
                    self._touched[reply] = (delivery, now)
                    await self._send(delivery, b"+WPI")

    async def settle(
        self, deliveries: Sequence[Delivery], error: Exception | None, seconds: float
    ) -> None:
        """Ack, nak or terminate, depending on the error of the handler."""
        outcome = "done"
        if error is None:
            await self._ack(deliveries)
        elif isinstance(error, TransientError):
            outcome = "transient"
            logger.warning(
                "message redelivered later",
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
                # On the last delivery too: the server then sends its max-deliveries advisory and
                # keeps the message. A term would delete it, and with it the identity of the task.
                await self._nak(delivery, _delay(delivery.attempt))
        durable = deliveries[0].source.durable
        _SECONDS.labels(durable, outcome).observe(seconds)
        _MESSAGES.labels(durable, outcome).inc(len(deliveries))

    async def _ack(self, deliveries: Sequence[Delivery]) -> None:
        """Ack all, and wait until the server has processed the last ack.

        Acks of one consumer on one connection are processed in order, so the reply to the last one
        covers all. A lost ack leads to a second delivery, which handlers must tolerate.
        """
        for delivery in deliveries[:-1]:
            self.release(delivery)
            await self._send(delivery, _ACK)
        last = deliveries[-1]
        try:
            await self._jetstream.request(last.reply, _ACK)
        except DomainError as error:
            logger.warning(
                "ack failed",
                consumer=last.source.durable,
                sequence=last.sequence,
                reason=str(error),
            )
            # Once more, without a reply: it is buffered while the connection is down.
            await self._send(last, _ACK)
        self.release(last)

    async def _nak(self, delivery: Delivery, delay: timedelta) -> None:
        self.release(delivery)
        nanoseconds = int(delay.total_seconds() * 1e9)
        await self._send(delivery, b'-NAK {"delay": %d}' % nanoseconds if nanoseconds else b"-NAK")

    async def _term(self, delivery: Delivery, error: DomainError) -> None:
        """Terminate it; the advisory of the broker carries the reason."""
        self.release(delivery)
        logger.error(
            "message terminated",
            consumer=delivery.source.durable,
            sequence=delivery.sequence,
            reason=error.reason,
        )
        await self._send(delivery, f"+TERM {self._term_reason(delivery, error)}".encode())

    async def _send(self, delivery: Delivery, payload: bytes) -> None:
        try:
            await self._jetstream.send(delivery.reply, payload)
        except TransientError as error:
            logger.warning("send failed", consumer=delivery.source.durable, reason=str(error))

    def release(self, delivery: Delivery) -> None:
        """Send no more heartbeats for it."""
        if self._touched.pop(delivery.reply, None) is not None:
            self._held[delivery.source].dec()


def _delay(attempt: int) -> timedelta:
    """Return an exponential delay with jitter, to spread messages that failed together."""
    factor: int = _DELAY_FACTOR ** min(attempt - 1, 10)
    delay = min(_FIRST_DELAY * factor, _LONGEST_DELAY)
    return delay * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
