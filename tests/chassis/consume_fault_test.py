"""What a consume loop does when its server, its line or its stream goes away."""

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


async def test_work_goes_on_after_the_server_restarts(
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


async def test_an_ack_that_finds_no_line_goes_out_on_the_next(
    nats_server: Server, jetstream: JetStream
) -> None:
    patient = replace(SPEC.consumers[0], ack_wait=timedelta(seconds=60))
    await jetstream.ensure_streams([replace(SPEC, consumers=(patient, SPEC.consumers[1]))])
    attempts: list[int] = []

    async def handler(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        # In good order: one that is killed may have forgotten that it had delivered anything.
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


async def test_a_stream_that_is_missing_is_waited_for_and_a_new_consumer_is_found(
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


async def test_an_ack_of_a_stream_that_is_gone_takes_nothing_from_the_one_made_since(
    jetstream: JetStream,
) -> None:
    at_work: list[str] = []
    may_end = {name: asyncio.Event() for name in ("old", "new", "next")}

    async def handler(delivery: Delivery) -> None:
        name = delivery.data.decode()
        at_work.append(name)
        await may_end[name].wait()

    await publish(jetstream, "urgent", "old")
    async with consuming(jetstream, handler, slots=1):
        await until(lambda: at_work == ["old"])
        await jetstream.api("STREAM.DELETE.WORK")
        await jetstream.ensure_streams([SPEC])
        await publish(jetstream, "urgent", "new")
        async with consuming(jetstream, handler, slots=1):
            await until(lambda: at_work == ["old", "new"])
            await publish(jetstream, "urgent", "next")
            may_end["old"].set()
            await until(lambda: at_work == ["old", "new", "next"])
            # Its worker may still die: the task stays until that worker's own ack.
            assert await jetstream.count("WORK", "work.urgent") == 2
            for event in may_end.values():
                event.set()
            await until(emptied(jetstream))
    assert at_work == ["old", "new", "next"]


async def test_a_server_that_falls_silent_is_asked_again(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.nats.pull._SILENCE", timedelta(milliseconds=300))
    seen = Seen()
    send = jetstream.send

    async def lossy(subject: str, payload: bytes = b"", *, reply: str = "") -> None:
        if "MSG.NEXT" in subject:  # the request is lost on its way
            monkeypatch.setattr(jetstream, "send", send)
            return
        await send(subject, payload, reply=reply)

    monkeypatch.setattr(jetstream, "send", lossy)
    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, seen):
        await until(emptied(jetstream))
    assert seen.names == ["a"]


async def test_a_batch_loop_goes_on_after_the_server_restarts(
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
