"""An inference worker in the test process, with its broker and Triton."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from carina.tasks.v1 import tasks_pb2
from chassis.nats.jetstream import JetStream, open_jetstream
from chassis.nats.streams import StreamSpec
from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from services.inference.config import InferenceConfig
from services.inference.main import run
from services.jobs.tasks.queue import streams
from tests.support.servers import Server, running, tiny_repository, triton_of

LABELS = ("normal", "pneumonia", "covid19")
SIDE = 224
Film = npt.NDArray[np.uint8]


def film(seed: int) -> Film:
    """Draw a pattern with contrast, different for each seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (8, 8), dtype=np.uint8)
    return np.kron(coarse, np.ones((SIDE // 8, SIDE // 8), np.uint8))


class Bench:
    """Publishes tasks and collects outcomes."""

    def __init__(self, *, nats_url: str, jetstream: JetStream, repository: Path) -> None:
        self.nats_url = nats_url
        self.jetstream = jetstream
        self.repository = repository
        self.triton: Server
        self.triton_address: str
        self.job = uuid.uuid4()
        self.outcomes: dict[uuid.UUID, tasks_pb2.Outcome] = {}
        self.started: set[uuid.UUID] = set()
        self._arrived = asyncio.Event()

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """The same network, run directly by onnxruntime."""
        path = self.repository / "cxr" / "1" / "model.onnx"
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    async def send(self, pixels: bytes, *, urgent: bool = False, **model: Any) -> uuid.UUID:
        """Publish a task, as a preprocess worker does, and return the image id."""
        image = uuid.uuid4()
        described = {
            "name": "cxr",
            "version": "1",
            "digest": "0" * 64,
            "input_width": SIDE,
            "input_height": SIDE,
            "labels": LABELS,
            "thresholds": (0.0, 0.0, 0.0),
            "gate_output": "frontal_score",
            "gate_threshold": 0.5,
            "max_batch_size": 16,
            **model,
        }
        task = tasks_pb2.InferTask(
            ref=tasks_pb2.ImageRef(
                job_id=self.job.bytes, image_id=image.bytes, attempt=1, urgent=urgent
            ),
            pixels=pixels,
            model=tasks_pb2.Model(**described),
            preparation=tasks_pb2.Preparation(
                media_type="image/png", placement_width=SIDE, placement_height=SIDE
            ),
        )
        task.queue_time.GetCurrentTime()
        priority = "urgent" if urgent else "routine"
        await self.jetstream.publish(
            f"tasks.infer.{priority}.{self.job}",
            task.SerializeToString(),
            message_id=f"{image}.1.infer",
        )
        return image

    async def limit_deliveries(self, max_deliver: int) -> None:
        """Deliver each task at most `max_deliver` times, instead of five times a minute apart."""
        (tasks, *_) = _streams()
        limited = tuple(replace(each, max_deliver=max_deliver) for each in tasks.consumers)
        await self.jetstream.ensure_streams((replace(tasks, consumers=limited),))

    async def outcome(self, image: uuid.UUID, seconds: float = 20) -> tasks_pb2.Outcome:
        """Wait for the final outcome of an image."""
        async with asyncio.timeout(seconds):
            while image not in self.outcomes:
                self._arrived.clear()
                await self._arrived.wait()
        return self.outcomes[image]

    async def listen(self) -> None:
        """Collect outcomes as they arrive."""

        async def received(_subject: str, data: bytes) -> None:
            outcome = tasks_pb2.Outcome.FromString(data)
            image = uuid.UUID(bytes=outcome.ref.image_id)
            if outcome.HasField("started"):
                self.started.add(image)
            else:
                self.outcomes[image] = outcome
                self._arrived.set()

        await self.jetstream.subscribe_core(f"results.{self.job}", received)

    @asynccontextmanager
    async def worker(self, **settings: Any) -> AsyncIterator[int]:
        """Run a worker within the block and yield the port of its health checks."""
        port = free_port()
        config = InferenceConfig(
            nats_url=self.nats_url,
            triton_address=self.triton_address,
            metrics_address=f"127.0.0.1:{port}",
            shutdown_grace=timedelta(seconds=5),
            **settings,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run(config, stop))
        try:
            yield port
        finally:
            stop.set()
            await task


def _streams() -> tuple[StreamSpec, ...]:
    return streams(replicas=1, max_bytes=2**30, ack_wait=timedelta(seconds=5))


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    """Start a broker with the production streams, and prepare a Triton without starting it."""
    port = free_port()
    repository = tiny_repository(folder)
    program, address = triton_of(repository, folder)
    with running(nats_program(folder / "nats", port=port, monitor_port=free_port()), folder):
        url = f"nats://127.0.0.1:{port}"
        async with open_jetstream(url, name="test") as jetstream:
            await jetstream.opened()
            bench = Bench(nats_url=url, jetstream=jetstream, repository=repository)
            bench.triton = Server(program, folder / "triton.log")
            bench.triton_address = address
            await jetstream.ensure_streams(_streams())
            await bench.listen()
            try:
                yield bench
            finally:
                await asyncio.to_thread(bench.triton.stop)
