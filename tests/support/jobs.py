"""A jobs service in the test process, on a real PostgreSQL, a real NATS and a local folder."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import grpc
import pytest
from nats.aio.msg import Msg
from nats.js.errors import ServiceUnavailableError

from carina.client import Client
from carina.tasks.v1 import tasks_pb2
from chassis.grpc_server import serve_until_stopped
from chassis.nats.jetstream import JetStream, open_jetstream
from deploy.local.issuer import AUDIENCE, ISSUER, DevelopmentIssuer, Role
from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from deploy.local.settings import ROOT
from services.jobs.commands.migrate import migrate
from services.jobs.config import JobsConfig
from services.jobs.main import run
from tests.support.servers import Server, running

# There is no load balancer that has to notice first that a replica is about to stop.
_STOP_AT_ONCE = partial(serve_until_stopped, settle=timedelta(0))
# The first attempt to connect comes before the service listens; do not wait a second to try again.
_RECONNECT_QUICKLY = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
)
# Seconds to wait for a task; the command that submits it may have to start first.
_TASK_TIMEOUT = 20


@dataclass
class Replica:
    """A running replica."""

    address: str
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        """Shut down gracefully."""
        self.stop.set()
        await self.task

    async def crash(self) -> None:
        """Stop like a killed process, as far as that can be simulated in process."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


class Jobs:
    """The service, its servers, and a worker played by the test."""

    def __init__(self, *, folder: Path, database_url: str, nats_url: str) -> None:
        self.folder = folder
        self.database_url = database_url
        self.nats_url = nats_url
        self.issuer = DevelopmentIssuer(folder / "issuer")
        self.replicas: list[Replica] = []
        self.jetstream: JetStream
        self.nats: Server

    def config(self, **settings: Any) -> JobsConfig:
        """Return the settings of another replica."""
        values: dict[str, Any] = {
            "listen_address": f"127.0.0.1:{free_port()}",
            "database_url": self.database_url,
            "nats_url": self.nats_url,
            "blob_url": (self.folder / "blobs").as_uri(),
            "catalogue": ROOT / "models" / "catalogue.yaml",
            "jwks_url": self.issuer.jwks_path.as_uri(),
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "insecure_development_issuer": True,
            "metrics_address": "",
        }
        return JobsConfig(**(values | settings))

    async def start(self, **settings: Any) -> Replica:
        """Start another replica and wait until it serves."""
        config = self.config(**settings)
        address = config.listen_address
        stop = asyncio.Event()
        task = asyncio.create_task(run(config, stop))
        replica = Replica(address, stop, task)
        self.replicas.append(replica)
        async with grpc.aio.insecure_channel(address, options=_RECONNECT_QUICKLY) as channel:
            ready = asyncio.create_task(channel.channel_ready())
            await asyncio.wait({ready, task}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            await ready
        return replica

    def token(self, role: Role = Role.DOCTOR, **claims: Any) -> str:
        """Mint a token."""
        return self.issuer.mint([role], **claims)

    def client(
        self,
        role: Role = Role.DOCTOR,
        *,
        replica: int = 0,
        reconnect_timeout: timedelta = timedelta(minutes=2),
        **claims: Any,
    ) -> Client:
        """Return a client that is connected to one replica."""
        return Client(
            self.replicas[replica].address,
            self.token(role, **claims),
            reconnect_timeout=reconnect_timeout,
        )

    async def next_task(self) -> tasks_pb2.PreprocessTask:
        """Take the next preprocess task and acknowledge it."""
        held = await self.hold_task()
        await held.ack()
        return held.task

    async def hold_task(self) -> "Held":
        """Take the next preprocess task without acknowledging it yet."""
        deadline = asyncio.get_running_loop().time() + _TASK_TIMEOUT
        while asyncio.get_running_loop().time() < deadline:
            for priority in ("urgent", "routine"):
                message = await self._pull(f"preprocess-{priority}")
                if message is not None:
                    return Held(message)
        raise AssertionError("no task came")

    async def report(self, outcome: tasks_pb2.Outcome) -> None:
        """Report an outcome, as a worker does."""
        if not outcome.HasField("time"):
            outcome.time.FromDatetime(datetime.now(UTC))
        subject = f"results.{UUID(bytes=outcome.ref.job_id)}"
        await self.jetstream.publish_core(subject, outcome.SerializeToString())

    async def work(self, count: int, *, fail: Callable[[int], bool] = lambda _: False) -> None:
        """Play both workers for `count` images; `fail` tells by index which ones fail."""
        for number in range(count):
            task = await self.next_task()
            await self.report(started(task, tasks_pb2.STAGE_PREPROCESS))
            await self.report(started(task, tasks_pb2.STAGE_INFER))
            await self.report(failed(task) if fail(number) else succeeded(task))

    async def _pull(self, durable: str) -> Msg | None:
        wait = 0.2 if durable.endswith("urgent") else 1
        js = self.jetstream.client.jetstream()
        subscription = await js.pull_subscribe_bind(durable, "TASKS")
        try:
            (message,) = await subscription.fetch(1, timeout=wait)
        except TimeoutError:
            return None
        except ServiceUnavailableError:
            # A replica or broker that has just started may not have created the consumer yet.
            await asyncio.sleep(0.05)
            return None
        finally:
            await subscription.unsubscribe()
        return message


class Held:
    """A task that a worker has not acknowledged yet."""

    def __init__(self, message: Msg) -> None:
        self.task = tasks_pb2.PreprocessTask.FromString(message.data)
        self._message = message

    async def ack(self) -> None:
        """Acknowledge it and wait for the broker's confirmation."""
        await self._message.ack_sync()

    async def nak(self) -> None:
        """Return it to the queue, as a worker does when it shuts down."""
        await self._message.nak()


def started(task: tasks_pb2.PreprocessTask, stage: tasks_pb2.Stage.ValueType) -> tasks_pb2.Outcome:
    """Build the outcome of a worker that has started on an image."""
    return tasks_pb2.Outcome(ref=task.ref, stage=stage, started=tasks_pb2.Started())


def succeeded(task: tasks_pb2.PreprocessTask) -> tasks_pb2.Outcome:
    """Build the outcome of an image that was evaluated."""
    probabilities = [0.1, 0.7, 0.2]
    return tasks_pb2.Outcome(
        ref=task.ref,
        stage=tasks_pb2.STAGE_INFER,
        succeeded=tasks_pb2.Succeeded(
            probabilities=probabilities,
            predicted_label="pneumonia",
            heatmap_png=b"\x89PNG heat",
            model=task.model,
            preparation=tasks_pb2.Preparation(
                media_type="image/png", width=10, height=20, bits=8, notes=["A_NOTE"]
            ),
        ),
    )


def failed(task: tasks_pb2.PreprocessTask, *, retryable: bool = False) -> tasks_pb2.Outcome:
    """Build the outcome of an image that cannot be decoded."""
    return tasks_pb2.Outcome(
        ref=task.ref,
        stage=tasks_pb2.STAGE_PREPROCESS,
        failed=tasks_pb2.Failed(
            code="CORRUPT_IMAGE", message="The file is damaged.", retryable=retryable
        ),
    )


@asynccontextmanager
async def open_jobs(folder: Path, postgres_url: str) -> AsyncIterator[Jobs]:
    """Migrate a database, start a NATS server, and yield the service; no replica runs yet."""
    await migrate(postgres_url)
    port = free_port()
    program = nats_program(folder / "nats", port=port, monitor_port=free_port())
    with running(program, folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.jobs.main.serve_until_stopped", _STOP_AT_ONCE)
        jobs = Jobs(folder=folder, database_url=postgres_url, nats_url=f"nats://127.0.0.1:{port}")
        jobs.nats = server
        async with open_jetstream(jobs.nats_url, name="test") as jetstream:
            await jetstream.opened()
            jobs.jetstream = jetstream
            try:
                yield jobs
            finally:
                for replica in jobs.replicas:
                    if not replica.task.done():
                        await replica.end()


async def rows(jobs: Jobs, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Query the database directly, in the role of the service."""
    connection = await asyncpg.connect(jobs.database_url, server_settings={"role": "carina_system"})
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def pass_time(jobs: Jobs, passed: timedelta) -> None:
    """Simulate the passing of time by moving all stored times into the past."""
    for table, columns in (
        ("jobs", ("create_time", "update_time", "start_time", "expire_time")),
        ("images", ("create_time", "update_time")),
        ("uploads", ("update_time",)),
        ("outbox", ("available_at", "claimed_until")),
        ("deletions", ("delete_time", "sweep_time", "claimed_until")),
    ):
        shifted = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
        await rows(jobs, f"UPDATE {table} SET {shifted}", passed)
