"""SIGKILL of each process in turn, while callers submit and watch jobs.

At three moments that are easy to get wrong, also SIGSTOP for longer than the ack wait.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from carina.files import FileUpload
from tests.support.chaos import STAGES, Chaos
from tests.support.queues import final_outcomes
from tests.support.small_films import Film, Films

pytestmark = pytest.mark.asyncio(loop_scope="module")
REPLICAS = ("jobs-1", "jobs-2")
killed_or_suspended = pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])


async def test_without_a_fault_every_promise_is_kept(chaos: Chaos) -> None:
    async with chaos.load() as load:
        await chaos.submit_images(load)
        await chaos.recovered("none")
    assert load.ledger.accepted >= 12
    assert not load.ledger.retried


@pytest.mark.parametrize("name", ["preprocess", "inference"])
async def test_another_worker_finishes_the_images_of_a_killed_worker(
    chaos: Chaos, name: str
) -> None:
    async with chaos.overheard() as overheard, chaos.load(f"SIGKILL {name}") as load:
        async with chaos.holding(load, name, f"{name}-1"):
            chaos.kill(f"{name}-1")
        await chaos.recovered(f"SIGKILL {name}")
    assert overheard.dropped(STAGES[name])


async def test_workers_killed_during_inference_start_over(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL inference while it works") as load:
        async with chaos.suspended("triton"):
            await chaos.submit_images(load, 6)
            await chaos.in_stage("INFER", 3)
            chaos.kill("inference-1")
            chaos.kill("inference-2")
            await asyncio.sleep(0.2)
        await chaos.recovered("SIGKILL of both inference workers while they wait for Triton")


@pytest.mark.parametrize("name", ["gateway-1", "jobs-1", "triton", "postgres", "nats"])
async def test_work_continues_after_a_process_was_killed_under_load(
    chaos: Chaos, name: str
) -> None:
    async with chaos.load(f"SIGKILL {name}") as load, load.steady(callers=4):
        await chaos.submit_images(load, 8)
        chaos.kill(name)
        await chaos.recovered(f"SIGKILL {name}")
        await chaos.stack.wait_ready(name)
        before = load.ledger.accepted
        start = time.monotonic()
        while load.ledger.accepted == before:
            assert time.monotonic() - start < 60
            await asyncio.sleep(0.05)


async def test_two_replicas_killed_together_lose_nothing(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL jobs-1, jobs-2") as load, load.steady(callers=4):
        await chaos.submit_images(load, 8)
        chaos.kill("jobs-1")
        chaos.kill("jobs-2")
        await chaos.recovered("SIGKILL jobs-1, jobs-2")


async def test_a_watcher_of_a_killed_replica_resumes_on_the_other(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL jobs-1 while it streams") as load:
        promise = await load.create()
        for _ in range(3):
            load.follow(promise.name, "grpc")
            load.follow(promise.name, "http")
        films = load.films.take(6)
        for film in films[:3]:
            await load.upload(promise, film)
        chaos.kill("jobs-1")
        start = time.monotonic()
        for film in films[3:]:
            await load.upload(promise, film)
        await chaos.caught_up(load, "watchers after SIGKILL jobs-1", since=start)
        await load.close(promise)


@killed_or_suspended
async def test_an_upload_survives_a_fault_of_its_replica(
    chaos: Chaos, tmp_path: Path, how: str
) -> None:
    class SlowFile(FileUpload):
        """Sends half a chunk, signals the replicas, then sends the rest."""

        async def chunks(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
            offsets.append(offset)
            async for chunk in super().chunks(offset):
                half = len(chunk) // 2
                yield chunk[:half]
                if len(offsets) == 1:
                    await asyncio.sleep(0.3)
                    async with chaos.signalled(how, *REPLICAS):
                        pass
                yield chunk[half:]

    offsets: list[int] = []
    async with chaos.load(f"{how} jobs during an upload") as load:
        promise = await load.create()
        film: Film = load.films.next()
        path = tmp_path / film.name
        path.write_bytes(film.data)
        key = "slow"
        promise.sent[key] = film
        slow = SlowFile(path=path, image_key=key, file_name=film.name, size_bytes=len(film.data))
        image = await load.client.upload(promise.name, slow)
        promise.accepted[key] = image.name
        await load.close(promise)
    # Replicas that were only suspended may continue with the same stream.
    assert len(offsets) > 1 or how == "SIGSTOP"


@killed_or_suspended
async def test_a_fault_between_commit_and_publication_loses_no_task(chaos: Chaos, how: str) -> None:
    fault = f"{how} jobs between commit and publication"
    async with chaos.load(fault) as load:
        async with chaos.suspended("nats"):
            # Callers are answered, but nothing can be published.
            await asyncio.gather(*(load.submit(3, how="grpc", watch=False) for _ in range(2)))
            (outbox,) = await chaos.backstage.rows("SELECT count(*) FROM outbox")
            assert outbox["count"] == 6
            async with chaos.signalled(how, *REPLICAS):
                pass
        await chaos.recovered(fault)


@killed_or_suspended
async def test_an_outcome_counts_once_despite_a_fault_before_its_ack(
    chaos: Chaos, how: str
) -> None:
    fault = f"{how} jobs between outcome and ack"
    async with chaos.load(fault, films=Films(broken=False)) as load:
        async with chaos.unapplied(load) as images:
            chaos.suspend("nats")
        # The rows are unlocked, so the outcomes are applied but cannot be acknowledged.
        async with asyncio.timeout(60):
            while await chaos.backstage.open_images():
                await asyncio.sleep(0.05)
        # Lock the rows again, so that no outcome leaves the queue before this test has looked.
        async with chaos.rows_locked(load), chaos.signalled(how, *REPLICAS):
            # Together with the acks that it has not read.
            chaos.kill("nats")
            start = time.monotonic()
            await chaos.stack.wait_ready("nats")
            async with chaos.nats() as jetstream:
                assert await final_outcomes(jetstream) == images
        async with asyncio.timeout(60):
            while (await chaos.backstage.queued())["RESULTS"]:
                await asyncio.sleep(0.05)
        await chaos.recovered(fault, since=start)
