"""Pulls from one durable consumer: requests, deliveries, and recovery from outages.

`fetch` of nats-py costs a task and a timer for each message, loses the messages it has pulled when
it is cancelled, and can stop receiving after a restart of the server. This is the same protocol
with one open request at a time, idle heartbeats from the server, and a new inbox after any failure.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis.errors import TransientError
from chassis.logs import get_logger
from chassis.nats.jetstream import MESSAGE_ID, JetStream
from chassis.retry import RetryPolicy, reason_of, retry

logger = get_logger(__name__)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_EXPIRES = timedelta(seconds=60)
# How often the server sends a heartbeat on an open request. A lost request costs _SILENCE.
_HEARTBEAT = timedelta(seconds=2)
_SILENCE = 2.5 * _HEARTBEAT
# While the stream or the consumer is missing.
_RETRY = RetryPolicy(first=timedelta(seconds=1), longest=timedelta(seconds=1))
_REFUSED_PAUSE = timedelta(milliseconds=250)  # before binding again
_PROBE_TIMEOUT = timedelta(seconds=5)
_ACK_PREFIX = "$JS.ACK."
_OLD_ACK_TOKENS = 9  # with more, a domain and an account hash stand before the stream
_STATUS_HEARTBEAT = "100"
_STATUS_EXPECTED = frozenset({"404", "408"})  # no messages, request expired


@dataclass(frozen=True)
class Source:
    """A durable consumer of a stream; `share` is the part of the slots reserved for it."""

    stream: str
    durable: str
    share: float = 0.0
    # The subject of its messages without identifiers, as traces group it; empty: the stream.
    template: str = ""

    @property
    def destination(self) -> str:
        """The name by which traces group its messages."""
        return self.template or self.stream


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way through a handler."""

    data: bytes
    subject: str
    headers: Mapping[str, str]
    sequence: int  # in the stream
    attempt: int  # 1 for the first delivery
    last: bool  # no delivery follows this one
    enqueued_ns: int  # when the stream stored it, Unix time
    source: Source
    reply: str  # where its acks go

    @property
    def message_id(self) -> str:
        """The id it was published with; empty if it has none."""
        return self.headers.get(MESSAGE_ID, "")

    @property
    def enqueued(self) -> datetime:
        """When the stream stored it."""
        return datetime.fromtimestamp(self.enqueued_ns / 1e9, UTC)


class PullConsumer:
    """Stays bound to one consumer; up to `outstanding` messages may arrive at any moment."""

    def __init__(
        self,
        jetstream: JetStream,
        source: Source,
        *,
        arrived: Callable[[Delivery], None],
        changed: Callable[[], None],
    ) -> None:
        self.source = source
        self.outstanding = 0
        self.ack_wait = timedelta(seconds=30)
        self._jetstream = jetstream
        self._arrived = arrived
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._subscription: Subscription | None = None
        self._broken = asyncio.Event()
        self._refused = False  # by the server, until bound again
        self._max_deliver = -1
        self._inbox = ""
        self._requests = 0
        self._received = 0
        self._open_request = ""
        self._last_heard = 0.0
        self._probe: asyncio.Future[None] | None = None
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{source.stream}.{source.durable}"

    @property
    def ready(self) -> bool:
        """Whether a request may be sent now."""
        bound = self._subscription is not None and not self._broken.is_set()
        return bound and not self._refused and not self.outstanding

    async def run(self) -> None:
        """Bind, watch and bind again, until cancelled."""
        await self._jetstream.opened()
        self._jetstream.connection_callbacks.append(self._connection_changed)
        try:
            while True:
                await self._bind()
                self._changed()
                await self._watch()
                await self.unbind()
        finally:
            self._jetstream.connection_callbacks.remove(self._connection_changed)

    async def listen(self, batch: int) -> None:
        """Request messages as they arrive."""
        await self._request(
            batch, expires=_nanoseconds(_EXPIRES), idle_heartbeat=_nanoseconds(_HEARTBEAT)
        )

    async def probe(self, batch: int) -> bool:
        """Request the messages that are there now, and return whether there were any."""
        before = self._received
        probe = self._probe = self._loop.create_future()
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT.total_seconds()):
                await self._request(batch, no_wait=True)
                await probe
        except TimeoutError:
            self._broken.set()
        finally:
            self._probe = None
        return self._received > before

    async def unbind(self) -> None:
        """Stop deliveries; messages that the server has sent arrive before this returns."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                if self._jetstream.connected:
                    await self._jetstream.end_mailbox(subscription)
                else:
                    await subscription.unsubscribe()
            except (nats.errors.Error, TransientError) as error:
                # Messages that arrive from now on are redelivered after ack_wait.
                logger.debug("unsubscribe failed", reason=reason_of(error))
        self._end_request()

    async def _bind(self) -> None:
        """Wait for the consumer and subscribe to a new inbox, which makes old requests void."""
        name = f"consumer {self.source.stream}.{self.source.durable}"
        config = await retry(name, self._subscribe, _RETRY)
        self.ack_wait = timedelta(microseconds=config["ack_wait"] / 1000)
        self._max_deliver = config.get("max_deliver", -1)

    async def _subscribe(self) -> dict[str, Any]:
        """Subscribe, and return the configuration of the consumer."""
        info = await self._jetstream.api(
            f"CONSUMER.INFO.{self.source.stream}.{self.source.durable}"
        )
        self._broken.clear()
        self._refused = False
        self._inbox = self._jetstream.new_inbox()
        self._subscription = await self._jetstream.subscribe_mailbox(f"{self._inbox}.*", self._take)
        config: dict[str, Any] = info["config"]
        return config

    async def _watch(self) -> None:
        """Return when the binding is broken or no heartbeat has arrived in time."""
        silence = _SILENCE.total_seconds()
        while True:
            try:
                async with asyncio.timeout(silence):
                    await self._broken.wait()
            except TimeoutError:
                if not self.outstanding or self._loop.time() - self._last_heard < silence:
                    continue
                logger.warning(
                    "no heartbeat from the server",
                    stream=self.source.stream,
                    consumer=self.source.durable,
                )
                self._broken.set()
            return

    async def _request(self, batch: int, **options: int | bool) -> None:
        self._requests += 1
        self.outstanding = batch
        self._last_heard = self._loop.time()
        self._open_request = f"{self._inbox}.{self._requests}"
        body = json.dumps({"batch": batch, **options}).encode()
        try:
            await self._jetstream.send(self._next, body, reply=self._open_request)
        except TransientError:
            self._broken.set()
            self._end_request()

    def _end_request(self) -> None:
        self.outstanding = 0
        self._open_request = ""
        if self._probe is not None and not self._probe.done():
            self._probe.set_result(None)

    def _connection_changed(self, _connected: bool) -> None:  # noqa: FBT001 - a callback
        # The server forgets requests with the connection; those buffered by nats-py may be stale.
        self._broken.set()
        self._end_request()

    def _take(self, message: Msg) -> None:
        """Receive a message or a status, in the read loop."""
        self._last_heard = self._loop.time()
        if not message.reply.startswith(_ACK_PREFIX):
            self._take_status(message)
            return
        tokens = message.reply.split(".")
        first = 4 if len(tokens) == _OLD_ACK_TOKENS else 6
        attempt = int(tokens[first])
        self._received += 1
        self.outstanding -= 1
        delivery = Delivery(
            data=message.data,
            subject=message.subject,
            headers=message.headers or _NO_HEADERS,
            sequence=int(tokens[first + 1]),
            attempt=attempt,
            last=0 < self._max_deliver <= attempt,
            enqueued_ns=int(tokens[first + 3]),
            source=self.source,
            reply=message.reply,
        )
        if self.outstanding <= 0:
            self._end_request()
        self._arrived(delivery)

    def _take_status(self, message: Msg) -> None:
        headers = message.headers or _NO_HEADERS
        status = headers.get("Status", "")
        if status == _STATUS_HEARTBEAT or message.subject != self._open_request:
            return
        if status not in _STATUS_EXPECTED:
            # The consumer was deleted or moves, or no server responds: bind again and wait for it.
            logger.info(
                "pull request ended",
                consumer=self.source.durable,
                code=status,
                reason=headers.get("Description", "no responders"),
            )
            self._refused = True
            self._loop.call_later(_REFUSED_PAUSE.total_seconds(), self._broken.set)
        self._end_request()
        self._changed()


def _nanoseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1_000_000_000)
