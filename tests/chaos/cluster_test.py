"""A cluster of three NATS servers loses its leader or more, but nothing that it has stored."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.chaos import PAST_ACK_WAIT, Chaos, options, running_stack
from tests.support.cluster import REPLICATED, SERVERS, ClusteredStack, fully_replicated, leader_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack with a NATS cluster."""
    folder = tmp_path_factory.mktemp("cluster")
    async with running_stack(
        folder, kind=ClusteredStack, stack_options=options(REPLICATED)
    ) as running:
        await fully_replicated(running)
        yield running


async def assert_nothing_was_republished(chaos: Chaos) -> None:
    """Check that the reconciler had no lost task to publish again."""
    (row,) = await chaos.backstage.rows("SELECT max(republished) AS max FROM images")
    assert row["max"] == 0


async def test_a_killed_leader_is_replaced(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of the leader") as load, load.steady(callers=4):
        await chaos.submit_images(load, 8)
        leader = await leader_of(chaos, "TASKS")
        chaos.kill(leader)
        await chaos.recovered("SIGKILL of the leader of a NATS cluster")
        await fully_replicated(chaos)
    await assert_nothing_was_republished(chaos)


async def test_leaders_killed_in_turn_lose_nothing(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of two leaders in turn") as load, load.steady(callers=4):
        for stream in ("TASKS", "RESULTS"):
            await chaos.submit_images(load, 6)
            leader = await leader_of(chaos, stream)
            chaos.kill(leader)
            await chaos.recovered("SIGKILL of two leaders of a NATS cluster in turn")
            await fully_replicated(chaos)
    await assert_nothing_was_republished(chaos)


async def test_a_killed_follower_is_not_missed(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of a follower") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        leader = await leader_of(chaos, "TASKS")
        chaos.kill(next(name for name in SERVERS if name != leader))
        await chaos.recovered("SIGKILL of a follower of a NATS cluster")
        await fully_replicated(chaos)
    await assert_nothing_was_republished(chaos)


async def test_work_waits_for_a_cluster_without_a_majority(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of two servers at once") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        leader = await leader_of(chaos, "TASKS")
        chaos.kill(leader)
        chaos.kill(next(name for name in SERVERS if name != leader))
        await chaos.recovered("SIGKILL of two of three NATS servers")
        await fully_replicated(chaos)


async def test_a_suspended_leader_is_replaced(chaos: Chaos) -> None:
    async with chaos.load("SIGSTOP of the leader") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        async with chaos.suspended(await leader_of(chaos, "TASKS")):
            await asyncio.sleep(PAST_ACK_WAIT)
        await chaos.recovered("SIGSTOP of the leader of a NATS cluster, then SIGCONT")
        await fully_replicated(chaos)


async def test_tasks_survive_the_loss_of_their_leaders_disk(chaos: Chaos) -> None:
    async with chaos.load("loss of the leader's disk") as load:
        async with chaos.suspended("preprocess-1", "preprocess-2"):
            await chaos.submit_images(load)
            await chaos.in_stream("TASKS", 12)
            leader = await leader_of(chaos, "TASKS")
            async with chaos.suspended(leader):
                shutil.rmtree(chaos.stack.data / "nats" / leader)
                chaos.kill(leader)
                await asyncio.sleep(0.2)
            await fully_replicated(chaos)
        await chaos.recovered("disk of the leader of a NATS cluster lost, with tasks on it")
        names = [name.removeprefix("jobs/") for name in load.ledger.promises]
    (row,) = await chaos.backstage.rows(
        "SELECT max(republished) AS max FROM images WHERE job_id = ANY($1::uuid[])", names
    )
    assert row["max"] == 0
