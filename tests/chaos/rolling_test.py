"""A rolling restart of everything under load, in good order: SIGTERM and the grace period."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.chaos import Chaos, options, running_stack
from tests.support.load import Load

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """Two replicas of everything on an S3 server."""
    folder = tmp_path_factory.mktemp("rolling")
    # So long that only what a worker failed to hand back is delivered again, never what a slow
    # machine kept it from confirming.
    # And so few images at once that a worker finishes them within its grace period even then.
    slow = {"CARINA_JOBS_ACK_WAIT": "30", "CARINA_INFERENCE_SLOTS": "8"}
    async with running_stack(folder, stack_options=options(slow, blobs="s3")) as running:
        yield running


async def test_no_call_fails_that_the_client_does_not_repeat_by_itself(chaos: Chaos) -> None:
    async with (
        chaos.overheard() as overheard,
        chaos.load("rolling restart of the services", insist=False) as load,
    ):
        async with load.steady(callers=4):
            await chaos.queued(load, 4)
            for name in chaos.services():
                await chaos.stack.restart(name)
                await handed_in(load)
        await chaos.mended("rolling restart of the services")
    # A worker that stops in order hands back what it has not begun and finishes the rest.
    assert not overheard.dropped()
    assert overheard.begun
    assert {key: count for key, count in overheard.begun.items() if count > 1} == {}
    (row,) = await chaos.backstage.rows("SELECT max(republished) AS most FROM images")
    assert row["most"] == 0
    assert ended_late(chaos) == []


async def test_servers_restarted_in_good_order_cost_nothing(chaos: Chaos) -> None:
    async with chaos.load("rolling restart of the servers") as load:
        async with load.steady(callers=4):
            await chaos.queued(load, 4)
            for name in ("nats", "postgres", "s3", "triton"):
                await chaos.stack.restart(name)
                await handed_in(load)
        await chaos.mended("rolling restart of the servers")
    assert ended_late(chaos) == []


def ended_late(chaos: Chaos) -> list[str]:
    """Return the parts that had to be killed after their grace period."""
    return [name for name, part in chaos.stack.processes.items() if part.overstays]


async def handed_in(load: Load, count: int = 2) -> None:
    """Wait until callers have got something done since now."""
    goal = load.ledger.accepted + count
    async with asyncio.timeout(60):
        while load.ledger.accepted < goal:
            await asyncio.sleep(0.05)
