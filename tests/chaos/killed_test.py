"""SIGKILL of each process in turn, while callers hand in and watch.

At three moments that are easy to get wrong, SIGSTOP for longer than ack_wait as well.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from carina.files import FileUpload
from tests.support.chaos import STAGES, Chaos
from tests.support.queues import ended_in_results
from tests.support.small_films import Film, Films

pytestmark = pytest.mark.asyncio(loop_scope="module")
REPLICAS = ("jobs-1", "jobs-2")
killed_or_stopped = pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])


async def test_without_a_fault_every_promise_is_kept(chaos: Chaos) -> None:
    async with chaos.load() as load:
        await chaos.queued(load)
        await chaos.mended("none")
    assert load.ledger.accepted >= 12
    assert not load.ledger.absorbed


@pytest.mark.parametrize("name", ["preprocess", "inference"])
async def test_the_images_a_killed_worker_held_are_done_by_another(chaos: Chaos, name: str) -> None:
    async with chaos.overheard() as overheard, chaos.load(f"SIGKILL {name}") as load:
        async with chaos.holding(load, name, f"{name}-1"):
            chaos.kill(f"{name}-1")
        await chaos.mended(f"SIGKILL {name}")
    assert overheard.dropped(STAGES[name])


async def test_workers_killed_while_the_model_reads_begin_again(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL inference at work") as load:
        async with chaos.stopped("triton"):
            await chaos.queued(load, 6)
            await chaos.in_stage("INFER", 3)
            chaos.kill("inference-1")
            chaos.kill("inference-2")
            await asyncio.sleep(0.2)
        await chaos.mended("SIGKILL of both inference workers while they wait for Triton")


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


@killed_or_stopped
async def test_an_upload_cut_by_a_struck_replica_is_made_good(
    chaos: Chaos, tmp_path: Path, how: str
) -> None:
    class SlowFile(FileUpload):
        """Sends a half, lets the replicas be struck, then sends the rest."""

        async def chunks(self, offset: int = 0) -> AsyncGenerator[bytes, None]:
            begun.append(offset)
            async for chunk in super().chunks(offset):
                half = len(chunk) // 2
                yield chunk[:half]
                if len(begun) == 1:
                    await asyncio.sleep(0.3)
                    async with chaos.struck(how, *REPLICAS):
                        pass
                yield chunk[half:]

    begun: list[int] = []
    async with chaos.load(f"{how} jobs during an upload") as load:
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
    # Replicas that were only stopped may go on with the stream that they have.
    assert len(begun) > 1 or how == "SIGSTOP"


@killed_or_stopped
async def test_a_fault_between_commit_and_publication_is_made_good(chaos: Chaos, how: str) -> None:
    fault = f"{how} jobs between commit and publication"
    async with chaos.load(fault) as load:
        async with chaos.stopped("nats"):
            # The callers get their answers; nothing can be published.
            await asyncio.gather(*(load.submit(3, how="grpc", watch=False) for _ in range(2)))
            (owed,) = await chaos.backstage.rows("SELECT count(*) FROM outbox")
            assert owed["count"] == 6
            async with chaos.struck(how, *REPLICAS):
                pass
        await chaos.mended(fault)


@killed_or_stopped
async def test_a_fault_between_an_outcome_and_its_ack_counts_it_once(
    chaos: Chaos, how: str
) -> None:
    fault = f"{how} jobs between outcome and ack"
    async with chaos.load(fault, films=Films(broken=False)) as load:
        async with chaos.unapplied(load) as images:
            chaos.stop("nats")
        # The rows are free: the outcomes are applied, and cannot be acknowledged.
        async with asyncio.timeout(60):
            while await chaos.backstage.open_images():
                await asyncio.sleep(0.05)
        # Held again, so that nobody takes them from the queue before we have looked.
        async with chaos.rows_held(load), chaos.struck(how, *REPLICAS):
            # With the acks that it has not read.
            chaos.kill("nats")
            begun = time.monotonic()
            await chaos.stack.wait_ready("nats")
            async with chaos.nats() as jetstream:
                assert await ended_in_results(jetstream) == images
        async with asyncio.timeout(60):
            while (await chaos.backstage.queued())["RESULTS"]:
                await asyncio.sleep(0.05)
        await chaos.mended(fault, since=begun)
