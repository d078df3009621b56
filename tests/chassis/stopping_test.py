import asyncio
import os
import signal
from contextlib import suppress

import pytest

from chassis.stopping import LostTaskError, background_tasks, cancel_and_wait, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    stop = stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    async with asyncio.timeout(2):
        await stop.wait()


async def test_a_crash_in_the_background_stops_the_process_and_is_raised() -> None:
    stop = asyncio.Event()

    async def crash() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("broken")

    with pytest.RaisesGroup(ValueError):
        async with asyncio.timeout(5), background_tasks(stop) as background:
            background.start("crashing", crash())
            await asyncio.Event().wait()
    assert stop.is_set()


async def test_a_background_task_that_cancels_itself_counts_as_a_crash() -> None:
    stop = asyncio.Event()

    async def cancels_itself() -> None:
        await asyncio.sleep(0.01)
        raise asyncio.CancelledError

    with pytest.RaisesGroup(LostTaskError):
        async with asyncio.timeout(5), background_tasks(stop) as background:
            background.start("cancels_itself", cancels_itself())
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


async def stubborn() -> None:
    """Lose the first cancellation, as asyncio.wait_for can in Python 3.11."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def test_a_task_that_loses_its_first_cancellation_still_ends() -> None:
    async with asyncio.timeout(10), background_tasks(asyncio.Event()) as background:
        task = background.start("stubborn", stubborn())
        await asyncio.sleep(0)
    assert task.cancelled()


async def test_errors_of_cancelled_tasks_are_not_raised() -> None:
    async def breaks() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("broken")

    tasks = [asyncio.create_task(work) for work in (stubborn(), breaks(), asyncio.sleep(0))]
    await tasks[-1]
    async with asyncio.timeout(10):
        await cancel_and_wait(tasks)
    lost, broken, ended = tasks
    assert lost.cancelled()
    assert isinstance(broken.exception(), ValueError)
    assert ended.exception() is None
