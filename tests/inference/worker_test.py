import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.local import processes
from deploy.local.probes import http_ok
from tests.support.inference import LABELS, SIDE, Bench, film, open_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as bench:
        yield bench


@pytest.fixture
async def serving(bench: Bench) -> AsyncIterator[Bench]:
    await asyncio.to_thread(bench.triton.start)
    async with bench.worker():
        yield bench


async def held(bench: Bench) -> int:
    info = await bench.jetstream.api("CONSUMER.INFO.TASKS.infer-routine")
    assert not info["num_redelivered"]
    return int(info["num_ack_pending"])


async def test_the_outcome_has_the_findings_of_the_model(serving: Bench) -> None:
    films = [film(seed) for seed in range(40)]
    images = [await serving.send(pixels.tobytes()) for pixels in films]
    for pixels, image in zip(films, images, strict=True):
        (probabilities,), (heatmap,) = serving.session.run(
            ["probabilities", "heatmap"], {"image": pixels[None, None]}
        )
        found = (await serving.outcome(image)).succeeded
        np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-5)
        predicted = int(np.argmax(probabilities))
        assert found.predicted_label == LABELS[predicted]
        picture: Any = cv2.imdecode(
            np.frombuffer(found.heatmap_png, np.uint8), cv2.IMREAD_UNCHANGED
        )
        np.testing.assert_allclose(picture, heatmap[predicted] * 255, atol=0.51)


async def test_the_outcome_carries_the_details_of_the_task(serving: Bench) -> None:
    image = await serving.send(film(1).tobytes(), digest="7" * 64)
    outcome = await serving.outcome(image)
    assert outcome.ref.attempt == 1
    assert outcome.succeeded.model.digest == "7" * 64
    assert outcome.succeeded.preparation.media_type == "image/png"
    assert 0 < outcome.succeeded.infer.ToTimedelta().total_seconds() < 20
    assert not outcome.succeeded.notes


async def test_the_label_of_a_picture_that_is_not_a_chest_is_withheld(serving: Bench) -> None:
    flat = bytes([90]) * SIDE * SIDE
    found = (await serving.outcome(await serving.send(flat))).succeeded
    assert not found.predicted_label
    assert not found.heatmap_png
    assert [note.partition(": ")[0] for note in found.notes] == ["NOT_A_FRONTAL_CHEST_RADIOGRAPH"]


async def test_a_finished_task_is_removed(serving: Bench) -> None:
    await serving.outcome(await serving.send(film(1).tobytes()))
    async with asyncio.timeout(5):
        while await serving.jetstream.count("TASKS", "tasks.>"):
            await asyncio.sleep(0.02)


async def test_an_image_that_the_model_refuses_does_not_fail_others(serving: Bench) -> None:
    # The size matches the task but not the model, so Triton refuses the whole batch.
    wrong = [await serving.send(bytes(100 * 100), input_width=100, input_height=100)]
    wrong += [await serving.send(bytes(17))]
    right = [await serving.send(film(seed).tobytes()) for seed in range(3)]
    for image in right:
        assert (await serving.outcome(image)).HasField("succeeded")
    for image in wrong:
        outcome = await serving.outcome(image)
        assert outcome.failed.code == "REFUSED_BY_MODEL"
        assert outcome.failed.retryable
        assert outcome.failed.preparation.media_type == "image/png"


async def test_an_answer_without_the_gate_output_fails_the_image_in_the_end(
    bench: Bench,
) -> None:
    await bench.limit_deliveries(2)
    await asyncio.to_thread(bench.triton.start)
    async with bench.worker():
        image = await bench.send(film(1).tobytes(), gate_output="no_such_output")
        assert (await bench.outcome(image)).failed.code == "MODEL_ANSWER_INVALID"


async def test_images_wait_while_triton_restarts(serving: Bench) -> None:
    images = [await serving.send(film(seed).tobytes()) for seed in range(8)]
    await serving.outcome(images[0])
    await asyncio.to_thread(serving.triton.kill)
    images += [await serving.send(film(seed).tobytes()) for seed in range(30)]
    await asyncio.sleep(2)
    assert len(serving.outcomes) < len(images)
    # Watchers can see the stage of these images.
    assert serving.started
    await asyncio.to_thread(serving.triton.start)
    for image in images:
        assert (await serving.outcome(image)).HasField("succeeded")


async def test_images_wait_while_triton_reports_ready_but_evaluates_nothing(
    serving: Bench,
) -> None:
    await serving.outcome(await serving.send(film(0).tobytes()))
    # Triton continues without the process that runs the model, as after the loss of a GPU.
    for pid in serving.triton.children():
        processes.send(pid, signal.SIGKILL)
    images = [await serving.send(film(seed).tobytes()) for seed in range(8)]
    async with asyncio.timeout(20):
        while len(serving.started) < len(images):
            await asyncio.sleep(0.05)
    assert len(serving.outcomes) == 1
    await asyncio.to_thread(serving.triton.kill)
    await asyncio.to_thread(serving.triton.start)
    for image in images:
        assert (await serving.outcome(image)).HasField("succeeded")


async def test_a_worker_is_ready_once_triton_is(bench: Bench) -> None:
    image = await bench.send(film(1).tobytes())
    async with bench.worker() as port:
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(http_ok, port, "/livez")
        assert not await asyncio.to_thread(http_ok, port, "/readyz")
        # A worker without a model leaves the images to workers that have one.
        assert await held(bench) == 0
        await asyncio.to_thread(bench.triton.start)
        assert (await bench.outcome(image)).HasField("succeeded")
        assert await asyncio.to_thread(http_ok, port, "/readyz")


async def test_an_image_whose_model_is_missing_waits_and_blocks_no_other(
    serving: Bench,
) -> None:
    early = await serving.send(film(1).tobytes(), version="2")
    image = await serving.send(film(2).tobytes())
    assert (await serving.outcome(image)).HasField("succeeded")
    assert early not in serving.outcomes
    async with asyncio.timeout(5):
        while await held(serving) != 1:
            await asyncio.sleep(0.02)


async def test_images_of_a_missing_model_occupy_no_slot_and_fail_in_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.inference.errors._ROLLOUT", timedelta(seconds=3))
    await bench.limit_deliveries(2)
    await asyncio.to_thread(bench.triton.start)
    early = [await bench.send(film(seed).tobytes(), version="2") for seed in range(5)]
    image = await bench.send(film(9).tobytes())
    async with bench.worker(slots=2):
        assert (await bench.outcome(image)).HasField("succeeded")
        assert not bench.outcomes.keys() & set(early)
        for each in early:
            failed = (await bench.outcome(each)).failed
            assert (failed.code, failed.retryable) == ("MODEL_MISSING", True)


async def test_a_second_worker_finishes_the_images_that_the_first_returned_on_shutdown(
    bench: Bench,
) -> None:
    await asyncio.to_thread(bench.triton.start)
    images = [await bench.send(film(seed).tobytes()) for seed in range(100)]
    async with bench.worker():
        await bench.outcome(images[0])
    # The tasks that the first did not start are available to the second at once.
    async with bench.worker():
        for image in images:
            assert (await bench.outcome(image)).HasField("succeeded")


async def test_urgent_images_overtake_routine_ones(bench: Bench) -> None:
    await asyncio.to_thread(bench.triton.start)
    routine = [await bench.send(film(seed).tobytes()) for seed in range(150)]
    urgent = [await bench.send(film(seed).tobytes(), urgent=True) for seed in range(8)]
    async with bench.worker(slots=16):
        for image in (*routine, *urgent):
            await bench.outcome(image)
    order = list(bench.outcomes)
    last_urgent = max(order.index(image) for image in urgent)
    assert last_urgent < len(order) // 2
