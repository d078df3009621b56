"""Waiting for what is away: work that was taken up is not given up because a server restarts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from chassis.errors import TransientError
from chassis.logs import get_logger

T = TypeVar("T")
_FIRST = timedelta(milliseconds=200)
_LONGEST = timedelta(seconds=5)
logger = get_logger(__name__)


async def retry_transient(
    what: str,
    attempt: Callable[[], Awaitable[T]],
    *,
    final: tuple[type[TransientError], ...] = (),
    most: timedelta | None = None,
) -> T:
    """Try until it works. Only TransientError is waited out, and of these none that is `final`.

    After `most`, what the last try ended with is raised.

    A message stays alive meanwhile, for the consume loop sends its heartbeats; a worker that is
    told to stop cancels this and hands the message back.
    """
    delay = _FIRST
    ends = None if most is None else time.monotonic() + most.total_seconds()
    while True:
        try:
            return await attempt()
        except final:
            raise
        except TransientError as error:
            if ends is not None and time.monotonic() > ends:
                raise
            wait = error.delay or delay
            logger.warning(
                "waiting",
                waiting_for=what,
                reason=error.reason,
                delay_seconds=wait.total_seconds(),
            )
        # Apart, so that all who wait do not come back at once.
        await asyncio.sleep(wait.total_seconds() * random.uniform(0.5, 1.0))  # noqa: S311
        delay = min(2 * delay, _LONGEST)
