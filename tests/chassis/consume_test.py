import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import tracing
from chassis.consume import Delivery, Source, consume, consume_batches
from chassis.errors import TransientError, UsageError
from chassis.jetstream import ConsumerSpec, JetStream, QueueRefusedError, StreamSpec, open_jetstream
from tests.support.servers import Server

URGENT = Source("WORK", "urgent")
ROUTINE = Source("WORK", "routine", share=0.25)
SPEC = StreamSpec(
    "WORK",
    ("work.*",),
    (
        ConsumerSpec("urgent", "work.urgent", timedelta(seconds=2), max_deliver=3),
        ConsumerSpec("routine", "work.routine", timedelta(seconds=2), max_deliver=3),
    ),
)
SOON = timedelta(milliseconds=10)


@pytest.fixture(autouse=True)
async def _streams(jetstream: JetStream) -> None:
    await jetstream.ensure_streams([SPEC])


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.pull._RETRY", timedelta(milliseconds=100))
    monkeypatch.setattr("chassis.settle._FIRST_DELAY", timedelta(milliseconds=20))


async def publish(jetstream: JetStream, priority: str, *names: str) -> None:
    for name in names:
        message_id = f"{priority}-{name}"
        await jetstream.publish(f"work.{priority}", name.encode(), message_id=message_id)


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(15):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


def emptied(jetstream: JetStream) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await jetstream.count("WORK", "work.>") == 0

    return look


@asynccontextmanager
async def consuming(
    jetstream: JetStream,
    handler: Callable[[Delivery], Awaitable[None]],
    *sources: Source,
    slots: int = 4,
    grace: timedelta = timedelta(seconds=5),
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(
        consume(jetstream, sources or (URGENT,), handler, slots=slots, stop=stop, grace=grace)
    )
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


@asynccontextmanager
async def consuming_batches(
    jetstream: JetStream,
    handler: Callable[[Sequence[Delivery]], Awaitable[None]],
    *,
    max_batch: int = 10,
    max_wait: timedelta = timedelta(0),
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(
        consume_batches(
            jetstream, URGENT, handler, max_batch=max_batch, max_wait=max_wait, stop=stop
        )
    )
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


class Seen:
    """A handler that notes what it saw."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.deliveries: list[Delivery] = []

    async def __call__(self, delivery: Delivery) -> None:
        self.names.append(delivery.data.decode())
        self.deliveries.append(delivery)


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
    running = most = 0

    async def handler(_delivery: Delivery) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    await publish(jetstream, "urgent", *map(str, range(20)))
    await publish(jetstream, "routine", *map(str, range(20)))
    async with consuming(jetstream, handler, URGENT, ROUTINE, slots=3):
        await until(emptied(jetstream))
    assert most == 3


async def test_a_transient_error_brings_the_message_again_after_its_delay(
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


async def test_a_usage_error_ends_the_message_and_the_advisory_names_it(
    jetstream: JetStream,
) -> None:
    advisories: list[bytes] = []

    async def listen(_subject: str, data: bytes) -> None:
        advisories.append(data)

    async def handler(_delivery: Delivery) -> NoReturn:
        raise UsageError("never")

    subject = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.WORK.*"
    subscription = await jetstream.subscribe_core(subject, listen)
    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, handler):
        await until(emptied(jetstream))
        await until(lambda: bool(advisories))
    assert b"INVALID_ARGUMENT urgent-a" in advisories[0]
    await subscription.unsubscribe()


async def test_an_unknown_error_is_tried_again_and_after_the_last_delivery_the_message_stays(
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


async def test_a_handler_that_cancels_itself_gets_its_message_again(jetstream: JetStream) -> None:
    seen = Seen()

    async def handler(delivery: Delivery) -> None:
        await seen(delivery)
        if delivery.attempt == 1:
            raise asyncio.CancelledError

    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, handler):
        await until(emptied(jetstream))
    assert seen.names == ["a", "a"]


async def test_work_longer_than_ack_wait_is_kept_alive(jetstream: JetStream) -> None:
    seen = Seen()

    async def handler(delivery: Delivery) -> None:
        await seen(delivery)
        await asyncio.sleep(3)

    await publish(jetstream, "urgent", "a", "b")
    async with consuming(jetstream, handler):
        await until(emptied(jetstream))
    assert sorted(seen.names) == ["a", "b"]


async def test_urgent_work_goes_first_and_routine_work_keeps_its_share(
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


async def test_routine_work_fills_all_slots_when_nothing_is_urgent(jetstream: JetStream) -> None:
    running = most = 0

    async def handler(_delivery: Delivery) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    async with consuming(jetstream, handler, URGENT, ROUTINE, slots=4):
        await asyncio.sleep(0.1)
        await publish(jetstream, "routine", *map(str, range(40)))
        await until(emptied(jetstream))
    assert most == 4


async def test_an_idle_worker_starts_within_milliseconds(jetstream: JetStream) -> None:
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


async def test_stopping_finishes_what_runs_and_hands_back_the_rest_at_once(
    jetstream: JetStream,
) -> None:
    first, second = Seen(), Seen()
    begun = asyncio.Event()
    release = asyncio.Event()

    async def slow(delivery: Delivery) -> None:
        await first(delivery)
        begun.set()
        await release.wait()

    async with consuming(jetstream, slow, URGENT, ROUTINE, slots=1) as stop:
        await asyncio.sleep(0.1)  # both sources have an open request now
        await publish(jetstream, "urgent", "a")
        await begun.wait()
        await publish(jetstream, "routine", "b")  # arrives, and has no slot
        await publish(jetstream, "urgent", "c")
        await asyncio.sleep(0.1)
        stop.set()
        async with consuming(jetstream, second, URGENT, ROUTINE):
            started = time.monotonic()
            await until(lambda: sorted(second.names) == ["b", "c"])
            assert time.monotonic() - started < 1
        release.set()
    assert first.names == ["a"]
    assert await emptied(jetstream)()


async def test_what_does_not_finish_within_the_grace_period_is_handed_back(
    jetstream: JetStream,
) -> None:
    begun = asyncio.Event()

    async def stuck(_delivery: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    async with consuming(jetstream, stuck, grace=SOON):
        await begun.wait()
    seen = Seen()
    started = time.monotonic()
    async with consuming(jetstream, seen):
        await until(emptied(jetstream))
    assert seen.deliveries[0].attempt == 2
    assert time.monotonic() - started < 1


async def test_cancelling_the_loop_hands_back_and_leaves_nothing_running(
    jetstream: JetStream,
) -> None:
    begun = asyncio.Event()

    async def stuck(_delivery: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    before = asyncio.all_tasks()
    task = asyncio.create_task(consume(jetstream, [URGENT], stuck, slots=1, stop=asyncio.Event()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("batches", [False, True])
async def test_work_that_loses_its_first_cancellation_does_not_hold_up_the_end(
    jetstream: JetStream, *, batches: bool
) -> None:
    begun, lost = asyncio.Event(), 0

    async def deaf(_work: object) -> None:
        nonlocal lost
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    await publish(jetstream, "urgent", "a")
    never = asyncio.Event()
    task = asyncio.create_task(
        consume_batches(jetstream, URGENT, deaf, max_batch=1, max_wait=timedelta(0), stop=never)
        if batches
        else consume(jetstream, [URGENT], deaf, slots=1, stop=never)
    )
    async with asyncio.timeout(10):
        await begun.wait()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert lost == 1


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
            # Whoever works on it may still die: it is there until its own ack.
            assert await jetstream.count("WORK", "work.urgent") == 2
            for event in may_end.values():
                event.set()
            await until(emptied(jetstream))
    assert at_work == ["old", "new", "next"]


async def test_a_server_that_falls_silent_is_asked_again(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.pull._SILENCE", timedelta(milliseconds=300))
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


async def test_the_work_on_a_message_is_traced_to_its_publisher(jetstream: JetStream) -> None:
    spans = InMemorySpanExporter()
    seen = Seen()
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        with tracing.process_span("sender", {}):
            await publish(jetstream, "urgent", "a")
        async with consuming(jetstream, seen):
            await until(emptied(jetstream))
    sender, worker = spans.get_finished_spans()
    assert worker.context.trace_id == sender.context.trace_id
    assert worker.name == "process urgent"


async def test_batches_take_what_is_there_and_are_acked_together(jetstream: JetStream) -> None:
    sizes: list[int] = []

    async def handler(batch: Sequence[Delivery]) -> None:
        sizes.append(len(batch))
        await asyncio.sleep(0.01)

    await publish(jetstream, "urgent", *map(str, range(35)))
    async with consuming_batches(jetstream, handler, max_wait=timedelta(milliseconds=50)):
        await until(emptied(jetstream))
    assert sizes == [10, 10, 10, 5]
    info = await jetstream.api("CONSUMER.INFO.WORK.urgent")
    assert info["num_ack_pending"] == 0
    assert info["num_redelivered"] == 0


async def test_a_batch_comes_again_after_a_transient_error(jetstream: JetStream) -> None:
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


async def test_one_message_that_never_works_does_not_hold_up_its_batch(
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


async def test_two_workers_share_one_consumer_and_nothing_is_done_twice(
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


async def test_a_refusal_by_the_server_ends_the_loop_with_an_error(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_subject: str) -> NoReturn:
        raise QueueRefusedError(10039, "no permission")

    monkeypatch.setattr(jetstream, "api", refuse)
    async with asyncio.timeout(5):
        with pytest.raises(QueueRefusedError):
            await consume(jetstream, [URGENT], Seen(), slots=1, stop=asyncio.Event())
