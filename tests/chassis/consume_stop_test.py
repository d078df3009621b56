"""How a consume loop ends: what runs is finished or handed back, and nothing stays behind."""

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


async def test_stopping_finishes_what_runs_and_hands_back_the_rest_at_once(
    jetstream: JetStream,
) -> None:
    first, second = Seen(), Seen()
    begun = asyncio.Event()
    release = asyncio.Event()

    async def slow(delivery: Delivery) -> None:
        await first(delivery)
        begun.set()
        await release.wait()

    async with consuming(jetstream, slow, URGENT, ROUTINE, slots=1) as stop:
        await asyncio.sleep(0.1)  # both sources have an open request now
        await publish(jetstream, "urgent", "a")
        await begun.wait()
        await publish(jetstream, "routine", "b")  # arrives, and has no slot
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


async def test_what_does_not_finish_within_the_grace_period_is_handed_back(
    jetstream: JetStream,
) -> None:
    begun = asyncio.Event()

    async def stuck(_delivery: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, stuck, grace=SOON):
        await begun.wait()
    seen = Seen()
    started = time.monotonic()
    async with consuming(jetstream, seen):
        await until(emptied(jetstream))
    assert seen.deliveries[0].attempt == 2
    assert time.monotonic() - started < 1


async def test_cancelling_the_loop_hands_back_and_leaves_nothing_running(
    jetstream: JetStream,
) -> None:
    begun = asyncio.Event()

    async def stuck(_delivery: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    before = asyncio.all_tasks()
    task = asyncio.create_task(consume(jetstream, [URGENT], stuck, slots=1, stop=asyncio.Event()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("batches", [False, True])
async def test_work_that_loses_its_first_cancellation_does_not_hold_up_the_end(
    jetstream: JetStream, *, batches: bool
) -> None:
    begun, lost = asyncio.Event(), 0

    async def deaf(_work: object) -> None:
        nonlocal lost
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    never = asyncio.Event()
    task = asyncio.create_task(
        consume_batches(jetstream, URGENT, deaf, max_batch=1, max_wait=timedelta(0), stop=never)
        if batches
        else consume(jetstream, [URGENT], deaf, slots=1, stop=never)
    )
    async with asyncio.timeout(10):
        await begun.wait()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert lost == 1
