"""A scripted server and a client of it, which waits little."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from carina.client import Client
from tests.support.scripted_jobs import ScriptedJobs, serve


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carina.backoff._FIRST_WAIT", 0.01)
    monkeypatch.setattr("carina.backoff._LONGEST_WAIT", 0.05)


@pytest.fixture
async def jobs() -> ScriptedJobs:
    return ScriptedJobs()


@pytest.fixture
async def client(jobs: ScriptedJobs) -> AsyncIterator[Client]:
    async with (
        serve(jobs) as address,
        Client(address, "a-token", reconnect_timeout=timedelta(seconds=1)) as opened,
    ):
        yield opened
