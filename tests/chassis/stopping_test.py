import asyncio
import os
import signal

import pytest

from chassis.stopping import background_tasks, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    stop = stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    async with asyncio.timeout(2):
        await stop.wait()


async def test_a_crash_in_the_background_stops_the_process_and_is_not_swallowed() -> None:
    stop = asyncio.Event()

    async def crash() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("broken")

    with pytest.RaisesGroup(ValueError):
        async with asyncio.timeout(5), background_tasks(stop) as background:
            background.start("crashing", crash())
            await asyncio.Event().wait()
    assert stop.is_set()


async def test_background_tasks_end_with_the_body() -> None:
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with background_tasks(asyncio.Event()) as background:
        background.start("watching", forever())
        await asyncio.sleep(0.01)
    assert ended.is_set()


async def test_a_task_that_loses_its_first_cancellation_ends_all_the_same() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    async with asyncio.timeout(10), background_tasks(asyncio.Event()) as background:
        background.start("deaf", deaf())
        await asyncio.sleep(0)
    assert lost == 1
