"""The advisories of a real broker about unfinished tasks, parsed with the bus contract."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from carina.tasks import bus
from chassis.errors import UsageError
from chassis.nats.consume import Delivery, Source, consume
from chassis.nats.jetstream import JetStream
from chassis.nats.settle import TermReason
from services.inference.queue import term_reason as inference_term_reason
from services.preprocess.queue import term_reason as preprocess_term_reason
from tests.support.preprocess import open_bench

pytestmark = pytest.mark.servers
JOB, IMAGE = uuid.uuid4(), uuid.uuid4()
SUBJECT = bus.TaskSubject(bus.Stage.PREPROCESS, bus.Priority.ROUTINE, JOB)
MESSAGE = bus.MessageId(IMAGE, 2, bus.Step.PREPROCESS, 1)
CONSUMER = bus.task_consumer(SUBJECT.stage, SUBJECT.priority)


class MalformedError(UsageError):
    reason = "MALFORMED"


@pytest.fixture
async def jetstream(tmp_path: Path) -> AsyncIterator[JetStream]:
    async with open_bench(tmp_path) as bench:
        await bench.jetstream.publish(str(SUBJECT), b"task", message_id=str(MESSAGE))
        yield bench.jetstream


async def next_advisory(jetstream: JetStream) -> bus.Advisory:
    async with asyncio.timeout(20):
        while not (await jetstream.api(f"STREAM.INFO.{bus.DEAD}"))["state"]["messages"]:
            await asyncio.sleep(0.05)
    sequence = (await jetstream.api(f"STREAM.INFO.{bus.DEAD}"))["state"]["last_seq"]
    stored = await jetstream.get_message(bus.DEAD, sequence)
    advisory = bus.Advisory.parse(stored.data)
    assert advisory.subject == stored.subject
    return advisory


async def task_sequence(jetstream: JetStream) -> int:
    state = (await jetstream.api(f"STREAM.INFO.{bus.TASKS}"))["state"]
    return int(state["first_seq"])


@pytest.mark.parametrize("term_reason", [preprocess_term_reason, inference_term_reason])
async def test_a_terminated_task_is_identified_by_the_reason(
    jetstream: JetStream, term_reason: TermReason
) -> None:
    stop = asyncio.Event()

    async def refuse(_delivery: Delivery) -> None:
        stop.set()
        raise MalformedError("Not a task.")

    sequence = await task_sequence(jetstream)
    source = Source(bus.TASKS, CONSUMER)
    await consume(jetstream, [source], refuse, slots=1, stop=stop, term_reason=term_reason)
    advisory = await next_advisory(jetstream)
    assert (advisory.kind, advisory.sequence) == (bus.AdvisoryKind.TERMINATED, sequence)
    term = bus.TermReason.parse(advisory.reason)
    assert term.code == MalformedError.reason
    assert bus.MessageId.parse(term.message_id) == MESSAGE
    assert bus.TaskSubject.parse(term.subject) == SUBJECT
    assert not advisory.deleted


async def test_a_task_that_was_delivered_too_often_is_reported_and_kept(
    jetstream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.nats.settle._FIRST_DELAY", timedelta(milliseconds=20))
    stop = asyncio.Event()

    async def crash(_delivery: Delivery) -> None:
        raise KeyError

    sequence = await task_sequence(jetstream)
    source = Source(bus.TASKS, CONSUMER)
    working = asyncio.create_task(consume(jetstream, [source], crash, slots=1, stop=stop))
    advisory = await next_advisory(jetstream)
    stop.set()
    await working
    assert advisory == bus.Advisory(bus.AdvisoryKind.MAX_DELIVERIES, CONSUMER, sequence)
    kept = await jetstream.get_message(bus.TASKS, advisory.sequence)
    assert (kept.subject, kept.message_id) == (str(SUBJECT), str(MESSAGE))


async def test_a_task_that_was_purged_under_its_worker_is_reported_as_deleted(
    jetstream: JetStream,
) -> None:
    held, stop = asyncio.Event(), asyncio.Event()

    async def hold(_delivery: Delivery) -> None:
        held.set()
        await asyncio.Event().wait()

    source = Source(bus.TASKS, CONSUMER)
    working = asyncio.create_task(
        consume(jetstream, [source], hold, slots=1, stop=stop, grace=timedelta(seconds=0.1))
    )
    await held.wait()
    await jetstream.purge(bus.TASKS, bus.tasks_of(JOB))
    # The broker notices when the message would be delivered again.
    stop.set()
    await working
    advisory = asyncio.create_task(next_advisory(jetstream))
    again = asyncio.Event()
    consuming = asyncio.create_task(consume(jetstream, [source], hold, slots=1, stop=again))
    assert (await advisory).deleted
    again.set()
    await consuming
