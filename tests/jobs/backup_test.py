"""After a restore with PostgreSQL's own tools, the restored jobs are finished."""

import asyncio
import os
import sys
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest

from carina.client import Client
from carina.errors import RefusedError
from carina.files import FileUpload
from carina.jobs.v1 import job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import Image, Job, JobSpec, JobState
from carina.tasks.v1 import tasks_pb2
from chassis.blobs import open_blobs
from deploy.local.postgres import Postgres, postgres_server
from services.jobs.storage.database import open_database
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import SystemStore
from tests.support.backups import BackupMethod, Dump, PointInTime
from tests.support.gateways import serving
from tests.support.jobs import Jobs, failed, open_jobs, rows, started, succeeded
from tests.support.servers import running

QUICK: dict[str, Any] = {"reconcile_interval": 0.3, "stalled_after": 1}


@pytest.fixture(params=["dump", "point in time"])
def method(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres
) -> Iterator[BackupMethod]:
    folder = tmp_path / "method"
    folder.mkdir()
    with ExitStack() as stack:
        yield (
            Dump(stack, folder, postgres) if request.param == "dump" else PointInTime(stack, folder)
        )


def films(folder: Path, name: str, count: int) -> list[Path]:
    paths = [folder / f"{name}-{number}.png" for number in range(count)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


async def keep_working(jobs: Jobs) -> None:
    """Play workers that succeed with every task in the queue."""
    while True:
        try:
            task = await jobs.next_task()
        except AssertionError:
            continue  # no task came within the timeout
        await jobs.report(started(task, tasks_pb2.STAGE_PREPROCESS))
        await jobs.report(succeeded(task))


async def final_state(client: Client, name: str) -> JobState:
    [*_, last] = [update async for update in client.watch(name)]
    return last.job.state


async def images_of(client: Client, name: str) -> list[Image]:
    return [image async for image in client.images(name)]


async def run_restored(url: str) -> None:
    """Run the command `restored`, as an operator does after a restore."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.jobs.commands.restored"),
        env=os.environ | {"CARINA_JOBS_DATABASE_URL": url},
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    assert b"dropped_keys" not in stderr


@dataclass(frozen=True)
class Scenario:
    """The jobs that existed when the database was lost."""

    # In the backup: a job with a failure, one in progress, one that receives images.
    broken: Job
    working: Job
    receiving: Job
    # Created after the backup, so it is lost.
    gone: Job
    lost_revision: int
    batch: list[Path]
    request_id: str
    kept: Image


async def run_scenario(jobs: Jobs, folder: Path, back_up: Callable[[], None]) -> Scenario:
    """Process jobs, back up in the middle, continue, and stop."""
    async with jobs.client() as client:
        broken = (await client.submit(films(folder, "broken", 2))).job
        refused = await jobs.next_task()
        await jobs.report(failed(refused))
        await jobs.work(1)
        assert await final_state(client, broken.name) == JobState.PARTIALLY_SUCCEEDED
        working = (await client.submit(films(folder, "working", 3))).job
        first, second = await jobs.next_task(), await jobs.next_task()
        await jobs.report(started(second, tasks_pb2.STAGE_PREPROCESS))
        await jobs.report(succeeded(first))
        await wait_for_progress(client, working.name, 1)
        request_id, batch = str(uuid.uuid4()), films(folder, "batch", 3)
        receiving = await client.create(JobSpec(), request_id=request_id)
        kept = await client.upload(receiving, batch[0])

        await asyncio.to_thread(back_up)

        await jobs.report(succeeded(second))
        await jobs.work(2)  # the third of `working`, the first of `batch`
        assert await final_state(client, working.name) == JobState.SUCCEEDED
        lost_revision = (await client.get(working)).revision
        await client.upload_all(receiving, [FileUpload.from_path(path) for path in batch])
        await client.close(receiving)
        await jobs.work(1)
        await client.retry(broken)
        gone = (await client.submit(films(folder, "gone", 2))).job
    await jobs.replicas[0].end()
    # The outcomes of workers wait in the broker meanwhile, as do tasks of images that are lost.
    await jobs.report(succeeded(second))
    stale = failed(refused)
    stale.ref.attempt = 2
    await jobs.report(stale)
    return Scenario(broken, working, receiving, gone, lost_revision, batch, request_id, kept)


async def test_restored_jobs_are_finished_exactly_once(
    method: BackupMethod, tmp_path: Path
) -> None:
    async with open_jobs(tmp_path / "service", method.url) as jobs:
        await jobs.start(**QUICK)
        scenario = await run_scenario(jobs, tmp_path, method.back_up)
        await asyncio.to_thread(method.restore)
        await run_restored(method.url)
        jobs.database_url = method.url
        await jobs.start(**QUICK)
        async with jobs.client(replica=1) as client:
            # A watcher that had received changes since lost gets a snapshot, then every change.
            watching = watch(jobs, scenario.working.name, scenario.lost_revision)
            seen = [await anext(watching)]
            workers = asyncio.create_task(keep_working(jobs))
            seen += [event async for event in watching]
            assert seen[0].WhichOneof("event") == "snapshot"
            assert len(seen[0].snapshot.images) == 3
            revisions = [event.revision for event in seen]
            assert revisions[0] > scenario.lost_revision
            assert revisions == list(range(revisions[0], revisions[0] + len(seen)))
            assert seen[-1].change.job.progress.succeeded == 3

            # The outcome of a retry that was lost has changed nothing.
            assert (await client.get(scenario.broken)).state == JobState.PARTIALLY_SUCCEEDED
            await client.retry(scenario.broken)
            assert await final_state(client, scenario.broken.name) == JobState.SUCCEEDED

            # What was accepted after the backup is lost, but callers can send it again.
            with pytest.raises(RefusedError) as caught:
                await client.get(scenario.gone)
            assert caught.value.reason == "JOB_NOT_FOUND"
            again = await client.submit(scenario.batch, request_id=scenario.request_id)
            assert again.job.name == scenario.receiving.name
            assert scenario.kept.name in {image.name for image in again.images}
            assert await final_state(client, scenario.receiving.name) == JobState.SUCCEEDED
            for job, count in (
                (scenario.broken, 2),
                (scenario.working, 3),
                (scenario.receiving, 3),
            ):
                await assert_complete(jobs, client, job.name, count)
        async with asyncio.timeout(20):
            for stream in ("TASKS", "RESULTS"):
                while await jobs.jetstream.count(stream, ">"):
                    await asyncio.sleep(0.1)
        workers.cancel()
        assert not await rows(jobs, "SELECT 1 FROM outbox")
        await assert_only_lost_images_leave_orphans(jobs)


async def test_an_event_stream_from_a_lost_revision_starts_again_with_a_snapshot(
    method: BackupMethod, tmp_path: Path
) -> None:
    async with open_jobs(tmp_path / "service", method.url) as jobs:
        await jobs.start(**QUICK)
        async with jobs.client() as client:
            job = (await client.submit(films(tmp_path, "a", 2))).job
            await asyncio.to_thread(method.back_up)
            await jobs.work(2)
            assert await final_state(client, job.name) == JobState.SUCCEEDED
            lost = (await client.get(job)).revision
        await jobs.replicas[0].end()
        await asyncio.to_thread(method.restore)
        jobs.database_url = method.url
        headers = {"Last-Event-ID": str(lost)}
        # Even if the command was not run; in that case, gRPC callers get OUT_OF_RANGE.
        for informed in (False, True):
            if informed:
                await run_restored(method.url)
            replica = await jobs.start(**QUICK)
            if not informed:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await anext(watch(jobs, job.name, lost))
                assert refused.value.code() is grpc.StatusCode.OUT_OF_RANGE
            async with (
                serving(replica.address, jobs.issuer) as gateway,
                gateway.stream("GET", f"/v1/{job.name}/events", headers=headers) as answer,
            ):
                lines = (line async for line in answer.aiter_lines() if line.startswith("event: "))
                assert await anext(lines) == "event: snapshot"
            await replica.end()


@pytest.mark.servers
async def test_a_read_only_server_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Such as a standby before its promotion, or a primary that was just replaced.
    server = postgres_server(tmp_path / "postgres")
    with running(server.program, tmp_path):
        server.ensure_database("carina", role="carina")
        url = server.url("carina", role="carina")

        def allow_writes(*, allowed: bool) -> None:
            server.execute(
                "SET default_transaction_read_only = off;"
                f"ALTER SYSTEM SET default_transaction_read_only = {'off' if allowed else 'on'};"
            )
            server.execute("SELECT pg_reload_conf()")

        async with open_jobs(tmp_path / "service", url) as jobs:
            allow_writes(allowed=False)
            starting = asyncio.create_task(jobs.start(**QUICK))
            async with asyncio.timeout(20):
                while "PostgreSQL" not in capsys.readouterr().out:
                    await asyncio.sleep(0.05)
            allow_writes(allowed=True)
            await starting
            await create(jobs)
            allow_writes(allowed=False)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await create(jobs)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            allow_writes(allowed=True)
            await create(jobs)


async def test_after_a_restore_callers_have_the_full_time_to_send_again(
    postgres_url: str, tmp_path: Path
) -> None:
    async with open_jobs(tmp_path / "service", postgres_url) as jobs:
        replica = await jobs.start()
        async with jobs.client() as client:
            restored = await client.create(JobSpec())
            await client.upload(restored, *films(tmp_path, "a", 1))
        await replica.end()
        await rows(jobs, "UPDATE jobs SET update_time = now() - interval '2 hours'")
        await rows(
            jobs,
            """INSERT INTO uploads SELECT job_id, 'half', site, gen_random_uuid(), '{}', 1,
            now() - interval '2 hours', now() - interval '2 hours' FROM jobs""",
        )
        await run_restored(postgres_url)
        replica = await jobs.start()
        async with jobs.client(replica=1) as client:
            abandoned = await client.create(JobSpec())
        await replica.end()
        # The reconciler goes by age: once it has cancelled this job, it has passed the older ones.
        await rows(
            jobs,
            "UPDATE jobs SET update_time = now() - interval '2 hours' WHERE 'jobs/' || job_id = $1",
            abandoned.name,
        )
        await jobs.start(reconcile_interval=0.2)
        async with jobs.client(replica=2) as client:
            assert await final_state(client, abandoned.name) == JobState.CANCELLED
            assert (await client.get(restored)).state == JobState.RECEIVING
            assert (await client.upload_status(restored, "half")).committed_size == 1


async def create(jobs: Jobs) -> None:
    """Create a job with a plain stub, which tries only once."""
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    async with grpc.aio.insecure_channel(jobs.replicas[-1].address) as channel:
        call: Any = JobServiceStub(channel).CreateJob
        await call(job_service_pb2.CreateJobRequest(), metadata=metadata, timeout=30)


async def wait_for_progress(client: Client, name: str, count: int) -> None:
    """Wait until `count` images have succeeded, one is running and one is queued."""
    states: dict[str, str] = {}
    async for update in client.watch(name):
        states |= {image.name: image.state for image in update.images}
        if Counter(states.values()) == {"SUCCEEDED": count, "RUNNING": 1, "QUEUED": 1}:
            return
    raise AssertionError("the job ended")


async def watch(
    jobs: Jobs, name: str, after: int
) -> AsyncGenerator[job_service_pb2.WatchJobResponse]:
    """Watch the newest replica with a plain stub, so that no client code hides its errors."""
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    async with grpc.aio.insecure_channel(jobs.replicas[-1].address) as channel:
        request = job_service_pb2.WatchJobRequest(name=name, after_revision=after)
        call: Any = JobServiceStub(channel).WatchJob(request, metadata=metadata, timeout=30)
        async for event in call:
            if event.WhichOneof("event") != "heartbeat":
                yield event


async def assert_complete(jobs: Jobs, client: Client, name: str, count: int) -> None:
    """Check that a job, its images, its history and its originals are consistent."""
    job, images = await client.get(name), await images_of(client, name)
    assert [image.ordinal for image in images] == list(range(count))
    assert {image.state for image in images} == {"SUCCEEDED"}
    assert (job.progress.total, job.progress.succeeded, job.progress.failed) == (count, count, 0)
    for image in images:
        assert (await client.read_image(image)).data == image.file_name.encode()
    ends: Counter[tuple[str, int]] = Counter()
    revisions = []
    for row in await rows(
        jobs,
        """SELECT revision, image ->> 'image_id' AS image, (image -> 'attempt')::int AS attempt,
        image ->> 'state' AS state
        FROM job_events LEFT JOIN LATERAL jsonb_array_elements(images) image ON true
        WHERE 'jobs/' || job_id = $1 ORDER BY revision""",
        name,
    ):
        revisions.append(row["revision"])
        if row["state"] in {"SUCCEEDED", "FAILED"}:
            ends[row["image"], row["attempt"]] += 1
    assert set(ends.values()) == {1}
    assert {image for image, _ in ends} == {image.name.rpartition("/")[2] for image in images}
    steps = Counter(after - before for before, after in pairwise(revisions))
    jumps = [step for step in steps if step > 1]
    assert [steps[step] for step in jumps] == [1]


async def assert_only_lost_images_leave_orphans(jobs: Jobs) -> None:
    blobs = open_blobs((jobs.folder / "blobs").as_uri())
    owned = {
        key
        for row in await rows(jobs, "SELECT original_keys FROM images")
        for key in row["original_keys"]
    }
    stored = {blob.key async for blob in blobs.list("sites/")}
    assert owned < stored
    async with open_database(jobs.database_url, connections=2) as database:
        sweeper = Sweeper(SystemStore(database), blobs)
        assert await sweeper.delete_orphans(timedelta(0)) == len(stored - owned)
    assert {blob.key async for blob in blobs.list("sites/")} == owned
