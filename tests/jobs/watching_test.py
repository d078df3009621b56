"""Watches have no gaps and no repeats, and can be resumed anywhere."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import grpc
import pytest

from carina.client import Client
from carina.events.v1 import events_pb2
from carina.files import FileUpload
from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import JobSpec
from deploy.local.issuer import Role
from services.jobs.progress.feed import Feed
from tests.support.jobs import Jobs, rows

Events = list[job_service_pb2.WatchJobResponse]


def film(folder: Path, number: int) -> Path:
    path = folder / f"{number}.png"
    path.write_bytes(b"film %d" % number)
    return path


async def watch(jobs: Jobs, name: str, after: int = 0, replica: int = 0) -> Events:
    """Watch with a plain stub, so that no client code hides an error of the service."""
    return [event async for event in stream(jobs, name, after, replica)]


async def stream(
    jobs: Jobs, name: str, after: int = 0, replica: int = 0
) -> AsyncIterator[job_service_pb2.WatchJobResponse]:
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    async with grpc.aio.insecure_channel(jobs.replicas[replica].address) as channel:
        request = job_service_pb2.WatchJobRequest(name=name, after_revision=after)
        call: Any = JobServiceStub(channel).WatchJob(request, metadata=metadata, timeout=30)
        async for event in call:
            if event.WhichOneof("event") != "heartbeat":
                yield event


async def test_a_watch_resumed_at_any_revision_on_another_replica_gets_the_same_changes(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start()
    async with jobs.client() as client:
        job = await client.create(JobSpec())
        whole = asyncio.create_task(watch(jobs, job.name))
        await asyncio.sleep(0.3)
        await client.upload_all(job, [FileUpload.from_path(film(tmp_path, n)) for n in range(4)])
        await client.close(job)
        await jobs.work(4, fail=lambda number: number == 2)
        events = await whole
    revisions = [event.revision for event in events]
    assert revisions == list(range(revisions[0], revisions[-1] + 1))
    assert events[0].WhichOneof("event") == "snapshot"
    changes = events[1:]
    for position, event in enumerate(events[:-1]):
        resumed = await watch(jobs, job.name, event.revision, replica=position % 2)
        assert resumed == changes[position:]


async def test_a_watch_of_a_finished_job_gets_a_snapshot_and_ends(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path, 1)])
        await jobs.work(1)
        events = await watch(jobs, submission.job.name)
        final = events[-1].revision
        (snapshot,) = await watch(jobs, submission.job.name)
        assert snapshot.snapshot.last
        assert len(snapshot.snapshot.images) == 1
        assert await watch(jobs, submission.job.name, final) == []


async def test_a_future_revision_is_out_of_range(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path, 1)])
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await watch(jobs, submission.job.name, 1000)
    assert refusal.value.code() == grpc.StatusCode.OUT_OF_RANGE


async def test_a_call_that_changes_nothing_is_not_sent_to_watchers(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start()
    async with jobs.client() as client, jobs.client(replica=1) as other:
        job = await client.create(JobSpec())
        watching = asyncio.create_task(watch(jobs, job.name))
        await asyncio.sleep(0.3)
        await client.upload_all(job, [FileUpload.from_path(film(tmp_path, 1))])
        for _ in range(3):
            await asyncio.gather(client.close(job), other.close(job))
        await jobs.work(1)
        events = await watching
    changes = [event for event in events if event.WhichOneof("event") == "change"]
    assert [len(event.change.images) for event in changes[:2]] == [1, 0]
    revisions = [event.revision for event in events]
    assert revisions == list(range(revisions[0], revisions[-1] + 1))


async def test_an_idle_watch_gets_heartbeats(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.start(heartbeat=0.2)
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    async with (
        jobs.client() as client,
        grpc.aio.insecure_channel(jobs.replicas[1].address) as channel,
    ):
        job = await client.create(JobSpec())
        request = job_service_pb2.WatchJobRequest(name=job.name)
        call: Any = JobServiceStub(channel).WatchJob(request, metadata=metadata)
        kinds = []
        async for event in call:
            kinds.append(event.WhichOneof("event"))
            if len(kinds) == 3:
                break
        call.cancel()
    assert kinds == ["snapshot", "heartbeat", "heartbeat"]


async def test_watchers_continue_when_their_replica_stops(jobs: Jobs, tmp_path: Path) -> None:
    second = await jobs.start()
    addresses = ",".join(replica.address for replica in jobs.replicas)
    async with (
        jobs.client(replica=1) as uploader,
        Client(f"ipv4:{addresses}", jobs.token()) as watcher,
    ):
        submission = await uploader.submit([film(tmp_path, number) for number in range(2)])
        revisions: list[int] = []

        async def follow() -> None:
            async for update in watcher.watch(submission.job):
                revisions.append(update.revision)  # noqa: PERF401 - keep what arrived before an error

        following = asyncio.create_task(follow())
        await jobs.work(1)
        await asyncio.sleep(0.5)
        await jobs.replicas[0].end()
        await jobs.work(1)
        async with asyncio.timeout(20):
            await following
    assert second in jobs.replicas
    assert revisions == sorted(set(revisions))


async def enlarge(jobs: Jobs, name: str, images: int) -> None:
    """Turn a job with one image into one with many, with file names of maximum length."""
    await rows(
        jobs,
        """INSERT INTO images SELECT (jsonb_populate_record(i, jsonb_build_object(
            'image_id', gen_random_uuid(), 'image_key', n, 'ordinal', n,
            'file_name', repeat('x', 4096)))).*
        FROM images i, generate_series(1, $2::int - 1) n WHERE i.job_id = $1""",
        UUID(name.removeprefix("jobs/")),
        images,
    )
    await rows(jobs, "UPDATE jobs SET total = $1", images)


async def test_a_change_of_many_images_is_sent_as_a_snapshot_in_parts(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        job = (await client.submit([film(tmp_path, 1)])).job
        await enlarge(jobs, job.name, 1500)
        following = asyncio.create_task(watch(jobs, job.name, (await client.get(job)).revision))
        cancelled = await client.cancel(job)
        events = await following
        late = await watch(jobs, job.name, job.revision)
        updates = [update async for update in client.watch(job, after_revision=job.revision)]
    for parts in (events, late):
        assert [part.revision for part in parts] == [cancelled.revision] * len(parts)
        assert [part.snapshot.last for part in parts] == [False] * (len(parts) - 1) + [True]
        images = [image for part in parts for image in part.snapshot.images]
        assert [image.ordinal for image in images] == list(range(1500))
        assert {image.state for image in images} == {image_pb2.Image.STATE_CANCELLED}
    assert [len(update.images) for update in updates] == [1500]


async def test_a_page_of_images_is_limited_in_size(jobs: Jobs, tmp_path: Path) -> None:
    async with (
        jobs.client() as client,
        grpc.aio.insecure_channel(jobs.replicas[0].address) as channel,
    ):
        job = (await client.submit([film(tmp_path, 1)])).job
        await enlarge(jobs, job.name, 1001)
        request = job_service_pb2.ListImagesRequest(parent=job.name, page_size=1000)
        metadata = (("authorization", f"Bearer {jobs.token()}"),)
        ordinals: list[int] = []
        pages = 0
        while not pages or request.page_token:
            page = await JobServiceStub(channel).ListImages(request, metadata=metadata)
            ordinals += [image.ordinal for image in page.images]
            request.page_token = page.next_page_token
            pages += 1
    assert ordinals == list(range(1001))
    assert pages == 2


async def test_a_watcher_learns_of_a_deletion_from_the_bus(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feed.__init__, "__kwdefaults__", {"poll": timedelta(hours=1)})
    await jobs.start()
    async with jobs.client() as client, jobs.client(Role.ADMIN) as admin:
        job = await client.create(JobSpec())
        events = stream(jobs, job.name, replica=1)
        await anext(events)
        await client.upload_all(job, [FileUpload.from_path(film(tmp_path, 1))])
        await anext(events)
        # The watcher is not notified of this state.
        await rows(jobs, "UPDATE jobs SET state = 'CANCELLED'")
        await admin.delete(job)
        async with asyncio.timeout(20):
            with pytest.raises(grpc.aio.AioRpcError) as end:
                await anext(events)
    assert end.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_watch_gets_changes_without_the_bus(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        job = await client.create(JobSpec())
        events = stream(jobs, job.name)
        await anext(events)
        # This change is not announced, but the feed also polls.
        await rows(
            jobs,
            """WITH moved AS (UPDATE jobs SET revision = revision + 1, notes = 'moved' RETURNING *)
            INSERT INTO job_events (job_id, revision, site, job, images)
            SELECT job_id, revision, site, to_jsonb(moved), '[]' FROM moved""",
        )
        async with asyncio.timeout(5):
            event = await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
    assert event.change.job.spec.notes == "moved"


async def test_watchers_survive_an_unexpected_error(
    jobs: Jobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with jobs.client() as client, asyncio.timeout(20):
        job = await client.create(JobSpec())
        watching = asyncio.create_task(watch(jobs, job.name))
        await as_owner(jobs, "ALTER TABLE job_events RENAME TO elsewhere")
        while "reading events failed" not in capsys.readouterr().out:
            await jobs.jetstream.publish_core(*announcement(job.name))
            await asyncio.sleep(0.05)
        await as_owner(jobs, "ALTER TABLE elsewhere RENAME TO job_events")
        await client.cancel(job)
        events = await watching
    assert events[-1].change.job.state == job_pb2.Job.STATE_CANCELLED


async def as_owner(jobs: Jobs, statement: str) -> None:
    connection = await asyncpg.connect(jobs.database_url)
    await connection.execute(statement)
    await connection.close()


def announcement(name: str) -> tuple[str, bytes]:
    job_id = UUID(name.removeprefix("jobs/"))
    event = events_pb2.JobChanged(job_id=job_id.bytes, revision=100)
    return f"events.{job_id}", event.SerializeToString()
