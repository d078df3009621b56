"""Processes one task: evaluates the image, interprets the answer, draws the heatmap."""

import asyncio
from datetime import timedelta

from carina.tasks.outcomes import started_payload
from carina.tasks.v1 import tasks_pb2
from chassis.logs import get_logger
from chassis.nats.consume import Delivery
from chassis.nats.jetstream import JetStream
from services.inference.batcher import Batcher
from services.inference.errors import (
    ModelAnswerInvalidError,
    ModelFailedError,
    ModelMissingError,
    RefusedByModelError,
    TooSlowError,
)
from services.inference.heatmap import heatmap_png
from services.inference.model import Interpretation, interpret
from services.inference.queue import (
    Failure,
    Findings,
    Task,
    message_of,
    task_from_message,
)

_MAY_WORK_LATER = (TooSlowError, ModelFailedError, ModelAnswerInvalidError, ModelMissingError)
# The start is announced only if the image is still in progress after this time. Most images are
# finished sooner, and nobody would see the message.
_ANNOUNCE_AFTER = timedelta(seconds=1)
_log = get_logger(__name__)


class Worker:
    """Evaluates images, any number at once."""

    def __init__(self, *, batcher: Batcher, jetstream: JetStream) -> None:
        self._batcher = batcher
        self._jetstream = jetstream
        self._announcing: set[asyncio.Task[None]] = set()

    async def handle(self, delivery: Delivery) -> None:
        """Process one task; processing it twice changes nothing.

        Raises:
            MalformedTaskError: the message is not a task.
            TooSlowError, ModelFailedError, ModelAnswerInvalidError, ModelMissingError: it may
                work later.
        """
        task = task_from_message(delivery.data)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_ANNOUNCE_AFTER.total_seconds(), self._announce_start, task)
        try:
            result = await self._process(task, last=delivery.last)
        finally:
            timer.cancel()
        # While the broker is full or unavailable the findings wait here, and the task stays alive.
        await self._jetstream.publish_until_stored(message_of(task, result))

    async def _process(self, task: Task, *, last: bool) -> Findings | Failure:
        """Evaluate the image; an error that may pass is raised until the last delivery."""
        try:
            return _findings(task, await self._evaluate(task))
        except _MAY_WORK_LATER as error:
            if not last:
                raise
            failure = Failure(error.reason, error.message)
        except RefusedByModelError as error:
            failure = Failure(error.reason, error.message)
        _log.warning("inference failed", image=task.image, code=failure.code)
        return failure

    async def _evaluate(self, task: Task) -> Interpretation:
        model = task.model
        if len(task.pixels) != model.width * model.height or len(model.thresholds) != len(
            model.labels
        ):
            raise RefusedByModelError
        answer = await self._batcher.evaluate(model, task.pixels, urgent=task.urgent)
        return interpret(answer, model)

    def _announce_start(self, task: Task) -> None:
        subject = task.result_subject
        announcing = asyncio.create_task(
            self._jetstream.publish_core(
                str(subject),
                started_payload(task.message.ref, tasks_pb2.STAGE_INFER),
                template=subject.template,
            )
        )
        # The event loop keeps only a weak reference.
        self._announcing.add(announcing)
        announcing.add_done_callback(self._announcing.discard)


def _findings(task: Task, interpretation: Interpretation) -> Findings:
    png = b""
    if interpretation.heatmap is not None:
        png = heatmap_png(
            interpretation.heatmap,
            placement=task.placement,
            input_width=task.model.width,
            input_height=task.model.height,
        )
    return Findings(
        interpretation.probabilities, interpretation.predicted_label, png, interpretation.notes
    )
