"""A rolling restart of everything under load, in good order: SIGTERM and the grace period."""

import asyncio

import pytest

from tests.support.chaos import Chaos
from tests.support.load import Load

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_no_call_fails_that_the_client_does_not_repeat_by_itself(chaos: Chaos) -> None:
    async with chaos.load("rolling restart of the services", insist=False) as load:
        async with load.steady(callers=4):
            await chaos.queued(load, 4)
            for name in chaos.services():
                await chaos.stack.restart(name)
                await handed_in(load)
        await chaos.mended("rolling restart of the services")
    # Whoever stops in good order hands back what it has not begun and finishes what it has.
    (row,) = await chaos.backstage.rows("SELECT max(republished) AS most FROM images")
    assert row["most"] == 0


async def test_servers_restarted_in_good_order_cost_nothing(chaos: Chaos) -> None:
    async with chaos.load("rolling restart of the servers") as load:
        async with load.steady(callers=4):
            await chaos.queued(load, 4)
            for name in ("nats", "postgres", "triton"):
                await chaos.stack.restart(name)
                await handed_in(load)
        await chaos.mended("rolling restart of the servers")


async def handed_in(load: Load, count: int = 2) -> None:
    """Wait until callers have got something done since now."""
    goal = load.ledger.accepted + count
    async with asyncio.timeout(60):
        while load.ledger.accepted < goal:
            await asyncio.sleep(0.05)
