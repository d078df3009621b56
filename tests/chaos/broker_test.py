"""The broker loses everything or is full; and a film that kills its workers."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
import pytest_asyncio

from carina.tasks.v1 import tasks_pb2
from chassis.nats.jetstream import JetStream, QueueFullError
from tests.support.chaos import ACK_WAIT, Chaos, options, running_stack
from tests.support.queues import tasks_in_progress
from tests.support.small_films import Expected, Film, Films
from tests.support.stacks import PoisonedStack

pytestmark = pytest.mark.asyncio(loop_scope="module")

# About forty prepared films.
_MAX_BYTES = 2 * 2**20
_SMALL = {"CARINA_JOBS_STREAM_MAX_BYTES": str(_MAX_BYTES)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack with a small broker, and preprocess workers that a certain film kills."""
    folder = tmp_path_factory.mktemp("broker")
    async with running_stack(folder, kind=PoisonedStack, stack_options=options(_SMALL)) as running:
        yield running


async def test_tasks_that_the_broker_lost_with_its_disk_are_queued_again(chaos: Chaos) -> None:
    async with chaos.load("NATS wiped") as load:
        async with chaos.suspended("preprocess-1", "preprocess-2"):
            await chaos.submit_images(load)
            await chaos.in_stream("TASKS", 12)
            async with chaos.suspended("nats"):
                shutil.rmtree(chaos.stack.data / "nats")
                chaos.kill("nats")
                await asyncio.sleep(0.2)
        await chaos.recovered("NATS data wiped while tasks are queued")


async def test_tasks_of_a_deleted_stream_are_queued_again(chaos: Chaos) -> None:
    async with chaos.load("streams deleted") as load:
        async with chaos.suspended("preprocess-1", "preprocess-2"):
            await chaos.submit_images(load)
            await chaos.in_stream("TASKS", 12)
            async with chaos.nats() as jetstream:
                for stream in ("TASKS", "RESULTS", "DEAD"):
                    await jetstream.api(f"STREAM.DELETE.{stream}")
        await chaos.recovered("TASKS, RESULTS and DEAD deleted while tasks are queued")


async def test_a_worker_that_holds_tasks_of_a_deleted_stream_does_no_harm(chaos: Chaos) -> None:
    async with (
        chaos.load("TASKS deleted under a suspended worker") as load,
        chaos.nats() as jetstream,
    ):
        async with chaos.suspended("preprocess-2"):
            async with chaos.suspended("preprocess-1"):
                await chaos.submit_images(load)
                await chaos.in_stream("TASKS", 12)
                await jetstream.api("STREAM.DELETE.TASKS")
            await chaos.recovered("TASKS deleted under a suspended worker")
            reported = await last_sequence(jetstream, "RESULTS")
        # Another worker has processed its tasks; now it processes and reports them again, too late.
        async with asyncio.timeout(30):
            while await last_sequence(jetstream, "RESULTS") == reported:
                await asyncio.sleep(0.01)


async def test_images_are_processed_again_when_their_outcomes_were_deleted(chaos: Chaos) -> None:
    async with chaos.load("RESULTS deleted") as load:
        async with chaos.unapplied(load, 12) as images:
            # Otherwise they would apply the outcomes they hold as soon as the rows are unlocked.
            chaos.kill("jobs-1")
            chaos.kill("jobs-2")
            async with chaos.nats() as jetstream:
                await jetstream.api("STREAM.DELETE.RESULTS")
        await chaos.recovered("RESULTS deleted with outcomes in it")
        again = await chaos.backstage.rows(
            "SELECT 1 FROM images WHERE republished > 0 AND image_id = ANY($1)", list(images)
        )
        assert len(again) == len(images)


async def test_a_full_task_queue_causes_back_pressure(chaos: Chaos) -> None:
    async with chaos.load("TASKS full", films=Films(broken=False)) as load, chaos.nats() as nats:
        # Not the inference workers, whose tasks would be dead-lettered after five deliveries.
        async with chaos.suspended("triton"):
            async with chaos.suspended("preprocess-1", "preprocess-2"):
                # Queue all of them before any is prepared: new tasks may fill only half the queue.
                await chaos.submit_images(load, 72)
                await chaos.in_stream("TASKS", 60)
            await wait_for_log(chaos, "preprocess", "NATS", "QUEUE_FULL")
            stored = await nats.stored_bytes("TASKS")
            assert _MAX_BYTES - 2**16 < stored <= _MAX_BYTES
            # Workers keep the tasks whose results they cannot publish.
            assert await tasks_in_progress(nats, "preprocess")
            # Callers are still answered: tasks that the broker cannot take wait in PostgreSQL.
            late = await asyncio.gather(load.submit(3, how="grpc"), load.submit(3, how="http"))
            await wait_for_log(chaos, "jobs", "publishing tasks failed", "QUEUE_FULL")
            ids = [promise.name.removeprefix("jobs/") for promise in late]
            outbox = await chaos.backstage.rows(
                "SELECT 1 FROM outbox WHERE job_id = ANY($1::uuid[])", ids
            )
            assert len(outbox) == 6
            assert _MAX_BYTES - 2**16 < await nats.stored_bytes("TASKS") <= _MAX_BYTES
        await chaos.recovered("TASKS full, then drained", limit=150)


async def wait_for_log(chaos: Chaos, service: str, *words: str) -> None:
    """Wait until a replica of a service logs a new line that contains these words."""
    before = len(chaos.lines(service, *words))
    async with asyncio.timeout(90):
        while len(chaos.lines(service, *words)) == before:
            await asyncio.sleep(0.1)


async def fill_results(chaos: Chaos) -> None:
    """Fill RESULTS with outcomes of unknown images, until not even the smallest one fits."""
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


async def test_a_full_result_queue_causes_back_pressure(chaos: Chaos) -> None:
    async with chaos.load("RESULTS full") as load:
        async with AsyncExitStack() as suspended:
            async with chaos.suspended("preprocess-1", "preprocess-2"):
                await chaos.submit_images(load, 18)
                accepted = load.ledger.accepted
                await chaos.in_stream("TASKS", accepted)
                await suspended.enter_async_context(chaos.suspended("jobs-1", "jobs-2"))
                await fill_results(chaos)
            async with chaos.nats() as jetstream:
                async with asyncio.timeout(60):
                    while not await tasks_in_progress(jetstream, "infer"):
                        await asyncio.sleep(0.05)
                await asyncio.sleep(3 * ACK_WAIT.total_seconds())
                # Workers of both kinds have outcomes to report and keep their tasks until they can.
                assert await tasks_in_progress(jetstream, "preprocess")
                assert await tasks_in_progress(jetstream, "infer")
            assert (await chaos.backstage.queued())["TASKS"] == accepted
        await chaos.recovered("RESULTS full, then drained")
        ids = [name.removeprefix("jobs/") for name in load.ledger.promises]
        assert not await chaos.backstage.rows(
            "SELECT 1 FROM images WHERE republished > 0 AND job_id = ANY($1::uuid[])", ids
        )


async def last_sequence(jetstream: JetStream, stream: str) -> int:
    """Return the sequence number of the newest message that a stream ever held."""
    return int((await jetstream.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"])


async def test_a_film_that_kills_its_worker_fails_and_does_not_delay_others(
    chaos: Chaos,
) -> None:
    async with chaos.load("a film that kills its worker") as load:
        killed = len(chaos.lines("preprocess", "was ended by SIGKILL"))
        poison = Film("poison.png", b"POISON", Expected("FAILED", "WORKER_DIED"))
        deadly = await load.create()
        await load.upload(deadly, poison)
        await load.close(deadly)
        others = [await load.submit(3) for _ in range(3)]
        ids = [promise.name.removeprefix("jobs/") for promise in others]
        async with asyncio.timeout(90):
            while await chaos.backstage.rows(
                "SELECT 1 FROM jobs WHERE job_id = ANY($1::uuid[]) AND end_time IS NULL", ids
            ):
                await asyncio.sleep(0.1)
        # The others end before the deadly film has had its first five deliveries.
        (row,) = await chaos.backstage.rows(
            "SELECT state, republished FROM images WHERE job_id = $1::uuid",
            deadly.name.removeprefix("jobs/"),
        )
        assert row["state"] in {"QUEUED", "RUNNING"}
        assert row["republished"] == 0
        await chaos.recovered("a film that kills its worker each time", limit=300)
        # The memory limit killed workers in both series of five deliveries.
        assert len(chaos.lines("preprocess", "was ended by SIGKILL")) - killed > 5
