"""Groups images into batches: one call to Triton for as many as the model accepts at once."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from prometheus_client import Histogram

from chassis.retry import RetryPolicy, retry
from chassis.stopping import cancel_and_wait
from chassis.tracing import Span, batch_span, current_span
from services.inference.errors import (
    ModelAnswerInvalidError,
    ModelFailedError,
    ModelMissingError,
    RefusedByModelError,
    TooSlowError,
)
from services.inference.model import Answer, Model

_SIZE = Histogram(
    "carina_inference_batch_images",
    "Images of one call to Triton",
    ["model"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
# Failures that an image may have caused, or a faulty model.
_IMAGE_OR_MODEL_FAULT = (TooSlowError, ModelFailedError, ModelAnswerInvalidError)
_EVALUATE = RetryPolicy(final=(*_IMAGE_OR_MODEL_FAULT, ModelMissingError))
_PROBE = RetryPolicy(final=(ModelAnswerInvalidError, ModelMissingError))


class Evaluator(Protocol):
    """Evaluates a batch: Triton, or a substitute in tests."""

    async def infer(
        self, model: Model, images: Sequence[bytes], *, urgent: bool = False
    ) -> list[Answer]:
        """Return one answer for each image."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    image: bytes
    urgent: bool
    arrived: float
    answer: asyncio.Future[Answer]
    span: Span


class _Queue:
    """Images of one model that wait for a batch, the urgent ones first."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.calls = 0
        self.timer: asyncio.TimerHandle | None = None
        self._urgent: deque[_Waiting] = deque()
        self._routine: deque[_Waiting] = deque()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._routine)

    @property
    def oldest(self) -> float:
        """When the first of them arrived."""
        return min(queue[0].arrived for queue in (self._urgent, self._routine) if queue)

    def add(self, waiting: _Waiting) -> None:
        (self._urgent if waiting.urgent else self._routine).append(waiting)

    def take(self) -> list[_Waiting]:
        """Take a batch, without the images that nobody waits for any more."""
        batch: list[_Waiting] = []
        while len(self) and len(batch) < self.model.max_batch_size:
            waiting = (self._urgent or self._routine).popleft()
            if not waiting.answer.done():
                batch.append(waiting)
        return batch


class Batcher:
    """Evaluates single images in batches, grouped by model.

    A batch is sent when it is full or its first image has waited for `max_batch_delay`, provided
    that fewer than `concurrent_calls` of its model are in flight; meanwhile the next batch fills.
    """

    def __init__(
        self, evaluator: Evaluator, *, max_batch_delay: timedelta, concurrent_calls: int
    ) -> None:
        self._evaluator = evaluator
        self._max_batch_delay = max_batch_delay.total_seconds()
        self._concurrent_calls = concurrent_calls
        self._queues: dict[Model, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def evaluate(self, model: Model, image: bytes, *, urgent: bool = False) -> Answer:
        """Return the model's answer to one image; waits while Triton is unavailable or faulty.

        Raises:
            TooSlowError, RefusedByModelError, ModelFailedError, ModelAnswerInvalidError: as
                `TritonClient.infer`, but for this image alone, not for its batch.
            ModelMissingError: Triton does not serve the model.
        """
        loop = asyncio.get_running_loop()
        queue = self._queues.get(model)
        if queue is None:
            queue = self._queues[model] = _Queue(model)
        waiting = _Waiting(image, urgent, loop.time(), loop.create_future(), current_span())
        queue.add(waiting)
        self._dispatch(queue)
        return await waiting.answer

    async def close(self) -> None:
        """Cancel the calls in flight."""
        await cancel_and_wait(self._tasks)

    def _dispatch(self, queue: _Queue) -> None:
        loop = asyncio.get_running_loop()
        while len(queue) and queue.calls < self._concurrent_calls:
            due = queue.oldest + self._max_batch_delay
            if len(queue) < queue.model.max_batch_size and loop.time() < due:
                if queue.timer is None:
                    queue.timer = loop.call_at(due, self._batch_due, queue)
                return
            if batch := queue.take():
                queue.calls += 1
                # In an empty context: a batch does not belong to the trace or log of one image.
                task = loop.create_task(self._call(queue, batch), context=Context())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _batch_due(self, queue: _Queue) -> None:
        queue.timer = None
        self._dispatch(queue)

    async def _call(self, queue: _Queue, batch: list[_Waiting]) -> None:
        model = queue.model
        attributes: dict[str, str | int] = {
            "carina.model": f"{model.name} {model.version}",
            "carina.images": len(batch),
        }
        try:
            with batch_span("infer batch", [waiting.span for waiting in batch], attributes):
                await self._evaluate(model, batch)
        except Exception as error:  # noqa: BLE001 - passed on to every image of the batch
            _fail(batch, error)
        finally:
            queue.calls -= 1
            self._dispatch(queue)

    async def _evaluate(self, model: Model, batch: list[_Waiting]) -> None:
        _SIZE.labels(model.name).observe(len(batch))
        images = [waiting.image for waiting in batch]
        urgent = any(waiting.urgent for waiting in batch)
        try:
            answers = await retry(
                f"Triton model {model.name} {model.version}",
                lambda: self._evaluator.infer(model, images, urgent=urgent),
                _EVALUATE,
            )
        except TooSlowError as error:
            await self._wait_until_healthy(model)
            _fail(batch, error)
            return
        except (RefusedByModelError, ModelFailedError, ModelAnswerInvalidError) as error:
            if isinstance(error, _IMAGE_OR_MODEL_FAULT):
                await self._wait_until_healthy(model)
            if len(batch) == 1:
                _fail(batch, error)
                return
            # One by one, so that only the image at fault fails.
            for waiting in batch:
                await self._evaluate(model, [waiting])
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _wait_until_healthy(self, model: Model) -> None:
        """Wait until the model evaluates an empty image, so that no image fails for its fault."""
        empty = bytes(model.width * model.height)
        what = f"Triton model {model.name} {model.version} to evaluate an empty image"
        # A refusal is also an answer.
        with suppress(RefusedByModelError, ModelAnswerInvalidError):
            await retry(what, lambda: self._evaluator.infer(model, [empty]), _PROBE)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
