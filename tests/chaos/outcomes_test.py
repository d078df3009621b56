"""Outcomes that are duplicated, late, out of order or of an earlier attempt, and racing callers.

Two replicas run in the test process, on real servers; the test plays the workers.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from carina.client import Client
from carina.errors import CarinaError, RefusedError
from carina.results import JobSpec, JobState
from carina.tasks.v1 import tasks_pb2
from chassis.blobs import open_blobs
from deploy.local.issuer import Role
from tests.support.jobs import Jobs, failed, open_jobs, rows, started, succeeded
from tests.support.ledger import Backstage

ROUNDS = 12


@pytest.fixture
async def jobs(tmp_path: Path, postgres_url: str) -> AsyncIterator[Jobs]:
    async with open_jobs(tmp_path, postgres_url) as service:
        for _ in range(2):
            await service.start(jobs_per_minute=100_000, images_per_job=1000)
        yield service


def films(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


async def assert_consistent_histories(jobs: Jobs, *names: str, retries: int = 0) -> None:
    backstage = Backstage(
        jobs.database_url, jobs.nats_url, open_blobs((jobs.folder / "blobs").as_uri())
    )
    found = await backstage.histories(list(names))
    assert found.keys() == set(names)
    attempts = 1 + retries
    assert [each for one in found.values() for each in one.problems(max_attempts=attempts)] == []


async def report(jobs: Jobs, outcome: tasks_pb2.Outcome) -> None:
    """Report an outcome and wait until the broker has stored it."""
    outcome.time.GetCurrentTime()
    await jobs.jetstream.publish(
        f"results.{UUID(bytes=outcome.ref.job_id)}",
        outcome.SerializeToString(),
        message_id=str(uuid4()),
    )


async def ended(client: Client, name: str) -> JobState:
    async with asyncio.timeout(30):
        while True:
            job = await client.get(name)
            if job.state.terminal:
                return job.state
            await asyncio.sleep(0.05)


async def applied(jobs: Jobs) -> None:
    """Wait until every outcome has been applied."""
    async with asyncio.timeout(30):
        while await jobs.jetstream.count("RESULTS", "results.*"):
            await asyncio.sleep(0.05)


async def test_repeated_reordered_and_late_outcomes_count_once(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, 6))).job
        tasks = [await jobs.next_task() for _ in range(6)]
        outcomes = [
            outcome
            for task in tasks
            for outcome in (
                started(task, tasks_pb2.STAGE_PREPROCESS),
                started(task, tasks_pb2.STAGE_INFER),
                succeeded(task),
            )
        ] * 4
        random.shuffle(outcomes)
        for outcome in outcomes:
            await report(jobs, outcome)
        assert await ended(client, job.name) == JobState.SUCCEEDED
        # A worker that reports something else is too late.
        for task in tasks:
            await report(jobs, failed(task))
            await report(jobs, started(task, tasks_pb2.STAGE_PREPROCESS))
        await applied(jobs)
        assert (await client.get(job)).state == JobState.SUCCEEDED
    await assert_consistent_histories(jobs, job.name)


async def test_an_outcome_of_an_attempt_before_a_retry_changes_nothing(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, 1))).job
        first = await jobs.next_task()
        await report(jobs, failed(first, retryable=True))
        assert await ended(client, job.name) == JobState.FAILED
        await client.retry(job)
        await report(jobs, succeeded(first))
        await report(jobs, failed(first))
        await applied(jobs)
        assert (await client.get(job)).state == JobState.RUNNING
        second = await jobs.next_task()
        assert second.ref.attempt == 2
        await report(jobs, succeeded(second))
        assert await ended(client, job.name) == JobState.SUCCEEDED
    await assert_consistent_histories(jobs, job.name, retries=1)


async def test_an_outcome_after_a_cancel_changes_nothing(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        job = (await client.submit(films(tmp_path, 3))).job
        tasks = [await jobs.next_task() for _ in range(2)]
        await report(jobs, succeeded(tasks[0]))
        await applied(jobs)
        await client.cancel(job)
        for task in tasks:
            await report(jobs, succeeded(task))
        await applied(jobs)
        last = await client.get(job)
    assert last.state == JobState.CANCELLED
    assert (last.progress.succeeded, last.progress.cancelled) == (1, 2)
    await assert_consistent_histories(jobs, job.name)


async def test_cancel_retry_and_completion_race_from_two_replicas(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client(replica=0) as one, jobs.client(replica=1) as other:
        names = []
        for number in range(ROUNDS):
            job = (await one.submit(films(tmp_path, 4))).job
            names.append(job.name)
            tasks = [await jobs.next_task() for _ in range(4)]
            for task in tasks[:2]:
                await report(jobs, failed(task, retryable=True))
            await asyncio.sleep(random.uniform(0, 0.08))
            calls = [
                *(report(jobs, succeeded(task)) for task in tasks[2:]),
                one.retry(job),
                other.retry(job),
            ]
            if number % 2:
                calls.append(other.cancel(job))
            random.shuffle(calls)
            answers = await asyncio.gather(*calls, return_exceptions=True)
            # Each call either succeeds or is refused because of the state of the job.
            assert [
                answer
                for answer in answers
                if isinstance(answer, Exception) and not isinstance(answer, RefusedError)
            ] == []
            await applied(jobs)
            if not (await one.get(job)).state.terminal:
                await one.retry(job)
                left = [image async for image in one.images(job) if not image.state.terminal]
                await jobs.work(len(left))
            await ended(one, job.name)
    await assert_consistent_histories(jobs, *names, retries=3)


async def test_deletion_and_completion_race_from_two_replicas(jobs: Jobs, tmp_path: Path) -> None:
    async with (
        jobs.client(replica=0) as doctor,
        jobs.client(Role.ADMIN, replica=1) as admin,
    ):
        for _ in range(ROUNDS):
            job = (await doctor.submit(films(tmp_path, 2))).job
            tasks = [await jobs.next_task() for _ in range(2)]
            reports = [report(jobs, succeeded(task)) for task in tasks]
            gone = asyncio.create_task(delete_as_soon_as_possible(admin, job.name))
            watching = asyncio.create_task(watched(doctor, job.name))
            await asyncio.gather(*reports, doctor.cancel(job), return_exceptions=True)
            async with asyncio.timeout(30):
                await asyncio.gather(gone, watching)
        await applied(jobs)
    assert await rows(jobs, "SELECT 1 FROM images") == []
    assert await rows(jobs, "SELECT 1 FROM outbox") == []


async def delete_as_soon_as_possible(client: Client, name: str) -> None:
    while True:
        try:
            await client.delete(name)
        except RefusedError as error:
            assert error.reason == "WRONG_STATE"
            await asyncio.sleep(0.005)
        else:
            return


async def watched(client: Client, name: str) -> None:
    try:
        async for _ in client.watch(name):
            pass
    except CarinaError as error:
        assert isinstance(error, RefusedError)
        assert error.reason == "JOB_NOT_FOUND"


async def test_a_queue_full_of_films_has_space_for_prepared_ones(
    tmp_path: Path, postgres_url: str
) -> None:
    # Otherwise nothing could leave it: a film leaves the queue once its prepared form is in it.
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start(stream_max_bytes=400_000, images_per_job=1000)
        async with jobs.client() as client:
            job = await client.create(JobSpec())
            for path in films(tmp_path, 700):
                await client.upload(job, path)
        async with asyncio.timeout(60):
            while True:
                state = (await jobs.jetstream.api("STREAM.INFO.TASKS"))["state"]
                if state["bytes"] > 200_000:
                    break
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        assert await rows(jobs, "SELECT 1 FROM outbox LIMIT 1")
        pixels = bytes(224 * 224 + 1000)
        await jobs.jetstream.publish("tasks.infer.routine.x", pixels, message_id="prepared")
