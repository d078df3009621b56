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

# The image that is sent to check whether the model works.
EMPTY = bytes(MODEL.width * MODEL.height)
Hook = Callable[[Sequence[bytes]], None]


class FakeModel:
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
def fake() -> FakeModel:
    return FakeModel()


@pytest.fixture
async def batcher(fake: FakeModel) -> AsyncIterator[Batcher]:
    batcher = Batcher(fake, max_batch_delay=timedelta(milliseconds=5), concurrent_calls=2)
    yield batcher
    await batcher.close()


async def evaluate(
    batcher: Batcher, number: int, *, urgent: bool = False, model: Model = MODEL
) -> int:
    answer = await batcher.evaluate(model, bytes([number]), urgent=urgent)
    return int(answer.probabilities[0])


async def test_each_image_gets_its_own_answer(fake: FakeModel) -> None:
    batcher = Batcher(fake, max_batch_delay=timedelta(milliseconds=200), concurrent_calls=2)
    answers = await asyncio.gather(*(evaluate(batcher, number) for number in range(20)))
    assert answers == list(range(20))
    assert [len(batch) for batch in fake.batches] == [8, 8, 4]


async def test_a_single_image_waits_no_longer_than_the_batch_delay(batcher: Batcher) -> None:
    start = time.perf_counter()
    await evaluate(batcher, 1)
    assert 0.004 < time.perf_counter() - start < 0.1


async def test_a_full_batch_does_not_wait(fake: FakeModel) -> None:
    batcher = Batcher(fake, max_batch_delay=timedelta(hours=1), concurrent_calls=1)
    await asyncio.gather(*(evaluate(batcher, number) for number in range(8)))
    assert len(fake.batches) == 1


async def test_the_number_of_concurrent_calls_is_limited(batcher: Batcher, fake: FakeModel) -> None:
    fake.open.clear()
    evaluating = [asyncio.create_task(evaluate(batcher, number)) for number in range(40)]
    await asyncio.sleep(0.05)
    assert len(fake.batches) == 2
    fake.open.set()
    assert await asyncio.gather(*evaluating) == list(range(40))


async def test_urgent_images_are_sent_first(batcher: Batcher, fake: FakeModel) -> None:
    fake.open.clear()
    evaluating = [asyncio.create_task(evaluate(batcher, number)) for number in range(16 + 12)]
    await asyncio.sleep(0.02)
    evaluating += [asyncio.create_task(evaluate(batcher, 100 + n, urgent=True)) for n in range(3)]
    await asyncio.sleep(0.02)
    fake.open.set()
    await asyncio.gather(*evaluating)
    assert fake.batches[2][:3] == [100, 101, 102]
    assert fake.urgent == [False, False, True, False]


async def test_models_do_not_share_a_batch(batcher: Batcher, fake: FakeModel) -> None:
    other = Model(**{**vars(MODEL), "name": "other"})
    await asyncio.gather(
        *(evaluate(batcher, number, model=other if number % 2 else MODEL) for number in range(8))
    )
    assert sorted(fake.batches) == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize("error", [RefusedByModelError, ModelFailedError])
async def test_an_image_that_breaks_its_batch_fails_alone(
    batcher: Batcher, fake: FakeModel, error: type[Exception]
) -> None:
    def refuse(images: Sequence[bytes]) -> None:
        if bytes([3]) in images:
            raise error

    fake.hook = refuse
    answers = await asyncio.gather(
        *(evaluate(batcher, number) for number in range(8)), return_exceptions=True
    )
    assert isinstance(answers.pop(3), error)
    assert answers == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("error", [TritonUnavailableError, TritonBusyError])
async def test_images_wait_for_the_end_of_an_outage(
    batcher: Batcher, fake: FakeModel, error: type[Exception]
) -> None:
    failures = [error(), error()]

    def fail(_images: Sequence[bytes]) -> None:
        if failures:
            raise failures.pop()

    fake.hook = fail
    assert await asyncio.gather(*(evaluate(batcher, number) for number in range(3))) == [0, 1, 2]
    assert len(fake.batches) == 3


async def test_a_batch_that_is_too_slow_raises_an_error(batcher: Batcher, fake: FakeModel) -> None:
    def slow(images: Sequence[bytes]) -> None:
        if EMPTY not in images:
            raise TooSlowError

    fake.hook = slow
    with pytest.raises(TooSlowError):
        await evaluate(batcher, 1)
    assert fake.batches == [[1], [0]]


@pytest.mark.parametrize("error", [TooSlowError, ModelFailedError])
async def test_no_image_fails_because_of_a_model_that_evaluates_nothing(
    batcher: Batcher, fake: FakeModel, error: type[Exception]
) -> None:
    broken = True
    asked = asyncio.Event()

    def fail(images: Sequence[bytes]) -> None:
        if broken:
            if EMPTY in images and fake.batches.count([0]) > 1:
                asked.set()
            raise error

    fake.hook = fail
    evaluating = [asyncio.create_task(evaluate(batcher, number)) for number in range(1, 4)]
    await asyncio.wait_for(asked.wait(), 10)
    assert not any(each.done() for each in evaluating)
    broken = False
    answers = await asyncio.gather(*evaluating, return_exceptions=True)
    # After a failure, images are evaluated one by one; after a slow batch, they are not repeated.
    expected = [1, 2, 3] if error is ModelFailedError else [TooSlowError] * 3
    assert [each if isinstance(each, int) else type(each) for each in answers] == expected


async def test_an_image_nobody_waits_for_is_not_evaluated(fake: FakeModel) -> None:
    batcher = Batcher(fake, max_batch_delay=timedelta(milliseconds=5), concurrent_calls=1)
    fake.open.clear()
    first = asyncio.create_task(evaluate(batcher, 9))
    async with asyncio.timeout(10):
        while not fake.batches:
            await asyncio.sleep(0.01)
    # The only call is in progress, so these wait, however slow the machine is.
    evaluating = [asyncio.create_task(evaluate(batcher, number)) for number in range(3)]
    await asyncio.sleep(0)
    evaluating[1].cancel()
    fake.open.set()
    assert await first == 9
    assert await evaluating[0] == 0
    assert await evaluating[2] == 2
    assert fake.batches == [[9], [0, 2]]
    await batcher.close()


async def test_an_internal_error_is_raised_for_every_image_of_the_batch(
    batcher: Batcher, fake: FakeModel
) -> None:
    def fail(_images: Sequence[bytes]) -> None:
        raise KeyError

    fake.hook = fail
    answers = await asyncio.gather(
        *(evaluate(batcher, 1), evaluate(batcher, 2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [KeyError, KeyError]
    fake.hook = lambda _images: None
    assert await evaluate(batcher, 7) == 7
