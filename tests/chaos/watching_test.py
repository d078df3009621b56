"""Watches that are cut at every revision and resume on the other replica, over gRPC and SSE."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import grpc
import httpx
import pytest

from carina.files import FileUpload
from carina.jobs.v1 import job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import JobSpec
from tests.support.gateways import serving
from tests.support.jobs import Jobs, open_jobs

IMAGES = 6
# What a watcher receives: a revision and its content.
Event = tuple[int, Any]


class Endpoint(Protocol):
    """One replica, as a watcher reaches it."""

    def events(self, job: str, after: int) -> AsyncIterator[Event]:
        """Yield the events after a revision; closing the iterator cuts the connection."""
        ...


class GrpcEndpoint:
    """A plain stub, so that no client code hides an error of the service."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub = JobServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def events(self, job: str, after: int) -> AsyncIterator[Event]:
        """Watch over gRPC."""
        request = job_service_pb2.WatchJobRequest(name=job, after_revision=after)
        call: Any = self._stub.WatchJob(request, metadata=self._metadata, timeout=60)
        try:
            async for event in call:
                if event.WhichOneof("event") != "heartbeat":
                    yield event.revision, event
        finally:
            call.cancel()


class HttpEndpoint:
    """A browser at a gateway that is connected to this replica only."""

    def __init__(self, gateway: httpx.AsyncClient) -> None:
        self._gateway = gateway

    async def events(self, job: str, after: int) -> AsyncIterator[Event]:
        """Watch over SSE."""
        headers = {"Last-Event-ID": str(after)} if after else {}
        async with self._gateway.stream("GET", f"/v1/{job}/events", headers=headers) as answer:
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name in {"id", "event", "data"}:
                    event[name] = value
                elif not line and "data" in event:
                    yield int(event["id"]), (event["event"], event["data"])
                    event = {}


@pytest.fixture(params=["grpc", "sse"])
async def replicas(
    tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Jobs, list[Endpoint]]]:
    """Two replicas, each with an endpoint."""
    async with open_jobs(tmp_path, postgres_url) as jobs, AsyncExitStack() as stack:
        endpoints: list[Endpoint] = []
        for _ in range(2):
            replica = await jobs.start()
            if request.param == "grpc":
                channel = grpc.aio.insecure_channel(replica.address)
                endpoints.append(
                    GrpcEndpoint(await stack.enter_async_context(channel), jobs.token())
                )
            else:
                gateway = serving(replica.address, jobs.issuer)
                endpoints.append(HttpEndpoint(await stack.enter_async_context(gateway)))
        yield jobs, endpoints


async def uncut(endpoint: Endpoint, job: str, received: asyncio.Event) -> list[Event]:
    events = []
    async for event in endpoint.events(job, 0):
        events.append(event)
        received.set()
    return events


async def cut_at_every_revision(
    endpoints: list[Endpoint], job: str, closed: asyncio.Event, received: asyncio.Event
) -> list[Event]:
    """Cut the connection after each event and resume at the other endpoint."""
    shown: list[Event] = []
    turn = 0
    while True:
        events = endpoints[turn % 2].events(job, shown[-1][0] if shown else 0)
        event = await anext(events, None)
        await events.aclose()  # type: ignore[attr-defined]
        if event is None:
            # A watch that ends without an event means that the job has ended.
            assert closed.is_set()
            return shown
        shown.append(event)
        received.set()
        turn += 1


async def test_a_watcher_cut_at_every_revision_receives_the_same_events_as_an_uncut_one(
    replicas: tuple[Jobs, list[Endpoint]], tmp_path: Path
) -> None:
    jobs, endpoints = replicas
    paths = [tmp_path / f"{number}.png" for number in range(IMAGES)]
    for path in paths:
        path.write_bytes(path.name.encode())
    async with jobs.client() as client:
        job = (await client.create(JobSpec())).name
        closed = asyncio.Event()
        receiving = [asyncio.Event() for _ in range(4)]
        whole = [
            asyncio.create_task(uncut(endpoint, job, receiving[n]))
            for n, endpoint in enumerate(endpoints)
        ]
        cut = [
            asyncio.create_task(cut_at_every_revision(order, job, closed, receiving[2 + n]))
            for n, order in enumerate((endpoints, endpoints[::-1]))
        ]
        async with asyncio.timeout(30):
            await asyncio.gather(*(event.wait() for event in receiving))
        await client.upload_all(job, [FileUpload.from_path(path) for path in paths])
        await client.close(job)
        closed.set()
        for number in range(IMAGES):
            await jobs.work(1, fail=lambda _, number=number: number == 2)  # type: ignore[misc]
            # Wait for each image: outcomes that are applied together share a revision.
            async with asyncio.timeout(30):
                while (await client.get(job)).progress.processed <= number:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            expected, other = await asyncio.gather(*whole)
            assert expected == other
            final = (await client.get(job)).revision
            assert [revision for revision, _ in expected] == list(range(1, final + 1))
            # Each image has at least two changes: it was accepted and it ended.
            assert final > 2 * IMAGES
            for shown in await asyncio.gather(*cut):
                assert shown == expected
            # A replica can also replay old changes that it reads from the database.
            for position, (revision, _) in enumerate(expected[:-1]):
                for endpoint in endpoints:
                    rest = [event async for event in endpoint.events(job, revision)]
                    assert rest == expected[position + 1 :]
            for endpoint in endpoints:
                assert [event async for event in endpoint.events(job, final)] == []
