"""Time passes: what waits is neither doubled nor failed, what is due happens once."""

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
    """The service without a replica yet."""
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


async def nobody_was_wronged(jobs: Jobs, *names: str, retries: int = 0) -> None:
    """Each image has ended once, and every revision of each job says what was true."""
    backstage = Backstage(
        jobs.database_url, jobs.nats_url, open_blobs((jobs.folder / "blobs").as_uri())
    )
    histories = await backstage.histories(list(names))
    assert histories.keys() == set(names)
    attempts = 1 + retries
    assert [
        each for one in histories.values() for each in one.problems(most_attempts=attempts)
    ] == []
    assert await backstage.lasting_leftovers() == []


async def test_images_that_no_worker_is_there_for_are_neither_doubled_nor_given_up(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start(**QUICK)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a", "b"))).job
        for days in range(12):
            await only_tasks_are(jobs, 2, republished=days)
            await pass_time(jobs, timedelta(days=1))
        assert (await client.get(job)).state == JobState.PENDING
        await only_tasks_are(jobs, 2, republished=12)
        await jobs.work(2)
        assert (await reached(client, job.name, JobState.SUCCEEDED)).progress.succeeded == 2
    assert await jobs.jetstream.count("TASKS", "tasks.>") == 0
    await nobody_was_wronged(jobs, job.name)


async def test_a_task_that_is_never_handed_out_is_published_again_with_all_of_its_job(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start(**QUICK)
    await jobs.start(**QUICK)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a", "b"))).job
        held = await jobs.hold_task()
        other = (await client.submit(films(tmp_path, "c"))).job
        await only_tasks_are(jobs, 3, republished=0)
        await rows(
            jobs,
            "UPDATE images SET update_time = update_time - interval '7h' WHERE file_name LIKE 'b%'",
        )
        async with asyncio.timeout(20):
            while not await rows(jobs, "SELECT 1 FROM images WHERE republished > 0"):
                await asyncio.sleep(0.05)
        await only_tasks_are(jobs, 2, republished=1, job=job)
        await only_tasks_are(jobs, 1, republished=0, job=other)
        # Who still had one of them may finish it.
        await jobs.report(succeeded(held.task))
        await held.ack()
        await jobs.work(3)
        for each in (job, other):
            await reached(client, each.name, JobState.SUCCEEDED)
    await nobody_was_wronged(jobs, job.name, other.name)


async def only_tasks_are(
    jobs: Jobs, count: int, *, republished: int, job: Job | None = None
) -> None:
    """Wait until each image has been published so often, and the broker holds one task of each."""
    job_id = job.name.removeprefix("jobs/") if job else None
    others = """SELECT 1 FROM images i LEFT JOIN outbox o USING (image_id)
        WHERE ($1::uuid IS NULL OR i.job_id = $1)
          AND (o.image_id IS NOT NULL OR i.republished <> $2)"""
    async with asyncio.timeout(20):
        while await rows(jobs, others, job_id, republished):
            await asyncio.sleep(0.05)
    assert await jobs.jetstream.count("TASKS", f"tasks.*.*.{job_id or '*'}") == count


async def test_a_job_of_a_later_hour_starts_once_and_then(jobs: Jobs, tmp_path: Path) -> None:
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
    await nobody_was_wronged(jobs, job.name)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_the_clock_of_a_worker_does_not_make_an_image_end_before_it_came_or_later_than_now(
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


async def test_blobs_of_a_deleted_job_go_after_a_while_and_no_others(
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


async def test_a_token_of_another_hour_is_refused_and_costs_nothing(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start()
    (path,) = films(tmp_path, "a")
    # What a service whose clock was set forward sees in a token that was good for half an hour.
    stale = jobs.client(lifetime=HOUR / 2 - HOUR)
    # Clocks that differ by seconds are no reason to refuse anybody.
    late = jobs.client(lifetime=-timedelta(seconds=10))
    async with stale, late, jobs.client() as client:
        job = await client.create(JobSpec())
        with pytest.raises(RefusedError) as refusal:
            await stale.upload(job, path)
        assert refusal.value.reason == "TOKEN_EXPIRED"
        await late.upload(job, path)
        await client.close(job)
        await jobs.work(1)
        await reached(client, job.name, JobState.SUCCEEDED)
    await nobody_was_wronged(jobs, job.name)
