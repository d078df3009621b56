"""Consume loops recover when their server, connection or stream is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from chassis.nats.consume import Delivery, consume
from chassis.nats.jetstream import JetStream, QueueRefusedError
from tests.support.consuming import (
    ROUTINE,
    SPEC,
    URGENT,
    Seen,
    consuming,
    consuming_batches,
    emptied,
    publish,
    until,
)
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("work_stream")


async def test_consuming_continues_after_the_server_restarts(
    nats_server: Server, jetstream: JetStream
) -> None:
    seen = Seen()
    async with consuming(jetstream, seen, URGENT, ROUTINE):
        await publish(jetstream, "urgent", "a")
        await until(emptied(jetstream))
        nats_server.kill()
        await until(lambda: not jetstream.connected)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: jetstream.connected)
        await publish(jetstream, "routine", "b")
        await publish(jetstream, "urgent", "c")
        await until(emptied(jetstream))
    assert set(seen.names) == {"a", "b", "c"}


async def test_an_ack_without_a_connection_is_sent_over_the_next_one(
    nats_server: Server, jetstream: JetStream
) -> None:
    patient = replace(SPEC.consumers[0], ack_wait=timedelta(seconds=60))
    await jetstream.ensure_streams([replace(SPEC, consumers=(patient, SPEC.consumers[1]))])
    attempts: list[int] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        # A graceful stop: a killed server may have lost the record of its deliveries.
        nats_server.stop()
        await until(lambda: not jetstream.connected)

    stop = asyncio.Event()
    await publish(jetstream, "urgent", "a")
    consuming = asyncio.create_task(consume(jetstream, [URGENT], handler, slots=1, stop=stop))
    await until(lambda: bool(attempts) and not jetstream.connected)
    await asyncio.to_thread(nats_server.start)
    await until(lambda: jetstream.connected)
    await until(emptied(jetstream))
    stop.set()
    await consuming
    assert attempts == [1]


async def test_a_missing_stream_is_waited_for_and_a_new_consumer_is_found(
    jetstream: JetStream,
) -> None:
    seen = Seen()
    await jetstream.api("STREAM.DELETE.WORK")
    async with consuming(jetstream, seen, URGENT, ROUTINE):
        await asyncio.sleep(0.3)
        await jetstream.ensure_streams([SPEC])
        await publish(jetstream, "urgent", "a")
        await until(emptied(jetstream))
        await jetstream.api("CONSUMER.DELETE.WORK.urgent")
        await asyncio.sleep(0.3)
        await jetstream.ensure_streams([SPEC])
        await publish(jetstream, "urgent", "b")
        await until(emptied(jetstream))
    assert seen.names == ["a", "b"]


async def test_an_ack_of_a_deleted_stream_does_not_affect_the_new_one(
    jetstream: JetStream,
) -> None:
    handled: list[str] = []
    may_end = {name: asyncio.Event() for name in ("old", "new", "next")}

    async def handler(delivery: Delivery) -> None:
        name = delivery.data.decode()
        handled.append(name)
        await may_end[name].wait()

    await publish(jetstream, "urgent", "old")
    async with consuming(jetstream, handler, slots=1):
        await until(lambda: handled == ["old"])
        await jetstream.api("STREAM.DELETE.WORK")
        await jetstream.ensure_streams([SPEC])
        await publish(jetstream, "urgent", "new")
        async with consuming(jetstream, handler, slots=1):
            await until(lambda: handled == ["old", "new"])
            await publish(jetstream, "urgent", "next")
            may_end["old"].set()
            await until(lambda: handled == ["old", "new", "next"])
            # Its worker may still die, so the new message stays until that worker acks it.
            assert await jetstream.count("WORK", "work.urgent") == 2
            for event in may_end.values():
                event.set()
            await until(emptied(jetstream))
    assert handled == ["old", "new", "next"]


async def test_a_silent_server_is_asked_again(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.nats.pull._SILENCE", timedelta(milliseconds=300))
    seen = Seen()
    send = jetstream.send

    async def lossy(subject: str, payload: bytes = b"", *, reply: str = "") -> None:
        if "MSG.NEXT" in subject:  # this request is lost
            monkeypatch.setattr(jetstream, "send", send)
            return
        await send(subject, payload, reply=reply)

    monkeypatch.setattr(jetstream, "send", lossy)
    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, seen):
        await until(emptied(jetstream))
    assert seen.names == ["a"]


async def test_a_batch_loop_continues_after_the_server_restarts(
    nats_server: Server, jetstream: JetStream
) -> None:
    seen: set[bytes] = set()

    async def handler(batch: Sequence[Delivery]) -> None:
        seen.update(delivery.data for delivery in batch)

    async with consuming_batches(jetstream, handler):
        await publish(jetstream, "urgent", "a")
        await until(emptied(jetstream))
        nats_server.kill()
        await until(lambda: not jetstream.connected)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: jetstream.connected)
        await publish(jetstream, "urgent", "b")
        await until(emptied(jetstream))
    assert seen == {b"a", b"b"}


async def test_a_refusal_by_the_server_ends_the_loop_with_an_error(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_subject: str) -> NoReturn:
        raise QueueRefusedError(10039, "no permission")

    monkeypatch.setattr(jetstream, "api", refuse)
    async with asyncio.timeout(5):
        with pytest.raises(QueueRefusedError):
            await consume(jetstream, [URGENT], Seen(), slots=1, stop=asyncio.Event())
