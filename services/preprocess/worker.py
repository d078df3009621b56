"""Processes one task: reads the file, prepares the film off the event loop, stores the preview."""

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from datetime import timedelta

from prometheus_client import Histogram

from carina.tasks.outcomes import started_payload
from carina.tasks.v1 import tasks_pb2
from chassis.blobs import BlobNotFoundError, BlobStore, BlobsUnavailableError
from chassis.errors import TransientError
from chassis.logs import get_logger
from chassis.nats.consume import Delivery
from chassis.nats.jetstream import JetStream
from chassis.retry import RetryPolicy, retry
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from services.preprocess.pipeline import PipelineSettings, Prepared, prepare
from services.preprocess.queue import (
    Failure,
    Ready,
    Task,
    message_of,
    task_from_message,
)

_SECONDS = Histogram(
    "carina_preprocess_stage_duration_seconds",
    "Duration of each stage of preparing a film",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ORIGINAL_MISSING, ORIGINAL_UNREADABLE = "ORIGINAL_MISSING", "ORIGINAL_UNREADABLE"
_ORIGINAL_MISSING = Failure(
    ORIGINAL_MISSING, "The uploaded file no longer exists. Please upload it again.", retryable=False
)
_ORIGINAL_UNREADABLE = Failure(
    ORIGINAL_UNREADABLE,
    "The uploaded file could not be read back. Please retry it later.",
    retryable=True,
)
_BLOB_STORE = "the blob store"
# A store that responds, but does not return this file for so long, has lost it.
_READ = RetryPolicy(limit=timedelta(minutes=1))
_log = get_logger(__name__)


class OutOfMemoryError(TransientError):
    """This worker had too little memory for the film; another one may have enough."""

    reason = "WORKER_OUT_OF_MEMORY"

    def __init__(self) -> None:
        super().__init__(
            "The service was short of memory for this image. Please retry it later.",
            delay=timedelta(seconds=5),
        )


class Worker:
    """Prepares films, as many at once as the executor has threads."""

    def __init__(
        self,
        *,
        blobs: BlobStore,
        jetstream: JetStream,
        executor: Executor,
        settings: PipelineSettings,
        limits: Limits,
    ) -> None:
        self._blobs = blobs
        self._jetstream = jetstream
        self._executor = executor
        self._settings = settings
        self._limits = limits

    async def handle(self, delivery: Delivery) -> None:
        """Process one task; processing it twice changes nothing.

        Raises:
            MalformedTaskError: the message is not a task.
            TransientError: it may work later, or on another worker.
        """
        task = task_from_message(delivery.data)
        # It moves a progress bar, so nothing waits for it.
        subject = task.result_subject
        await self._jetstream.publish_core(
            str(subject),
            started_payload(task.message.ref, tasks_pb2.STAGE_PREPROCESS),
            template=subject.template,
        )
        result = await self._process(task, last=delivery.last)
        # While the broker is full or unavailable the film waits here, and its task stays alive.
        await self._jetstream.publish_until_stored(message_of(task, result))

    async def _process(self, task: Task, *, last: bool) -> Ready | Failure:
        """Prepare the film; an error that may pass is raised until the last delivery."""
        try:
            film = await self._prepare(task)
        except FilmError as error:
            # Only the type of the cause: its message may quote the file.
            cause = type(error.__cause__).__name__ if error.__cause__ else None
            _log.info("film rejected", image=task.image, code=error.code, reason=cause)
            return Failure(error.code, str(error), error.retryable)
        except BlobNotFoundError:
            return _ORIGINAL_MISSING
        except BlobsUnavailableError:
            if not last:
                raise
            return _ORIGINAL_UNREADABLE
        except MemoryError:
            shortage = OutOfMemoryError()
            if not last:
                raise shortage from None
            return Failure(shortage.reason, shortage.message, retryable=True)
        return Ready(film, has_preview=await self._store_preview(task, film))

    async def _prepare(self, task: Task) -> Prepared:
        data = await self._read(task)
        model = task.message.model
        settings = replace(
            self._settings,
            width=model.input_width,
            height=model.input_height,
            clahe=task.message.clahe,
        )
        loop = asyncio.get_running_loop()
        film = await loop.run_in_executor(self._executor, prepare, data, settings, self._limits)
        for stage in ("decode", "enhance", "resize", "preview"):
            _SECONDS.labels(stage).observe(getattr(film.durations, stage).total_seconds())
        return film

    async def _read(self, task: Task) -> bytes:
        parts = [await self._read_part(key) for key in task.message.original_keys]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _read_part(self, key: str) -> bytes:
        """Wait while the store is unavailable; a single unreadable file does not block others."""
        try:
            return await retry(_BLOB_STORE, lambda: self._blobs.get(key), _READ)
        except BlobsUnavailableError:
            await retry(_BLOB_STORE, self._blobs.check)
            raise

    async def _store_preview(self, task: Task, film: Prepared) -> bool:
        """Store the preview. If the store is unavailable, the film continues without one."""
        if film.preview is None:
            return False
        try:
            await self._blobs.put(task.message.preview_key, film.preview)
        except TransientError as error:
            _log.warning("storing preview failed", image=task.image, reason=error.reason)
            return False
        return True
