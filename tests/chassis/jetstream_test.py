import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.errors import DomainError
from chassis.nats.jetstream import (
    ConsumerSpec,
    JetStream,
    MessageTooLargeError,
    QueueFullError,
    QueueUnavailableError,
    StreamNotFoundError,
    StreamSpec,
    open_jetstream,
)
from chassis.retry import RetryPolicy, retry
from deploy.local.ports import free_port
from deploy.local.program import Program
from tests.support.cluster import nats_cluster
from tests.support.proxy import Proxy
from tests.support.servers import Server

WORK = StreamSpec(
    "WORK",
    ("work.*.*",),
    (
        ConsumerSpec("work-a", "work.a.*", timedelta(seconds=5)),
        ConsumerSpec("work-b", "work.b.*", timedelta(seconds=5)),
    ),
    max_message_bytes=1000,
)


async def test_a_message_published_twice_with_one_id_is_stored_once(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([WORK])
    assert await jetstream.publish("work.a.1", b"x", message_id="1")
    assert not await jetstream.publish("work.a.1", b"x", message_id="1")
    assert await jetstream.count("WORK", "work.a.*") == 1


async def test_setup_can_be_repeated_and_updates_differences(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([WORK])
    await jetstream.publish("work.a.1", b"x", message_id="1")
    created = (await jetstream.api("STREAM.INFO.WORK"))["created"]
    await jetstream.ensure_streams([WORK])
    consumer = replace(WORK.consumers[0], ack_wait=timedelta(seconds=9))
    await jetstream.ensure_streams([replace(WORK, max_bytes=10_000, consumers=(consumer,))])
    info = await jetstream.api("STREAM.INFO.WORK")
    assert info["created"] == created
    assert info["config"]["max_bytes"] == 10_000
    assert info["state"]["messages"] == 1
    config = (await jetstream.api("CONSUMER.INFO.WORK.work-a"))["config"]
    assert config["ack_wait"] == 9_000_000_000
    await jetstream.api("CONSUMER.INFO.WORK.work-b")


async def test_concurrent_setup_creates_one_stream(jetstream: JetStream) -> None:
    await asyncio.gather(*(jetstream.ensure_streams([WORK]) for _ in range(5)))
    assert await jetstream.publish("work.a.1", b"x", message_id="1")
    assert await jetstream.count("WORK", "work.a.*") == 1


async def test_a_recreated_stream_does_not_reuse_sequences(jetstream: JetStream) -> None:
    sequences = []
    for _ in range(2):
        await jetstream.ensure_streams([WORK])
        await jetstream.publish("work.a.1", b"x", message_id="1")
        state = (await jetstream.api("STREAM.INFO.WORK"))["state"]
        sequences += [state["first_seq"], state["last_seq"]]
        await jetstream.api("STREAM.DELETE.WORK")
    assert sequences[0] == sequences[1] < sequences[2] == sequences[3]


async def test_setup_without_changes_sends_no_update(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await jetstream.ensure_streams([WORK])
    called: list[str] = []
    api = jetstream.api

    async def recorded(subject: str, *arguments: object) -> object:
        called.append(subject)
        return await api(subject, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(jetstream, "api", recorded)
    await jetstream.ensure_streams([WORK])
    assert not [subject for subject in called if ".INFO." not in subject]


async def test_a_full_stream_refuses_messages_and_keeps_its_own(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([replace(WORK, max_messages=1)])
    await jetstream.publish("work.a.1", b"x", message_id="1")
    with pytest.raises(QueueFullError):
        await jetstream.publish("work.a.2", b"x", message_id="2")
    assert await jetstream.count("WORK", "work.>") == 1


async def test_a_message_that_is_too_large_is_refused_at_once(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([WORK])
    with pytest.raises(MessageTooLargeError):
        await jetstream.publish("work.a.1", bytes(2000), message_id="1")
    with pytest.raises(MessageTooLargeError):
        await jetstream.publish("work.a.1", bytes(2_000_000), message_id="2")


async def test_publishing_to_a_subject_without_a_stream_fails_after_some_attempts(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefly = RetryPolicy(on=(QueueUnavailableError,), limit=timedelta(milliseconds=50))
    monkeypatch.setattr("chassis.nats.jetstream._BRIEFLY", briefly)
    with pytest.raises(QueueUnavailableError):
        await jetstream.publish("nowhere", b"x", message_id="1")


async def test_publishing_waits_for_a_stream_that_is_created_late(jetstream: JetStream) -> None:
    publishing = asyncio.create_task(jetstream.publish("work.a.1", b"x", message_id="1"))
    await asyncio.sleep(0.1)
    await jetstream.ensure_streams([WORK])
    assert await publishing


@pytest.mark.servers
async def test_a_message_without_a_quorum_is_stored_once_there_is_one_again(
    tmp_path: Path,
) -> None:
    programs, _ = nats_cluster(tmp_path / "nats")
    servers = {each.name: Server(each, tmp_path / each.name) for each in programs}
    urls = {each.name: f"nats://127.0.0.1:{_port(each)}" for each in programs}
    try:
        await asyncio.gather(*(asyncio.to_thread(each.start) for each in servers.values()))
        leader = await _leader(urls["nats-1"])
        async with open_jetstream(urls[leader], name="test") as stream:
            await stream.opened()
            followers = [server for name, server in servers.items() if name != leader]
            for server in followers:
                server.kill()
            # The leader has the message and answers each repetition with 'still in progress'.
            with pytest.raises(QueueUnavailableError):
                await stream.publish("work.a.1", b"x", message_id="1")
            await asyncio.gather(*(asyncio.to_thread(each.start) for each in followers))
            publishing = retry("NATS", lambda: stream.publish("work.a.1", b"x", message_id="1"))
            async with asyncio.timeout(60):
                await publishing
                assert await retry("NATS", lambda: stream.count("WORK", "work.>")) == 1
    finally:
        for server in servers.values():
            server.kill()


def _port(program: Program) -> str:
    return program.command[program.command.index("--port") + 1]


async def _leader(url: str) -> str:
    """Create the stream on all three servers and return its leader."""
    async with open_jetstream(url, name="test") as stream, asyncio.timeout(60):
        while True:
            try:
                await stream.ensure_streams([replace(WORK, replicas=3, consumers=())])
                cluster = (await stream.api("STREAM.INFO.WORK"))["cluster"]
            except DomainError:
                # The servers do not know each other yet.
                cluster = {}
            followers = cluster.get("replicas", [])
            if cluster.get("leader") and all(each["current"] for each in followers):
                return str(cluster["leader"])
            await asyncio.sleep(0.1)


async def test_a_purge_removes_only_one_subject(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([WORK])
    for number, subject in enumerate(["work.a.1", "work.b.1", "work.a.2"]):
        await jetstream.publish(subject, b"x", message_id=str(number))
    assert await jetstream.purge("WORK", "work.*.1") == 2
    assert await jetstream.count("WORK", "work.*.1") == 0
    assert await jetstream.count("WORK", "work.>") == 1


async def test_a_message_is_read_and_deleted_by_its_sequence(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([WORK])
    sent = {"traceparent": "t", "Nats-Msg-Id": "1"}
    await jetstream.request("work.a.1", b"payload", headers=sent)
    sequence = (await jetstream.api("STREAM.INFO.WORK"))["state"]["first_seq"]
    message = await jetstream.get_message("WORK", sequence)
    assert (message.subject, message.data) == ("work.a.1", b"payload")
    assert message.headers == {"traceparent": "t", "Nats-Msg-Id": "1"}
    await jetstream.delete_message("WORK", sequence)
    await jetstream.delete_message("WORK", sequence)
    with pytest.raises(StreamNotFoundError):
        await jetstream.get_message("WORK", sequence)


async def test_core_messages_reach_subscribers(jetstream: JetStream) -> None:
    received: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def listen(subject: str, data: bytes) -> None:
        await received.put((subject, data))

    subscription = await jetstream.subscribe_core("events.*", listen)
    await jetstream.publish_core("events.1", b"x")
    async with asyncio.timeout(2):
        assert await received.get() == ("events.1", b"x")
    await subscription.unsubscribe()


async def test_a_connection_waits_for_its_server_and_survives_a_restart(
    stopped_nats: Server, own_nats_url: str
) -> None:
    states: asyncio.Queue[bool] = asyncio.Queue()
    opening = asyncio.Event()

    async def use() -> None:
        async with open_jetstream(own_nats_url, name="test") as stream:
            stream.connection_callbacks.append(states.put_nowait)
            assert not stream.connected
            with pytest.raises(QueueUnavailableError):
                await stream.api("INFO")
            opening.set()
            assert await states.get()
            await stream.ensure_streams([WORK])
            stopped_nats.kill()
            assert not await states.get()
            assert not stream.connected
            await asyncio.to_thread(stopped_nats.start)
            assert await states.get()
            assert await stream.publish("work.a.1", b"x", message_id="1")

    async with asyncio.timeout(20):
        using = asyncio.create_task(use())
        await opening.wait()
        await asyncio.to_thread(stopped_nats.start)
        await using


async def test_a_connection_whose_server_never_starts_can_be_closed() -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(5), open_jetstream("nats://127.0.0.1:1", name="test") as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await stream.opened()
    assert asyncio.all_tasks() == before


@pytest.fixture
async def proxy(nats_server: Server, nats_port: int) -> AsyncIterator[Proxy]:
    opened = Proxy(free_port(), nats_port)
    await opened.start()
    yield opened
    await opened.stop()


async def test_publishing_into_a_frozen_connection_fails(proxy: Proxy) -> None:
    """Even with a full buffer in nats-py, which then loses cancellations."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(30):
        async with open_jetstream(f"nats://127.0.0.1:{proxy.near}", name="test") as stream:
            await stream.opened()
            proxy.freeze()
            outcomes = await asyncio.gather(
                *(stream.request("work.a.1", bytes(2**19)) for _ in range(40)),
                *(stream.send("work.a.1", bytes(2**19)) for _ in range(40)),
                return_exceptions=True,
            )
        # Closing the connection did not wait for any of them either.
        assert all(isinstance(outcome, QueueUnavailableError) for outcome in outcomes[:40])
        proxy.heal()
    assert asyncio.all_tasks() - before <= {
        task for each in proxy._connections for task in each.tasks
    }


async def test_a_frozen_connection_is_replaced(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.nats.connection._PING_SECONDS", 0.2)
    async with asyncio.timeout(20):
        async with open_jetstream(f"nats://127.0.0.1:{proxy.near}", name="test") as stream:
            await stream.opened()
            await stream.ensure_streams([replace(WORK, max_message_bytes=-1)])
            states: asyncio.Queue[bool] = asyncio.Queue()
            stream.connection_callbacks.append(states.put_nowait)
            proxy.abandon()
            # More than all buffers on the way can hold: the old connection never drains.
            full = [stream.send("work.a.1", bytes(2**19)) for _ in range(40)]
            await asyncio.gather(*full, return_exceptions=True)
            assert not await states.get()
            assert await states.get()
            assert await stream.publish("work.a.1", b"x", message_id="after")
