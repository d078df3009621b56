"""With many jobs or many watchers, the service still meets its deadlines."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from carina.results import JobSpec, JobState
from tests.support.jobs import Jobs, rows, succeeded

WAITING = 20_000
WATCHED = 100
_INSERT_WAITING = """
WITH made AS (
    INSERT INTO jobs (job_id, site, creator, request_id, request_digest, state, revision,
                      patient_id, display_name, notes, clahe, priority, model, total, create_time,
                      update_time, expire_time)
    SELECT gen_random_uuid(), 'demo', 'pacs', gen_random_uuid(), '', 'PENDING', 2, '', '', '', true,
           'ROUTINE', 'cxr', 1, t, t, t + interval '30 days'
    FROM generate_series(1, $1::int) n, LATERAL (SELECT now() - interval '1 hour' AS t) times
    RETURNING job_id, create_time
)
INSERT INTO images (image_id, job_id, site, image_key, file_name, ordinal, size_bytes, sha256,
                    original_keys, patient_id, state, attempt, revision, create_time, update_time)
SELECT gen_random_uuid(), job_id, 'demo', 'key', 'film.png', 0, 4, '', '{}', '', 'QUEUED', 1, 2,
       create_time, create_time
FROM made
RETURNING job_id
"""


async def test_a_lost_task_is_found_in_time_among_many_waiting_jobs(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.replicas[0].end()
    for row in await rows(jobs, _INSERT_WAITING, WAITING):
        await jobs.jetstream.client.publish(f"tasks.preprocess.routine.{row['job_id']}", b"waits")
    await jobs.jetstream.client.flush()
    await jobs.start(stalled_after=3, reconcile_interval=2)
    path = tmp_path / "film.png"
    path.write_bytes(b"film")
    async with jobs.client(replica=-1) as client:
        job = (await client.submit([path])).job
        job_id = UUID(job.name.removeprefix("jobs/"))
        async with asyncio.timeout(10):
            while not await jobs.jetstream.purge("TASKS", f"tasks.*.*.{job_id}"):
                await asyncio.sleep(0.05)
        lost = time.monotonic()
        async with asyncio.timeout(60):
            while not await jobs.jetstream.count("TASKS", f"tasks.*.*.{job_id}"):
                await asyncio.sleep(0.1)
        # Stalled after 3 s, found within 2.4 s, and 10 s of tolerance for a busy machine.
        assert time.monotonic() - lost < 3 + 2.4 + 10
    (others,) = await rows(jobs, "SELECT count(*) FROM images WHERE republished > 0")
    assert others["count"] == 1


async def test_idle_watches_share_one_poll_per_replica(jobs: Jobs) -> None:
    async with jobs.client() as client:
        names = [(await client.create(JobSpec())).name for _ in range(50)]
        watches = [client.watch(name) for name in names]
        for watch in watches:
            await anext(watch)
        await asyncio.sleep(1)
        before = await transactions(jobs)
        await asyncio.sleep(6)
        polls = await transactions(jobs) - before
        for watch in watches:
            await watch.aclose()
    # One poll per watch would take two transactions every two seconds: 300 in these six seconds.
    assert polls < 100


async def transactions(jobs: Jobs) -> int:
    (row,) = await rows(
        jobs,
        """SELECT xact_commit + xact_rollback AS number FROM pg_stat_database
        WHERE datname = current_database()""",
    )
    return int(row["number"])


async def test_cancelling_a_watch_closes_no_database_connection(jobs: Jobs, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"film")
    async with jobs.client() as client:
        job = (await client.submit([path])).job
        before = await connections(jobs)
        for number in range(WATCHED):
            watch = client.watch(job, after_revision=1 if number % 2 else 0)
            reading = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(number % 10 / 1000)
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            await watch.aclose()
        assert before <= await connections(jobs)
        await jobs.report(succeeded(await jobs.next_task()))
        async with asyncio.timeout(10):
            while (await client.get(job)).state != JobState.SUCCEEDED:
                await asyncio.sleep(timedelta(milliseconds=50).total_seconds())


async def connections(jobs: Jobs) -> set[int]:
    found = await rows(
        jobs, "SELECT pid FROM pg_stat_activity WHERE application_name = 'carina-jobs'"
    )
    return {row["pid"] for row in found}
