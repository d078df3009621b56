"""Specifications of streams and consumers, their idempotent setup, and the queue errors."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from chassis.errors import DomainError, TransientError
from chassis.logs import get_logger

logger = get_logger(__name__)

Api = Callable[[str, dict[str, Any] | None], Awaitable[dict[str, Any]]]
# Values of fields that the server leaves out of its reply because they are zero.
_DEFAULTS: dict[str, Any] = {"max_age": 0, "max_deliver": -1, "allow_direct": False}
# "Stream name already in use with a different configuration".
_NAME_IN_USE = 10058


class QueueUnavailableError(TransientError):
    """The stream did not respond; publishing again with the same id is safe."""

    reason: ClassVar[str] = "QUEUE_UNAVAILABLE"

    def __init__(self, detail: str) -> None:
        super().__init__(f"The message queue is not available: {detail}.")


class QueueFullError(TransientError):
    """The stream is full. This is back-pressure; nothing is lost."""

    reason: ClassVar[str] = "QUEUE_FULL"

    def __init__(self) -> None:
        super().__init__("The message queue is full.", delay=timedelta(seconds=5))


class QueueRefusedError(DomainError):
    """The server will always refuse this request (too large, no permission): our fault."""

    reason: ClassVar[str] = "QUEUE_REFUSED"

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"The message queue refused ({code}): {description}.")
        self.code = code


class MessageTooLargeError(QueueRefusedError):
    """The server does not accept a message of this size; smaller ones are accepted."""


class StreamNotFoundError(QueueUnavailableError):
    """The stream, consumer or message does not exist (yet)."""

    reason: ClassVar[str] = "STREAM_NOT_FOUND"


@dataclass(frozen=True)
class ConsumerSpec:
    """A durable pull consumer with explicit acks."""

    durable: str
    filter_subject: str
    ack_wait: timedelta
    max_deliver: int = 5
    max_ack_pending: int = (
        1000  # for all workers together: at least replicas x slots, or scaling out has no effect
    )
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
    """A stream and its consumers; a full stream refuses new messages and keeps the old ones."""

    name: str
    subjects: tuple[str, ...]
    consumers: tuple[ConsumerSpec, ...] = ()
    retention: str = "workqueue"
    storage: str = "file"
    replicas: int = 1
    max_bytes: int = -1
    max_messages: int = -1
    max_message_bytes: int = -1
    max_age: timedelta = timedelta(0)  # 0: no limit; work does not expire
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


async def ensure_streams(api: Api, specs: Sequence[StreamSpec]) -> None:
    """Create missing streams and consumers, update those that differ, delete nothing."""
    for spec in specs:
        await _ensure(
            api,
            f"STREAM.INFO.{spec.name}",
            create=f"STREAM.CREATE.{spec.name}",
            update=f"STREAM.UPDATE.{spec.name}",
            wanted=spec.config(),
            on_create={"first_seq": _unused_sequence()},
        )
        for consumer in spec.consumers:
            create = f"CONSUMER.CREATE.{spec.name}.{consumer.durable}.{consumer.filter_subject}"
            await _ensure(
                api,
                f"CONSUMER.INFO.{spec.name}.{consumer.durable}",
                create=create,
                update=create,  # creating a consumer that exists updates it
                wanted=consumer.config(),
                stream=spec.name,
            )


def _unused_sequence() -> int:
    """Return a sequence that no stream has used, unless one got a million messages a second.

    An ack names a stream, a consumer and a sequence. If a stream is deleted and created again, a
    late ack would otherwise remove another message with the same number.
    """
    return time.time_ns() // 1000


async def _ensure(
    api: Api,
    info: str,
    *,
    create: str,
    update: str,
    wanted: dict[str, Any],
    on_create: dict[str, Any] | None = None,
    stream: str = "",
) -> None:
    def body(config: dict[str, Any]) -> dict[str, Any]:
        return {"stream_name": stream, "config": config} if stream else config

    try:
        found: dict[str, Any] = (await api(info, None))["config"]
    except StreamNotFoundError:
        try:
            await api(create, body({**wanted, **(on_create or {})}))
        except QueueRefusedError as error:
            if error.code != _NAME_IN_USE:
                raise
            return  # another replica was faster; differences are updated next time
        logger.info("created", stream=stream or wanted["name"], name=wanted["name"])
        return
    # Only the fields we set are compared: the server adds defaults and metadata.
    if any(found.get(key, _DEFAULTS.get(key)) != value for key, value in wanted.items()):
        await api(update, body({**found, **wanted}))
        logger.info("updated", stream=stream or wanted["name"], name=wanted["name"])


def _nanoseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1_000_000_000)
