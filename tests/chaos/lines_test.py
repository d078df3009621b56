"""Connections between services and servers that are cut, silent or slow; the blobs are on S3."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.support.chaos import PAST_ACK_WAIT, Chaos, options, running_stack
from tests.support.proxy import Proxy
from tests.support.stacks import ProxiedStack

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVERS = ["nats", "postgres", "triton", "s3"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack with a proxy in front of each server."""
    folder = tmp_path_factory.mktemp("lines")
    # For about a minute, a broker delivers tasks to workers whose connections were unplugged.
    redelivery_delay = {"CARINA_JOBS_REDELIVERY_DELAY": "60"}
    async with running_stack(
        folder, kind=ProxiedStack, stack_options=options(redelivery_delay, blobs="s3")
    ) as running:
        yield running


def proxy_of(chaos: Chaos, server: str) -> Proxy:
    assert isinstance(chaos.stack, ProxiedStack)
    return chaos.stack.proxies[server]


@pytest.mark.parametrize("server", SERVERS)
async def test_work_continues_after_a_connection_was_cut(chaos: Chaos, server: str) -> None:
    async with chaos.load(f"connection to {server} cut") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        proxy_of(chaos, server).cut()
        await asyncio.sleep(3)
        proxy_of(chaos, server).heal()
        await chaos.recovered(f"connection to {server} cut for 3 s")


@pytest.mark.parametrize("server", SERVERS)
async def test_work_continues_after_a_connection_was_silent(chaos: Chaos, server: str) -> None:
    async with chaos.load(f"connection to {server} silent") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        proxy_of(chaos, server).freeze()
        await asyncio.sleep(4)
        proxy_of(chaos, server).heal()
        await chaos.recovered(f"connection to {server} silent for 4 s")


@pytest.mark.parametrize("server", SERVERS)
async def test_work_continues_over_a_slow_connection_that_is_reset_repeatedly(
    chaos: Chaos, server: str
) -> None:
    async with chaos.load(f"connection to {server} slow and reset") as load, load.steady(callers=3):
        proxy_of(chaos, server).latency = timedelta(milliseconds=50)
        for _ in range(3):
            await chaos.submit_images(load, 2)
            proxy_of(chaos, server).reset()
        proxy_of(chaos, server).heal()
        await chaos.recovered(f"connection to {server} slow (50 ms) and reset three times")


async def test_workers_killed_while_they_read_a_film_start_over(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL preprocess while it works") as load:
        async with chaos.suspended("preprocess-1", "preprocess-2"):
            await chaos.submit_images(load, 6)
            proxy_of(chaos, "s3").freeze()
        await chaos.in_stage("PREPROCESS", 2)
        chaos.kill("preprocess-1")
        chaos.kill("preprocess-2")
        await asyncio.sleep(0.2)
        proxy_of(chaos, "s3").heal()
        await chaos.recovered("SIGKILL of both preprocess workers while they read")


async def test_work_continues_after_the_blob_store_was_killed(chaos: Chaos) -> None:
    async with chaos.load("SIGKILL s3") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        chaos.kill("s3")
        await chaos.stack.wait_ready("s3")
        await chaos.recovered("SIGKILL s3")


async def test_work_continues_after_the_blob_store_was_suspended(chaos: Chaos) -> None:
    async with chaos.load("SIGSTOP s3") as load, load.steady(callers=4):
        await chaos.submit_images(load, 6)
        async with chaos.suspended("s3"):
            await asyncio.sleep(PAST_ACK_WAIT)
        await chaos.recovered("SIGSTOP s3, then SIGCONT")


async def test_connections_to_an_unplugged_peer_are_replaced(chaos: Chaos) -> None:
    async with chaos.load("all connections unplugged") as load, load.steady(callers=2):
        await chaos.submit_images(load, 6)
        for server in SERVERS:
            proxy_of(chaos, server).abandon()
        await chaos.recovered("all connections silent permanently, new ones work", limit=240)
