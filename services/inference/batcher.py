"""Joins images into batches: one call to Triton for as many as the model takes at once."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from prometheus_client import Histogram

from chassis.retry import retry_transient
from chassis.stopping import cancel_and_wait
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
# What an image may have brought about, or a model that is ill.
_PERHAPS_THE_IMAGE = (TooSlowError, ModelFailedError, ModelAnswerInvalidError)


class Reader(Protocol):
    """Whoever reads a batch; Triton, or a stand-in of a test."""

    async def infer(
        self, model: Model, images: Sequence[bytes], *, urgent: bool = False
    ) -> list[Answer]:
        """Return one answer for each image."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    image: bytes
    urgent: bool
    since: float
    answer: asyncio.Future[Answer]


class _Gathering:
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
    def since(self) -> float:
        """When the first of them came."""
        return min(queue[0].since for queue in (self._urgent, self._routine) if queue)

    def add(self, waiting: _Waiting) -> None:
        (self._urgent if waiting.urgent else self._routine).append(waiting)

    def take(self) -> list[_Waiting]:
        """Take a batch, without those that nobody waits for any more."""
        batch: list[_Waiting] = []
        while len(self) and len(batch) < self.model.max_batch_size:
            waiting = (self._urgent or self._routine).popleft()
            if not waiting.answer.done():
                batch.append(waiting)
        return batch


class Batcher:
    """Reads single images in batches, grouped by model.

    A batch is sent when it is full or its first image has waited for `max_batch_delay`, as long as
    fewer than `concurrent_calls` of its model are in flight; meanwhile the next batch fills.
    """

    def __init__(
        self, reader: Reader, *, max_batch_delay: timedelta, concurrent_calls: int
    ) -> None:
        self._reader = reader
        self._max_batch_delay = max_batch_delay.total_seconds()
        self._concurrent_calls = concurrent_calls
        self._groups: dict[Model, _Gathering] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, model: Model, image: bytes, *, urgent: bool = False) -> Answer:
        """Return the model's answer to one image. Waits for a Triton that is away or not well.

        Raises:
            TooSlowError, RefusedByModelError, ModelFailedError, ModelAnswerInvalidError: as
                `TritonClient.infer`, and then it is this image's own fate, not that of its batch.
            ModelMissingError: Triton does not serve the model.
        """
        loop = asyncio.get_running_loop()
        group = self._groups.get(model)
        if group is None:
            group = self._groups[model] = _Gathering(model)
        waiting = _Waiting(image, urgent, loop.time(), loop.create_future())
        group.add(waiting)
        self._dispatch(group)
        return await waiting.answer

    async def close(self) -> None:
        """Leave off what is under way."""
        await cancel_and_wait(self._tasks)

    def _dispatch(self, group: _Gathering) -> None:
        loop = asyncio.get_running_loop()
        while len(group) and group.calls < self._concurrent_calls:
            due = group.since + self._max_batch_delay
            if len(group) < group.model.max_batch_size and loop.time() < due:
                if group.timer is None:
                    group.timer = loop.call_at(due, self._timed, group)
                return
            if batch := group.take():
                group.calls += 1
                task = loop.create_task(self._call(group, batch))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _timed(self, group: _Gathering) -> None:
        group.timer = None
        self._dispatch(group)

    async def _call(self, group: _Gathering, batch: list[_Waiting]) -> None:
        try:
            await self._read(group.model, batch)
        except Exception as error:  # noqa: BLE001 - each of them is told, as its own
            _fail(batch, error)
        finally:
            group.calls -= 1
            self._dispatch(group)

    async def _read(self, model: Model, batch: list[_Waiting]) -> None:
        _SIZE.labels(model.name).observe(len(batch))
        images = [waiting.image for waiting in batch]
        urgent = any(waiting.urgent for waiting in batch)
        try:
            answers = await retry_transient(
                f"Triton's {model.name} {model.version}",
                lambda: self._reader.infer(model, images, urgent=urgent),
                final=(*_PERHAPS_THE_IMAGE, ModelMissingError),
            )
        except TooSlowError as error:
            await self._until_well(model)
            _fail(batch, error)
            return
        except (RefusedByModelError, ModelFailedError, ModelAnswerInvalidError) as error:
            if isinstance(error, _PERHAPS_THE_IMAGE):
                await self._until_well(model)
            if len(batch) == 1:
                _fail(batch, error)
                return
            # Only the one that is at fault shall fail.
            for waiting in batch:
                await self._read(model, [waiting])
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _until_well(self, model: Model) -> None:
        """Wait until the model reads an empty image: no image pays for a model that is ill."""
        empty = bytes(model.width * model.height)
        what = f"Triton's {model.name} {model.version} to read an empty image"
        # A refusal is an answer as well.
        with suppress(RefusedByModelError, ModelAnswerInvalidError):
            await retry_transient(
                what,
                lambda: self._reader.infer(model, [empty]),
                final=(ModelAnswerInvalidError, ModelMissingError),
            )


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
