"""A preprocess worker in the test process, with its broker and blob store."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from carina.tasks.v1 import tasks_pb2
from chassis.blobs import open_blobs
from chassis.nats.jetstream import JetStream, open_jetstream
from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from services.jobs.tasks.queue import streams
from services.preprocess.config import PreprocessConfig
from services.preprocess.main import run
from tests.support.servers import Server

SIDE = 224


class Bench:
    """Stores originals, publishes tasks and collects the results."""

    def __init__(self, folder: Path, *, nats_url: str, jetstream: JetStream) -> None:
        self.folder = folder
        self.nats_url = nats_url
        self.jetstream = jetstream
        self.nats: Server
        self.job = uuid.uuid4()
        self.blobs = open_blobs((folder / "blobs").as_uri())
        self.started: list[uuid.UUID] = []
        self.failures: dict[uuid.UUID, tasks_pb2.Outcome] = {}
        self.tasks: dict[uuid.UUID, tuple[str, tasks_pb2.InferTask]] = {}
        self._arrived = asyncio.Event()

    async def send(
        self, *parts: bytes, urgent: bool = False, clahe: bool = True, republished: int = 0
    ) -> uuid.UUID:
        """Store a file as one blob per part, and publish its task."""
        image = uuid.uuid4()
        keys = [f"{image}/original-{number}" for number in range(len(parts))]
        for key, part in zip(keys, parts, strict=True):
            await self.blobs.put(key, part)
        await self.publish(image, keys, urgent=urgent, clahe=clahe, republished=republished)
        return image

    async def publish(
        self,
        image: uuid.UUID,
        keys: list[str],
        *,
        urgent: bool = False,
        clahe: bool = True,
        republished: int = 0,
    ) -> None:
        """Publish a task, as the jobs service does."""
        task = tasks_pb2.PreprocessTask(
            ref=tasks_pb2.ImageRef(
                job_id=self.job.bytes,
                image_id=image.bytes,
                attempt=1,
                urgent=urgent,
                republished=republished,
            ),
            original_keys=keys,
            preview_key=preview_key(image),
            clahe=clahe,
            model=tasks_pb2.Model(name="cxr", version="1", input_width=SIDE, input_height=SIDE),
        )
        task.queue_time.GetCurrentTime()
        priority = "urgent" if urgent else "routine"
        await self.jetstream.publish(
            f"tasks.preprocess.{priority}.{self.job}",
            task.SerializeToString(),
            message_id=f"{image}.1.preprocess.{republished}",
        )

    async def prepared(self, image: uuid.UUID, seconds: float = 20) -> tasks_pb2.InferTask:
        """Wait for the task of the inference stage."""
        await self._until(image, self.tasks, seconds)
        return self.tasks[image][1]

    async def failed(self, image: uuid.UUID, seconds: float = 20) -> tasks_pb2.Failed:
        """Wait for the failure of an image."""
        await self._until(image, self.failures, seconds)
        return self.failures[image].failed

    async def settled(self) -> None:
        """Wait until no task is left in the queue or in a worker."""
        async with asyncio.timeout(10):
            while await self.jetstream.count("TASKS", "tasks.preprocess.>"):
                await asyncio.sleep(0.02)

    async def _until(self, image: uuid.UUID, arrived: dict[uuid.UUID, Any], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while image not in arrived:
                self._arrived.clear()
                await self._arrived.wait()

    async def listen(self) -> None:
        """Collect outcomes and inference tasks as they arrive."""

        async def on_outcome(_subject: str, data: bytes) -> None:
            outcome = tasks_pb2.Outcome.FromString(data)
            image = uuid.UUID(bytes=outcome.ref.image_id)
            assert outcome.stage == tasks_pb2.STAGE_PREPROCESS
            if outcome.HasField("started"):
                self.started.append(image)
            else:
                self.failures[image] = outcome
                self._arrived.set()

        async def on_task(subject: str, data: bytes) -> None:
            task = tasks_pb2.InferTask.FromString(data)
            self.tasks[uuid.UUID(bytes=task.ref.image_id)] = subject, task
            self._arrived.set()

        await self.jetstream.subscribe_core(f"results.{self.job}", on_outcome)
        await self.jetstream.subscribe_core(f"tasks.infer.*.{self.job}", on_task)

    @asynccontextmanager
    async def worker(self, **settings: Any) -> AsyncIterator[int]:
        """Run a worker within the block and yield the port of its health checks."""
        port = free_port()
        config = PreprocessConfig(
            **{
                "nats_url": self.nats_url,
                "blob_url": (self.folder / "blobs").as_uri(),
                "metrics_address": f"127.0.0.1:{port}",
                "shutdown_grace": timedelta(seconds=5),
                "slots": 2,
                **settings,
            }
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run(config, stop))
        try:
            yield port
        finally:
            stop.set()
            await task


def preview_key(image: uuid.UUID) -> str:
    """Return the blob key of an image's preview."""
    return f"{image}/preview.jpg"


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    """Start a broker with the production streams."""
    port = free_port()
    program = nats_program(folder / "nats", port=port, monitor_port=free_port())
    server = Server(program, folder / "nats.log")
    await asyncio.to_thread(server.start)
    try:
        url = f"nats://127.0.0.1:{port}"
        async with open_jetstream(url, name="test") as jetstream:
            await jetstream.opened()
            bench = Bench(folder, nats_url=url, jetstream=jetstream)
            bench.nats = server
            specs = streams(replicas=1, max_bytes=2**30, ack_wait=timedelta(seconds=5))
            await jetstream.ensure_streams(specs)
            await bench.listen()
            yield bench
    finally:
        await asyncio.to_thread(server.stop)
