"""SIGKILL of each process in turn, while callers hand in and watch."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from carina.files import FileUpload
from tests.support.chaos import Chaos
from tests.support.small_films import Film

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_without_a_fault_every_promise_is_kept(chaos: Chaos) -> None:
    async with chaos.load() as load:
        await chaos.queued(load)
        await chaos.mended("none")
    assert load.ledger.accepted >= 12
    assert not load.ledger.absorbed


@pytest.mark.parametrize("name", ["preprocess", "inference"])
async def test_the_images_a_killed_worker_held_are_done_by_another(chaos: Chaos, name: str) -> None:
    async with chaos.load(f"SIGKILL {name}") as load:
        async with chaos.holding(load, name, f"{name}-1"):
            chaos.kill(f"{name}-1")
        await chaos.mended(f"SIGKILL {name}")


@pytest.mark.parametrize("name", ["gateway-1", "jobs-1", "triton", "postgres", "nats"])
async def test_work_goes_on_after_a_process_was_killed_under_load(chaos: Chaos, name: str) -> None:
    async with chaos.load(f"SIGKILL {name}") as load, load.steady(callers=4):
        await chaos.queued(load, 8)
        chaos.kill(name)
        await chaos.mended(f"SIGKILL {name}")
        await chaos.stack.wait_ready(name)
        before = load.ledger.accepted
        begun = time.monotonic()
        while load.ledger.accepted == before:
            assert time.monotonic() - begun < 60
            await asyncio.sleep(0.05)


async def test_two_replicas_killed_together_cost_nothing(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL jobs-1, jobs-2") as load, load.steady(callers=4):
        await chaos.queued(load, 8)
        chaos.kill("jobs-1")
        chaos.kill("jobs-2")
        await chaos.mended("SIGKILL jobs-1, jobs-2")


async def test_a_watcher_of_a_killed_replica_is_fed_by_the_other(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL jobs-1 while it streams") as load:
        promise = await load.begin()
        for _ in range(3):
            load.follow(promise.name, "grpc")
            load.follow(promise.name, "http")
        films = load.films.take(6)
        for film in films[:3]:
            await load.upload(promise, film)
        chaos.kill("jobs-1")
        begun = time.monotonic()
        for film in films[3:]:
            await load.upload(promise, film)
        await chaos.caught_up(load, "watchers after SIGKILL jobs-1", since=begun)
        await load.close(promise)


async def test_an_upload_cut_by_a_killed_replica_is_resumed(chaos: Chaos, tmp_path: Path) -> None:
    class SlowFile(FileUpload):
        """Sends a byte, lets the replicas be killed, then sends the rest."""

        async def chunks(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
            async for chunk in super().chunks(offset):
                half = len(chunk) // 2
                yield chunk[:half]
                if not killed:
                    killed.append(offset)
                    await asyncio.sleep(0.3)
                    chaos.kill("jobs-1")
                    chaos.kill("jobs-2")
                yield chunk[half:]

    killed: list[int] = []
    async with chaos.load("SIGKILL jobs during an upload") as load:
        promise = await load.begin()
        film: Film = load.films.next()
        path = tmp_path / film.name
        path.write_bytes(film.data)
        key = "slow"
        promise.sent[key] = film
        slow = SlowFile(path=path, image_key=key, file_name=film.name, size_bytes=len(film.data))
        image = await load.client.upload(promise.name, slow)
        promise.accepted[key] = image.name
        await load.close(promise)
    assert killed


async def test_a_crash_between_commit_and_publication_is_made_good(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL jobs between commit and publication") as load:
        async with chaos.stopped("nats"):
            # The callers get their answers; nothing can be published.
            await asyncio.gather(*(load.submit(3, how="grpc", watch=False) for _ in range(2)))
            (owed,) = await chaos.backstage.rows("SELECT count(*) FROM outbox")
            assert owed["count"] == 6
            chaos.kill("jobs-1")
            chaos.kill("jobs-2")
            await asyncio.sleep(0.5)
        await chaos.mended("SIGKILL jobs between commit and publication")


async def test_a_crash_between_an_outcome_and_its_ack_counts_it_once(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL jobs between outcome and ack") as load:
        connection = await asyncpg.connect(chaos.stack.addresses.database_url)
        promise = await load.begin()
        for film in load.films.take(4):
            await load.upload(promise, film)
        await load.close(promise)
        job_id = promise.name.removeprefix("jobs/")
        # Outcomes wait for the row of their job; meanwhile the broker falls silent, so that they
        # are applied as soon as the row is free and can not be acknowledged.
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL ROLE carina_system")
                await connection.execute(
                    "SELECT 1 FROM jobs WHERE job_id = $1::uuid FOR UPDATE", job_id
                )
                await chaos.in_stream("RESULTS")
                chaos.stop("nats")
        finally:
            await connection.close()
        await asyncio.sleep(0.5)
        chaos.kill("jobs-1")
        chaos.kill("jobs-2")
        chaos.resume("nats")
        await chaos.mended("SIGKILL jobs between outcome and ack")
