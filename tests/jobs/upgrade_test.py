"""Schema migrations with existing data, and with replicas that know only the previous schema."""

import asyncio
import shutil
from pathlib import Path

import pytest

from carina.results import JobSpec, JobState
from deploy.local.issuer import Role
from deploy.local.postgres import Postgres
from services.jobs.commands.migrate import MIGRATIONS, migrate
from services.jobs.errors import OldSchemaError
from services.jobs.storage.database import newest_migration, open_database, require_current_schema
from tests.support import old_schemas
from tests.support.jobs import Jobs, open_jobs, rows, succeeded

# What the migrations of a later version may do before its replicas start: only add.
EXPANSION = """-- migrate:up
SET lock_timeout = '5s';
ALTER TABLE jobs ADD COLUMN ward text NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN laterality text NOT NULL DEFAULT '', ADD COLUMN dose real;
ALTER TABLE job_events ADD COLUMN actor text;
ALTER TABLE outbox ADD COLUMN tries integer NOT NULL DEFAULT 0;
CREATE TABLE wards (ward text PRIMARY KEY);
-- migrate:down
"""
INDEX = """-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY images_laterality ON images (laterality);
-- migrate:down
"""
SCHEMAS = sorted(old_schemas.FOLDER.glob("*.sql"), key=lambda path: path.stem)


def test_every_migration_that_changes_a_table_has_a_dump() -> None:
    # A migration that only changes indexes leaves rows as they are.
    changed = {
        path.name.split("_")[0]
        for path in MIGRATIONS.glob("*.sql")
        if "TABLE" in path.read_text().partition("-- migrate:down")[0]
    }
    assert changed
    assert {path.stem for path in SCHEMAS} >= changed


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
async def test_a_database_with_an_earlier_schema_is_upgraded_and_its_jobs_are_finished(
    schema: Path, postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    database = postgres_url.partition("?")[0].rpartition("/")[2]
    await asyncio.to_thread(old_schemas.load, postgres, database, schema)
    if schema.stem < newest_migration():
        async with open_database(postgres_url, connections=1) as opened:
            with pytest.raises(OldSchemaError):
                await require_current_schema(opened)
    async with open_jobs(tmp_path, postgres_url) as jobs:  # migrates
        # The dump is old; keep the reconciler from treating its jobs as abandoned.
        await rows(jobs, "UPDATE jobs SET update_time = now()")
        await rows(jobs, "UPDATE uploads SET update_time = now()")
        await jobs.start(reconcile_interval=0.2)
        async with jobs.client() as client:
            found = {job.spec.display_name: job async for job in client.list()}
            assert {job.state for job in found.values()} == set(JobState) - {"UNSPECIFIED"}
            working = asyncio.create_task(finish_all(jobs))
            for name, job in found.items():
                state, end = name.split()
                assert job.state == state
                images = [image async for image in client.images(job)]
                assert len(images) == job.progress.total
                if state != end:
                    [*_, last] = [update async for update in client.watch(job)]
                    assert last.job.state == end
                for image in images:
                    if image.state == "SUCCEEDED":
                        assert image.predicted_label == "pneumonia"
            receiving = found["RECEIVING RECEIVING"]
            assert (await client.upload_status(receiving, "half")).committed_size == 1
            working.cancel()


async def finish_all(jobs: Jobs) -> None:
    while True:
        try:
            await jobs.report(succeeded(await jobs.next_task()))
        except AssertionError:
            continue  # no task came within the timeout


async def test_replicas_work_with_the_schema_of_the_next_version(
    postgres_url: str, tmp_path: Path
) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, migrations)
    (migrations / "9998_expansion.sql").write_text(EXPANSION)
    (migrations / "9999_index.sql").write_text(INDEX)
    async with open_jobs(tmp_path, postgres_url) as jobs:
        await jobs.start()
        await exercise(jobs, tmp_path, replica=0)
        # Two at once, as when each pod runs the migrations; the replica continues.
        await asyncio.gather(*(migrate(postgres_url, migrations=migrations) for _ in range(2)))
        assert await rows(jobs, "SELECT laterality FROM images")
        # What a replica of that version may add to the same JSON documents.
        await rows(
            jobs,
            """UPDATE images SET result = jsonb_set(
                result || '{"laterality": "L"}', '{findings,0,region}', '"apex"'
            ) WHERE state = 'SUCCEEDED'""",
        )
        await exercise(jobs, tmp_path, replica=0)
        await jobs.start()  # a replica that is rescheduled during the rollout
        await exercise(jobs, tmp_path, replica=1)


async def exercise(jobs: Jobs, folder: Path, *, replica: int) -> None:
    """Exercise the whole life cycle of a job."""
    path = folder / "film.png"
    path.write_bytes(b"film")
    async with (
        jobs.client(replica=replica) as client,
        jobs.client(Role.ADMIN, replica=replica) as admin,
    ):
        known = [job async for job in client.list()]
        assert [image.state for job in known async for image in client.images(job)] == [
            "SUCCEEDED" for _ in known
        ]
        job = (await client.submit([path], JobSpec(display_name="x"))).job
        await jobs.work(1, fail=lambda _: True)
        updates = [update async for update in client.watch(job)]
        assert updates[-1].job.state == JobState.FAILED
        await client.retry(job)
        await jobs.work(1)
        updates = [update async for update in client.watch(job)]
        assert updates[-1].job.state == JobState.SUCCEEDED
        assert [image.state async for image in client.images(job)] == ["SUCCEEDED"]
        other = (await client.submit([path])).job
        assert (await client.cancel(other)).state == JobState.CANCELLED
        await admin.delete(other)
        assert job.name in [each.name async for each in client.list()]
