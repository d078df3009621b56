import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import numpy as np
import pytest

from services.inference.batcher import Batcher
from services.inference.errors import (
    ModelFailedError,
    RefusedByModelError,
    TooSlowError,
    TritonBusyError,
    TritonUnavailableError,
)
from services.inference.model import Answer, Model
from tests.inference.model_test import MODEL

# What is asked to see whether the model is well.
EMPTY = bytes(MODEL.width * MODEL.height)
Hook = Callable[[Sequence[bytes]], None]


class StandIn:
    """Answers each image with its first byte."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.urgent: list[bool] = []
        self.hook: Hook = lambda _images: None
        self.open = asyncio.Event()
        self.open.set()

    async def infer(
        self, _model: Model, images: Sequence[bytes], *, urgent: bool = False
    ) -> list[Answer]:
        self.batches.append([image[0] for image in images])
        self.urgent.append(urgent)
        await self.open.wait()
        await asyncio.sleep(0)
        self.hook(images)
        return [Answer(np.array([image[0]], np.float32), None, None) for image in images]


@pytest.fixture
def reader() -> StandIn:
    return StandIn()


@pytest.fixture
async def batcher(reader: StandIn) -> AsyncIterator[Batcher]:
    batcher = Batcher(reader, max_batch_delay=timedelta(milliseconds=5), concurrent_calls=2)
    yield batcher
    await batcher.close()


async def read(batcher: Batcher, number: int, *, urgent: bool = False, model: Model = MODEL) -> int:
    answer = await batcher.evaluate(model, bytes([number]), urgent=urgent)
    return int(answer.probabilities[0])


async def test_each_image_gets_its_own_answer(reader: StandIn) -> None:
    batcher = Batcher(reader, max_batch_delay=timedelta(milliseconds=200), concurrent_calls=2)
    answers = await asyncio.gather(*(read(batcher, number) for number in range(20)))
    assert answers == list(range(20))
    assert [len(batch) for batch in reader.batches] == [8, 8, 4]


async def test_a_single_image_waits_no_longer_than_the_gathering_time(batcher: Batcher) -> None:
    begun = time.perf_counter()
    await read(batcher, 1)
    assert 0.004 < time.perf_counter() - begun < 0.1


async def test_a_full_batch_does_not_wait(reader: StandIn) -> None:
    batcher = Batcher(reader, max_batch_delay=timedelta(hours=1), concurrent_calls=1)
    await asyncio.gather(*(read(batcher, number) for number in range(8)))
    assert len(reader.batches) == 1


async def test_no_more_calls_than_allowed_are_under_way(batcher: Batcher, reader: StandIn) -> None:
    reader.open.clear()
    reading = [asyncio.create_task(read(batcher, number)) for number in range(40)]
    await asyncio.sleep(0.05)
    assert len(reader.batches) == 2
    reader.open.set()
    assert await asyncio.gather(*reading) == list(range(40))


async def test_urgent_images_leave_first(batcher: Batcher, reader: StandIn) -> None:
    reader.open.clear()
    reading = [asyncio.create_task(read(batcher, number)) for number in range(16 + 12)]
    await asyncio.sleep(0.02)
    reading += [asyncio.create_task(read(batcher, 100 + n, urgent=True)) for n in range(3)]
    await asyncio.sleep(0.02)
    reader.open.set()
    await asyncio.gather(*reading)
    assert reader.batches[2][:3] == [100, 101, 102]
    assert reader.urgent == [False, False, True, False]


async def test_models_do_not_share_a_batch(batcher: Batcher, reader: StandIn) -> None:
    other = Model(**{**vars(MODEL), "name": "other"})
    await asyncio.gather(
        *(read(batcher, number, model=other if number % 2 else MODEL) for number in range(8))
    )
    assert sorted(reader.batches) == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize("error", [RefusedByModelError, ModelFailedError])
async def test_an_image_that_breaks_its_batch_fails_alone(
    batcher: Batcher, reader: StandIn, error: type[Exception]
) -> None:
    def refuse(images: Sequence[bytes]) -> None:
        if bytes([3]) in images:
            raise error

    reader.hook = refuse
    answers = await asyncio.gather(
        *(read(batcher, number) for number in range(8)), return_exceptions=True
    )
    assert isinstance(answers.pop(3), error)
    assert answers == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("error", [TritonUnavailableError, TritonBusyError])
async def test_an_outage_is_waited_out(
    batcher: Batcher, reader: StandIn, error: type[Exception]
) -> None:
    failures = [error(), error()]

    def fail(_images: Sequence[bytes]) -> None:
        if failures:
            raise failures.pop()

    reader.hook = fail
    assert await asyncio.gather(*(read(batcher, number) for number in range(3))) == [0, 1, 2]
    assert len(reader.batches) == 3


async def test_a_batch_that_is_too_slow_is_given_back(batcher: Batcher, reader: StandIn) -> None:
    def slow(images: Sequence[bytes]) -> None:
        if EMPTY not in images:
            raise TooSlowError

    reader.hook = slow
    with pytest.raises(TooSlowError):
        await read(batcher, 1)
    assert reader.batches == [[1], [0]]


@pytest.mark.parametrize("error", [TooSlowError, ModelFailedError])
async def test_no_image_is_given_up_by_a_model_that_reads_nothing(
    batcher: Batcher, reader: StandIn, error: type[Exception]
) -> None:
    ill = True
    asked = asyncio.Event()

    def fail(images: Sequence[bytes]) -> None:
        if ill:
            if EMPTY in images and reader.batches.count([0]) > 1:
                asked.set()
            raise error

    reader.hook = fail
    reading = [asyncio.create_task(read(batcher, number)) for number in range(1, 4)]
    await asyncio.wait_for(asked.wait(), 10)
    assert not any(each.done() for each in reading)
    ill = False
    answers = await asyncio.gather(*reading, return_exceptions=True)
    # A batch that broke the model is read one by one; a slow one would be as slow again.
    expected = [1, 2, 3] if error is ModelFailedError else [TooSlowError] * 3
    assert [each if isinstance(each, int) else type(each) for each in answers] == expected


async def test_an_image_nobody_waits_for_is_not_read(reader: StandIn) -> None:
    batcher = Batcher(reader, max_batch_delay=timedelta(milliseconds=5), concurrent_calls=1)
    reader.open.clear()
    first = asyncio.create_task(read(batcher, 9))
    async with asyncio.timeout(10):
        while not reader.batches:
            await asyncio.sleep(0.01)
    # The one call is under way, so these wait however late the machine is.
    reading = [asyncio.create_task(read(batcher, number)) for number in range(3)]
    await asyncio.sleep(0)
    reading[1].cancel()
    reader.open.set()
    assert await first == 9
    assert await reading[0] == 0
    assert await reading[2] == 2
    assert reader.batches == [[9], [0, 2]]
    await batcher.close()


async def test_a_fault_of_ours_reaches_every_image_of_the_batch(
    batcher: Batcher, reader: StandIn
) -> None:
    def fail(_images: Sequence[bytes]) -> None:
        raise KeyError

    reader.hook = fail
    answers = await asyncio.gather(*(read(batcher, 1), read(batcher, 2)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [KeyError, KeyError]
    reader.hook = lambda _images: None
    assert await read(batcher, 7) == 7
