"""One retry for every server that may be unavailable (decision 15)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from chassis.errors import DomainError, TransientError
from chassis.logs import get_logger

T = TypeVar("T")
# A long outage is logged when it begins, when its reason changes, and this often in between.
_LOG_EVERY = timedelta(seconds=30)
logger = get_logger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """Which errors are retried, how long, and how far apart."""

    on: tuple[type[Exception], ...] = (TransientError,)
    # Of these kinds, the ones that are not retried after all.
    final: tuple[type[Exception], ...] = ()
    # No retry starts later than this after the first attempt; None: retry for ever.
    limit: timedelta | None = None
    # The delay after the first failure, doubled after each one up to `longest`.
    first: timedelta = timedelta(milliseconds=200)
    longest: timedelta = timedelta(seconds=5)

    def delay(self, failures: int, error: BaseException | None = None) -> timedelta:
        """Return the delay after so many failures in a row, with jitter so that callers spread.

        If the error asks for a delay, it is never shorter than that.
        """
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if isinstance(error, TransientError) and error.delay is not None:
            return error.delay * (0.5 + jitter)
        doublings: int = 2 ** min(failures - 1, 30)
        return min(self.first * doublings, self.longest) * jitter


FOREVER = RetryPolicy()
"""Retries every transient error until it succeeds."""


async def retry(what: str, attempt: Callable[[], Awaitable[T]], policy: RetryPolicy = FOREVER) -> T:
    """Call `attempt` until it succeeds, and return its result; `what` is its name in the log.

    Raises an error that the policy does not retry, and the last one when its limit is reached.
    Cancellation ends it at once.
    """
    started = time.monotonic()
    outage = _Outage(what)
    failures = 0
    while True:
        try:
            result = await attempt()
        except policy.final:
            raise
        except policy.on as error:
            failures += 1
            delay = policy.delay(failures, error)
            waited = timedelta(seconds=time.monotonic() - started)
            if policy.limit is not None and waited + delay > policy.limit:
                raise
            outage.failed(error, delay)
        else:
            outage.ended()
            return result
        await asyncio.sleep(delay.total_seconds())


class _Outage:
    """Logs an outage without a line for each attempt."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._reason = ""
        self._logged = 0.0

    def failed(self, error: BaseException, delay: timedelta) -> None:
        reason = reason_of(error)
        now = time.monotonic()
        if reason == self._reason and now - self._logged < _LOG_EVERY.total_seconds():
            return
        self._reason, self._logged = reason, now
        logger.warning(
            "retrying",
            waiting_for=self._what,
            reason=reason,
            delay_seconds=round(delay.total_seconds(), 3),
        )

    def ended(self) -> None:
        if self._reason:
            logger.info("available again", waiting_for=self._what)


def reason_of(error: BaseException) -> str:
    """Return what the log says of an error: our code for it, or its type, and its message."""
    if isinstance(error, DomainError):
        return f"{error.reason}: {error.message}"
    return f"{type(error).__name__}: {error}".removesuffix(": ")
