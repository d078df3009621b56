"""Unavailable servers: what a replica does without each of them, and what it reports."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from carina.errors import UnavailableError
from carina.results import JobSpec, JobState
from chassis.nats.jetstream import open_jetstream
from chassis.stopping import StoppedError
from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from services.jobs.main import run
from tests.support.jobs import Jobs, rows
from tests.support.servers import Server


def film(folder: Path, number: int = 0) -> Path:
    path = folder / f"{number}.png"
    path.write_bytes(b"film %d" % number)
    return path


async def test_the_broker_can_be_down_for_a_while(jobs: Jobs, tmp_path: Path) -> None:
    # Uploads are accepted while the broker is down, and published once it is back.
    server = await own_broker(jobs, tmp_path)
    server.start()
    await jobs.start()
    server.kill()
    async with jobs.client(replica=-1) as client:
        submission = await client.submit([film(tmp_path)])
        assert submission.job.state == JobState.PENDING
        server.start()
        await outbox_is_empty(jobs)
    await jobs.replicas[-1].end()
    server.stop()


async def test_a_replica_serves_before_the_broker_has_started(jobs: Jobs, tmp_path: Path) -> None:
    server = await own_broker(jobs, tmp_path)
    metrics = f"127.0.0.1:{free_port()}"
    await jobs.start(metrics_address=metrics)
    async with jobs.client(replica=-1) as client, httpx.AsyncClient() as probe:
        async with asyncio.timeout(10):
            while (ready := await probe.get(f"http://{metrics}/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        assert ready.text == "ok, without NATS\n"
        submission = await client.submit([film(tmp_path, 1), film(tmp_path, 2)])
        other = await client.submit([film(tmp_path, 3)])
        assert submission.job.state == JobState.PENDING
        listed = [job.name async for job in client.list()]
        assert listed == [other.job.name, submission.job.name]
        await client.cancel(other.job)
        watch = client.watch(submission.job)
        assert (await anext(watch)).job.progress.total == 2
        server.start()
        await outbox_is_empty(jobs)
        async with open_jetstream(jobs.nats_url, name="worker") as jobs.jetstream:
            await jobs.jetstream.opened()
            await jobs.work(2)
        async with asyncio.timeout(20):
            async for update in watch:
                last = update.job.state
        assert last == JobState.SUCCEEDED
        assert (await probe.get(f"http://{metrics}/readyz")).text == "ok\n"
    await jobs.replicas[-1].end()
    server.stop()


async def test_without_the_blob_store_a_replica_serves_everything_except_uploads(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    async with jobs.client() as client:
        existing = (await client.submit([film(tmp_path, 1)])).job
    metrics = f"127.0.0.1:{free_port()}"
    nowhere = "s3://films?endpoint=http://127.0.0.1:1&region=us-east-1&allow_http=true"
    await jobs.start(metrics_address=metrics, blob_url=nowhere)
    async with jobs.client(replica=-1) as client, httpx.AsyncClient() as probe:
        async with asyncio.timeout(60):
            while "blob store" not in (ready := await probe.get(f"http://{metrics}/readyz")).text:
                await asyncio.sleep(0.1)
        assert (ready.status_code, ready.text) == (200, "ok, without the blob store\n")
        assert [job.name async for job in client.list()] == [existing.name]
        watch = client.watch(existing)
        assert (await anext(watch)).job.progress.total == 1
        await watch.aclose()
    async with jobs.client(replica=-1, reconnect_timeout=timedelta(0)) as client:
        job = await client.create(JobSpec())
        with pytest.raises(UnavailableError) as refusal:
            await client.upload(job, film(tmp_path, 2))
        assert refusal.value.reason == "BLOBS_UNAVAILABLE"


async def test_a_replica_that_waits_for_its_database_can_be_stopped(jobs: Jobs) -> None:
    stop = asyncio.Event()
    config = jobs.config(database_url="postgresql://nobody@127.0.0.1:1/none")
    waiting = asyncio.create_task(run(config, stop))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    stop.set()
    async with asyncio.timeout(5):
        with pytest.raises(StoppedError):
            await waiting


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://nobody-of-that-name@", 'role "nobody-of-that-name" does not exist'),
        ("postgresql://carina@/no-such-database", 'database "no-such-database" does not exist'),
        ("postgresql://carina@127.0.0.1:1/carina", "ConnectionRefusedError"),
    ],
)
async def test_the_reason_for_waiting_for_the_database_is_logged(
    jobs: Jobs, postgres: Postgres, url: str, reason: str
) -> None:
    if "127.0.0.1" not in url:
        query = postgres.url("carina", role="carina").partition("?")[2]
        url = f"{url}?{query}" if "/no" in url else f"{url}/carina?{query}"
    settings = jobs.config(database_url=url).model_dump(mode="json")
    environment = {
        f"CARINA_JOBS_{name}".upper(): str(value) for name, value in settings.items() if value != ""
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.jobs.main"),
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            while b"PostgreSQL" not in (line := await process.stderr.readline()):
                assert line, "the process ended"
    finally:
        process.terminate()
        await process.communicate()
    logged = json.loads(line)
    assert reason in logged["reason"]
    assert "dropped_keys" not in logged


async def own_broker(jobs: Jobs, folder: Path) -> Server:
    """Give the next replicas a broker that the test can start and kill."""
    await jobs.replicas[0].end()
    port = free_port()
    program = nats_program(folder / "own-nats", port=port, monitor_port=free_port())
    jobs.nats_url = f"nats://127.0.0.1:{port}"
    return Server(program, folder / "log")


async def outbox_is_empty(jobs: Jobs) -> None:
    async with asyncio.timeout(20):
        while await rows(jobs, "SELECT 1 FROM outbox"):
            await asyncio.sleep(0.1)
