"""SIGSTOP for longer than the ack wait, then SIGCONT: a process returns after counting as dead."""

import asyncio
import contextlib

import pytest

from carina.client import Client
from carina.errors import RefusedError
from carina.results import JobState
from tests.support.chaos import PAST_ACK_WAIT, STAGES, Chaos

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", ["preprocess", "inference"])
async def test_a_worker_that_comes_back_late_changes_nothing(chaos: Chaos, name: str) -> None:
    async with chaos.overheard() as overheard, chaos.load(f"SIGSTOP {name}") as load:
        async with chaos.holding(load, name, f"{name}-1"):
            # Another worker finishes them all before this one resumes.
            await chaos.recovered(f"SIGSTOP {name}")
        async with asyncio.timeout(60):
            while not overheard.late(STAGES[name]):
                await asyncio.sleep(0.05)
    assert overheard.dropped(STAGES[name])


@pytest.mark.parametrize(
    "names",
    [["jobs-1"], ["jobs-1", "jobs-2"], ["gateway-1"], ["nats"], ["triton"], ["postgres"]],
    ids=" and ".join,
)
async def test_work_continues_after_processes_were_suspended_under_load(
    chaos: Chaos, names: list[str]
) -> None:
    fault = f"SIGSTOP {', '.join(names)}"
    async with chaos.load(fault) as load, load.steady(callers=4):
        await chaos.submit_images(load, 8)
        async with chaos.suspended(*names):
            await asyncio.sleep(PAST_ACK_WAIT)
        await chaos.recovered(f"{fault}, then SIGCONT")


async def test_a_replica_that_was_suspended_during_the_deletion_of_a_job_ends_its_watches(
    chaos: Chaos,
) -> None:
    addresses = [f"127.0.0.1:{port}" for port in chaos.stack.addresses.grpc_ports]
    async with (
        chaos.load("SIGSTOP jobs-1 until the job was deleted") as load,
        Client(addresses[0], chaos.token) as suspended,
        Client(addresses[1], chaos.admin_token) as active,
    ):
        promise = await load.create(watch=False)
        watching = asyncio.create_task(last_state(suspended, promise.name))
        await load.upload(promise, load.films.next())
        async with asyncio.timeout(30):
            while (await active.get(promise.name)).progress.processed < 1:
                await asyncio.sleep(0.05)
        async with chaos.suspended("jobs-1"):
            job = await active.close(promise.name)
            promise.closed = promise.deleted = True
            assert job.state.terminal
            await active.delete(promise.name)
        # There is nothing left to send, but the watch must still end.
        async with asyncio.timeout(30):
            with contextlib.suppress(RefusedError):
                await watching


async def last_state(client: Client, job: str) -> JobState:
    state = JobState.UNSPECIFIED
    async for update in client.watch(job):
        state = update.job.state
    return state
