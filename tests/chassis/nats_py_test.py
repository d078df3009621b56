"""The private parts of nats-py that we use (decision 16): a new version must pass these tests."""

import asyncio
import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from packaging.requirements import Requirement

from chassis.nats.connection import _AbortingTransport
from chassis.nats.jetstream import JetStream, open_jetstream
from tests.support.servers import Server

ROOT = Path(__file__).parents[2]


def test_nats_py_is_pinned_below_the_next_minor_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = [Requirement(each) for each in project["dependencies"]]
    (bound,) = [each.specifier for each in required if each.name == "nats-py"]
    installed = version("nats-py")
    major, minor, *_ = installed.split(".")
    assert bound.contains(installed)
    assert not bound.contains(f"{major}.{int(minor) + 1}.0")


def test_the_transport_has_the_methods_that_ours_overrides() -> None:
    for name in ("close", "write", "writelines", "__bool__"):
        assert list(inspect.signature(getattr(TcpTransport, name)).parameters) == list(
            inspect.signature(getattr(_AbortingTransport, name)).parameters
        )
    transport = _AbortingTransport()
    assert transport._io_writer is None
    transport.close()  # a no-op before the first connection
    assert Client()._transport is None


async def test_the_client_keeps_the_transport_it_was_given_across_reconnects(
    jetstream: JetStream, nats_server: Server
) -> None:
    transport = jetstream.client._transport
    assert isinstance(transport, _AbortingTransport)
    assert transport._io_writer is not None
    first = transport._io_writer
    reconnected = asyncio.Event()

    def changed(connected: bool) -> None:  # noqa: FBT001 - a callback
        if connected:
            reconnected.set()

    jetstream.connection_callbacks.append(changed)
    nats_server.kill()
    await asyncio.to_thread(nats_server.start)
    async with asyncio.timeout(20):
        await reconnected.wait()
    assert jetstream.client._transport is transport
    assert transport._io_writer is not first
    assert not transport._io_writer.transport.is_closing()


async def test_the_transport_closes_its_connection_at_once(jetstream: JetStream) -> None:
    transport = jetstream.client._transport
    assert isinstance(transport, _AbortingTransport)
    assert transport._io_writer is not None
    writer = transport._io_writer
    transport.close()
    assert writer.transport.is_closing()


async def test_a_broken_transport_raises_an_error_that_nats_py_handles(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")

    monkeypatch.setattr(TcpTransport, "writelines", closed)
    transport = jetstream.client._transport
    assert transport is not None
    with pytest.raises(ConnectionResetError):
        transport.writelines([b"PING\r\n"])
    with pytest.raises(ConnectionResetError):
        transport.write(b"PING\r\n")


async def test_a_mailbox_receives_every_message_in_the_read_loop_without_a_queue_or_task(
    jetstream: JetStream,
) -> None:
    received: list[bytes] = []
    loops = set()

    def receive(message: Msg) -> None:
        loops.add(asyncio.current_task())
        received.append(message.data)

    before = asyncio.all_tasks()
    subscription = await jetstream.subscribe_mailbox("mail.*", receive)
    assert asyncio.all_tasks() == before
    assert subscription._wait_for_msgs_task is None
    for number in range(50):
        await jetstream.send("mail.1", b"%d" % number)
    await jetstream._round_trip()
    assert received == [b"%d" % number for number in range(50)]
    assert loops == {jetstream.client._reading_task}


async def test_a_mailbox_receives_pending_messages_before_it_ends(jetstream: JetStream) -> None:
    received: list[bytes] = []
    subscription = await jetstream.subscribe_mailbox(
        "mail.*", lambda each: received.append(each.data)
    )
    for _ in range(1000):
        await jetstream.send("mail.1", b"x")
    await jetstream.end_mailbox(subscription)
    assert len(received) == 1000
    await jetstream.send("mail.1", b"late")
    await jetstream._round_trip()
    assert len(received) == 1000
    assert subscription._id not in jetstream.client._subs


async def test_connecting_continues_after_failures(stopped_nats: Server, own_nats_url: str) -> None:
    async with open_jetstream(own_nats_url, name="test") as stream, asyncio.timeout(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await stream.opened()
        assert not stream.client.is_connected
        assert not stream.client.is_closed
        await asyncio.to_thread(stopped_nats.start)
        await stream.opened()
