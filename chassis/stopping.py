"""CallStatus a process: signals become an event, and a crashed background task ends it too."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from chassis.logs import get_logger

T = TypeVar("T")
logger = get_logger(__name__)
_CANCEL_AGAIN = timedelta(seconds=1)  # longer than most clean-ups, which it would cut short


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
    """Cancel tasks, again and again until they have ended; what they raise stays with them.

    Once is not enough. asyncio.wait_for of Python 3.11, which libraries use, loses a cancellation
    that meets the very moment in which what it waits for is done; nats-py drops one that meets a
    full buffer.
    """
    tasks = list(tasks)
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN.total_seconds())
    for task in tasks:
        if not task.cancelled():
            task.exception()  # or asyncio complains that nobody has asked for it


class StoppedError(Exception):
    """The process is to stop before its work has begun."""


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Await what a start has to wait for; raises StoppedError when `stop` is set first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise StoppedError
        return working.result()
    finally:
        await cancel_and_wait([working, stopping])


class LostTaskError(Exception):
    """A task was cancelled by none of us: a library let a cancellation of its own escape."""


class Background:
    """Named tasks beside the main work; when one crashes, the process stops with its log line.

    So it does when one is cancelled before the end: a task group takes that for nothing, and the
    process would go on without it.
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
            logger.exception("task cancelled by nobody", task=name)
            self._stop.set()
            raise LostTaskError(name) from error
        except Exception:
            logger.exception("task failed", task=name)
            self._stop.set()
            raise

    async def end(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        self._ending = True
        await cancel_and_wait(self._tasks)


@asynccontextmanager
async def background_tasks(stop: asyncio.Event) -> AsyncIterator[Background]:
    """Own the background tasks of a main: cancelled when its body ends; a crash cancels the body.

    The crash also sets `stop`, and leaves as an ExceptionGroup, so that the exit status tells.
    """
    async with asyncio.TaskGroup() as group:
        background = Background(group, stop)
        try:
            yield background
        finally:
            await background.end()
