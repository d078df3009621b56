from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.jetstream import JetStream, open_jetstream
from tests.support.nats import NatsServer


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStream]:
    async with open_jetstream(nats_server.url, name="test") as stream:
        await stream.opened()
        yield stream
