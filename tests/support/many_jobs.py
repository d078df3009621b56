"""Fills a database with jobs in proportions that are typical of a hospital."""

import asyncpg

# Most jobs come from one PACS, are routine and succeeded long ago; all others are rare.
_FILL = """
INSERT INTO jobs (job_id, site, creator, request_id, request_digest, state, revision, patient_id,
                  display_name, notes, clahe, priority, model, total, succeeded, create_time,
                  update_time, expire_time)
SELECT gen_random_uuid(), 'demo',
       CASE WHEN n % 10 = 0 THEN 'doctor-' || (n / 10) % 10 ELSE 'pacs' END,
       gen_random_uuid(), '', s.state, 7, 'P' || n % $2, '', '', true,
       CASE WHEN n % 97 = 0 THEN 'URGENT' ELSE 'ROUTINE' END, 'cxr', 2,
       CASE s.state WHEN 'SUCCEEDED' THEN 2 ELSE 0 END, t, t, t + interval '30 days'
FROM generate_series(1, $1::int) n
CROSS JOIN LATERAL (
    SELECT CASE WHEN n % 211 = 0 THEN 'RUNNING' WHEN n % 101 = 0 THEN 'CANCELLED'
                WHEN n % 53 = 0 THEN 'FAILED' WHEN n % 47 = 0 THEN 'PARTIALLY_SUCCEEDED'
                ELSE 'SUCCEEDED' END AS state
) s
CROSS JOIN LATERAL (
    SELECT now() - interval '6 days' * (n::float / $1::int) AS t
) times
"""


async def fill_with_jobs(database_url: str, count: int, *, patients: int = 1000) -> None:
    """Insert `count` jobs of the last six days, newest first, and update the planner statistics."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET ROLE carina_system")
        await connection.execute(_FILL, count, patients)
        await connection.execute("RESET ROLE")
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
