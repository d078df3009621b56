"""`python -m bench.scale`: measures lists with many jobs, and many watchers of many jobs.

Writes `bench/scale.json`. Not part of `make bench`, because filling a database takes minutes and
none of the figures is relative to the bare loop.
"""

import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.processes import cpu_seconds
from carina.client import Client
from carina.results import JobSpec
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.postgres import postgres_server
from deploy.local.settings import Options
from deploy.local.stack import LocalStack
from services.jobs.commands.migrate import migrate
from services.jobs.models import JobFilter, JobState, Priority, Scope
from services.jobs.storage.database import open_database
from services.jobs.storage.store import JobStore
from tests.support.many_jobs import fill_with_jobs
from tests.support.servers import running

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_CALLS = 300
_PAGE = 51
_WATCHERS, _CONNECTIONS = 2000, 40
_IDLE_SECONDS = 30


def _filters() -> dict[str, JobFilter]:
    before = datetime.now(UTC) - timedelta(days=3)
    one, doctor, patient = (JobState.FAILED,), "doctor-3", "P7"
    return {
        "none": JobFilter(),
        "state": JobFilter(states=one),
        "patient": JobFilter(patient_id=patient),
        "priority": JobFilter(priority=Priority.URGENT),
        "creator": JobFilter(creator=doctor),
        "time": JobFilter(created_before=before, created_after=before - timedelta(days=1)),
        "state, patient": JobFilter(states=(JobState.SUCCEEDED,), patient_id=patient),
        "state, priority": JobFilter(states=one, priority=Priority.URGENT),
        "state, creator": JobFilter(states=(JobState.SUCCEEDED,), creator=doctor),
        "state, time": JobFilter(states=one, created_before=before),
        "priority, creator": JobFilter(priority=Priority.URGENT, creator=doctor),
        "priority, time": JobFilter(priority=Priority.URGENT, created_before=before),
        "creator, time": JobFilter(creator=doctor, created_before=before),
        "patient, time": JobFilter(patient_id=patient, created_before=before),
    }


async def measure_lists(folder: Path) -> list[dict[str, Any]]:
    """Return the p50 and p95 times of a first page in ms, for each filter and number of jobs."""
    server = postgres_server(folder / "postgres")
    rows = []
    with running(server.program, folder):
        for size in _SIZES:
            database = f"jobs{size}"
            server.ensure_database(database, role="carina")
            url = server.url(database, role="carina")
            await migrate(url)
            await fill_with_jobs(url, size, patients=max(20, size // 20))
            server.execute("VACUUM ANALYZE; CHECKPOINT", database=database)
            async with open_database(url, connections=1) as opened:
                store = JobStore(opened)
                for name, wanted in _filters().items():
                    times = [await _seconds(store, wanted) for _ in range(_CALLS)]
                    cuts = statistics.quantiles(times, n=20)
                    row = {"jobs": size, "filter": name, "p50_ms": cuts[9], "p95_ms": cuts[18]}
                    rows.append(
                        {k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()}
                    )
                    print(rows[-1], flush=True)
    return rows


async def _seconds(store: JobStore, wanted: JobFilter) -> float:
    start = time.perf_counter()
    await store.list_jobs(Scope("demo"), wanted, None, _PAGE)
    return 1000 * (time.perf_counter() - start)


async def measure_watchers(folder: Path) -> dict[str, Any]:
    """Return the CPU cores that a replica and PostgreSQL use for idle watches."""
    token = DevelopmentIssuer(folder / "data" / "issuer").mint([Role.DOCTOR])
    options = Options(
        preprocess=0, inference=0, environment={"CARINA_JOBS_JOBS_PER_MINUTE": "100000"}
    )
    async with LocalStack(folder / "data", options) as stack:
        pids = {name: stack.processes[name].pid or 0 for name in ("jobs-1", "postgres")}
        clients = [Client(stack.grpc_address, token) for _ in range(_CONNECTIONS)]
        idle = await _cores(pids)
        jobs = [await clients[0].create(JobSpec()) for _ in range(_WATCHERS)]
        watches = [clients[number % _CONNECTIONS].watch(job) for number, job in enumerate(jobs)]
        for watch in watches:
            await anext(watch)
        await asyncio.sleep(5)
        watched = await _cores(pids)
        for watch in watches:
            await watch.aclose()
        for client in clients:
            await client.aclose()
    return {"watchers": _WATCHERS, "cores_without": idle, "cores_with": watched}


async def _cores(pids: dict[str, int]) -> dict[str, float]:
    before = cpu_seconds(pids)
    await asyncio.sleep(_IDLE_SECONDS)
    after = cpu_seconds(pids)
    return {name: round((after[name] - before[name]) / _IDLE_SECONDS, 4) for name in pids}


async def main() -> None:
    """Measure both and write the results."""
    with tempfile.TemporaryDirectory(prefix="carina-bench-") as folder:
        watchers = await measure_watchers(Path(folder))
        print(watchers, flush=True)
        raw = {"watchers": watchers, "lists": await measure_lists(Path(folder))}
    (Path(__file__).parent / "scale.json").write_text(json.dumps(raw, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
