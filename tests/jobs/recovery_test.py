"""Recovery from crashes, lost messages and silent workers."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from carina.results import JobSpec, JobState, Priority
from carina.tasks.v1 import tasks_pb2
from chassis.blobs import BlobsUnavailableError, open_blobs
from services.jobs.commands.migrate import migrate
from services.jobs.errors import OldSchemaError
from services.jobs.storage.database import QUERIES, open_database, transaction
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import SystemStore
from tests.support.jobs import Jobs, open_jobs, pass_time, rows, started, succeeded

QUICK: dict[str, Any] = {"reconcile_interval": 0.3, "stalled_after": 1}


def film(folder: Path, number: int = 0) -> Path:
    path = folder / f"{number}.png"
    path.write_bytes(b"film %d" % number)
    return path


async def ended(jobs: Jobs, name: str, seconds: float = 20) -> JobState:
    async with jobs.client(replica=-1) as client, asyncio.timeout(seconds):
        while True:
            job = await client.get(name)
            if job.state.terminal:
                return job.state
            await asyncio.sleep(0.1)


async def test_tasks_that_the_broker_lost_are_published_again(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.replicas[0].end()
    await jobs.start(**QUICK)
    async with jobs.client(replica=-1) as client:
        submission = await client.submit([film(tmp_path, 1), film(tmp_path, 2)])
        first = await jobs.next_task()
        await jobs.report(started(first, tasks_pb2.STAGE_PREPROCESS))
        await asyncio.sleep(0.2)
        await jobs.jetstream.api("STREAM.DELETE.TASKS")
        await jobs.jetstream.api("STREAM.DELETE.RESULTS")
        for _ in range(2):
            async with asyncio.timeout(20):
                while True:
                    try:
                        task = await jobs.next_task()
                        break
                    except Exception:  # noqa: BLE001 - until the streams exist again
                        await asyncio.sleep(0.2)
            assert task.ref.republished == 1
            await jobs.report(succeeded(task))
        assert await ended(jobs, submission.job.name) == JobState.SUCCEEDED


async def test_an_image_without_any_outcome_fails_in_the_end(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.replicas[0].end()
    await jobs.start(reconcile_interval=0.1, stalled_after=0.1)
    async with jobs.client(replica=-1) as client:
        submission = await client.submit([film(tmp_path)])

        async def swallow() -> None:
            while True:
                try:
                    await jobs.next_task()
                except AssertionError:
                    await asyncio.sleep(0.05)

        swallowing = asyncio.create_task(swallow())
        assert await ended(jobs, submission.job.name, 60) == JobState.FAILED
        swallowing.cancel()
        (image,) = [image async for image in client.images(submission.job)]
    assert image.error is not None
    assert image.error.code == "PROCESSING_STALLED"
    assert image.error.retryable


async def test_a_second_reconciler_does_not_fail_what_the_first_has_just_republished(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        await client.submit([film(tmp_path)])
        await jobs.next_task()
    await jobs.replicas[0].end()
    await rows(jobs, "UPDATE images SET losses = 9, update_time = update_time - interval '1h'")
    (job,) = await rows(jobs, "SELECT job_id FROM jobs")
    async with open_database(jobs.database_url, connections=1) as database:
        for republished in ({job["job_id"]: 1}, {}):
            found = await SystemStore(database).republish(
                [job["job_id"]], stalled_after=timedelta(seconds=30), max_losses=10
            )
            assert found == (republished, [])


async def test_another_replica_publishes_the_outbox_of_a_crashed_one(
    jobs: Jobs, tmp_path: Path
) -> None:
    async with jobs.client() as client:
        submission = await client.submit([film(tmp_path)])
        task = await jobs.next_task()
    await jobs.replicas[0].crash()
    # Simulate a crash between commit and publication.
    await rows(
        jobs,
        """INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
        SELECT image_id, job_id, site, attempt, now() FROM images""",
    )
    await rows(jobs, "UPDATE images SET republished = 1")
    await jobs.start()
    again = await jobs.next_task()
    assert again.ref.image_id == task.ref.image_id
    await jobs.report(succeeded(again))
    assert await ended(jobs, submission.job.name) == JobState.SUCCEEDED


async def test_a_withdrawn_model_fails_its_images_and_delays_no_others(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.replicas[0].end()
    await jobs.start(reconcile_interval=0.2)
    async with jobs.client(replica=-1) as client:
        old = await client.create(JobSpec())
        await rows(jobs, "UPDATE jobs SET model = 'withdrawn'")
        await client.upload(old, film(tmp_path, 1))
        old = await client.close(old)
        new = await client.submit([film(tmp_path, 2)])
        # The model may belong to a newer release, so its images wait for a while.
        await jobs.work(1)
        assert await ended(jobs, new.job.name) == JobState.SUCCEEDED
        assert (await client.get(old)).state == JobState.PENDING
        await pass_time(jobs, timedelta(minutes=61))
        assert await ended(jobs, old.name) == JobState.FAILED
        (image,) = [image async for image in client.images(old)]
    assert image.error is not None
    assert image.error.code == "MODEL_WITHDRAWN"
    assert await rows(jobs, "SELECT 1 FROM outbox") == []


async def test_an_abandoned_job_is_closed_and_its_unfinished_upload_dropped(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start()
        async with jobs.client() as client:
            full, empty = await client.create(JobSpec()), await client.create(JobSpec())
            await client.upload(full, film(tmp_path))
            await rows(
                jobs,
                """INSERT INTO uploads SELECT job_id, 'half', site, gen_random_uuid(), '{}', 1,
                now(), now() FROM jobs WHERE total = 1""",
            )
            await pass_time(jobs, timedelta(minutes=59))
            await jobs.start(reconcile_interval=0.2)
            await asyncio.sleep(0.6)
            assert (await client.get(full)).state == JobState.RECEIVING
            await pass_time(jobs, timedelta(minutes=2))
            assert await ended(jobs, empty.name) == JobState.CANCELLED
            async with asyncio.timeout(5):
                while (await client.get(full)).state != JobState.PENDING:
                    await asyncio.sleep(0.05)
                while await rows(jobs, "SELECT 1 FROM uploads"):
                    await asyncio.sleep(0.05)


async def test_retention_deletes_jobs_blobs_and_orphans(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as client:
        old = await client.submit([film(tmp_path, 1)])
        await jobs.work(1)
        await ended(jobs, old.job.name)
        fresh = await client.submit([film(tmp_path, 2)])
    await jobs.replicas[0].end()
    await rows(jobs, "UPDATE jobs SET expire_time = now() WHERE state = 'SUCCEEDED'")
    blobs = open_blobs((jobs.folder / "blobs").as_uri())
    orphan = "sites/demo/jobs/x/7b0f6a3e-93b4-4f4a-8a58-8f0a3ff0e8aa/original-0"
    await blobs.put(orphan, b"never committed")
    # What an interrupted upload can leave beside a committed image.
    (image,) = await rows(jobs, "SELECT original_keys FROM images WHERE state = 'QUEUED'")
    beside = image["original_keys"][0].rpartition("/")[0]
    await blobs.put(f"{beside}/original-000000000000-0badcafe", b"cut")
    await blobs.put(f"{beside}/preview.jpg", b"no original")
    async with open_database(jobs.database_url, connections=2) as database:
        sweeper = Sweeper(SystemStore(database), blobs)
        assert await sweeper.expire() == 1
        await pass_time(jobs, timedelta(minutes=2))
        await sweeper.sweep()
        assert await sweeper.delete_orphans(timedelta(0)) == 2
    kept = {blob.key.split("/")[3] async for blob in blobs.list("sites/")}
    assert kept == {fresh.job.name.removeprefix("jobs/")}


async def test_a_failed_deletion_of_blobs_can_be_retried_at_once(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    await jobs.replicas[0].end()
    prefix = "sites/demo/jobs/5b8f5a0e-0b0a-4f0e-9d57-0d8a5f9f7f10/"
    await rows(
        jobs,
        """INSERT INTO deletions (site, job_id, prefix, delete_time)
        VALUES ('demo', gen_random_uuid(), $1, now() - interval '1h')""",
        prefix,
    )
    blobs = open_blobs((jobs.folder / "blobs").as_uri())
    await blobs.put(f"{prefix}image/original-0", b"gone")
    nowhere = open_blobs("s3://films?endpoint=http://127.0.0.1:1&region=us-east-1&allow_http=true")
    async with open_database(jobs.database_url, connections=1) as database:
        store = SystemStore(database)
        with pytest.raises(BlobsUnavailableError):
            await Sweeper(store, nowhere).sweep()
        await Sweeper(store, blobs).sweep()
    assert [blob async for blob in blobs.list(prefix)] == []


async def test_no_retention_statement_deletes_many_jobs(jobs: Jobs) -> None:
    async with jobs.client() as client:
        for _ in range(25):
            await client.create(JobSpec())
    await jobs.replicas[0].end()
    await rows(jobs, "UPDATE jobs SET state = 'CANCELLED', expire_time = now() - interval '1h'")
    await rows_as_owner(
        jobs,
        """CREATE FUNCTION few() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF (SELECT count(*) FROM gone) > 10 THEN RAISE 'many'; END IF; RETURN NULL; END $$;
        CREATE TRIGGER few AFTER DELETE ON jobs REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION few()""",
    )
    async with open_database(jobs.database_url, connections=2) as database:
        blobs = open_blobs((jobs.folder / "blobs").as_uri())
        assert await Sweeper(SystemStore(database), blobs).expire() == 25
    assert await rows(jobs, "SELECT 1 FROM jobs") == []


async def test_a_replica_refuses_to_start_on_an_old_schema(
    tmp_path: Path, postgres_url: str
) -> None:
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await rows_as_owner(jobs, "DELETE FROM schema_migrations")
        with pytest.raises(OldSchemaError, match="migrate"):
            await jobs.start()


async def rows_as_owner(jobs: Jobs, statement: str) -> None:
    connection = await asyncpg.connect(jobs.database_url)
    await connection.execute(statement)
    await connection.close()


async def test_migrations_that_start_together_do_not_collide(postgres_url: str) -> None:
    await asyncio.gather(*(migrate(postgres_url) for _ in range(3)))


async def test_the_outbox_is_claimed_by_priority_then_age(jobs: Jobs, tmp_path: Path) -> None:
    await asyncio.to_thread(jobs.nats.kill)
    async with jobs.client() as client:
        submitted = [
            await client.submit([film(tmp_path, number)], JobSpec(priority=priority))
            for number, priority in enumerate(
                (Priority.ROUTINE, Priority.URGENT, Priority.ROUTINE, Priority.URGENT)
            )
        ]
    await jobs.replicas[0].end()
    order = [str(each.job.name.removeprefix("jobs/")) for each in submitted]
    async with open_database(jobs.database_url, connections=1) as database:
        for ranks, expected in (
            (["URGENT", "ROUTINE"], (1, 3, 0, 2)),
            (["ROUTINE", "URGENT"], (0, 2, 1, 3)),  # by rank, not alphabetically
        ):
            await rows(jobs, "UPDATE outbox SET claimed_until = NULL")
            async with transaction(database.system) as connection:
                claimed = [
                    str(row["job_id"])
                    async for row in QUERIES.claim_outbox(
                        connection,
                        models=["cxr"],
                        priorities=ranks,
                        claim=timedelta(seconds=10),
                        limit=10,
                    )
                ]
            assert claimed == [order[number] for number in expected]
            # Another replica cannot claim them meanwhile.
            assert not (
                await SystemStore(database).claim_outbox(
                    models=["cxr"], claim=timedelta(seconds=10), limit=10
                )
            ).tasks
    await asyncio.to_thread(jobs.nats.start)
