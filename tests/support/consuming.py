"""Consume loops on a stream with two priorities, for the tests of chassis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from chassis.nats.consume import Delivery, Source, consume, consume_batches
from chassis.nats.jetstream import ConsumerSpec, JetStream, StreamSpec
from chassis.nats.settle import TermReason, code_as_reason

URGENT = Source("WORK", "urgent")
ROUTINE = Source("WORK", "routine", share=0.25)
SPEC = StreamSpec(
    "WORK",
    ("work.*",),
    (
        ConsumerSpec("urgent", "work.urgent", timedelta(seconds=2), max_deliver=3),
        ConsumerSpec("routine", "work.routine", timedelta(seconds=2), max_deliver=3),
    ),
)


async def publish(jetstream: JetStream, priority: str, *names: str) -> None:
    for name in names:
        message_id = f"{priority}-{name}"
        await jetstream.publish(f"work.{priority}", name.encode(), message_id=message_id)


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(15):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


def emptied(jetstream: JetStream) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await jetstream.count("WORK", "work.>") == 0

    return look


@asynccontextmanager
async def consuming(
    jetstream: JetStream,
    handler: Callable[[Delivery], Awaitable[None]],
    *sources: Source,
    slots: int = 4,
    grace: timedelta = timedelta(seconds=5),
    term_reason: TermReason = code_as_reason,
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = consume(
        jetstream,
        sources or (URGENT,),
        handler,
        slots=slots,
        stop=stop,
        grace=grace,
        term_reason=term_reason,
    )
    async with _running(loop, stop):
        yield stop


@asynccontextmanager
async def consuming_batches(
    jetstream: JetStream,
    handler: Callable[[Sequence[Delivery]], Awaitable[None]],
    *,
    max_batch: int = 10,
    max_wait: timedelta = timedelta(0),
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = consume_batches(
        jetstream, URGENT, handler, max_batch=max_batch, max_wait=max_wait, stop=stop
    )
    async with _running(loop, stop):
        yield stop


@asynccontextmanager
async def _running(loop: Coroutine[Any, Any, None], stop: asyncio.Event) -> AsyncIterator[None]:
    task = asyncio.create_task(loop)
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


class Seen:
    """A handler that records what it was given."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.deliveries: list[Delivery] = []

    async def __call__(self, delivery: Delivery) -> None:
        self.names.append(delivery.data.decode())
        self.deliveries.append(delivery)
