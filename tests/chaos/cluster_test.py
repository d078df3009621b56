"""A cluster of three NATS servers loses its leader, or more: what it has stored stays stored."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.chaos import ACK_WAIT, Chaos, options, running_stack
from tests.support.cluster import REPLICATED, SERVERS, ClusteredStack, leader_of, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack on a cluster."""
    folder = tmp_path_factory.mktemp("cluster")
    async with running_stack(
        folder, kind=ClusteredStack, stack_options=options(REPLICATED)
    ) as running:
        await whole(running)
        yield running


async def nothing_had_to_be_published_again(chaos: Chaos) -> None:
    """The reconciler would make good what a cluster lost; a cluster does not lose it."""
    (row,) = await chaos.backstage.rows("SELECT max(republished) AS most FROM images")
    assert row["most"] == 0


async def test_a_leader_that_is_killed_is_followed_by_another(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of the leader") as load, load.steady(callers=4):
        await chaos.queued(load, 8)
        leader = await leader_of(chaos, "TASKS")
        chaos.kill(leader)
        await chaos.mended("SIGKILL of the leader of a NATS cluster")
        await whole(chaos)
    await nothing_had_to_be_published_again(chaos)


async def test_leaders_that_are_killed_in_turn_cost_nothing(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of two leaders in turn") as load, load.steady(callers=4):
        for stream in ("TASKS", "RESULTS"):
            await chaos.queued(load, 6)
            leader = await leader_of(chaos, stream)
            chaos.kill(leader)
            await chaos.mended("SIGKILL of two leaders of a NATS cluster in turn")
            await whole(chaos)
    await nothing_had_to_be_published_again(chaos)


async def test_a_follower_that_is_killed_is_not_missed(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of a follower") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        leader = await leader_of(chaos, "TASKS")
        chaos.kill(next(name for name in SERVERS if name != leader))
        await chaos.mended("SIGKILL of a follower of a NATS cluster")
        await whole(chaos)
    await nothing_had_to_be_published_again(chaos)


async def test_a_cluster_without_a_majority_is_waited_for(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL of two servers at once") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        leader = await leader_of(chaos, "TASKS")
        chaos.kill(leader)
        chaos.kill(next(name for name in SERVERS if name != leader))
        await chaos.mended("SIGKILL of two of three NATS servers")
        await whole(chaos)


async def test_a_leader_that_sleeps_is_followed_by_another(chaos: Chaos) -> None:
    async with chaos.load("SIGSTOP of the leader") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        async with chaos.stopped(await leader_of(chaos, "TASKS")):
            await asyncio.sleep(1.7 * ACK_WAIT.total_seconds())
        await chaos.mended("SIGSTOP of the leader of a NATS cluster, then SIGCONT")
        await whole(chaos)


async def test_tasks_outlive_the_disk_of_their_leader(chaos: Chaos) -> None:
    async with chaos.load("the leader loses its disk") as load:
        async with chaos.stopped("preprocess-1", "preprocess-2"):
            await chaos.queued(load)
            await chaos.in_stream("TASKS", 12)
            leader = await leader_of(chaos, "TASKS")
            async with chaos.stopped(leader):
                shutil.rmtree(chaos.stack.data / "nats" / leader)
                chaos.kill(leader)
                await asyncio.sleep(0.2)
            await whole(chaos)
        await chaos.mended("disk of the leader of a NATS cluster lost, with tasks on it")
        names = [name.removeprefix("jobs/") for name in load.ledger.promises]
    (row,) = await chaos.backstage.rows(
        "SELECT max(republished) AS most FROM images WHERE job_id = ANY($1::uuid[])", names
    )
    assert row["most"] == 0
