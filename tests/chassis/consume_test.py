"""Consume loops handle messages one at a time and in batches."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import NoReturn

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import tracing
from chassis.errors import TransientError, UsageError
from chassis.nats.consume import Delivery
from chassis.nats.jetstream import JetStream, open_jetstream
from chassis.nats.settle import TermReason, code_as_reason
from tests.support.consuming import (
    ROUTINE,
    URGENT,
    Seen,
    consuming,
    consuming_batches,
    emptied,
    publish,
    until,
)

pytestmark = pytest.mark.usefixtures("work_stream")


async def test_each_message_is_handled_once_and_removed(jetstream: JetStream) -> None:
    seen = Seen()
    before = time.time()
    names = [str(number) for number in range(50)]
    await publish(jetstream, "urgent", *names)
    async with consuming(jetstream, seen):
        await until(emptied(jetstream))
    assert sorted(seen.names) == sorted(names)
    first = seen.deliveries[0]
    state = (await jetstream.api("STREAM.INFO.WORK"))["state"]
    assert first.sequence == state["last_seq"] - 49
    assert (first.subject, first.attempt, first.last) == ("work.urgent", 1, False)
    assert first.headers["Nats-Msg-Id"] == "urgent-0"
    assert before - 1 < first.enqueued.timestamp() < time.time() + 1


async def test_no_more_handlers_run_than_there_are_slots(jetstream: JetStream) -> None:
    running = peak = 0

    async def handler(_delivery: Delivery) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.01)
        running -= 1

    await publish(jetstream, "urgent", *map(str, range(20)))
    await publish(jetstream, "routine", *map(str, range(20)))
    async with consuming(jetstream, handler, URGENT, ROUTINE, slots=3):
        await until(emptied(jetstream))
    assert peak == 3


async def test_a_message_is_redelivered_after_the_delay_of_a_transient_error(
    jetstream: JetStream,
) -> None:
    times: list[float] = []

    async def handler(delivery: Delivery) -> None:
        times.append(time.monotonic())
        if delivery.attempt == 1:
            raise TransientError("not yet", delay=timedelta(milliseconds=300))

    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, handler):
        await until(emptied(jetstream))
    assert len(times) == 2
    assert 0.25 < times[1] - times[0] < 1.5


@pytest.mark.parametrize(
    ("term_reason", "expected"),
    [
        (code_as_reason, b'"INVALID_ARGUMENT"'),
        (lambda delivery, error: f"{error.reason} {delivery.message_id}", b"_ARGUMENT urgent-a"),
    ],
    ids=["code", "chosen"],
)
async def test_a_usage_error_terminates_the_message_with_its_reason_in_the_advisory(
    jetstream: JetStream, term_reason: TermReason, expected: bytes
) -> None:
    advisories: list[bytes] = []

    async def listen(_subject: str, data: bytes) -> None:
        advisories.append(data)

    async def handler(_delivery: Delivery) -> NoReturn:
        raise UsageError("never")

    subject = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.WORK.*"
    subscription = await jetstream.subscribe_core(subject, listen)
    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, handler, term_reason=term_reason):
        await until(emptied(jetstream))
        await until(lambda: bool(advisories))
    assert expected in advisories[0]
    await subscription.unsubscribe()


async def test_a_message_with_an_unknown_error_is_redelivered_and_stays_after_the_last_delivery(
    jetstream: JetStream,
) -> None:
    advisories: list[bytes] = []
    lasts: list[bool] = []

    async def listen(_subject: str, data: bytes) -> None:
        advisories.append(data)

    async def handler(delivery: Delivery) -> NoReturn:
        lasts.append(delivery.last)
        raise ValueError

    subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.WORK.*"
    subscription = await jetstream.subscribe_core(subject, listen)
    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, handler):
        await until(lambda: bool(advisories))
    assert lasts == [False, False, True]
    left = (await jetstream.api("STREAM.INFO.WORK"))["state"]["first_seq"]
    assert (await jetstream.get_message("WORK", left)).data == b"a"
    await subscription.unsubscribe()


async def test_the_message_of_a_handler_that_cancels_itself_is_redelivered(
    jetstream: JetStream,
) -> None:
    seen = Seen()

    async def handler(delivery: Delivery) -> None:
        await seen(delivery)
        if delivery.attempt == 1:
            raise asyncio.CancelledError

    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, handler):
        await until(emptied(jetstream))
    assert seen.names == ["a", "a"]


async def test_a_handler_may_run_longer_than_the_ack_wait(jetstream: JetStream) -> None:
    seen = Seen()

    async def handler(delivery: Delivery) -> None:
        await seen(delivery)
        await asyncio.sleep(3)

    await publish(jetstream, "urgent", "a", "b")
    async with consuming(jetstream, handler):
        await until(emptied(jetstream))
    assert sorted(seen.names) == ["a", "b"]


async def test_urgent_messages_go_first_and_routine_messages_keep_their_share(
    jetstream: JetStream,
) -> None:
    order: list[str] = []

    async def handler(delivery: Delivery) -> None:
        order.append(delivery.subject)
        await asyncio.sleep(0.002)

    await publish(jetstream, "routine", *map(str, range(60)))
    await publish(jetstream, "urgent", *map(str, range(60)))
    async with consuming(jetstream, handler, URGENT, ROUTINE, slots=2):
        await until(emptied(jetstream))
    first = Counter(order[:40])
    assert 25 <= first["work.urgent"] <= 33
    assert first["work.routine"] >= 7


async def test_routine_messages_use_all_slots_when_nothing_is_urgent(jetstream: JetStream) -> None:
    running = peak = 0

    async def handler(_delivery: Delivery) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.02)
        running -= 1

    async with consuming(jetstream, handler, URGENT, ROUTINE, slots=4):
        await asyncio.sleep(0.1)
        await publish(jetstream, "routine", *map(str, range(40)))
        await until(emptied(jetstream))
    assert peak == 4


async def test_an_idle_worker_starts_on_a_message_within_milliseconds(jetstream: JetStream) -> None:
    delays: list[float] = []

    async def handler(delivery: Delivery) -> None:
        delays.append(time.time() - delivery.enqueued_ns / 1e9)

    async with consuming(jetstream, handler, URGENT, ROUTINE):
        await asyncio.sleep(0.1)
        for number in range(20):
            await publish(jetstream, "routine", str(number))
            await asyncio.sleep(0.01)
        await until(emptied(jetstream))
    assert sorted(delays)[10] < 0.02


async def test_the_span_of_a_message_is_a_child_of_its_publication(jetstream: JetStream) -> None:
    spans = InMemorySpanExporter()
    seen = Seen()
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        with tracing.process_span("sender", {}):
            await publish(jetstream, "urgent", "a")
        async with consuming(jetstream, seen):
            await until(emptied(jetstream))
    publisher, sender, worker = spans.get_finished_spans()
    assert publisher.parent is not None
    assert publisher.parent.span_id == sender.context.span_id
    assert worker.parent is not None
    assert worker.parent.span_id == publisher.context.span_id
    assert (publisher.name, worker.name) == ("publish", "process WORK")


async def test_a_batch_takes_what_is_available_and_is_acked_together(jetstream: JetStream) -> None:
    sizes: list[int] = []

    async def handler(batch: Sequence[Delivery]) -> None:
        sizes.append(len(batch))
        await asyncio.sleep(0.01)

    await publish(jetstream, "urgent", *map(str, range(35)))
    async with consuming_batches(jetstream, handler, max_wait=timedelta(seconds=1)):
        await until(emptied(jetstream))
    assert sizes == [10, 10, 10, 5]
    info = await jetstream.api("CONSUMER.INFO.WORK.urgent")
    assert info["num_ack_pending"] == 0
    assert info["num_redelivered"] == 0


async def test_a_batch_is_redelivered_after_a_transient_error(jetstream: JetStream) -> None:
    attempts: Counter[int] = Counter()

    async def handler(batch: Sequence[Delivery]) -> None:
        attempts.update(delivery.attempt for delivery in batch)
        if batch[0].attempt == 1:
            raise TransientError("not yet")

    await publish(jetstream, "urgent", *map(str, range(8)))
    async with consuming_batches(jetstream, handler, max_wait=timedelta(milliseconds=50)):
        await until(emptied(jetstream))
    assert attempts[1] >= 8
    assert attempts[2] == 8


async def test_one_message_that_always_fails_does_not_block_its_batch(
    jetstream: JetStream,
) -> None:
    worked: list[bytes] = []

    async def handler(batch: Sequence[Delivery]) -> None:
        if any(delivery.data == b"3" for delivery in batch):
            raise UsageError("never")
        worked.extend(delivery.data for delivery in batch)

    await publish(jetstream, "urgent", *map(str, range(6)))
    async with consuming_batches(jetstream, handler, max_wait=timedelta(milliseconds=50)):
        await until(emptied(jetstream))
    assert sorted(worked) == [b"0", b"1", b"2", b"4", b"5"]


async def test_two_workers_share_one_consumer_without_duplicates(
    own_nats_url: str, jetstream: JetStream
) -> None:
    seen, other = Seen(), Seen()
    async with open_jetstream(own_nats_url, name="other") as second:
        await second.opened()
        await publish(jetstream, "urgent", *map(str, range(100)))
        async with (
            consuming(jetstream, seen, URGENT, ROUTINE),
            consuming(second, other, URGENT, ROUTINE),
        ):
            await until(emptied(jetstream))
    assert len(seen.names + other.names) == 100
    assert seen.names
    assert other.names
