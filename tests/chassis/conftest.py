from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.nats.jetstream import JetStream, open_jetstream
from chassis.retry import RetryPolicy
from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from tests.support.consuming import SPEC
from tests.support.servers import Server


@pytest.fixture
def nats_port() -> int:
    return free_port()


@pytest.fixture
def own_nats_url(nats_port: int) -> str:
    """The URL of the test's own server, which may not be running yet."""
    return f"nats://127.0.0.1:{nats_port}"


@pytest.fixture
def stopped_nats(tmp_path: Path, nats_port: int) -> Iterator[Server]:
    """A separate server for the test, not yet started."""
    program = nats_program(tmp_path / "nats", port=nats_port, monitor_port=free_port())
    server = Server(program, tmp_path / "nats.log")
    yield server
    server.kill()


@pytest.fixture
def nats_server(stopped_nats: Server) -> Server:
    """A separate server for the test, which may kill and restart it."""
    stopped_nats.start()
    return stopped_nats


@pytest.fixture
async def jetstream(nats_server: Server, own_nats_url: str) -> AsyncIterator[JetStream]:
    async with open_jetstream(own_nats_url, name="test") as stream:
        await stream.opened()
        yield stream


@pytest.fixture
async def work_stream(jetstream: JetStream, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream to consume, with short retry delays."""
    soon = timedelta(milliseconds=100)
    monkeypatch.setattr("chassis.nats.pull._RETRY", RetryPolicy(first=soon, longest=soon))
    monkeypatch.setattr("chassis.nats.settle._FIRST_DELAY", timedelta(milliseconds=20))
    await jetstream.ensure_streams([SPEC])
