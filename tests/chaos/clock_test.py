"""Clocks that are set an hour forward or back: nothing is lost, doubled or given up for it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
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
from tests.support.jobs import Clock, Jobs, open_jobs, rows, started, succeeded
from tests.support.ledger import Backstage

HOUR = timedelta(hours=1)
QUICK: dict[str, Any] = {"reconcile_cycle": 0.1}


@pytest.fixture
def clock() -> Clock:
    """The clock of the replicas of a test."""
    return Clock()


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
    assert await backstage.leftovers() == []


async def lose(jobs: Jobs, job: Job) -> None:
    """Have the broker lose the tasks of a job."""
    async with asyncio.timeout(10):
        while not await jobs.jetstream.purge("TASKS", f"tasks.*.*.{job.name[5:]}"):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_tasks_that_are_owed_when_the_clock_is_set_go_out(
    jobs: Jobs, clock: Clock, tmp_path: Path, step: timedelta
) -> None:
    await jobs.start(clock=clock)
    await asyncio.to_thread(jobs.nats.kill)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a", "b"))).job
        clock.ahead = step
        await asyncio.to_thread(jobs.nats.start)
        await jobs.work(2)
        assert (await reached(client, job.name, JobState.SUCCEEDED)).progress.succeeded == 2
    await nobody_was_wronged(jobs, job.name)


async def test_an_image_retried_before_the_clock_is_set_back_goes_out(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a"))).job
        await jobs.work(1, fail=lambda _: True)
        await reached(client, job.name, JobState.FAILED)
        await asyncio.to_thread(jobs.nats.kill)
        await client.retry(job)
        clock.ahead = -HOUR
        await asyncio.to_thread(jobs.nats.start)
        await jobs.work(1)
        await reached(client, job.name, JobState.SUCCEEDED)
    await nobody_was_wronged(jobs, job.name, retries=1)


async def test_what_the_broker_lost_before_the_clock_is_set_back_is_published_again(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock, stalled=1, **QUICK)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a"))).job
        await lose(jobs, job)
        clock.ahead = -HOUR
        task = await jobs.next_task()
        assert task.ref.republished == 1
        await jobs.report(succeeded(task))
        await reached(client, job.name, JobState.SUCCEEDED)
    await nobody_was_wronged(jobs, job.name)


async def test_a_clock_set_forward_ends_neither_open_jobs_nor_images_at_work(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock, **QUICK)
    async with jobs.client() as client:
        working = (await client.submit(films(tmp_path, "working"))).job
        held = await jobs.hold_task()
        await jobs.report(started(held.task, tasks_pb2.STAGE_PREPROCESS))
        receiving, empty = await client.create(JobSpec()), await client.create(JobSpec())
        await client.upload(receiving, films(tmp_path, "early")[0])
        await jobs.work(1)
        await rows(
            jobs,
            """INSERT INTO uploads SELECT job_id, 'half', site, gen_random_uuid(), '{}', 1,
            update_time, update_time FROM jobs WHERE total = 0""",
        )
        # Two losses that only a clock set forward makes old: when the second has been mended, the
        # reconciler has done everything else once since the first.
        for number in range(2):
            lost = (await client.submit(films(tmp_path, f"lost-{number}"))).job
            await lose(jobs, lost)
            clock.ahead += HOUR
            task = await jobs.next_task()
            assert task.ref.republished == 1
            await jobs.report(succeeded(task))
            await reached(client, lost.name, JobState.SUCCEEDED)
        assert (await client.get(receiving)).state == JobState.RECEIVING
        assert (await client.get(empty)).state == JobState.RECEIVING
        assert len(await rows(jobs, "SELECT 1 FROM uploads")) == 1
        # The broker holds the task of a worker, so it was not published again.
        assert len(await rows(jobs, "SELECT 1 FROM images WHERE republished > 0")) == 2
        await jobs.report(succeeded(held.task))
        await held.ack()
        await reached(client, working.name, JobState.SUCCEEDED)
        # What was open goes on as if nothing had happened.
        await client.upload(receiving, films(tmp_path, "late")[0])
        await client.close(receiving)
        await client.upload(empty, films(tmp_path, "first")[0])
        await client.close(empty)
        await jobs.work(2)
        for job in (receiving, empty):
            await reached(client, job.name, JobState.SUCCEEDED)
    await nobody_was_wronged(jobs, working.name, receiving.name, empty.name)


async def test_images_that_no_worker_is_there_for_are_neither_doubled_nor_given_up(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock, **QUICK)
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, "a", "b"))).job
        for days in range(12):
            await only_tasks_are(jobs, 2, republished=days)
            clock.ahead += timedelta(days=1)
        assert (await client.get(job)).state == JobState.PENDING
        await only_tasks_are(jobs, 2, republished=12)
        await jobs.work(2)
        assert (await reached(client, job.name, JobState.SUCCEEDED)).progress.succeeded == 2
    assert await jobs.jetstream.count("TASKS", "tasks.>") == 0
    await nobody_was_wronged(jobs, job.name)


async def test_a_task_that_is_never_handed_out_is_published_again_with_all_of_its_job(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock, **QUICK)
    await jobs.start(clock=clock, **QUICK)
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


async def test_a_job_of_a_later_hour_starts_once_by_the_clock_as_it_is(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock, **QUICK)
    async with jobs.client() as client:
        spec = JobSpec(start_time=clock() + HOUR / 2)
        job = (await client.submit(films(tmp_path, "a", "b"), spec)).job
        clock.ahead = -HOUR
        with pytest.raises(AssertionError, match="no task came"):
            await jobs.next_task()
        clock.ahead = HOUR
        first = await jobs.next_task()
        clock.ahead = timedelta(0)
        await jobs.report(succeeded(first))
        await jobs.work(1)
        assert (await reached(client, job.name, JobState.SUCCEEDED)).progress.succeeded == 2
    await nobody_was_wronged(jobs, job.name)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_the_limit_of_jobs_a_minute_outlives_no_step(
    jobs: Jobs, clock: Clock, step: timedelta
) -> None:
    await jobs.start(clock=clock, jobs_per_minute=3)
    async with jobs.client() as client:
        for ahead in (timedelta(0), step):
            clock.ahead = ahead
            for _ in range(3):
                await client.create(JobSpec())
            with pytest.raises(RefusedError) as refusal:
                await client.create(JobSpec())
            assert refusal.value.reason == "TOO_MANY_JOBS"


async def test_replicas_whose_clocks_are_set_apart_do_not_undo_each_other(
    jobs: Jobs, tmp_path: Path
) -> None:
    ahead, behind = Clock(), Clock()
    for clock in (ahead, behind):
        await jobs.start(clock=clock, stalled=1, **QUICK)
    ahead.ahead, behind.ahead = HOUR, -HOUR
    async with jobs.client(replica=0) as one, jobs.client(replica=1) as other:
        early = (await one.submit(films(tmp_path, "a", "b"))).job
        late = (await other.submit(films(tmp_path, "c", "d"))).job
        held = [await jobs.hold_task() for _ in range(4)]
        # For longer than `stalled`; the broker holds the tasks all the while.
        lost = (await one.submit(films(tmp_path, "e"))).job
        await lose(jobs, lost)
        again = await jobs.next_task()
        for task in held:
            await jobs.report(succeeded(task.task))
            await task.ack()
        await jobs.report(succeeded(again))
        for job in (early, late, lost):
            await reached(one, job.name, JobState.SUCCEEDED)
    (most,) = await rows(jobs, "SELECT max(republished) AS most FROM images")
    assert most["most"] == 1
    await nobody_was_wronged(jobs, early.name, late.name, lost.name)


async def test_blobs_of_a_deleted_job_go_when_a_clock_that_was_set_back_has_caught_up(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock)
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
        sweeper = Sweeper(SystemStore(database), blobs, clock=clock)
        clock.ahead = -HOUR
        assert await sweeper.expire() == 0
        await sweeper.sweep()
        assert await owners() == {gone.name, kept.name}
        clock.ahead = HOUR
        assert await sweeper.expire() == 0
        await sweeper.sweep()
        assert await owners() == {kept.name}
        assert await sweeper.delete_orphans() == 0


async def test_a_token_of_another_hour_is_refused_and_costs_nothing(
    jobs: Jobs, clock: Clock, tmp_path: Path
) -> None:
    await jobs.start(clock=clock)
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
