"""Database dumps of earlier schemas, with jobs in every state.

`python -m tests.support.old_schemas` writes a dump of the newest schema to `tests/data/schemas`.
Run it once for each migration that changes a table; the file is never changed afterwards. The
display name of a job is its current state followed by its state once workers have finished it.
"""

import asyncio
import subprocess
import tempfile
from functools import partial
from operator import gt
from pathlib import Path

from carina.results import Job, JobSpec
from carina.tasks.v1 import tasks_pb2
from deploy.local.issuer import Role
from deploy.local.postgres import Postgres, postgres_server, postgres_tool
from deploy.local.settings import ROOT
from services.jobs.storage.database import newest_migration
from tests.support.jobs import Jobs, failed, open_jobs, rows, started, succeeded
from tests.support.servers import running

FOLDER = ROOT / "tests" / "data" / "schemas"


async def fill_with_every_state(jobs: Jobs, folder: Path) -> None:
    """Create a job in each state, a deleted one and a retried one."""
    async with jobs.client() as client, jobs.client(Role.ADMIN) as admin:
        number = 0

        async def submit(name: str, images: int = 2) -> Job:
            nonlocal number
            job = await client.create(JobSpec(display_name=name, patient_id="P1", notes="a note"))
            for _ in range(images):
                path = folder / f"{number}.png"
                path.write_bytes(b"film %d" % number)
                number += 1
                await client.upload(job, path)
            return job

        async def ended(job: Job) -> None:
            async for _ in client.watch(job):
                pass

        for name, failures in (
            ("SUCCEEDED SUCCEEDED", 0),
            ("PARTIALLY_SUCCEEDED PARTIALLY_SUCCEEDED", 1),
            ("FAILED FAILED", 2),
        ):
            job = await client.close(await submit(name))
            await jobs.work(2, fail=partial(gt, failures))
            await ended(job)
        retried = await client.close(await submit("RUNNING SUCCEEDED", 1))
        await jobs.report(failed(await jobs.next_task()))
        await ended(retried)
        await client.retry(retried)
        await jobs.report(started(await jobs.next_task(), tasks_pb2.STAGE_PREPROCESS))
        deleted = await client.close(await submit("deleted", 1))
        await jobs.report(succeeded(await jobs.next_task()))
        await ended(deleted)
        await admin.delete(deleted)
        await client.cancel(await submit("CANCELLED CANCELLED", 1))
        await client.close(await submit("PENDING SUCCEEDED", 1))
        await submit("RECEIVING RECEIVING", 1)
        while not await rows(jobs, "SELECT 1 FROM images WHERE state = 'RUNNING'"):
            await asyncio.sleep(0.05)
    await jobs.replicas[0].end()
    # An unfinished upload, and a task that is not yet published.
    await rows(
        jobs,
        """INSERT INTO uploads SELECT job_id, 'half', site, gen_random_uuid(), '{}', 1,
        now(), now() FROM jobs WHERE state = 'RECEIVING'""",
    )
    await rows(
        jobs,
        """INSERT INTO outbox (image_id, job_id, site, attempt, available_at)
        SELECT image_id, job_id, site, attempt, now() FROM images
        WHERE job_id IN (SELECT job_id FROM jobs WHERE state = 'PENDING')""",
    )


def load(postgres: Postgres, database: str, path: Path) -> None:
    """Load a dump into an empty database."""
    url = postgres.url(database, role="carina")
    subprocess.run(
        [postgres_tool("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", str(path), url],
        check=True,
        capture_output=True,
        timeout=60,
    )


async def _write(folder: Path) -> None:
    server = postgres_server(folder / "postgres")
    with running(server.program, folder):
        server.ensure_database("carina", role="carina")
        url = server.url("carina", role="carina")
        async with open_jobs(folder, url) as jobs:
            await jobs.start()
            await fill_with_every_state(jobs, folder)
        path = FOLDER / f"{newest_migration()}.sql"
        path.parent.mkdir(exist_ok=True)
        dump = [postgres_tool("pg_dump"), f"--file={path}", url]
        await asyncio.to_thread(subprocess.run, dump, check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="carina-schemas-") as scratch:
        asyncio.run(_write(Path(scratch)))
