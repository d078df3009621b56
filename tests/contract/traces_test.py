"""One trace from the caller to the outcome, with a real broker and a real Triton."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind

from carina.tasks import bus
from carina.tasks.v1 import tasks_pb2
from chassis import tracing
from chassis.blobs import open_blobs
from chassis.nats.consume import Delivery, Source, consume_batches
from services.preprocess.config import PreprocessConfig
from services.preprocess.main import run as run_preprocess
from tests.support.films import encoded, shades
from tests.support.inference import LABELS, SIDE, Bench, open_bench

PATH = (
    ("caller", SpanKind.SERVER),
    ("publish tasks.preprocess.routine.{job}", SpanKind.PRODUCER),
    ("process tasks.preprocess.routine.{job}", SpanKind.CONSUMER),
    ("publish tasks.infer.routine.{job}", SpanKind.PRODUCER),
    ("process tasks.infer.routine.{job}", SpanKind.CONSUMER),
    ("publish results.{job}", SpanKind.PRODUCER),
)
INFER = PATH[4][0]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as bench:
        await asyncio.to_thread(bench.triton.start)
        yield bench


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def system(bench: Bench, tmp_path: Path, spans: InMemorySpanExporter) -> AsyncIterator[Bench]:
    """Both workers in this process, with one span exporter."""
    stop = asyncio.Event()
    config = PreprocessConfig(
        nats_url=bench.nats_url, blob_url=(tmp_path / "blobs").as_uri(), metrics_address="", slots=2
    )
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        preprocessing = asyncio.create_task(run_preprocess(config, stop))
        try:
            # Long enough for two images to share a batch.
            async with bench.worker(max_batch_delay=timedelta(seconds=2)):
                yield bench
        finally:
            stop.set()
            await preprocessing


async def send(bench: Bench, folder: Path) -> tuple[uuid.UUID, str]:
    """Store a film and publish its task as the outbox does; return the image and traceparent."""
    image = uuid.uuid4()
    await open_blobs((folder / "blobs").as_uri()).put(
        f"{image}/original", encoded(".png", shades())
    )
    task = tasks_pb2.PreprocessTask(
        ref=tasks_pb2.ImageRef(job_id=bench.job.bytes, image_id=image.bytes, attempt=1),
        original_keys=[f"{image}/original"],
        preview_key=f"{image}/preview.jpg",
        model=tasks_pb2.Model(
            name="cxr",
            version="1",
            input_width=SIDE,
            input_height=SIDE,
            labels=LABELS,
            thresholds=(0.0, 0.0, 0.0),
            max_batch_size=16,
        ),
    )
    with tracing.server_span("caller", {}):
        stored = tracing.current_traceparent()
    subject = bus.TaskSubject(bus.Stage.PREPROCESS, bus.Priority.ROUTINE, bench.job)
    with tracing.remote_parent(stored):
        await bench.jetstream.publish(
            str(subject),
            task.SerializeToString(),
            message_id=str(bus.MessageId(image, 1, bus.Step.PREPROCESS)),
            template=subject.template,
        )
    return image, stored


async def apply_outcomes(bench: Bench, count: int) -> None:
    """Consume `count` final outcomes in batches, as the jobs service does."""
    stop = asyncio.Event()
    final: list[tasks_pb2.Outcome] = []

    async def apply(deliveries: Sequence[Delivery]) -> None:
        outcomes = [tasks_pb2.Outcome.FromString(each.data) for each in deliveries]
        final.extend(each for each in outcomes if not each.HasField("started"))
        if len(final) >= count:
            stop.set()

    await consume_batches(
        bench.jetstream,
        Source(bus.RESULTS, bus.RESULTS_CONSUMER),
        apply,
        max_batch=100,
        max_wait=timedelta(milliseconds=500),
        stop=stop,
    )


def path_of(finished: Sequence[ReadableSpan], traceparent: str) -> list[ReadableSpan]:
    """Return the spans from the caller to the outcome, each the parent of the next."""
    trace_id = int(traceparent.split("-")[1], 16)
    path: list[ReadableSpan] = []
    for name, kind in PATH:
        parent = path[-1].context.span_id if path else None
        (span,) = [
            each
            for each in finished
            if each.context.trace_id == trace_id
            and each.name == name
            # Without an id, it is the outcome `started`, which is not part of the path.
            and (kind is not SpanKind.PRODUCER or "messaging.message.id" in (each.attributes or {}))
            and (each.parent.span_id if each.parent else None) == parent
        ]
        assert span.kind is kind
        path.append(span)
    return path


def links(span: ReadableSpan) -> set[tuple[int, int]]:
    return {key(link.context) for link in span.links}


def key(context: SpanContext) -> tuple[int, int]:
    return context.trace_id, context.span_id


async def test_one_trace_leads_from_the_caller_to_the_outcome_with_links_to_batches(
    system: Bench, tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    sent = [await send(system, tmp_path) for _ in range(2)]
    for image, _ in sent:
        assert (await system.outcome(image)).HasField("succeeded")
    await apply_outcomes(system, len(sent))
    async with asyncio.timeout(5):
        while len([each for each in spans.get_finished_spans() if each.name == INFER]) < len(sent):
            await asyncio.sleep(0.02)
    finished = spans.get_finished_spans()

    paths = [path_of(finished, traceparent) for _, traceparent in sent]
    for path in paths:
        ours = [each for each in finished if each.context.trace_id == path[0].context.trace_id]
        consumers = [each.name for each in ours if each.kind is SpanKind.CONSUMER]
        assert sorted(consumers) == sorted(name for name, kind in PATH if kind is SpanKind.CONSUMER)

    (batch,) = [each for each in finished if each.name == "infer batch"]
    processed = [path[4] for path in paths]
    assert batch.parent is None
    assert batch.context.trace_id not in {each.context.trace_id for each in processed}
    assert links(batch) == {key(each.context) for each in processed}
    assert all(links(each) == {key(batch.context)} for each in processed)

    (call,) = [each for each in finished if each.kind is SpanKind.CLIENT]
    assert call.name.endswith("/ModelInfer")
    assert call.parent is not None
    assert key(call.parent) == key(batch.context)

    applied = [each for each in finished if each.name == "process RESULTS"]
    assert all(each.kind is SpanKind.CONSUMER and each.parent is None for each in applied)
    linked = set().union(*(links(each) for each in applied))
    assert linked >= {key(path[5].context) for path in paths}


async def test_span_attributes_follow_the_messaging_conventions(
    system: Bench, tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    image, traceparent = await send(system, tmp_path)
    await system.outcome(image)
    async with asyncio.timeout(5):
        while INFER not in {each.name for each in spans.get_finished_spans()}:
            await asyncio.sleep(0.02)
    _, publish, process, *_ = path_of(spans.get_finished_spans(), traceparent)
    common = {
        "messaging.system": "nats",
        "messaging.destination.name": f"tasks.preprocess.routine.{system.job}",
        "messaging.message.id": f"{image}.1.preprocess",
    }
    assert publish.attributes is not None
    assert (
        publish.attributes.items()
        >= {
            **common,
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.template": "tasks.preprocess.routine.{job}",
        }.items()
    )
    assert process.attributes is not None
    assert (
        process.attributes.items()
        >= {
            **common,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.consumer.group.name": "preprocess-routine",
            "messaging.nats.num_delivered": 1,
        }.items()
    )
