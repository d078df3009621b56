"""The life cycle of a job, from the first call to the last event; the test plays the workers."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carina.client import Client
from carina.errors import RefusedError
from carina.files import FileUpload
from carina.results import ImageKind, ImageState, JobSpec, JobState, Priority
from carina.tasks.v1 import tasks_pb2
from deploy.local.issuer import Role
from tests.support.jobs import Jobs, failed, rows, started, succeeded


def film(folder: Path, name: str, content: bytes = b"film") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def films(folder: Path, count: int) -> list[Path]:
    return [film(folder, f"film-{number}.png", b"film %d" % number) for number in range(count)]


async def test_a_job_runs_from_submission_to_findings(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        submission = await client.submit(films(tmp_path, 3), JobSpec(patient_id="P1"))
        assert submission.job.state == JobState.PENDING
        assert submission.job.progress.total == 3
        watching = asyncio.create_task(collect(client, submission.job.name))
        await jobs.work(3, fail=lambda number: number == 1)
        updates = await watching
        job = await client.get(submission.job)
        images = [image async for image in client.images(submission.job)]
    assert job.state == JobState.PARTIALLY_SUCCEEDED
    assert (job.progress.succeeded, job.progress.failed, job.progress.percent) == (2, 1, 100)
    assert job.end_time is not None
    assert [image.ordinal for image in images] == [0, 1, 2]
    (broken,) = [image for image in images if image.state == ImageState.FAILED]
    assert broken.error is not None
    assert broken.error.code == "CORRUPT_IMAGE"
    good = next(image for image in images if image.state == ImageState.SUCCEEDED)
    assert good.predicted_label == "pneumonia"
    assert [finding.label for finding in good.findings] == ["normal", "pneumonia", "covid19"]
    assert good.findings[1].probability == pytest.approx(0.7)
    assert good.patient_id == "P1"
    assert good.notes == ("A_NOTE",)
    assert updates[-1].job.state == JobState.PARTIALLY_SUCCEEDED


async def collect(client: Client, name: str, after: int = 0) -> list:  # type: ignore[type-arg]
    return [update async for update in client.watch(name, after_revision=after)]


async def test_images_are_queued_while_others_are_still_uploading(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        job = await client.create(JobSpec())
        await client.upload(job, film(tmp_path, "a.png"))
        task = await jobs.next_task()
        await jobs.report(started(task, tasks_pb2.STAGE_PREPROCESS))
        await jobs.report(succeeded(task))
        await until(lambda: image_states(client, job.name), ["SUCCEEDED"])
        assert (await client.get(job)).state == JobState.RECEIVING
        assert (await client.close(job)).state == JobState.SUCCEEDED


async def test_an_image_whose_outcomes_arrive_together_has_a_duration(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        job = await client.create(JobSpec())
        await client.upload(job, film(tmp_path, "a.png"))
        task = await jobs.next_task()
        # Both outcomes are applied together.
        await jobs.report(started(task, tasks_pb2.STAGE_PREPROCESS))
        await jobs.report(succeeded(task))
        await until(lambda: image_states(client, job.name), ["SUCCEEDED"])
        (image,) = [image async for image in client.images(job.name)]
    assert image.start_time is not None
    assert image.end_time is not None
    assert image.start_time < image.end_time


async def image_states(client: Client, name: str) -> list[str]:
    return [str(image.state) async for image in client.images(name)]


async def until(
    question: Callable[[], Awaitable[object]], answer: object, seconds: float = 10
) -> None:
    async with asyncio.timeout(seconds):
        while await question() != answer:
            await asyncio.sleep(0.05)


async def test_an_urgent_job_uses_the_urgent_queue(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        await client.submit([film(tmp_path, "routine.png")])
        await client.submit(
            [film(tmp_path, "urgent.png", b"other")], JobSpec(priority=Priority.URGENT)
        )
        await asyncio.sleep(0.5)
        assert (await jobs.next_task()).ref.urgent


async def test_a_scheduled_job_waits_for_its_start_time(jobs: Jobs, tmp_path: Path) -> None:
    due = datetime.now(UTC) + timedelta(seconds=3)
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path, "a.png")], JobSpec(start_time=due))
        assert submission.job.state == JobState.PENDING
        await asyncio.sleep(1)
        assert await rows(jobs, "SELECT 1 FROM outbox")
        await until(lambda: rows(jobs, "SELECT 1 FROM outbox"), [])
    assert datetime.now(UTC) >= due


async def test_a_repeated_create_returns_the_first_job(jobs: Jobs) -> None:
    request_id = str(uuid.uuid4())
    async with jobs.client() as client:
        first = await client.create(JobSpec(notes="a"), request_id=request_id)
        again = await client.create(JobSpec(notes="a"), request_id=request_id)
        assert first.name == again.name
        with pytest.raises(RefusedError) as refusal:
            await client.create(JobSpec(notes="b"), request_id=request_id)
    assert refusal.value.reason == "REQUEST_ID_REUSED"


async def test_late_repeated_and_stale_outcomes_change_nothing(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path, "a.png")])
        task = await jobs.next_task()
        await jobs.report(failed(task, retryable=True))
        await until(lambda: job_state(client, submission.job.name), JobState.FAILED)
        await client.retry(submission.job)
        second = await jobs.next_task()
        assert second.ref.attempt == 2
        await jobs.report(succeeded(task))  # of the first attempt
        await jobs.report(succeeded(second))
        await jobs.report(succeeded(second))
        await jobs.report(failed(second))
        await until(lambda: job_state(client, submission.job.name), JobState.SUCCEEDED)
        await asyncio.sleep(0.3)
        job = await client.get(submission.job)
    assert job.state == JobState.SUCCEEDED
    assert (job.progress.succeeded, job.progress.failed) == (1, 0)


async def job_state(client: Client, name: str) -> JobState:
    return (await client.get(name)).state


async def test_cancel_ends_open_images_and_purges_their_tasks(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        submission = await client.submit(films(tmp_path, 3))
        task = await jobs.next_task()
        await until(lambda: rows(jobs, "SELECT 1 FROM outbox"), [])
        job = await client.cancel(submission.job)
        assert job.state == JobState.CANCELLED
        assert job.progress.cancelled == 3
        assert (
            await jobs.jetstream.count("TASKS", f"tasks.*.*.{job.name.removeprefix('jobs/')}") == 0
        )
        await jobs.report(succeeded(task))
        await asyncio.sleep(0.3)
        assert await image_states(client, job.name) == ["CANCELLED"] * 3
        assert (await client.cancel(job)).state == JobState.CANCELLED
        with pytest.raises(RefusedError) as refusal:
            await client.retry(job)
    assert refusal.value.reason == "WRONG_STATE"


async def test_a_retry_of_retryable_images_leaves_the_others_alone(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        submission = await client.submit(films(tmp_path, 2))
        for retryable in (False, True):
            await jobs.report(failed(await jobs.next_task(), retryable=retryable))
        await until(lambda: job_state(client, submission.job.name), JobState.FAILED)
        job = await client.retry(submission.job, only_retryable=True)
        assert job.state == JobState.RUNNING
        assert job.progress.failed == 1
        await jobs.report(succeeded(await jobs.next_task()))
        await until(lambda: job_state(client, submission.job.name), JobState.PARTIALLY_SUCCEEDED)


async def test_delete_marks_blobs_for_deletion_and_can_be_repeated(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client, jobs.client(Role.ADMIN) as admin:
        submission = await client.submit([film(tmp_path, "a.png")])
        with pytest.raises(RefusedError) as refusal:
            await client.delete(submission.job)
        assert refusal.value.reason == "ROLE_NOT_ALLOWED"
        with pytest.raises(RefusedError) as refusal:
            await admin.delete(submission.job)
        assert refusal.value.reason == "WRONG_STATE"
        await jobs.work(1)
        await until(lambda: job_state(client, submission.job.name), JobState.SUCCEEDED)
        await admin.delete(submission.job)
        await admin.delete(submission.job)
        with pytest.raises(RefusedError) as refusal:
            await client.get(submission.job)
        assert refusal.value.reason == "JOB_NOT_FOUND"
    assert len(await rows(jobs, "SELECT 1 FROM deletions WHERE sweep_time IS NULL")) == 1


async def test_a_duplicate_refers_to_the_earlier_image(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client, jobs.client(site="elsewhere") as stranger:
        first = await client.submit([film(tmp_path, "a.png")])
        second = await client.submit([film(tmp_path, "b.png")])
        other = await stranger.submit([film(tmp_path, "c.png")])
    assert first.images[0].duplicate_of == ""
    assert second.images[0].duplicate_of == first.images[0].name
    assert other.images[0].duplicate_of == ""


async def test_originals_and_heatmaps_are_read_back(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path, "a.png", b"the original")])
        await jobs.work(1)
        await until(lambda: job_state(client, submission.job.name), JobState.SUCCEEDED)
        (image,) = submission.images
        original = await client.read_image(image, ImageKind.ORIGINAL)
        heatmap = await client.read_image(image, ImageKind.HEATMAP)
        with pytest.raises(RefusedError) as refusal:
            await client.read_image(image, ImageKind.PREVIEW)
    assert original.data == b"the original"
    assert original.media_type == "image/png"
    assert heatmap.data == b"\x89PNG heat"
    assert refusal.value.reason == "NO_SUCH_BYTES"


async def test_a_job_without_images_cannot_be_closed(jobs: Jobs) -> None:
    async with jobs.client() as client:
        job = await client.create(JobSpec())
        with pytest.raises(RefusedError) as refusal:
            await client.close(job)
        assert refusal.value.reason == "JOB_EMPTY"
        assert (await client.cancel(job)).state == JobState.CANCELLED


async def test_file_names_do_not_become_paths(jobs: Jobs, tmp_path: Path) -> None:
    path = film(tmp_path, "a.png")
    names = ["../../etc/passwd", "evil\x1b[31m\n\0name", "\N{LUNGS}" * 1024]
    async with jobs.client() as client:
        job = await client.create(JobSpec())
        stored = []
        for key, name in enumerate(names):
            file = FileUpload(path=path, image_key=str(key), file_name=name, size_bytes=4)
            stored.append((await client.upload(job, file)).file_name)
    assert stored == ["../../etc/passwd", "evil[31mname", "\N{LUNGS}" * 1024]
    blobs = [str(blob.relative_to(jobs.folder)) for blob in jobs.folder.rglob("original-*")]
    assert len(blobs) == 3
    assert all(blob.startswith("blobs/sites/demo/jobs/") for blob in blobs)
