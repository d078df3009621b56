"""The passing of time: waiting images are neither duplicated nor failed, due actions run once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carina.client import Client
from carina.errors import RefusedError
from carina.results import Job, JobSpec, JobState
from carina.tasks.v1 import tasks_pb2
from chassis.blobs import open_blobs
from deploy.local.issuer import Role
from services.jobs.storage.database import open_database
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import SystemStore
from tests.support.jobs import Jobs, open_jobs, pass_time, rows, started, succeeded
from tests.support.ledger import Backstage

HOUR = timedelta(hours=1)
QUICK: dict[str, Any] = {"reconcile_interval": 0.1}


@pytest.fixture
async def jobs(tmp_path: Path, postgres_url: str) -> AsyncIterator[Jobs]:
    """The service, without a replica."""
    async with open_jobs(tmp_path, postgres_url) as service:
        yield service


def films(folder: Path, *names: str) -> list[Path]:
    paths = [folder / f"{name}.png" for name in names]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


async def reached(client: Client, name: str, *states: JobState) -> Job:
    async with asyncio.timeout(30):
        while (job := await client.get(name)).state not in states:
            await asyncio.sleep(0.05)
    return job


async def assert_consistent(jobs: Jobs, *names: str, retries: int = 0) -> None:
    """Check that each image ended once and that every revision of each job is consistent."""
    backstage = Backstage(
        jobs.database_url, jobs.nats_url, open_blobs((jobs.folder / "blobs").as_uri())
    )
    histories = await backstage.histories(list(names))
    assert histories.keys() == set(names)
    attempts = 1 + retries
    assert [
        each for one in histories.values() for each in one.problems(max_attempts=attempts)
    ] == []
    assert await backstage.lasting_leftovers() == []


async def test_images_without_a_worker_are_neither_duplicated_nor_failed(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start(**QUICK)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a", "b"))).job
        for days in range(12):
            await assert_only_tasks(jobs, 2, republished=days)
            await pass_time(jobs, timedelta(days=1))
        assert (await client.get(job)).state == JobState.PENDING
        await assert_only_tasks(jobs, 2, republished=12)
        await jobs.work(2)
        assert (await reached(client, job.name, JobState.SUCCEEDED)).progress.succeeded == 2
    assert await jobs.jetstream.count("TASKS", "tasks.>") == 0
    await assert_consistent(jobs, job.name)


async def test_a_stuck_task_is_published_again_with_all_tasks_of_its_job(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start(**QUICK)
    await jobs.start(**QUICK)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a", "b"))).job
        held = await jobs.hold_task()
        other = (await client.submit(films(tmp_path, "c"))).job
        await assert_only_tasks(jobs, 3, republished=0)
        await rows(
            jobs,
            "UPDATE images SET update_time = update_time - interval '7h' WHERE file_name LIKE 'b%'",
        )
        async with asyncio.timeout(20):
            while not await rows(jobs, "SELECT 1 FROM images WHERE republished > 0"):
                await asyncio.sleep(0.05)
        await assert_only_tasks(jobs, 2, republished=1, job=job)
        await assert_only_tasks(jobs, 1, republished=0, job=other)
        # A worker that still holds one of them may finish it.
        await jobs.report(succeeded(held.task))
        await held.ack()
        await jobs.work(3)
        for each in (job, other):
            await reached(client, each.name, JobState.SUCCEEDED)
    await assert_consistent(jobs, job.name, other.name)


async def assert_only_tasks(
    jobs: Jobs, count: int, *, republished: int, job: Job | None = None
) -> None:
    """Wait until each image was republished that often; the broker then holds one task of each."""
    job_id = job.name.removeprefix("jobs/") if job else None
    different = """SELECT 1 FROM images i LEFT JOIN outbox o USING (image_id)
        WHERE ($1::uuid IS NULL OR i.job_id = $1)
          AND (o.image_id IS NOT NULL OR i.republished <> $2)"""
    async with asyncio.timeout(20):
        while await rows(jobs, different, job_id, republished):
            await asyncio.sleep(0.05)
    assert await jobs.jetstream.count("TASKS", f"tasks.*.*.{job_id or '*'}") == count


async def test_a_scheduled_job_starts_once_at_its_start_time(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.start(**QUICK)
    async with jobs.client() as client:
        spec = JobSpec(start_time=datetime.now(UTC) + HOUR / 2)
        job = (await client.submit(films(tmp_path, "a", "b"), spec)).job
        await pass_time(jobs, HOUR / 3)
        with pytest.raises(AssertionError, match="no task came"):
            await jobs.next_task()
        await pass_time(jobs, HOUR / 3)
        await jobs.work(2)
        assert (await reached(client, job.name, JobState.SUCCEEDED)).progress.succeeded == 2
    await assert_consistent(jobs, job.name)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_the_clock_of_a_worker_cannot_move_an_image_before_its_creation_or_into_the_future(
    jobs: Jobs, tmp_path: Path, step: timedelta
) -> None:
    await jobs.start()
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a"))).job
        task = await jobs.next_task()
        for outcome in (started(task, tasks_pb2.STAGE_PREPROCESS), succeeded(task)):
            outcome.time.FromDatetime(datetime.now(UTC) + step)
            await jobs.report(outcome)
        await reached(client, job.name, JobState.SUCCEEDED)
        (image,) = [image async for image in client.images(job)]
    assert image.start_time is not None
    assert image.end_time is not None
    assert image.create_time is not None
    assert image.create_time <= image.start_time <= image.end_time <= datetime.now(UTC)


async def test_a_replica_deletes_jobs_after_their_retention(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.start(retention=timedelta(seconds=1), sweep_interval=timedelta(seconds=0.1))
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "short"))).job
        await jobs.work(1)
        with pytest.raises(RefusedError, match="no job"):
            await until_refused(client, job.name)


async def until_refused(client: Client, job: str) -> None:
    async with asyncio.timeout(20):
        while True:
            await client.get(job)
            await asyncio.sleep(0.05)


async def test_only_the_blobs_of_a_deleted_job_are_deleted_after_a_while(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start()
    async with jobs.client() as doctor, jobs.client(Role.ADMIN) as admin:
        gone = (await doctor.submit(films(tmp_path, "gone"))).job
        kept = (await doctor.submit(films(tmp_path, "kept"))).job
        await jobs.work(2)
        await reached(doctor, gone.name, JobState.SUCCEEDED)
        await admin.delete(gone)
    blobs = open_blobs((jobs.folder / "blobs").as_uri())

    async def owners() -> set[str]:
        return {f"jobs/{blob.key.split('/')[3]}" async for blob in blobs.list("sites/")}

    async with open_database(jobs.database_url, connections=2) as database:
        sweeper = Sweeper(SystemStore(database), blobs)
        assert await sweeper.expire() == 0
        await sweeper.sweep()
        assert await owners() == {gone.name, kept.name}
        await pass_time(jobs, HOUR)
        assert await sweeper.expire() == 0
        await sweeper.sweep()
        assert await owners() == {kept.name}
        assert await sweeper.delete_orphans() == 0


async def test_an_expired_token_is_refused_and_loses_nothing(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.start()
    (path,) = films(tmp_path, "a")
    # How a half-hour token looks to a service whose clock was set forward by an hour.
    expired = jobs.client(lifetime=HOUR / 2 - HOUR)
    # A difference of seconds between clocks is tolerated.
    slightly_expired = jobs.client(lifetime=-timedelta(seconds=10))
    async with expired, slightly_expired, jobs.client() as client:
        job = await client.create(JobSpec())
        with pytest.raises(RefusedError) as refusal:
            await expired.upload(job, path)
        assert refusal.value.reason == "TOKEN_EXPIRED"
        await slightly_expired.upload(job, path)
        await client.close(job)
        await jobs.work(1)
        await reached(client, job.name, JobState.SUCCEEDED)
    await assert_consistent(jobs, job.name)
