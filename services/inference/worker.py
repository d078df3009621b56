"""One task: have the image read, judge the answer, draw the heatmap, tell."""

import asyncio
from datetime import timedelta

from chassis.errors import DomainError
from chassis.logs import get_logger
from chassis.nats.consume import Delivery
from chassis.tracing import process_span
from services.inference.batcher import Batcher
from services.inference.errors import (
    ModelAnswerInvalidError,
    ModelFailedError,
    ModelMissingError,
    RefusedByModelError,
    TooSlowError,
)
from services.inference.heatmap import heatmap_png
from services.inference.model import Reading, read
from services.inference.queue import Findings, Reports, Task, task_from_message

_MAY_WORK_LATER = (TooSlowError, ModelFailedError, ModelAnswerInvalidError, ModelMissingError)
# Whoever watches a job hears that an image has reached the model only if it stays there for long
# enough to be seen; most are read sooner, and a message for each would be work for nothing.
_NOTICEABLE = timedelta(seconds=1)
_log = get_logger(__name__)


class Worker:
    """Reads images; any number of them at once."""

    def __init__(self, *, batcher: Batcher, reports: Reports) -> None:
        self._batcher = batcher
        self._reports = reports
        self._telling: set[asyncio.Task[None]] = set()

    async def handle(self, delivery: Delivery) -> None:
        """Do all of one task; being run twice changes nothing.

        Raises:
            MalformedTaskError: the message is no task.
            TooSlowError, ModelFailedError, ModelAnswerInvalidError, ModelMissingError: it may
                work later.
        """
        task = task_from_message(delivery.data)
        loop = asyncio.get_running_loop()
        with process_span("infer", delivery.headers):
            timer = loop.call_later(_NOTICEABLE.total_seconds(), self._tell_started, task)
            try:
                reading = await self._read(task)
            except _MAY_WORK_LATER as error:
                if not delivery.last:
                    raise
                await self._failed(task, error)
            except RefusedByModelError as error:
                await self._failed(task, error)
            else:
                await self._reports.succeeded(task, _findings(task, reading))
            finally:
                timer.cancel()

    async def _read(self, task: Task) -> Reading:
        model = task.model
        if len(task.pixels) != model.width * model.height or len(model.thresholds) != len(
            model.labels
        ):
            raise RefusedByModelError
        answer = await self._batcher.read(model, task.pixels, urgent=task.urgent)
        return read(answer, model)

    async def _failed(self, task: Task, error: DomainError) -> None:
        _log.warning("image not read", image=task.image, code=error.reason)
        await self._reports.failed(task, code=error.reason, message=error.message)

    def _tell_started(self, task: Task) -> None:
        telling = asyncio.create_task(self._reports.started(task))
        # The event loop alone would let go of it.
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)


def _findings(task: Task, reading: Reading) -> Findings:
    png = b""
    if reading.heatmap is not None:
        png = heatmap_png(
            reading.heatmap,
            placement=task.placement,
            input_width=task.model.width,
            input_height=task.model.height,
        )
    return Findings(reading.probabilities, reading.predicted_label, png, reading.notes)
