"""Thousands of cancelled watches leave nothing behind in the jobs service."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc

from carina.jobs.v1 import job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from deploy.local.issuer import AUDIENCE, ISSUER
from deploy.local.ports import free_port
from deploy.local.probes import http_ok
from deploy.local.settings import ROOT
from tests.support.jobs import Jobs, open_jobs

WARM_UP = 2_000
ROUNDS = 4
WATCHES = 10_000  # in all rounds
CONCURRENT = 50
MIB = 2**20


@asynccontextmanager
async def served(jobs: Jobs, address: str) -> AsyncIterator[Process]:
    """Run the service in a separate process."""
    metrics = free_port()
    settings = {
        "LISTEN_ADDRESS": address,
        "DATABASE_URL": jobs.database_url,
        "NATS_URL": jobs.nats_url,
        "BLOB_URL": (jobs.folder / "blobs").as_uri(),
        "CATALOGUE": str(ROOT / "models" / "catalogue.yaml"),
        "JWKS_URL": jobs.issuer.jwks_path.as_uri(),
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "INSECURE_DEVELOPMENT_ISSUER": "true",
        "METRICS_ADDRESS": f"127.0.0.1:{metrics}",
    }
    environment = {f"CARINA_JOBS_{name}": value for name, value in settings.items()}
    with (jobs.folder / "jobs.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.counted_jobs"),
            stdout=PIPE,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        try:
            async with asyncio.timeout(60):
                while not await asyncio.to_thread(http_ok, metrics, "/readyz"):
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            yield process
        finally:
            process.terminate()
            await process.communicate()


async def usage_of(process: Process) -> dict[str, Any]:
    """Ask the service for its resource usage."""
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


async def at_rest(process: Process, tasks: int) -> dict[str, Any]:
    """Wait until at most `tasks` tasks are left, and return the last resource usage."""
    usage = await usage_of(process)
    for _ in range(100):
        if usage["tasks"] <= tasks:
            break
        await asyncio.sleep(0.1)
        usage = await usage_of(process)
    return usage


async def cancel_watches(address: str, token: str, job: str, count: int) -> None:
    """Watch and cancel: before the first message, while one is read, and after one."""
    metadata = (("authorization", f"Bearer {token}"),)
    request = job_service_pb2.WatchJobRequest(name=job)
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            call: Any = stub.WatchJob(request, metadata=metadata)
            if number % 4 == 0:
                await call.wait_for_connection()
            elif number % 4 != 1:
                await call.read()
            if number % 4 == 2:
                reading = asyncio.create_task(call.read())
                await asyncio.sleep(0)
            call.cancel()
            if number % 4 == 2:
                await asyncio.gather(reading, return_exceptions=True)
            assert await call.code() == grpc.StatusCode.CANCELLED

    async with grpc.aio.insecure_channel(address) as channel:
        stub = JobServiceStub(channel)
        await asyncio.gather(*(caller() for _ in range(CONCURRENT)))


async def test_ten_thousand_cancelled_watches_do_not_grow_memory(
    tmp_path: Path, postgres_url: str
) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with open_jobs(tmp_path, postgres_url) as jobs, served(jobs, address) as process:
        token = jobs.token()
        async with grpc.aio.insecure_channel(address) as channel:
            job: job_pb2.Job = await JobServiceStub(channel).CreateJob(
                job_service_pb2.CreateJobRequest(),
                metadata=(("authorization", f"Bearer {token}"),),
            )
        idle = await usage_of(process)
        await cancel_watches(address, token, job.name, WARM_UP)
        usages = [await at_rest(process, idle["tasks"])]
        for _ in range(ROUNDS):
            await cancel_watches(address, token, job.name, WATCHES // ROUNDS)
            usages.append(await at_rest(process, idle["tasks"]))
    shown = f"idle {idle}, after the warm-up and each round {usages}"
    assert usages[-1]["tasks"] <= idle["tasks"], shown
    # Finds any object that leaks with every watch, or with one in ten.
    assert usages[-1]["objects"] - usages[0]["objects"] < WATCHES // 10, shown
    # A leak grows in every round; the allocator takes another page from the system in one or two.
    growth = min(after["resident"] - before["resident"] for before, after in pairwise(usages))
    assert growth < 2 * MIB // ROUNDS, shown
