"""SIGSTOP for longer than ack_wait, then SIGCONT: who was thought dead comes back and is late."""

import asyncio
import contextlib

import pytest

from carina.client import Client
from carina.errors import RefusedError
from carina.results import JobState
from tests.support.chaos import LONGER, STAGES, Chaos

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", ["preprocess", "inference"])
async def test_a_worker_that_comes_back_late_changes_nothing(chaos: Chaos, name: str) -> None:
    async with chaos.overheard() as overheard, chaos.load(f"SIGSTOP {name}") as load:
        async with chaos.holding(load, name, f"{name}-1"):
            # Another worker has done them all before this one goes on with them.
            await chaos.mended(f"SIGSTOP {name}")
        async with asyncio.timeout(60):
            while not overheard.late(STAGES[name]):
                await asyncio.sleep(0.05)
    assert overheard.dropped(STAGES[name])


@pytest.mark.parametrize(
    "names",
    [["jobs-1"], ["jobs-1", "jobs-2"], ["gateway-1"], ["nats"], ["triton"], ["postgres"]],
    ids=" and ".join,
)
async def test_work_goes_on_after_processes_were_stopped_under_load(
    chaos: Chaos, names: list[str]
) -> None:
    fault = f"SIGSTOP {', '.join(names)}"
    async with chaos.load(fault) as load, load.steady(callers=4):
        await chaos.queued(load, 8)
        async with chaos.stopped(*names):
            await asyncio.sleep(LONGER)
        await chaos.mended(f"{fault}, then SIGCONT")


async def test_a_replica_that_slept_through_the_end_tells_its_watchers(chaos: Chaos) -> None:
    addresses = [f"127.0.0.1:{port}" for port in chaos.stack.addresses.grpc_ports]
    async with (
        chaos.load("SIGSTOP jobs-1 until the job was deleted") as load,
        Client(addresses[0], chaos.token) as sleeper,
        Client(addresses[1], chaos.admin_token) as awake,
    ):
        promise = await load.begin(watch=False)
        watching = asyncio.create_task(last_state(sleeper, promise.name))
        await load.upload(promise, load.films.next())
        async with asyncio.timeout(30):
            while (await awake.get(promise.name)).progress.processed < 1:
                await asyncio.sleep(0.05)
        async with chaos.stopped("jobs-1"):
            job = await awake.close(promise.name)
            promise.closed = promise.deleted = True
            assert job.state.terminal
            await awake.delete(promise.name)
        # Nothing is left to tell; the watch must end all the same.
        async with asyncio.timeout(30):
            with contextlib.suppress(RefusedError):
                await watching


async def last_state(client: Client, job: str) -> JobState:
    state = JobState.UNSPECIFIED
    async for update in client.watch(job):
        state = update.job.state
    return state
