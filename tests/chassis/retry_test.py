import asyncio
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from chassis.errors import TransientError, UsageError
from chassis.retry import RetryPolicy, retry

SOON = timedelta(milliseconds=1)
FAST = RetryPolicy(first=SOON, longest=SOON)


class GoneError(TransientError):
    reason = "GONE"


class WrongError(TransientError):
    reason = "WRONG"


class Server:
    """Fails with the given errors, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    async def ask(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


async def test_transient_errors_are_retried_until_success(lines: list[Any]) -> None:
    server = Server(*(GoneError("gone") for _ in range(20)))
    assert await retry("the server", server.ask, FAST) == "answer"
    assert server.calls == 21
    first, last = lines
    assert (first["event"], first["waiting_for"], first["reason"]) == (
        "retrying",
        "the server",
        "GONE: gone",
    )
    assert last["event"] == "available again"


async def test_a_change_of_the_reason_is_logged_again(lines: list[Any]) -> None:
    server = Server(*(GoneError("a"), GoneError("a"), WrongError("b"), GoneError("a")))
    await retry("the server", server.ask, FAST)
    reasons = [line["reason"] for line in lines if line["event"] == "retrying"]
    assert reasons == ["GONE: a", "WRONG: b", "GONE: a"]


async def test_success_at_once_is_not_logged(lines: list[Any]) -> None:
    await retry("the server", Server().ask)
    assert lines == []


@pytest.mark.parametrize("error", [UsageError("never"), KeyError("bug"), WrongError("final")])
async def test_other_errors_and_final_errors_are_raised_at_once(error: Exception) -> None:
    server = Server(error)
    with pytest.raises(type(error)):
        await retry("it", server.ask, RetryPolicy(final=(WrongError,), first=SOON))
    assert server.calls == 1


async def test_any_kind_of_error_can_be_retried(lines: list[Any]) -> None:
    server = Server(OSError("refused"), TimeoutError())
    policy = RetryPolicy(on=(OSError, TimeoutError), first=SOON)
    assert await retry("the server", server.ask, policy) == "answer"
    assert [line.get("reason") for line in lines] == ["OSError: refused", "TimeoutError", None]


async def test_the_last_error_is_raised_when_no_retry_fits_within_the_limit() -> None:
    loop = asyncio.get_running_loop()
    server = Server(*(GoneError(str(number)) for number in range(1000)))
    policy = RetryPolicy(limit=timedelta(milliseconds=100), first=SOON, longest=4 * SOON)
    started = loop.time()
    with pytest.raises(GoneError) as raised:
        await retry("it", server.ask, policy)
    assert loop.time() - started < 0.5
    assert raised.value.message == str(server.calls - 1)
    assert server.calls > 3


async def test_a_wait_can_be_cancelled_at_once() -> None:
    server = Server(GoneError("gone", delay=timedelta(hours=1)))
    waiting = asyncio.create_task(retry("it", server.ask))
    while not server.calls:
        await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await waiting


def test_delays_double_up_to_the_longest_and_differ_between_callers() -> None:
    random.seed(1)
    policy = RetryPolicy(first=timedelta(seconds=1), longest=timedelta(seconds=8))
    for failures, full in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (1000, 8)):
        delays = {policy.delay(failures).total_seconds() for _ in range(50)}
        assert len(delays) > 40
        assert full / 2 <= min(delays) <= max(delays) <= full


def test_the_delay_requested_by_an_error_is_the_minimum() -> None:
    error = GoneError("busy", delay=timedelta(seconds=10))
    delays = [RetryPolicy().delay(1, error).total_seconds() for _ in range(50)]
    assert 10 <= min(delays) <= max(delays) <= 15
