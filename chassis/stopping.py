"""Stops a process in order: signals set an event, and so does a failed background task."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from chassis.logs import get_logger

T = TypeVar("T")
logger = get_logger(__name__)
_CANCEL_AGAIN = timedelta(seconds=1)  # longer than most clean-ups, which it would interrupt


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def received(number: signal.Signals) -> None:
        logger.info("stopping", signal=number.name)
        stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)
    return stop


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks repeatedly until they have ended; their exceptions are not raised here.

    Once is not enough. asyncio.wait_for of Python 3.11, which libraries use, loses a cancellation
    that arrives just as the awaited task finishes, and nats-py swallows one while its buffer is
    full.
    """
    tasks = list(tasks)
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN.total_seconds())
    for task in tasks:
        if not task.cancelled():
            task.exception()  # marks it as retrieved; otherwise asyncio logs a complaint


class StoppedError(Exception):
    """The process was told to stop before it had started."""


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Await a step of the start; raises StoppedError when `stop` is set first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise StoppedError
        return working.result()
    finally:
        await cancel_and_wait([working, stopping])


class LostTaskError(Exception):
    """A task was cancelled, but not by us: a library leaked a cancellation of its own."""


class Background:
    """Named background tasks; when one fails, it is logged and the process stops.

    The same holds for a task that is cancelled early: a task group would ignore that, and the
    process would continue without the task.
    """

    def __init__(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        self._group = group
        self._stop = stop
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    def start(self, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Run a coroutine until it ends or the process stops."""
        task = self._group.create_task(self._run(name, work), name=name)
        self._tasks.append(task)
        return task

    async def _run(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except asyncio.CancelledError as error:
            if self._ending or self._stop.is_set():
                raise
            logger.exception("task cancelled unexpectedly", task=name)
            self._stop.set()
            raise LostTaskError(name) from error
        except Exception:
            logger.exception("task failed", task=name)
            self._stop.set()
            raise

    async def end(self) -> None:
        """Cancel the tasks that still run, and wait for them to end."""
        self._ending = True
        await cancel_and_wait(self._tasks)


@asynccontextmanager
async def background_tasks(stop: asyncio.Event) -> AsyncIterator[Background]:
    """Own the background tasks of a main, and cancel them when the body ends.

    A task that fails cancels the body, sets `stop`, and its error is raised as an ExceptionGroup,
    so that the exit status shows it.
    """
    async with asyncio.TaskGroup() as group:
        background = Background(group, stop)
        try:
            yield background
        finally:
            await background.end()
