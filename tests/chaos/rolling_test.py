"""A rolling restart of everything under load, with graceful shutdowns."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.chaos import Chaos, options, running_stack
from tests.support.load import Load

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack with two replicas of each service and its blobs on S3."""
    folder = tmp_path_factory.mktemp("rolling")
    # A long ack wait, so that a task is redelivered only if its worker failed to return it, not
    # because a slow machine delayed the ack. Few slots, so that even there a worker finishes within
    # its grace period.
    slow = {"CARINA_JOBS_ACK_WAIT": "30", "CARINA_INFERENCE_SLOTS": "8"}
    async with running_stack(folder, stack_options=options(slow, blobs="s3")) as running:
        yield running


async def test_a_rolling_restart_causes_no_error_that_the_client_does_not_handle(
    chaos: Chaos,
) -> None:
    async with (
        chaos.overheard() as overheard,
        chaos.load("rolling restart of the services", persistent=False) as load,
    ):
        async with load.steady(callers=4):
            await chaos.submit_images(load, 4)
            for name in chaos.services():
                await chaos.stack.restart(name)
                await submitted(load)
        await chaos.recovered("rolling restart of the services")
    # On shutdown, a worker returns the tasks it has not started and finishes the rest.
    assert not overheard.dropped()
    assert overheard.started
    assert {key: count for key, count in overheard.started.items() if count > 1} == {}
    (row,) = await chaos.backstage.rows("SELECT max(republished) AS max FROM images")
    assert row["max"] == 0
    assert overran_grace_period(chaos) == []


async def test_a_rolling_restart_of_the_servers_loses_nothing(chaos: Chaos) -> None:
    async with chaos.load("rolling restart of the servers") as load:
        async with load.steady(callers=4):
            await chaos.submit_images(load, 4)
            for name in ("nats", "postgres", "s3", "triton"):
                await chaos.stack.restart(name)
                await submitted(load)
        await chaos.recovered("rolling restart of the servers")
    assert overran_grace_period(chaos) == []


def overran_grace_period(chaos: Chaos) -> list[str]:
    """Return the parts that had to be killed after their grace period."""
    return [name for name, part in chaos.stack.processes.items() if part.overstays]


async def submitted(load: Load, count: int = 2) -> None:
    """Wait until at least `count` more images are accepted."""
    goal = load.ledger.accepted + count
    async with asyncio.timeout(60):
        while load.ledger.accepted < goal:
            await asyncio.sleep(0.05)
