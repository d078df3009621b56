"""A film submitted over HTTP has one trace through every service up to its outcome."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from chassis import tracing
from services.inference.config import InferenceConfig
from services.inference.main import run as run_inference
from services.preprocess.config import PreprocessConfig
from services.preprocess.main import run as run_preprocess
from tests.support.films import encoded, shades
from tests.support.gateways import serving, submit
from tests.support.jobs import open_jobs
from tests.support.servers import tiny_repository

# From the caller's request to the outcome; each span is a descendant of the previous one.
PATH = (
    ("POST submit_job", SpanKind.SERVER),
    ("/carina.jobs.v1.JobService/UploadImage", SpanKind.SERVER),
    ("publish tasks.preprocess.routine.{job}", SpanKind.PRODUCER),
    ("process tasks.preprocess.routine.{job}", SpanKind.CONSUMER),
    ("publish tasks.infer.routine.{job}", SpanKind.PRODUCER),
    ("process tasks.infer.routine.{job}", SpanKind.CONSUMER),
    ("publish results.{job}", SpanKind.PRODUCER),
)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def gateway(
    tmp_path: Path, postgres_url: str, triton_address: str, spans: InMemorySpanExporter
) -> AsyncIterator[httpx.AsyncClient]:
    """All four services in this process, with one span exporter."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing.open_tracing("all", "", processor=SimpleSpanProcessor(spans)))
        jobs = await stack.enter_async_context(open_jobs(tmp_path, postgres_url))
        catalogue = tiny_repository(tmp_path) / "catalogue.yaml"
        replica = await jobs.start(catalogue=catalogue)
        workers = [
            asyncio.create_task(
                run_preprocess(
                    PreprocessConfig(
                        nats_url=jobs.nats_url,
                        blob_url=(jobs.folder / "blobs").as_uri(),
                        metrics_address="",
                    ),
                    stop,
                )
            ),
            asyncio.create_task(
                run_inference(
                    InferenceConfig(
                        nats_url=jobs.nats_url, triton_address=triton_address, metrics_address=""
                    ),
                    stop,
                )
            ),
        ]
        yield await stack.enter_async_context(serving(replica.address, jobs.issuer))
        stop.set()
        await asyncio.gather(*workers)


async def test_one_trace_leads_from_http_through_every_service_to_the_outcome(
    gateway: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    job = await submit(gateway, ("film.png", encoded(".png", shades())))
    async with asyncio.timeout(60):
        while (await gateway.get(f"/v1/{job['job']['name']}")).json()["state"] != "STATE_SUCCEEDED":
            await asyncio.sleep(0.1)
        while not (path := path_to_the_outcome(spans.get_finished_spans())):
            await asyncio.sleep(0.1)
    result = path[-1]
    batches = [each for each in spans.get_finished_spans() if each.name == "process RESULTS"]
    assert any(
        link.context.span_id == result.context.span_id for each in batches for link in each.links
    )


def path_to_the_outcome(finished: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """Return the spans of PATH, or an empty list while one is missing."""
    known = {each.context.span_id: each for each in finished}

    def ancestors(span: ReadableSpan) -> set[int]:
        found = set()
        while span.parent is not None and span.parent.span_id in known:
            span = known[span.parent.span_id]
            found.add(span.context.span_id)
        return found

    path: list[ReadableSpan] = []
    for name, kind in PATH:
        following = [
            each
            for each in finished
            if each.name == name
            and each.kind is kind
            and (not path or path[-1].context.span_id in ancestors(each))
            # Without an id, it is the outcome `started`, which is not part of the path.
            and (kind is not SpanKind.PRODUCER or "messaging.message.id" in (each.attributes or {}))
        ]
        if not following:
            return []
        path.append(following[0])
    assert len({each.context.trace_id for each in path}) == 1
    return path
