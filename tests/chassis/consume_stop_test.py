"""On shutdown, consume loops finish or return their messages and leave nothing running."""

import asyncio
import time
from datetime import timedelta

import pytest

from chassis.nats.consume import Delivery, consume, consume_batches
from chassis.nats.jetstream import JetStream
from tests.support.consuming import (
    ROUTINE,
    URGENT,
    Seen,
    consuming,
    emptied,
    publish,
    until,
)

pytestmark = pytest.mark.usefixtures("work_stream")
SOON = timedelta(milliseconds=10)


async def test_stopping_finishes_running_handlers_and_returns_other_messages_at_once(
    jetstream: JetStream,
) -> None:
    first, second = Seen(), Seen()
    handling = asyncio.Event()
    release = asyncio.Event()

    async def slow(delivery: Delivery) -> None:
        await first(delivery)
        handling.set()
        await release.wait()

    async with consuming(jetstream, slow, URGENT, ROUTINE, slots=1) as stop:
        await asyncio.sleep(0.1)  # now both sources have an open request
        await publish(jetstream, "urgent", "a")
        await handling.wait()
        await publish(jetstream, "routine", "b")  # is delivered, but has no slot
        await publish(jetstream, "urgent", "c")
        await asyncio.sleep(0.1)
        stop.set()
        async with consuming(jetstream, second, URGENT, ROUTINE):
            started = time.monotonic()
            await until(lambda: sorted(second.names) == ["b", "c"])
            assert time.monotonic() - started < 1
        release.set()
    assert first.names == ["a"]
    assert await emptied(jetstream)()


async def test_a_message_not_finished_within_the_grace_period_is_returned(
    jetstream: JetStream,
) -> None:
    handling = asyncio.Event()

    async def stuck(_delivery: Delivery) -> None:
        handling.set()
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, stuck, grace=SOON):
        await handling.wait()
    seen = Seen()
    started = time.monotonic()
    async with consuming(jetstream, seen):
        await until(emptied(jetstream))
    assert seen.deliveries[0].attempt == 2
    assert time.monotonic() - started < 1


async def test_a_cancelled_loop_returns_its_messages_and_leaves_nothing_running(
    jetstream: JetStream,
) -> None:
    handling = asyncio.Event()

    async def stuck(_delivery: Delivery) -> None:
        handling.set()
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    before = asyncio.all_tasks()
    task = asyncio.create_task(consume(jetstream, [URGENT], stuck, slots=1, stop=asyncio.Event()))
    await handling.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("batches", [False, True])
async def test_a_handler_that_loses_its_first_cancellation_does_not_block_the_shutdown(
    jetstream: JetStream, *, batches: bool
) -> None:
    handling, lost = asyncio.Event(), 0

    async def stubborn(_work: object) -> None:
        nonlocal lost
        handling.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    never = asyncio.Event()
    task = asyncio.create_task(
        consume_batches(jetstream, URGENT, stubborn, max_batch=1, max_wait=timedelta(0), stop=never)
        if batches
        else consume(jetstream, [URGENT], stubborn, slots=1, stop=never)
    )
    async with asyncio.timeout(10):
        await handling.wait()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert lost == 1
