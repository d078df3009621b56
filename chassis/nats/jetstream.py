"""NATS JetStream: one connection, acknowledged publishing, and the stream API."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from chassis import tracing
from chassis.nats.connection import kept_connected
from chassis.nats.messages import (
    MESSAGE_ID,
    UNAVAILABLE,
    Message,
    StoredMessage,
    checked,
    parsed_headers,
)
from chassis.nats.streams import (
    ConsumerSpec,
    MessageTooLargeError,
    QueueFullError,
    QueueRefusedError,
    QueueUnavailableError,
    StreamNotFoundError,
    StreamSpec,
    ensure_streams,
)
from chassis.retry import FOREVER, RetryPolicy, retry

__all__ = [
    "MESSAGE_ID",
    "ConsumerSpec",
    "JetStream",
    "Message",
    "MessageTooLargeError",
    "QueueFullError",
    "QueueRefusedError",
    "QueueUnavailableError",
    "StoredMessage",
    "StreamNotFoundError",
    "StreamSpec",
    "open_jetstream",
]

_API = "$JS.API"
_REQUEST_TIMEOUT = timedelta(seconds=5)
_PUBLISH_TIMEOUT = timedelta(seconds=2)
_WRITE_TIMEOUT = timedelta(seconds=2)
# Bridges the election of a leader, which takes about a second.
_BRIEFLY = RetryPolicy(
    on=(QueueUnavailableError,),
    limit=timedelta(seconds=3),
    first=timedelta(milliseconds=250),
    longest=timedelta(seconds=1),
)
_MAX_PAYLOAD = 400  # the code for a message that the server would close the connection over

ConnectionCallback = Callable[[bool], None]
CoreCallback = Callable[[str, bytes], Awaitable[None]]


class Mailbox:
    """Passes each message of a subscription to a plain function, in the read loop.

    nats-py gives every subscription a queue and a task, which costs more than most of our work on
    a message. It calls the future of a subscription directly, so this takes the place of a future.
    The function must be quick and must not raise.
    """

    def __init__(self, deliver: Callable[[Msg], None]) -> None:
        self.set_result = deliver

    def cancelled(self) -> bool:
        """Answer nats-py, which checks before each message."""
        return False


class JetStream:
    """The part of NATS that our services use, over one connection."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._inbox = client.new_inbox()
        self._tokens = itertools.count()
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._opened = asyncio.Event()
        self.connection_callbacks: list[ConnectionCallback] = []

    @property
    def connected(self) -> bool:
        """Whether the connection is up."""
        return self._opened.is_set() and self.client.is_connected

    async def opened(self) -> None:
        """Wait for the first connection. It may be lost and re-established afterwards."""
        await self._opened.wait()

    async def connection_changed(self, connected: bool) -> None:  # noqa: FBT001 - a callback
        """Call the registered callbacks; the first connection also opens the inbox for replies."""
        if connected and not self._opened.is_set():
            await self.subscribe_mailbox(f"{self._inbox}.*", self._take_answer)
            self._opened.set()
        for callback in list(self.connection_callbacks):
            callback(connected)

    async def publish(
        self,
        subject: str,
        payload: bytes,
        *,
        message_id: str,
        template: str = "",
    ) -> bool:
        """Store a message and wait for the ack; return False if the stream had this id already.

        Retries for a few seconds while no server answers. `template` is the subject without its
        identifiers, as traces group it.

        Raises QueueFullError, QueueUnavailableError, or QueueRefusedError, of which
        MessageTooLargeError is one.
        """
        message = Message(subject, payload, message_id, template)
        return await self._publish(message, _BRIEFLY)

    async def publish_until_stored(self, message: Message) -> None:
        """Store a message, and retry for as long as the stream is full or unavailable.

        Raises QueueRefusedError, of which MessageTooLargeError is one.
        """
        await self._publish(message, FOREVER)

    async def _publish(self, message: Message, policy: RetryPolicy) -> bool:
        with tracing.publish_span(
            message.subject,
            template=message.template,
            message_id=message.message_id,
            size=len(message.payload),
        ):
            sent = {**tracing.inject(), MESSAGE_ID: message.message_id}

            async def attempt() -> bool:
                answer = await self.request(message.subject, message.payload, headers=sent)
                return not checked(answer).get("duplicate", False)

            # Because of its id, it is safe to send again a message that may have been stored.
            return await retry("NATS", attempt, policy)

    async def publish_core(self, subject: str, payload: bytes, *, template: str = "") -> None:
        """Send to current subscribers; lost if there are none or the connection is down.

        Raises QueueUnavailableError when the connection is stuck.
        """
        if not self.connected:
            return
        with tracing.publish_span(subject, template=template, size=len(payload)):
            await self._hand_over(subject, payload, headers=tracing.inject())

    async def subscribe_core(self, subject: str, callback: CoreCallback) -> Subscription:
        """Subscribe on core NATS; `await subscription.unsubscribe()` ends it."""

        async def deliver(message: Msg) -> None:
            await callback(message.subject, message.data)

        return await self.client.subscribe(subject, cb=deliver)

    async def subscribe_mailbox(self, subject: str, deliver: Callable[[Msg], None]) -> Subscription:
        """Subscribe with a plain function that runs in the read loop (see Mailbox)."""
        mailbox = cast("asyncio.Future[Msg]", Mailbox(deliver))
        try:
            return await self.client.subscribe(subject, future=mailbox)
        except nats.errors.Error as error:
            raise QueueUnavailableError(type(error).__name__) from error

    async def end_mailbox(self, subscription: Subscription) -> None:
        """Unsubscribe, after delivering everything that the server has sent until then.

        nats-py's own `drain` writes its PING before an UNSUB that is still in the buffer, and drops
        the messages that arrive after the PONG. Our round trip keeps the order.

        Raises QueueUnavailableError when the server does not answer in time.
        """
        await self.client._send_unsubscribe(subscription._id)  # noqa: SLF001 - the public one drops the subscription
        await self._round_trip()
        await subscription.unsubscribe()

    async def _round_trip(self) -> None:
        """Wait until the server has processed everything that was sent before."""
        token, answer = self._expect_answer()
        try:
            await self._hand_over(token, b"")
            async with asyncio.timeout(_PUBLISH_TIMEOUT.total_seconds()):
                await answer
        except TimeoutError:
            raise QueueUnavailableError("no reply in time") from None
        finally:
            self._answers.pop(token, None)

    def _expect_answer(self) -> tuple[str, asyncio.Future[Msg]]:
        token = f"{self._inbox}.{next(self._tokens)}"
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        return token, answer

    async def send(self, subject: str, payload: bytes = b"", *, reply: str = "") -> None:
        """Send without waiting for a reply: acks and pull requests.

        While the connection is lost, messages are buffered until it is re-established.

        Raises QueueUnavailableError when the buffer is full.
        """
        await self._hand_over(subject, payload, reply=reply)

    def new_inbox(self) -> str:
        """Return a subject that is used by nobody else."""
        return self.client.new_inbox()

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta = _PUBLISH_TIMEOUT,  # noqa: ASYNC109 - covers sending and reply
    ) -> Msg:
        """Send a request and wait for its reply.

        Raises QueueUnavailableError: at once before the first connection, and otherwise when there
        is no reply in time. A lost connection may be re-established within `timeout`.
        """
        if not self._opened.is_set():
            raise QueueUnavailableError("not connected yet")
        token, expected = self._expect_answer()
        try:
            await self._hand_over(subject, payload, reply=token, headers=headers)
            async with asyncio.timeout(timeout.total_seconds()):
                answer = await expected
        except TimeoutError:
            raise QueueUnavailableError("no reply in time") from None
        finally:
            self._answers.pop(token, None)
        if answer.headers and answer.headers.get("Status") == str(UNAVAILABLE):
            raise QueueUnavailableError("no stream has this subject")
        return answer

    async def _hand_over(
        self,
        subject: str,
        payload: bytes,
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Pass a message to the client, which waits while its buffer is full.

        The deadline covers this step alone: nats-py swallows the cancellation by which a deadline
        arrives, so a deadline around the reply as well would never end.
        """
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT.total_seconds()):
                await self.client.publish(
                    subject, payload, reply, headers=dict(headers) if headers else None
                )
        except nats.errors.MaxPayloadError as error:
            raise MessageTooLargeError(_MAX_PAYLOAD, str(error)) from None
        except nats.errors.Error as error:
            raise QueueUnavailableError(type(error).__name__) from error
        except TimeoutError:
            raise QueueUnavailableError("the connection is stuck") from None

    def _take_answer(self, message: Msg) -> None:
        future = self._answers.pop(message.subject, None)
        if future is not None and not future.done():
            future.set_result(message)

    async def api(self, subject: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call the JetStream API (`STREAM.INFO.X`)."""
        payload = json.dumps(body).encode() if body is not None else b""
        return checked(await self.request(f"{_API}.{subject}", payload, timeout=_REQUEST_TIMEOUT))

    async def ensure_streams(self, specs: Sequence[StreamSpec]) -> None:
        """Create missing streams and consumers, update those that differ, delete nothing."""
        await ensure_streams(self.api, specs)

    async def purge(self, stream: str, subject: str) -> int:
        """Remove every message of a subject, in flight or not; return their number."""
        answer = await self.api(f"STREAM.PURGE.{stream}", {"filter": subject})
        return int(answer["purged"])

    async def stored_bytes(self, stream: str) -> int:
        """Return the size of a stream in bytes."""
        return int((await self.api(f"STREAM.INFO.{stream}"))["state"]["bytes"])

    async def count(self, stream: str, subject_filter: str) -> int:
        """Count the messages of a stream whose subject matches."""
        return sum((await self.subjects(stream, subject_filter)).values())

    async def subjects(self, stream: str, subject_filter: str = ">") -> dict[str, int]:
        """Return the subjects that a stream holds messages of, and how many of each."""
        found: dict[str, int] = {}
        offset = 0
        while True:
            body = {"subjects_filter": subject_filter, "offset": offset}
            answer = await self.api(f"STREAM.INFO.{stream}", body)
            page: dict[str, int] = answer["state"].get("subjects") or {}
            found |= page
            offset += len(page)
            # The server answers in pages of 100 000 subjects.
            if not page or offset >= int(answer.get("total", 0)):
                return found

    async def get_message(self, stream: str, sequence: int) -> StoredMessage:
        """Read one message; raises StreamNotFoundError when it no longer exists."""
        answer = await self.api(f"STREAM.MSG.GET.{stream}", {"seq": sequence})
        message = answer["message"]
        return StoredMessage(
            subject=message["subject"],
            data=base64.b64decode(message.get("data", "")),
            headers=parsed_headers(base64.b64decode(message.get("hdrs", ""))),
        )

    async def delete_message(self, stream: str, sequence: int) -> None:
        """Delete one message; it is no error if it no longer exists."""
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence})
        except StreamNotFoundError:
            return
        except QueueRefusedError as error:
            # 10043 is "no message found", 10057 "delete failed" for a sequence long gone.
            if error.code not in {10043, 10057}:
                raise


@asynccontextmanager
async def open_jetstream(url: str, *, name: str) -> AsyncIterator[JetStream]:
    """Yield at once and connect in the background; `url` may list several servers by comma.

    Until the first connection, requests raise QueueUnavailableError at once.
    """
    stream = JetStream(Client())
    async with kept_connected(stream.client, url, name=name, changed=stream.connection_changed):
        yield stream
