"""The broker loses everything, or is full; and work that no worker survives."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
import pytest_asyncio

from carina.tasks.v1 import tasks_pb2
from chassis.nats.jetstream import JetStream, QueueFullError
from tests.support.chaos import ACK_WAIT, Chaos, PoisonedStack, options, running_stack
from tests.support.queues import at_work
from tests.support.small_films import Answered, Film, Films

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Some forty films that are ready for the model.
_MAX_BYTES = 2 * 2**20
_SMALL = {"CARINA_JOBS_STREAM_MAX_BYTES": str(_MAX_BYTES)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack whose broker is small, and whose preprocess workers can be poisoned."""
    folder = tmp_path_factory.mktemp("broker")
    async with running_stack(folder, kind=PoisonedStack, stack_options=options(_SMALL)) as running:
        yield running


async def test_what_was_queued_when_the_broker_lost_its_disk_is_queued_again(chaos: Chaos) -> None:
    async with chaos.load("NATS wiped") as load:
        async with chaos.stopped("preprocess-1", "preprocess-2"):
            await chaos.queued(load)
            await chaos.in_stream("TASKS", 12)
            async with chaos.stopped("nats"):
                shutil.rmtree(chaos.stack.data / "nats")
                chaos.kill("nats")
                await asyncio.sleep(0.2)
        await chaos.mended("NATS data wiped while tasks are queued")


async def test_tasks_of_a_deleted_stream_are_queued_again(chaos: Chaos) -> None:
    async with chaos.load("streams deleted") as load:
        async with chaos.stopped("preprocess-1", "preprocess-2"):
            await chaos.queued(load)
            await chaos.in_stream("TASKS", 12)
            async with chaos.nats() as jetstream:
                for stream in ("TASKS", "RESULTS", "DEAD"):
                    await jetstream.api(f"STREAM.DELETE.{stream}")
        await chaos.mended("TASKS, RESULTS and DEAD deleted while tasks are queued")


async def test_a_worker_that_holds_tasks_of_a_deleted_stream_disturbs_nobody(chaos: Chaos) -> None:
    async with (
        chaos.load("TASKS deleted under a stopped worker") as load,
        chaos.nats() as jetstream,
    ):
        async with chaos.stopped("preprocess-2"):
            async with chaos.stopped("preprocess-1"):
                await chaos.queued(load)
                await chaos.in_stream("TASKS", 12)
                await jetstream.api("STREAM.DELETE.TASKS")
            await chaos.mended("TASKS deleted under a worker that is stopped")
            told = await last_sequence(jetstream, "RESULTS")
        # What it held another worker has done; it is done once more, and told of late.
        async with asyncio.timeout(30):
            while await last_sequence(jetstream, "RESULTS") == told:
                await asyncio.sleep(0.01)


async def test_outcomes_of_a_deleted_stream_are_worked_out_again(chaos: Chaos) -> None:
    async with chaos.load("RESULTS deleted") as load:
        async with chaos.unapplied(load, 12) as images:
            # They would apply what they have heard as soon as the rows are free.
            chaos.kill("jobs-1")
            chaos.kill("jobs-2")
            async with chaos.nats() as jetstream:
                await jetstream.api("STREAM.DELETE.RESULTS")
        await chaos.mended("RESULTS deleted with outcomes in it")
        again = await chaos.backstage.rows(
            "SELECT 1 FROM images WHERE republished > 0 AND image_id = ANY($1)", list(images)
        )
        assert len(again) == len(images)


async def test_a_full_broker_is_back_pressure(chaos: Chaos) -> None:
    async with chaos.load("TASKS full", films=Films(broken=False)) as load, chaos.nats() as nats:
        # Not the inference workers: what they hold would be given up after five deliveries.
        async with chaos.stopped("triton"):
            async with chaos.stopped("preprocess-1", "preprocess-2"):
                # All of them queued before one is prepared: for new tasks half a queue is full.
                await chaos.queued(load, 72)
                await chaos.in_stream("TASKS", 60)
            await says(chaos, "preprocess", "NATS", "QUEUE_FULL")
            stored = await nats.stored_bytes("TASKS")
            assert _MAX_BYTES - 2**16 < stored <= _MAX_BYTES
            # Workers keep what they cannot hand on.
            assert await at_work(nats, "preprocess")
            # Callers are answered all the same: what the broker cannot take waits in PostgreSQL.
            late = await asyncio.gather(load.submit(3, how="grpc"), load.submit(3, how="http"))
            await says(chaos, "jobs", "publishing tasks failed", "QUEUE_FULL")
            ids = [promise.name.removeprefix("jobs/") for promise in late]
            owed = await chaos.backstage.rows(
                "SELECT 1 FROM outbox WHERE job_id = ANY($1::uuid[])", ids
            )
            assert len(owed) == 6
            assert _MAX_BYTES - 2**16 < await nats.stored_bytes("TASKS") <= _MAX_BYTES
        await chaos.mended("TASKS full, then read", limit=150)


async def says(chaos: Chaos, service: str, *words: str) -> None:
    """Wait until a replica of a service logs a line with these words, from now on."""
    before = len(chaos.lines(service, *words))
    async with asyncio.timeout(90):
        while len(chaos.lines(service, *words)) == before:
            await asyncio.sleep(0.1)


async def fill_results(chaos: Chaos) -> None:
    """Leave no room for the smallest outcome, by outcomes of images that were deleted meanwhile."""
    async with chaos.nats() as jetstream:
        for size in (2**18, 2**14, 2**10, 0):
            while True:
                job, image = uuid4(), uuid4()
                outcome = tasks_pb2.Outcome(
                    ref=tasks_pb2.ImageRef(job_id=job.bytes, image_id=image.bytes, attempt=1),
                    stage=tasks_pb2.STAGE_INFER,
                    succeeded=tasks_pb2.Succeeded(heatmap_png=bytes(size)),
                )
                try:
                    await jetstream.publish(
                        f"results.{job}", outcome.SerializeToString(), message_id=str(image)
                    )
                except QueueFullError:
                    break


async def test_full_results_are_back_pressure(chaos: Chaos) -> None:
    async with chaos.load("RESULTS full") as load:
        async with AsyncExitStack() as silence:
            async with chaos.stopped("preprocess-1", "preprocess-2"):
                await chaos.queued(load, 18)
                accepted = load.ledger.accepted
                await chaos.in_stream("TASKS", accepted)
                await silence.enter_async_context(chaos.stopped("jobs-1", "jobs-2"))
                await fill_results(chaos)
            async with chaos.nats() as jetstream:
                async with asyncio.timeout(60):
                    while not await at_work(jetstream, "infer"):
                        await asyncio.sleep(0.05)
                await asyncio.sleep(3 * ACK_WAIT.total_seconds())
                # Workers of both kinds have something to tell, and keep their tasks until they can.
                assert await at_work(jetstream, "preprocess")
                assert await at_work(jetstream, "infer")
            assert (await chaos.backstage.queued())["TASKS"] == accepted
        await chaos.mended("RESULTS full, then read")
        ids = [name.removeprefix("jobs/") for name in load.ledger.promises]
        assert not await chaos.backstage.rows(
            "SELECT 1 FROM images WHERE republished > 0 AND job_id = ANY($1::uuid[])", ids
        )


async def last_sequence(jetstream: JetStream, stream: str) -> int:
    """Return the number of the newest message that a stream ever had."""
    return int((await jetstream.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"])


async def test_a_film_that_kills_its_worker_fails_and_its_neighbours_do_not_wait(
    chaos: Chaos,
) -> None:
    async with chaos.load("a film that kills its worker") as load:
        killed = len(chaos.lines("preprocess", "was ended by SIGKILL"))
        poison = Film("poison.png", b"POISON", Answered("FAILED", "WORKER_DIED"))
        deadly = await load.begin()
        await load.upload(deadly, poison)
        await load.close(deadly)
        neighbours = [await load.submit(3) for _ in range(3)]
        ids = [promise.name.removeprefix("jobs/") for promise in neighbours]
        async with asyncio.timeout(90):
            while await chaos.backstage.rows(
                "SELECT 1 FROM jobs WHERE job_id = ANY($1::uuid[]) AND end_time IS NULL", ids
            ):
                await asyncio.sleep(0.1)
        # The neighbours have ended before the poison has had its first five deliveries.
        (row,) = await chaos.backstage.rows(
            "SELECT state, republished FROM images WHERE job_id = $1::uuid",
            deadly.name.removeprefix("jobs/"),
        )
        assert row["state"] in {"QUEUED", "RUNNING"}
        assert row["republished"] == 0
        await chaos.mended("a film that kills its worker each time", limit=300)
        # The limit has ended workers in both series of five deliveries.
        assert len(chaos.lines("preprocess", "was ended by SIGKILL")) - killed > 5
