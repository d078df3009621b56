"""One task: read the file, prepare the film off the event loop, keep the preview, hand on."""

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from datetime import timedelta

from prometheus_client import Histogram

from chassis.blobs import BlobNotFoundError, BlobStore, BlobsUnavailableError
from chassis.errors import TransientError
from chassis.logs import get_logger
from chassis.nats.consume import Delivery
from chassis.retry import retry_transient
from services.preprocess.errors import FilmError
from services.preprocess.film import Limits
from services.preprocess.pipeline import PipelineSettings, Prepared, prepare
from services.preprocess.queue import Reports, Task, task_from_message

_SECONDS = Histogram(
    "carina_preprocess_seconds",
    "Time of each stage of preparing a film",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ORIGINAL_MISSING, ORIGINAL_UNREADABLE = "ORIGINAL_MISSING", "ORIGINAL_UNREADABLE"
# A store that answers for others, and so long not for this file, has lost it.
_MOST = timedelta(minutes=1)
_log = get_logger(__name__)


class OutOfMemoryError(TransientError):
    """This worker had too little memory for the film; a neighbour may have it."""

    reason = "WORKER_OUT_OF_MEMORY"

    def __init__(self) -> None:
        super().__init__(
            "The service was short of memory for this image; retry it later.",
            delay=timedelta(seconds=5),
        )


class Worker:
    """Prepares films, as many at once as the executor has threads."""

    def __init__(
        self,
        *,
        blobs: BlobStore,
        reports: Reports,
        executor: Executor,
        settings: PipelineSettings,
        limits: Limits,
    ) -> None:
        self._blobs = blobs
        self._reports = reports
        self._executor = executor
        self._settings = settings
        self._limits = limits

    async def handle(self, delivery: Delivery) -> None:
        """Do all of one task; being run twice changes nothing.

        Raises:
            TransientError: it may work later, or elsewhere.
        """
        task = task_from_message(delivery.data)
        await self._reports.started(task)
        try:
            film = await self._prepare(task)
        except FilmError as error:
            # What a parser stumbled over, by its kind: its words may quote the file.
            cause = type(error.__cause__).__name__ if error.__cause__ else None
            _log.info("film not readable", image=task.image, code=error.code, reason=cause)
            await self._reports.failed(
                task, code=error.code, message=str(error), retryable=error.retryable
            )
        except BlobNotFoundError:
            await self._reports.failed(
                task,
                code=ORIGINAL_MISSING,
                message="The uploaded file is no longer there; upload it again.",
                retryable=False,
            )
        except BlobsUnavailableError:
            if not delivery.last:
                raise
            await self._reports.failed(
                task,
                code=ORIGINAL_UNREADABLE,
                message="The uploaded file could not be read back; retry it later.",
                retryable=True,
            )
        except MemoryError:
            await self._out_of_memory(task, last=delivery.last)
        else:
            has_preview = await self._keep_preview(task, film)
            await self._reports.prepared(task, film, has_preview=has_preview)

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
        """Wait for a store that is away; one file that is not to be had holds up no other."""
        try:
            return await retry_transient("the blob store", lambda: self._blobs.get(key), most=_MOST)
        except BlobsUnavailableError:
            await retry_transient("the blob store", self._blobs.check)
            raise

    async def _keep_preview(self, task: Task, film: Prepared) -> bool:
        """Write the preview. A store that is away costs the preview, never the film."""
        if film.preview is None:
            return False
        try:
            await self._blobs.put(task.message.preview_key, film.preview)
        except TransientError as error:
            _log.warning("preview not kept", image=task.image, reason=error.reason)
            return False
        return True

    async def _out_of_memory(self, task: Task, *, last: bool) -> None:
        error = OutOfMemoryError()
        if not last:
            raise error
        await self._reports.failed(task, code=error.reason, message=error.message, retryable=True)
