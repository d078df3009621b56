"""Jobs of fifty radiographs: efficiency compared with a bare loop, and latency for callers."""

import asyncio
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.films import KINDS, write_films
from bench.processes import cpu_seconds
from carina.client import Client
from carina.files import FileUpload
from carina.results import ImageState, JobSpec
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.scratch import scratch_folder
from deploy.local.settings import Options
from deploy.local.stack import LocalStack

_REPEATS = 3


async def measure() -> list[dict[str, Any]]:
    """Measure each kind of film, alternating between the loop and the system."""
    rows = []
    with scratch_folder("bench") as folder:
        data = folder / "data"
        token = DevelopmentIssuer(data / "issuer").mint([Role.DOCTOR])
        for kind in KINDS:
            await asyncio.to_thread(write_films, folder / kind, kind)
        async with LocalStack(data, Options()) as stack:
            pids = {name: part.pid or 0 for name, part in stack.processes.items()}
            async with Client(stack.grpc_address, token) as client:
                await _run(client, folder / KINDS[0])  # warm-up
                for kind in KINDS:
                    for _ in range(_REPEATS):
                        loop = await _loop(folder / kind)
                        before = cpu_seconds(pids)
                        row = await _run(client, folder / kind)
                        after = cpu_seconds(pids)
                        parts = {name: round(after[name] - before[name], 3) for name in pids}
                        row |= {"kind": kind, "loop": loop, "parts": parts}
                        row["efficiency"] = round(loop["cpu"] / sum(parts.values()), 3)
                        rows.append(row)
    return rows


async def _loop(folder: Path) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.loop", str(folder)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    answer: dict[str, float] = json.loads(output)
    return answer


async def _run(client: Client, folder: Path) -> dict[str, Any]:
    files = [FileUpload.from_path(path) for path in sorted(folder.iterdir())]
    start = time.monotonic()
    job = await client.create(JobSpec())
    lags: list[float] = []
    first: list[float] = []

    async def watch() -> None:
        async for update in client.watch(job):
            now = datetime.now(UTC)
            if update.job.update_time is not None:
                lags.append((now - update.job.update_time).total_seconds())
            if not first and any(each.state == ImageState.SUCCEEDED for each in update.images):
                first.append(time.monotonic() - start)

    watching = asyncio.create_task(watch())
    await client.upload_all(job, files)
    uploaded = time.monotonic() - start
    await client.close(job)
    await watching
    seconds = time.monotonic() - start
    ended = await client.get(job)
    if ended.progress.succeeded != len(files):
        raise RuntimeError(f"only {ended.progress.succeeded} of {len(files)} films succeeded")
    # Skip the first update: the snapshot is as old as the job.
    ordered = sorted(lags[1:])
    return {
        "films": len(files),
        "seconds": round(seconds, 3),
        "films_per_second": round(len(files) / seconds, 2),
        "upload_seconds": round(uploaded, 3),
        "first_finding_seconds": round(first[0], 3),
        "events": len(ordered),
        "event_p50_ms": round(1000 * statistics.median(ordered), 1),
        "event_p99_ms": round(1000 * ordered[int(0.99 * (len(ordered) - 1))], 1),
    }
