"""Dead-lettered tasks are redelivered once or fail their image, unless the image has moved on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest

from carina.client import Client
from carina.results import Job, JobSpec, JobState
from carina.tasks import bus
from carina.tasks.v1 import tasks_pb2
from chassis.errors import UsageError
from chassis.nats.consume import Delivery, Source, consume
from chassis.nats.jetstream import StreamNotFoundError
from services.preprocess.queue import term_reason
from tests.support.jobs import Jobs, failed, open_jobs, pass_time, rows, succeeded


def film(folder: Path) -> Path:
    path = folder / "film.png"
    path.write_bytes(b"film")
    return path


async def ended(jobs: Jobs, name: str) -> JobState:
    async with jobs.client(replica=-1) as client, asyncio.timeout(20):
        while True:
            job = await client.get(name)
            if job.state.terminal:
                return job.state
            await asyncio.sleep(0.1)


async def take_and_die(jobs: Jobs, *, deliveries: int) -> list[tasks_pb2.PreprocessTask]:
    """Play workers that die with every task they take; return the tasks."""
    subscription = await jobs.jetstream.client.jetstream().pull_subscribe_bind(
        "preprocess-routine", "TASKS"
    )
    taken: list[tasks_pb2.PreprocessTask] = []
    while len(taken) < deliveries:
        (message,) = await subscription.fetch(1, timeout=10)
        taken.append(tasks_pb2.PreprocessTask.FromString(message.data))
    # On the next pull, the broker notices that the deliveries are used up.
    with pytest.raises(TimeoutError):
        await subscription.fetch(1, timeout=2)
    await subscription.unsubscribe()
    return taken


async def reaches_outbox(jobs: Jobs) -> None:
    async with asyncio.timeout(10):
        while not await rows(jobs, "SELECT 1 FROM outbox"):
            await asyncio.sleep(0.05)


async def test_a_task_that_kills_every_worker_is_redelivered_once_and_then_fails(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start(ack_wait=1)
        async with jobs.client() as client:
            submission = await client.submit([film(tmp_path)])
            first = await take_and_die(jobs, deliveries=5)
            await reaches_outbox(jobs)
            assert (await client.get(submission.job)).state == JobState.PENDING
            await pass_time(jobs, timedelta(seconds=61))
            second = await take_and_die(jobs, deliveries=5)
            assert [task.ref.republished for task in first + second] == [0] * 5 + [1] * 5
            assert await ended(jobs, submission.job.name) == JobState.FAILED
            (image,) = [image async for image in client.images(submission.job)]
        assert image.error is not None
        assert image.error.code == "WORKER_DIED"
        assert await jobs.jetstream.count("TASKS", "tasks.>") == 0
        assert await rows(jobs, "SELECT 1 FROM outbox") == []


async def test_a_lost_task_still_has_two_series_of_deliveries(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start(ack_wait=1, reconcile_interval=0.2)
        async with jobs.client() as client:
            job = (await client.submit([film(tmp_path)])).job
            await jobs.next_task()
            await rows(jobs, "UPDATE images SET update_time = update_time - interval '1h'")
            first = await take_and_die(jobs, deliveries=5)
            await reaches_outbox(jobs)
            await pass_time(jobs, timedelta(seconds=61))
            second = await take_and_die(jobs, deliveries=5)
            assert [task.ref.republished for task in first + second] == [1] * 5 + [2] * 5
            assert await ended(jobs, job.name) == JobState.FAILED
            (image,) = [image async for image in client.images(job)]
        assert image.error is not None
        assert image.error.code == "WORKER_DIED"


async def test_an_image_can_end_and_be_retried_while_its_redelivery_is_pending(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start(ack_wait=1)
        async with jobs.client() as client:
            submission = await client.submit([film(tmp_path)])
            task = (await take_and_die(jobs, deliveries=5))[0]
            await reaches_outbox(jobs)
            # The outcome of a worker that was merely slow.
            await jobs.report(failed(task))
            assert await ended(jobs, submission.job.name) == JobState.FAILED
            await client.retry(submission.job)
            again = await jobs.next_task()
            assert (again.ref.attempt, again.ref.republished) == (2, 0)
            await jobs.report(succeeded(again))
            assert await ended(jobs, submission.job.name) == JobState.SUCCEEDED


async def test_a_task_that_a_worker_refuses_fails_its_image_at_once(
    jobs: Jobs, tmp_path: Path
) -> None:
    async def refuse(_delivery: Delivery) -> NoReturn:
        raise UsageError("never")

    stop = asyncio.Event()
    source = Source("TASKS", "preprocess-routine")
    working = asyncio.create_task(
        consume(jobs.jetstream, [source], refuse, slots=1, stop=stop, term_reason=term_reason)
    )
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path)])
        assert await ended(jobs, submission.job.name) == JobState.FAILED
        (image,) = [image async for image in client.images(submission.job)]
    stop.set()
    await working
    assert image.error is not None
    assert (image.error.code, image.error.retryable) == ("TASK_REFUSED", True)


async def test_tasks_too_large_for_the_broker_fail_their_images_and_delay_no_others(
    tmp_path: Path, postgres_url: str
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode())
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start()
        async with jobs.client() as client:
            spec = JobSpec(start_time=datetime.now(UTC) + timedelta(minutes=1))
            job = (await client.submit(paths, spec)).job
            # Above the limit of the stream, and above the limit of the broker.
            for ordinal, parts in ((0, 4000), (1, 8000)):
                await rows(
                    jobs,
                    """UPDATE images SET original_keys = array_fill($1::text, ARRAY[$2::int])
                    WHERE ordinal = $3""",
                    "sites/" + "x" * 180,
                    parts,
                    ordinal,
                )
            await pass_time(jobs, timedelta(minutes=2))
            await jobs.work(1)
            assert await ended(jobs, job.name) == JobState.PARTIALLY_SUCCEEDED
            images = [image async for image in client.images(job)]
        errors = [image.error and (image.error.code, image.error.retryable) for image in images]
        assert errors == [("TASK_REFUSED", True), ("TASK_REFUSED", True), None]
        async with asyncio.timeout(10):
            while await rows(jobs, "SELECT 1 FROM outbox"):
                await asyncio.sleep(0.05)


class Refuser:
    """A worker that refuses the first publication on cue and accepts all others."""

    def __init__(self) -> None:
        self.refuse = asyncio.Event()
        self.tasks: asyncio.Queue[tasks_pb2.PreprocessTask] = asyncio.Queue()

    async def handle(self, delivery: Delivery) -> None:
        task = tasks_pb2.PreprocessTask.FromString(delivery.data)
        self.tasks.put_nowait(task)
        if (task.ref.attempt, task.ref.republished) == (1, 0):
            await self.refuse.wait()
            raise UsageError("never")

    async def next(self) -> tasks_pb2.PreprocessTask:
        async with asyncio.timeout(20):
            return await self.tasks.get()


@asynccontextmanager
async def refuser(jobs: Jobs) -> AsyncIterator[Refuser]:
    worker, stop = Refuser(), asyncio.Event()
    source = Source("TASKS", "preprocess-routine")
    working = asyncio.create_task(
        consume(
            jobs.jetstream, [source], worker.handle, slots=2, stop=stop, term_reason=term_reason
        )
    )
    try:
        yield worker
    finally:
        stop.set()
        await working


async def advisories_handled(jobs: Jobs, *, count: int = 1) -> None:
    """Wait until the service has handled `count` advisories."""
    async with asyncio.timeout(20):
        while True:
            consumer = await jobs.jetstream.api("CONSUMER.INFO.DEAD.jobs-dead")
            if consumer["ack_floor"]["consumer_seq"] >= count:
                return
            await asyncio.sleep(0.05)


async def test_an_advisory_of_a_deleted_stream_does_not_affect_a_new_task(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path)])
        await queued(jobs)
        gone = (await jobs.jetstream.api("STREAM.INFO.TASKS"))["state"]["first_seq"]
        await jobs.jetstream.api("STREAM.DELETE.TASKS")
        await rows(jobs, "UPDATE images SET update_time = update_time - interval '7 hours'")
        await queued(jobs)
        advisory = bus.Advisory(bus.AdvisoryKind.MAX_DELIVERIES, "preprocess-routine", gone)
        await jobs.jetstream.client.publish(advisory.subject, advisory.to_json())
        await advisories_handled(jobs)
        assert await jobs.jetstream.count("TASKS", "tasks.>") == 1
        assert await rows(jobs, "SELECT 1 FROM outbox") == []
        await jobs.work(1)
        assert await ended(jobs, submission.job.name) == JobState.SUCCEEDED


async def test_a_task_that_a_cancel_purges_under_its_worker_is_not_reported_as_dead(
    jobs: Jobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with jobs.client() as client:
        job = (await client.submit([film(tmp_path)])).job
        held = await jobs.hold_task()
        assert (await client.cancel(job)).state == JobState.CANCELLED
        await held.nak()
        await client.submit([film(tmp_path)])
        await jobs.next_task()  # the broker notices the missing one on its way to this one
        await advisories_handled(jobs)
    assert "dead task dropped" not in capsys.readouterr().out


async def queued(jobs: Jobs) -> None:
    async with asyncio.timeout(20):  # the reconciler runs every 8 to 12
        while True:
            with suppress(StreamNotFoundError):
                if await jobs.jetstream.count("TASKS", "tasks.>"):
                    return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def connected(jobs: Jobs) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(jobs.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def publish_again(jobs: Jobs, _client: Client, _job: Job, _task: object) -> None:
    # Simulate a stuck task: the broker holds one, but the image has been open for over six hours.
    await rows(jobs, "UPDATE images SET update_time = update_time - interval '7 hours'")


async def retry(jobs: Jobs, client: Client, job: Job, task: tasks_pb2.PreprocessTask) -> None:
    await jobs.report(failed(task))
    assert await ended(jobs, job.name) == JobState.FAILED
    await client.retry(job)


@pytest.mark.parametrize(
    ("supersede", "newer"),
    [(publish_again, (1, 1)), (retry, (2, 0))],
    ids=["published-again", "retried"],
)
async def test_a_refusal_of_an_older_task_changes_nothing(
    tmp_path: Path, postgres_url: str, supersede: Any, newer: tuple[int, int]
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start(reconcile_interval=0.2)
        async with refuser(jobs) as worker, jobs.client() as client:
            job = (await client.submit([film(tmp_path)])).job
            await supersede(jobs, client, job, await worker.next())
            task = await worker.next()
            assert (task.ref.attempt, task.ref.republished) == newer
            before = await client.get(job)
            worker.refuse.set()
            await advisories_handled(jobs)
            assert await client.get(job) == before
            await jobs.report(succeeded(task))
            assert await ended(jobs, job.name) == JobState.SUCCEEDED
        assert await jobs.jetstream.count("TASKS", "tasks.>") == 0


async def test_a_refusal_of_the_task_of_an_ended_image_changes_nothing(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with refuser(jobs) as worker, jobs.client() as client:
        job = (await client.submit([film(tmp_path)])).job
        await jobs.report(succeeded(await worker.next()))
        assert await ended(jobs, job.name) == JobState.SUCCEEDED
        before = await client.get(job)
        worker.refuse.set()
        await advisories_handled(jobs)
        assert await client.get(job) == before


async def test_a_refusal_that_races_with_the_next_publication_changes_nothing(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with refuser(jobs) as worker, jobs.client() as client, connected(jobs) as connection:
        job = (await client.submit([film(tmp_path)])).job
        task = await worker.next()
        # Simulate the reconciler of another replica just before its commit.
        async with connection.transaction():
            await connection.execute("UPDATE images SET republished = 1")
            worker.refuse.set()
            async with asyncio.timeout(20):
                while not await rows(jobs, "SELECT 1 FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.05)
        await advisories_handled(jobs)
        assert (await client.get(job)).state == JobState.PENDING
        task.ref.republished = 1
        await jobs.report(succeeded(task))
        assert await ended(jobs, job.name) == JobState.SUCCEEDED


async def test_a_dead_task_that_was_published_again_since_fails_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start(ack_wait=1, stalled_after=3600)
        async with jobs.client() as client:
            job = (await client.submit([film(tmp_path)])).job
            await take_and_die(jobs, deliveries=5)
            await reaches_outbox(jobs)
            await pass_time(jobs, timedelta(seconds=61))
            while not await jobs.jetstream.count("TASKS", "tasks.>"):
                await asyncio.sleep(0.05)
            # Simulate another replica that has published the task once more.
            await rows(jobs, "UPDATE images SET republished = 2")
            last = (await take_and_die(jobs, deliveries=5))[-1]
            await advisories_handled(jobs, count=2)
            assert (await client.get(job)).state == JobState.PENDING
            last.ref.republished = 2
            await jobs.report(succeeded(last))
            assert await ended(jobs, job.name) == JobState.SUCCEEDED
        assert await jobs.jetstream.count("TASKS", "tasks.>") == 0
