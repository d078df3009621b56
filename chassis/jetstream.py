"""NATS JetStream: one connection, publishing that is acknowledged, and the setup of streams."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, cast

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis.errors import DomainError, TransientError
from chassis.logs import get_logger

logger = get_logger(__name__)

_API = "$JS.API"
_REQUEST_TIMEOUT = timedelta(seconds=5)
_PUBLISH_TIMEOUT = timedelta(seconds=2)
_PUBLISH_ATTEMPTS = 4
_PUBLISH_PAUSE = timedelta(milliseconds=250)  # doubled each time: a leader election takes ~1 s
_NOT_FOUND = 404
_UNAVAILABLE = 503
# Limits that clear when consumers catch up: messages or bytes of the stream, of its subject, of
# the account or of the server.
_FULL = frozenset({10077, 10023, 10047, 10002, 10028})
_FIRST_REFUSAL = 400

ConnectionCallback = Callable[[bool], None]
CoreCallback = Callable[[str, bytes], Awaitable[None]]


class QueueUnavailableError(TransientError):
    """Nobody answered for the stream; publishing again with the same id is safe."""

    reason: ClassVar[str] = "QUEUE_UNAVAILABLE"

    def __init__(self, what: str) -> None:
        super().__init__(f"The message queue is not available: {what}.")


class QueueFullError(TransientError):
    """The stream is full: back-pressure, nothing is lost."""

    reason: ClassVar[str] = "QUEUE_FULL"

    def __init__(self) -> None:
        super().__init__("The message queue is full.", delay=timedelta(seconds=5))


class QueueRefusedError(DomainError):
    """The server will refuse this request for ever (too large, no permission): a fault of ours."""

    reason: ClassVar[str] = "QUEUE_REFUSED"

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"The message queue refused ({code}): {description}.")
        self.code = code


class StreamNotFoundError(QueueUnavailableError):
    """The stream, consumer or message is not there (yet)."""

    reason: ClassVar[str] = "STREAM_NOT_FOUND"


@dataclass(frozen=True)
class ConsumerSpec:
    """A durable pull consumer with explicit acks."""

    durable: str
    filter_subject: str
    ack_wait: timedelta
    max_deliver: int = 5
    max_ack_pending: int = 1000  # shared by all workers: replicas x slots, or scaling stops helping
    max_waiting: int = 512

    def config(self) -> dict[str, Any]:
        """Return the configuration as the server's API spells it."""
        return {
            "name": self.durable,
            "durable_name": self.durable,
            "filter_subject": self.filter_subject,
            "ack_policy": "explicit",
            "deliver_policy": "all",
            "ack_wait": _nanoseconds(self.ack_wait),
            "max_deliver": self.max_deliver,
            "max_ack_pending": self.max_ack_pending,
            "max_waiting": self.max_waiting,
        }


@dataclass(frozen=True)
class StreamSpec:
    """A stream and its consumers; a full stream refuses new messages and never drops old ones."""

    name: str
    subjects: tuple[str, ...]
    consumers: tuple[ConsumerSpec, ...] = ()
    retention: str = "workqueue"
    storage: str = "file"
    replicas: int = 1
    max_bytes: int = -1
    max_messages: int = -1
    max_message_bytes: int = -1
    max_age: timedelta = timedelta(0)  # 0: no limit; work never ages
    duplicate_window: timedelta = timedelta(minutes=10)
    discard: str = "new"

    def config(self) -> dict[str, Any]:
        """Return the configuration as the server's API spells it."""
        return {
            "name": self.name,
            "subjects": list(self.subjects),
            "retention": self.retention,
            "storage": self.storage,
            "num_replicas": self.replicas,
            "max_bytes": self.max_bytes,
            "max_msgs": self.max_messages,
            "max_msg_size": self.max_message_bytes,
            "max_age": _nanoseconds(self.max_age),
            "duplicate_window": _nanoseconds(self.duplicate_window),
            "discard": self.discard,
            "allow_direct": True,
        }


@dataclass(frozen=True)
class StoredMessage:
    """A message read from a stream by its sequence."""

    subject: str
    sequence: int
    data: bytes
    headers: Mapping[str, str]


class Mailbox:
    """Hands each message of a subscription to a plain function, in the read loop.

    nats-py gives every subscription a queue and a task, which costs more than most of our work on
    a message; a subscription with a future it calls directly, so this stands in for a future. The
    function must be quick and must not raise.
    """

    def __init__(self, deliver: Callable[[Msg], None]) -> None:
        self.set_result = deliver

    def cancelled(self) -> bool:
        """Answer nats-py, which asks before each delivery."""
        return False


class JetStream:
    """What our services need of one NATS connection, and no more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._tokens = itertools.count()
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._answers_open = False
        self.connection_callbacks: list[ConnectionCallback] = []

    @property
    def connected(self) -> bool:
        """Whether the connection stands right now."""
        return self._client.is_connected

    async def publish(
        self,
        subject: str,
        payload: bytes,
        *,
        message_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        """Store a message and wait until it is; return False if the stream had this id already.

        Raises QueueFullError, QueueUnavailableError, or QueueRefusedError.
        """
        all_headers = {**(headers or {}), "Nats-Msg-Id": message_id}
        pause = _PUBLISH_PAUSE.total_seconds()
        for attempt in range(1, _PUBLISH_ATTEMPTS + 1):
            try:
                answer = await self.request(subject, payload, headers=all_headers)
                return not _checked(answer).get("duplicate", False)
            except (QueueFullError, QueueRefusedError):
                raise
            except QueueUnavailableError:
                # The same id makes it safe to send again what may have been stored.
                if attempt == _PUBLISH_ATTEMPTS:
                    raise
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError

    async def publish_core(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send to whoever listens now; lost when nobody does or the connection is down."""
        if self._client.is_connected:
            await self._client.publish(subject, payload, headers=dict(headers) if headers else None)

    async def subscribe_core(self, subject: str, callback: CoreCallback) -> Subscription:
        """Listen on core NATS; `await subscription.unsubscribe()` ends it."""

        async def deliver(message: Msg) -> None:
            await callback(message.subject, message.data)

        return await self._client.subscribe(subject, cb=deliver)

    async def subscribe_mailbox(self, subject: str, deliver: Callable[[Msg], None]) -> Subscription:
        """Listen with a plain function that runs in the read loop (see Mailbox)."""
        mailbox = cast("asyncio.Future[Msg]", Mailbox(deliver))
        try:
            return await self._client.subscribe(subject, future=mailbox)
        except nats.errors.Error as error:
            raise QueueUnavailableError(type(error).__name__) from error

    async def send(self, subject: str, payload: bytes = b"", *, reply: str = "") -> None:
        """Send raw: acks and pull requests; raises QueueUnavailableError when it cannot."""
        try:
            await self._client.publish(subject, payload, reply)
        except nats.errors.Error as error:
            raise QueueUnavailableError(type(error).__name__) from error

    def new_inbox(self) -> str:
        """Return a subject that nobody else uses."""
        return self._client.new_inbox()

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta = _PUBLISH_TIMEOUT,  # noqa: ASYNC109 - a timeout of the protocol
    ) -> Msg:
        """Ask and wait for the one answer; raises QueueUnavailableError when there is none."""
        if not self._answers_open:
            await self.subscribe_mailbox(f"{self._inbox}.*", self._take_answer)
            self._answers_open = True
        token = f"{self._inbox}.{next(self._tokens)}"
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answers[token] = future
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await self._client.publish(
                    subject, payload, token, headers=dict(headers) if headers else None
                )
                answer = await future
        except TimeoutError:
            raise QueueUnavailableError("no answer in time") from None
        except nats.errors.MaxPayloadError as error:
            raise QueueRefusedError(_FIRST_REFUSAL, str(error)) from None
        except nats.errors.Error as error:
            raise QueueUnavailableError(type(error).__name__) from error
        finally:
            self._answers.pop(token, None)
        if answer.headers and answer.headers.get("Status") == str(_UNAVAILABLE):
            raise QueueUnavailableError("no stream listens")
        return answer

    def _take_answer(self, message: Msg) -> None:
        future = self._answers.pop(message.subject, None)
        if future is not None and not future.done():
            future.set_result(message)

    async def api(self, subject: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call the JetStream API (`STREAM.INFO.X`)."""
        payload = json.dumps(body).encode() if body is not None else b""
        return _checked(await self.request(f"{_API}.{subject}", payload, timeout=_REQUEST_TIMEOUT))

    async def ensure_streams(self, specs: Sequence[StreamSpec]) -> None:
        """Create what is missing and update what differs; never delete anything."""
        for spec in specs:
            await self._ensure(
                f"STREAM.INFO.{spec.name}",
                f"STREAM.CREATE.{spec.name}",
                f"STREAM.UPDATE.{spec.name}",
                wanted=spec.config(),
            )
            for consumer in spec.consumers:
                create = f"CONSUMER.CREATE.{spec.name}.{consumer.durable}.{consumer.filter_subject}"
                await self._ensure(
                    f"CONSUMER.INFO.{spec.name}.{consumer.durable}",
                    create,
                    create,  # creating a consumer that exists updates it
                    wanted=consumer.config(),
                    stream=spec.name,
                )

    async def _ensure(
        self, info: str, create: str, update: str, *, wanted: dict[str, Any], stream: str = ""
    ) -> None:
        def body(config: dict[str, Any]) -> dict[str, Any]:
            return {"stream_name": stream, "config": config} if stream else config

        try:
            found: dict[str, Any] = (await self.api(info))["config"]
        except StreamNotFoundError:
            await self.api(create, body(wanted))
            logger.info("created", stream=stream or wanted["name"], name=wanted["name"])
            return
        # Only what we ask for is compared: the server adds defaults and metadata of its own.
        if any(found.get(key, _DEFAULTS.get(key)) != value for key, value in wanted.items()):
            await self.api(update, body({**found, **wanted}))
            logger.info("updated", stream=stream or wanted["name"], name=wanted["name"])

    async def purge(self, stream: str, subject: str) -> int:
        """Remove every message of a subject, in flight or not; return how many."""
        answer = await self.api(f"STREAM.PURGE.{stream}", {"filter": subject})
        return int(answer["purged"])

    async def count(self, stream: str, subject_filter: str) -> int:
        """Count the messages of a stream whose subject matches."""
        total = offset = 0
        while True:
            body = {"subjects_filter": subject_filter, "offset": offset}
            answer = await self.api(f"STREAM.INFO.{stream}", body)
            subjects: dict[str, int] = answer["state"].get("subjects") or {}
            total += sum(subjects.values())
            offset += len(subjects)
            # The server answers in pages of 100 000 subjects.
            if not subjects or offset >= int(answer.get("total", 0)):
                return total

    async def get_message(self, stream: str, sequence: int) -> StoredMessage:
        """Read one message; raises StreamNotFoundError when it is gone."""
        answer = await self.api(f"STREAM.MSG.GET.{stream}", {"seq": sequence})
        message = answer["message"]
        return StoredMessage(
            subject=message["subject"],
            sequence=message["seq"],
            data=base64.b64decode(message.get("data", "")),
            headers=_parsed_headers(base64.b64decode(message.get("hdrs", ""))),
        )

    async def delete_message(self, stream: str, sequence: int) -> None:
        """Delete one message; one that is gone already is fine."""
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence})
        except StreamNotFoundError:
            return
        except QueueRefusedError as error:
            # 10043 and 10057 say "no message found" and "delete failed" of a sequence long gone.
            if error.code not in {10043, 10057}:
                raise


# What an absent field of the server's answer means (it leaves out zero values).
_DEFAULTS: dict[str, Any] = {"max_age": 0, "max_deliver": -1, "allow_direct": False}


def _nanoseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1_000_000_000)


def _checked(answer: Msg) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.data)
    error = body.get("error")
    if error is None:
        return body
    code, api_code = int(error.get("code", 0)), int(error.get("err_code", 0))
    description = str(error.get("description", "")).rstrip(".")
    if api_code in _FULL:
        raise QueueFullError
    if code == _NOT_FOUND:
        raise StreamNotFoundError(description)
    if code == _UNAVAILABLE:
        raise QueueUnavailableError(description)
    raise QueueRefusedError(api_code, description)


def _parsed_headers(raw: bytes) -> dict[str, str]:
    headers = {}
    for line in raw.decode(errors="replace").split("\r\n")[1:]:
        name, separator, value = line.partition(":")
        if separator:
            headers[name] = value.strip()
    return headers


class _Reporter:
    """Logs what happens to the connection, once, and tells those who registered."""

    def __init__(self, client: Client, stream: JetStream) -> None:
        self._client = client
        self._stream = stream
        self._waiting = False

    async def on_error(self, error: Exception) -> None:
        if self._client.is_connected:
            logger.warning("nats error", reason=f"{type(error).__name__}: {error}")
        elif not self._waiting:
            # nats-py reports each attempt; one line for each wait is enough.
            self._waiting = True
            logger.info("waiting", waiting_for="nats", reason=type(error).__name__)

    async def on_disconnected(self) -> None:
        if not self._client.is_closed:
            logger.warning("disconnected", server="nats")
        self._tell(connected=False)

    async def on_reconnected(self) -> None:
        self._waiting = False
        logger.info("connected", server="nats")
        self._tell(connected=True)

    def _tell(self, *, connected: bool) -> None:
        for callback in list(self._stream.connection_callbacks):
            callback(connected)


@asynccontextmanager
async def open_jetstream(url: str, *, name: str) -> AsyncIterator[JetStream]:
    """Connect, waiting for a server for as long as it takes; `url` may list several by comma."""
    client = Client()
    stream = JetStream(client)
    reporter = _Reporter(client, stream)
    await client.connect(
        [server.strip() for server in url.split(",")],
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=5,
        ping_interval=20,  # a dead server is seen after 40 s, not after 4 minutes
        max_outstanding_pings=2,
        error_cb=reporter.on_error,
        disconnected_cb=reporter.on_disconnected,
        reconnected_cb=reporter.on_reconnected,
    )
    logger.info("connected", server="nats")
    try:
        yield stream
    finally:
        # Not drain(): our consumers have stopped, and it waits for subscriptions that have no task.
        try:
            if client.is_connected:
                await client.flush(timeout=2)
        except (nats.errors.Error, TimeoutError):
            logger.warning("not flushed", server="nats")
        await client.close()
