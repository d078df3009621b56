"""Outcomes that can be stored only in part, or not at all, do not delay others."""

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from carina.client import Client
from carina.results import Image, ImageState, Job, JobState
from carina.tasks.v1 import tasks_pb2
from tests.support.jobs import Jobs, failed, started, succeeded


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make five deliveries take less than a second."""
    monkeypatch.setattr("chassis.nats.settle._LONGEST_DELAY", timedelta(seconds=0.05))


async def submit(client: Client, folder: Path, *names: str) -> Job:
    paths = [folder / f"{name}.png" for name in names]
    for path in paths:
        path.write_bytes(path.name.encode())
    return (await client.submit(paths)).job


async def ended(client: Client, job: Job) -> list[Image]:
    """Wait until a job has ended and return its images."""
    async with asyncio.timeout(30):
        while not (await client.get(job)).state.terminal:
            await asyncio.sleep(0.05)
    return [image async for image in client.images(job)]


async def settled(jobs: Jobs) -> None:
    """Wait until the broker holds no more outcomes."""
    async with asyncio.timeout(30):
        while await jobs.jetstream.count("RESULTS", "results.>"):
            await asyncio.sleep(0.05)


async def test_text_that_postgresql_cannot_store_is_removed_and_long_text_is_truncated(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        job = await submit(client, tmp_path, "bad", "good")
        bad = failed(await jobs.next_task())
        bad.failed.code = "CORRUPT\0_IMAGE"
        bad.failed.message = "1.2.840\0SMITH" + "x" * 70_000
        bad.failed.preparation.notes.append("\0")
        good = succeeded(await jobs.next_task())
        good.succeeded.predicted_label = "pneu\0monia"
        good.succeeded.model.labels[1] = "pneu\0monia"
        good.succeeded.model.version = "1\0"
        good.succeeded.notes.extend(["\0A_NOTE"] * 100)
        found = good.succeeded.preparation
        found.modality, found.view_position, found.body_part = "D\0X", "P\0A", "CHEST\0" * 1000
        for outcome in (bad, good):
            await jobs.report(outcome)
        images = await ended(client, job)
    by_state = {image.state: image for image in images}
    error = by_state[ImageState.FAILED].error
    assert error is not None
    assert (error.code, error.message[:14], len(error.message)) == (
        "CORRUPT_IMAGE",
        "1.2.840SMITHxx",
        500,
    )
    succeeded_image = by_state[ImageState.SUCCEEDED]
    assert (succeeded_image.predicted_label, succeeded_image.findings[1].label) == (
        "pneumonia",
        "pneumonia",
    )
    assert list(succeeded_image.notes) == ["A_NOTE"] * 20
    await settled(jobs)


async def test_an_outcome_that_can_never_be_applied_fails_its_image_and_delays_no_other(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        job = await submit(client, tmp_path, "a", "b", "c")
        incomplete, far_future, valid = [await jobs.next_task() for _ in range(3)]
        outcome = succeeded(incomplete)
        del outcome.succeeded.probabilities[1:]
        await jobs.report(outcome)
        outcome = started(far_future, tasks_pb2.STAGE_PREPROCESS)
        outcome.time.seconds = 10**15
        await jobs.report(outcome)
        await jobs.report(succeeded(valid))
        images = await ended(client, job)
        assert (await client.get(job)).state == JobState.PARTIALLY_SUCCEEDED
    codes = sorted(image.error.code if image.error else "" for image in images)
    assert codes == ["", "TASK_REFUSED", "TASK_REFUSED"]
    await settled(jobs)


async def test_an_outcome_is_dropped_if_its_image_cannot_even_be_failed(
    jobs: Jobs, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(jobs.database_url)
    async with jobs.client() as client:
        unwritable = await submit(client, tmp_path, "unwritable")
        await connection.execute(
            f"""CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE 'unwritable'; END $$;
            CREATE TRIGGER unwritable BEFORE UPDATE ON images FOR EACH ROW
            WHEN (old.job_id = '{unwritable.name.removeprefix("jobs/")}') EXECUTE FUNCTION fail()"""
        )
        writable = await submit(client, tmp_path, "writable")
        for _ in range(2):
            await jobs.report(succeeded(await jobs.next_task()))
        assert [image.state for image in await ended(client, writable)] == ["SUCCEEDED"]
        await settled(jobs)
        assert (await client.get(unwritable)).state == JobState.PENDING
    await connection.close()
