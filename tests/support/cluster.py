"""A stack whose broker is a cluster of three NATS servers; all three replicate each stream."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from chassis.errors import TransientError
from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from deploy.local.program import Program
from deploy.local.settings import Addresses
from deploy.local.stack import LocalStack
from tests.support.chaos import Chaos

SERVERS = ("nats-1", "nats-2", "nats-3")
STREAMS = ("TASKS", "RESULTS", "DEAD")
# The setting that makes the jobs service replicate its streams.
REPLICATED = {"CARINA_JOBS_STREAM_REPLICAS": str(len(SERVERS))}


class ClusteredStack(LocalStack):
    """A stack that can afford to lose a NATS server."""

    def _servers(self) -> tuple[list[Program], Addresses]:
        (alone, *others), addresses = super()._servers()
        assert alone.name == "nats"
        servers, url = nats_cluster(self.data / "nats")
        return [*servers, *others], replace(addresses, nats_url=url)


def nats_cluster(folder: Path) -> tuple[list[Program], str]:
    """Return three servers with routes to each other, and a URL that lists all of them."""
    ports = [free_port() for _ in SERVERS]
    routes = [f"nats://127.0.0.1:{free_port()}" for _ in SERVERS]
    programs = []
    for name, port, route in zip(SERVERS, ports, routes, strict=True):
        program = nats_program(folder / name, port=port, monitor_port=free_port(), name=name)
        # In a cluster, a server's name is its identity. The last `--name` wins.
        command = (
            *(*program.command, "--name", name, "--cluster_name", "carina"),
            *("--cluster", route, "--routes", ",".join(routes)),
        )
        programs.append(replace(program, command=command))
    return programs, ",".join(f"nats://127.0.0.1:{port}" for port in ports)


async def leader_of(chaos: Chaos, stream: str) -> str:
    """Wait until a stream has a leader and return that server's name."""
    async with chaos.nats() as jetstream, asyncio.timeout(60):
        while True:
            try:
                info = await jetstream.api(f"STREAM.INFO.{stream}")
            except TransientError:
                info = {}
            if leader := info.get("cluster", {}).get("leader"):
                return str(leader)
            await asyncio.sleep(0.1)


async def fully_replicated(chaos: Chaos) -> None:
    """Wait until all three servers hold every stream and none lags behind."""
    async with chaos.nats() as jetstream, asyncio.timeout(60):
        for stream in STREAMS:
            while True:
                try:
                    cluster = (await jetstream.api(f"STREAM.INFO.{stream}")).get("cluster", {})
                except TransientError:
                    cluster = {}
                if _is_replicated(cluster):
                    break
                await asyncio.sleep(0.1)


def _is_replicated(cluster: dict[str, Any]) -> bool:
    followers = cluster.get("replicas") or []
    current = [each for each in followers if each.get("current") and not each.get("offline")]
    return bool(cluster.get("leader")) and len(current) == len(SERVERS) - 1
