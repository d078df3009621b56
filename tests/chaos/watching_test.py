"""Watchers cut off and resumed on the other replica at every revision, by gRPC and by SSE."""

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
# What a watcher is shown: the revision, and all that is said of it.
Shown = tuple[int, Any]


class Door(Protocol):
    """One replica, as a watcher reaches it."""

    def events(self, job: str, after: int) -> AsyncIterator[Shown]:
        """Yield what follows on a revision; closing it cuts the line."""
        ...


class GrpcDoor:
    """A bare stub, so that nothing mends what the service would do wrong."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub = JobServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def events(self, job: str, after: int) -> AsyncIterator[Shown]:
        """Watch."""
        request = job_service_pb2.WatchJobRequest(name=job, after_revision=after)
        call: Any = self._stub.WatchJob(request, metadata=self._metadata, timeout=60)
        try:
            async for event in call:
                if event.WhichOneof("event") != "heartbeat":
                    yield event.revision, event
        finally:
            call.cancel()


class HttpDoor:
    """A browser at a gateway that knows this replica alone."""

    def __init__(self, gateway: httpx.AsyncClient) -> None:
        self._gateway = gateway

    async def events(self, job: str, after: int) -> AsyncIterator[Shown]:
        """Follow the events."""
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
async def house(
    tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Jobs, list[Door]]]:
    """Two replicas, and a door to each."""
    async with open_jobs(tmp_path, postgres_url) as jobs, AsyncExitStack() as stack:
        doors: list[Door] = []
        for _ in range(2):
            replica = await jobs.start()
            if request.param == "grpc":
                channel = grpc.aio.insecure_channel(replica.address)
                doors.append(GrpcDoor(await stack.enter_async_context(channel), jobs.token()))
            else:
                gateway = serving(replica.address, jobs.issuer)
                doors.append(HttpDoor(await stack.enter_async_context(gateway)))
        yield jobs, doors


async def uncut(door: Door, job: str, first: asyncio.Event) -> list[Shown]:
    shown = []
    async for event in door.events(job, 0):
        shown.append(event)
        first.set()
    return shown


async def cut_at_every_revision(
    doors: list[Door], job: str, closed: asyncio.Event, first: asyncio.Event
) -> list[Shown]:
    """Cut the line after each event, and go on at the other door."""
    shown: list[Shown] = []
    turn = 0
    while True:
        events = doors[turn % 2].events(job, shown[-1][0] if shown else 0)
        event = await anext(events, None)
        await events.aclose()  # type: ignore[attr-defined]
        if event is None:
            # A watch that shows nothing says that the job has ended.
            assert closed.is_set()
            return shown
        shown.append(event)
        first.set()
        turn += 1


async def test_a_watcher_cut_at_every_revision_sees_what_one_sees_who_never_was(
    house: tuple[Jobs, list[Door]], tmp_path: Path
) -> None:
    jobs, doors = house
    paths = [tmp_path / f"{number}.png" for number in range(IMAGES)]
    for path in paths:
        path.write_bytes(path.name.encode())
    async with jobs.client() as client:
        job = (await client.create(JobSpec())).name
        closed = asyncio.Event()
        begun = [asyncio.Event() for _ in range(4)]
        whole = [asyncio.create_task(uncut(door, job, begun[n])) for n, door in enumerate(doors)]
        cut = [
            asyncio.create_task(cut_at_every_revision(order, job, closed, begun[2 + n]))
            for n, order in enumerate((doors, doors[::-1]))
        ]
        async with asyncio.timeout(30):
            await asyncio.gather(*(event.wait() for event in begun))
        await client.upload_all(job, [FileUpload.from_path(path) for path in paths])
        await client.close(job)
        closed.set()
        for number in range(IMAGES):
            await jobs.work(1, fail=lambda _, number=number: number == 2)  # type: ignore[misc]
            # One batch of outcomes is one revision; so there are many.
            async with asyncio.timeout(30):
                while (await client.get(job)).progress.processed <= number:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            truth, same = await asyncio.gather(*whole)
            assert truth == same
            final = (await client.get(job)).revision
            assert [revision for revision, _ in truth] == list(range(1, final + 1))
            # Each image was accepted and has ended, which cannot be told in fewer.
            assert final > 2 * IMAGES
            for shown in await asyncio.gather(*cut):
                assert shown == truth
            # Also long after: what a replica has not seen itself it reads.
            for position, (revision, _) in enumerate(truth[:-1]):
                for door in doors:
                    rest = [event async for event in door.events(job, revision)]
                    assert rest == truth[position + 1 :]
            for door in doors:
                assert [event async for event in door.events(job, final)] == []
