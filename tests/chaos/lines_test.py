"""The lines between services and servers: cut, silent, slow; with an S3 server for the blobs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.support.chaos import ACK_WAIT, Chaos, ProxiedStack, options, running_stack
from tests.support.proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVERS = ["nats", "postgres", "triton", "s3"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack with a proxy before each server."""
    folder = tmp_path_factory.mktemp("lines")
    # A broker whose lines were unplugged hands work to workers that are not there, for a minute.
    redelivery_delay = {"CARINA_JOBS_REDELIVERY_DELAY": "60"}
    async with running_stack(
        folder, kind=ProxiedStack, stack_options=options(redelivery_delay, blobs="s3")
    ) as running:
        yield running


def line(chaos: Chaos, server: str) -> Proxy:
    assert isinstance(chaos.stack, ProxiedStack)
    return chaos.stack.proxies[server]


@pytest.mark.parametrize("server", SERVERS)
async def test_a_cut_line_is_mended(chaos: Chaos, server: str) -> None:
    async with chaos.load(f"line to {server} cut") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        line(chaos, server).cut()
        await asyncio.sleep(3)
        line(chaos, server).mend()
        await chaos.mended(f"line to {server} cut for 3 s")


@pytest.mark.parametrize("server", SERVERS)
async def test_a_silent_line_is_borne(chaos: Chaos, server: str) -> None:
    async with chaos.load(f"line to {server} silent") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        line(chaos, server).freeze()
        await asyncio.sleep(4)
        line(chaos, server).mend()
        await chaos.mended(f"line to {server} silent for 4 s")


@pytest.mark.parametrize("server", SERVERS)
async def test_a_slow_line_that_is_reset_again_and_again_is_borne(
    chaos: Chaos, server: str
) -> None:
    async with chaos.load(f"line to {server} slow and reset") as load, load.steady(callers=3):
        line(chaos, server).latency = timedelta(milliseconds=50)
        for _ in range(3):
            await chaos.queued(load, 2)
            line(chaos, server).reset()
        line(chaos, server).mend()
        await chaos.mended(f"line to {server} slow (50 ms) and reset three times")


async def test_workers_killed_while_they_read_a_film_begin_again(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL preprocess at work") as load:
        async with chaos.stopped("preprocess-1", "preprocess-2"):
            await chaos.queued(load, 6)
            line(chaos, "s3").freeze()
        await chaos.in_stage("PREPROCESS", 2)
        chaos.kill("preprocess-1")
        chaos.kill("preprocess-2")
        await asyncio.sleep(0.2)
        line(chaos, "s3").mend()
        await chaos.mended("SIGKILL of both preprocess workers while they read")


async def test_a_killed_blob_store_is_waited_for(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL s3") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        chaos.kill("s3")
        await chaos.stack.wait_ready("s3")
        await chaos.mended("SIGKILL s3")


async def test_a_blob_store_that_slept_is_waited_for(chaos: Chaos) -> None:
    async with chaos.load("SIGSTOP s3") as load, load.steady(callers=4):
        await chaos.queued(load, 6)
        async with chaos.stopped("s3"):
            await asyncio.sleep(1.7 * ACK_WAIT.total_seconds())
        await chaos.mended("SIGSTOP s3, then SIGCONT")


async def test_lines_whose_other_side_was_unplugged_are_given_up(chaos: Chaos) -> None:
    async with chaos.load("all lines unplugged") as load, load.steady(callers=2):
        await chaos.queued(load, 6)
        for server in SERVERS:
            line(chaos, server).abandon()
        await chaos.mended("all lines silent for ever, new ones work", limit=240)
