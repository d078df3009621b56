"""SIGKILL of each process in turn, while callers hand in and watch."""


import pytest

from tests.support.chaos import Chaos

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_without_a_fault_every_promise_is_kept(chaos: Chaos) -> None:
    async with chaos.load() as load:
        await chaos.queued(load)
        await chaos.mended("none")
    assert load.ledger.accepted >= 12
    assert not load.ledger.absorbed
