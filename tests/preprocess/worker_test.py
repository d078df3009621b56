"""The worker by its front door: tasks on a real broker, files in a real folder."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from carina.tasks.v1 import tasks_pb2
from chassis.retry import RetryPolicy
from deploy.local.probes import http_ok
from services.preprocess import worker as worker_module
from services.preprocess.film import Limits
from services.preprocess.pipeline import PipelineSettings, prepare
from tests.support.films import CHEST, dicom, encoded, png, real_film, shades, written
from tests.support.preprocess import SIDE, Bench, open_bench, preview_key

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as bench:
        yield bench


@pytest.fixture
async def serving(bench: Bench) -> AsyncIterator[Bench]:
    async with bench.worker():
        yield bench


async def test_a_film_goes_on_to_the_model_and_leaves_a_preview(serving: Bench) -> None:
    data = real_film(CHEST)
    image = await serving.send(data)
    task = await serving.prepared(image)
    settings = PipelineSettings(width=SIDE, height=SIDE, clahe=True)
    expected = prepare(data, settings, Limits())
    assert task.pixels == expected.pixels.tobytes()
    assert len(task.pixels) == SIDE * SIDE
    assert task.model.name == "cxr"
    assert task.ref.attempt == 1
    found = task.preparation
    assert (found.media_type, found.modality, found.view_position) == (
        "application/dicom",
        "CR",
        "PA",
    )
    assert (found.width, found.height, found.bits, found.has_preview) == (1841, 1955, 15, True)
    assert (found.placement_x, found.placement_width) == (6, 211)
    assert (found.placement_y, found.placement_height) == (0, SIDE)
    assert 0 < found.decode.ToTimedelta().total_seconds() < 20
    assert found.queued.ToTimedelta().total_seconds() >= 0
    assert serving.started == [image]
    preview = await serving.blobs.get(preview_key(image))
    assert preview == expected.preview
    await serving.settled()
    assert not serving.failures


async def test_urgent_films_stay_urgent_and_routine_ones_routine(serving: Bench) -> None:
    for urgent, priority in ((True, "urgent"), (False, "routine")):
        image = await serving.send(encoded(".png", shades()), urgent=urgent)
        await serving.prepared(image)
        assert serving.tasks[image][0] == f"tasks.infer.{priority}.{serving.job}"


async def test_a_file_in_several_blobs_is_put_together(serving: Bench) -> None:
    data = encoded(".png", shades())
    image = await serving.send(data[:100], data[100:300], data[300:])
    assert (await serving.prepared(image)).preparation.media_type == "image/png"


async def test_clahe_is_done_when_it_is_asked_for(serving: Bench) -> None:
    data = encoded(".png", shades(SIDE, SIDE))
    plain = await serving.prepared(await serving.send(data, clahe=False))
    enhanced = await serving.prepared(await serving.send(data, clahe=True))
    assert plain.pixels == shades(SIDE, SIDE).tobytes()
    assert enhanced.pixels == cv2.createCLAHE(2.0, (8, 8)).apply(shades(SIDE, SIDE)).tobytes()


async def test_settings_reach_the_film(bench: Bench) -> None:
    data = encoded(".png", shades(400, 400))
    async with bench.worker(preview_side=100, clip_limit=4.0, tile_grid=4, max_pixels=200_000):
        image = await bench.send(data)
        await bench.prepared(image)
        preview = await bench.blobs.get(preview_key(image))
        assert cv2.imdecode(np.frombuffer(preview, np.uint8), 0).shape == (100, 100)  # type: ignore[union-attr]
        failed = await bench.failed(await bench.send(png(width=1000, height=201)))
        assert failed.code == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        (b"", "EMPTY_FILE", "The file is empty."),
        (b"%PDF-1.7", "UNSUPPORTED_FILE_TYPE", "This is a PDF document, not a radiograph"),
        (encoded(".png", shades())[:-9], "TRUNCATED_IMAGE", "The PNG file is incomplete"),
        (png(width=65_000, height=65_000), "IMAGE_TOO_LARGE", "The image has 65000 x 65000"),
        (
            dicom(shades(), RescaleSlope=written("RescaleSlope", "DS", b"NaN")),
            "CORRUPT_IMAGE",
            "The DICOM file cannot be read: its Rescale Slope is not a number.",
        ),
    ],
)
async def test_what_can_not_be_read_is_failed_with_a_sentence(
    serving: Bench, data: bytes, code: str, sentence: str
) -> None:
    image = await serving.send(data)
    failed = await serving.failed(image)
    assert failed.code == code
    assert failed.message.startswith(sentence)
    assert not failed.retryable
    await serving.settled()
    assert image not in serving.tasks


async def test_a_bad_film_takes_no_neighbour_along(serving: Bench) -> None:
    deadly = real_film("SC_rgb_jpeg_gdcm.dcm").replace(b"\xff\xc4", b"\xff\x00")
    bad = [await serving.send(deadly), await serving.send(b"no film at all")]
    good = [await serving.send(encoded(".png", shades(100 + n, 90))) for n in range(6)]
    bad.append(await serving.send(deadly))
    for image in good:
        await serving.prepared(image)
    assert [(await serving.failed(image)).code for image in bad] == [
        "CORRUPT_IMAGE",
        "UNSUPPORTED_FILE_TYPE",
        "CORRUPT_IMAGE",
    ]


async def test_a_file_that_is_gone_is_said_to_be_gone(serving: Bench) -> None:
    image = uuid.uuid4()
    await serving.publish(image, ["nowhere/original"])
    failed = await serving.failed(image)
    assert (failed.code, failed.retryable) == ("ORIGINAL_MISSING", False)


async def test_a_task_that_comes_twice_is_handed_on_once(serving: Bench) -> None:
    data = encoded(".png", shades())
    image = await serving.send(data)
    await serving.prepared(image)
    await serving.publish(image, [f"{image}/original-0"], republished=0)
    # The same task under another id, as when an ack was lost.
    task = tasks_pb2.PreprocessTask(
        ref=serving.tasks[image][1].ref,
        original_keys=[f"{image}/original-0"],
        preview_key=preview_key(image),
        clahe=True,
        model=serving.tasks[image][1].model,
    )
    task.queue_time.GetCurrentTime()
    subject = f"tasks.preprocess.routine.{serving.job}"
    await serving.jetstream.publish(subject, task.SerializeToString(), message_id="again")
    await serving.settled()
    assert serving.started == [image, image]
    assert await serving.jetstream.count("TASKS", f"tasks.infer.*.{serving.job}") == 1


async def test_a_preview_that_can_not_be_kept_costs_no_film(bench: Bench, tmp_path: Path) -> None:
    async with bench.worker():
        image = uuid.uuid4()
        await bench.blobs.put(f"{image}/original-0", encoded(".png", shades()))
        # Where the preview should be is a folder, which no file can take the place of.
        (tmp_path / "blobs" / preview_key(image)).mkdir()
        await bench.publish(image, [f"{image}/original-0"])
        assert not (await bench.prepared(image)).preparation.has_preview


async def test_a_file_that_can_not_be_read_back_holds_no_slot_and_fails_in_the_end(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = RetryPolicy(limit=timedelta(milliseconds=100))
    monkeypatch.setattr(worker_module, "_READ", soon)
    monkeypatch.setattr("chassis.nats.settle._FIRST_DELAY", timedelta(milliseconds=20))
    # A link to itself can not be followed, not even by root.
    (tmp_path / "blobs" / "loop").symlink_to("loop")
    async with bench.worker(slots=1):
        unreadable, readable = uuid.uuid4(), uuid.uuid4()
        await bench.publish(unreadable, ["loop"])
        await bench.blobs.put(f"{readable}/original-0", encoded(".png", shades()))
        await bench.publish(readable, [f"{readable}/original-0"])
        await bench.prepared(readable)
        assert unreadable not in bench.failures
        failed = await bench.failed(unreadable)
        assert (failed.code, failed.retryable) == ("ORIGINAL_UNREADABLE", True)


async def test_films_wait_while_the_broker_restarts(bench: Bench) -> None:
    async with bench.worker():
        await bench.prepared(await bench.send(encoded(".png", shades())))
        images = [await bench.send(real_film(CHEST)) for _ in range(4)]
        await asyncio.to_thread(bench.nats.kill)
        await asyncio.to_thread(bench.nats.start)
        await bench.settled()
        count = await bench.jetstream.count("TASKS", f"tasks.infer.*.{bench.job}")
        assert count == len(images) + 1
    assert not bench.failures


async def test_want_of_memory_is_tried_elsewhere_and_told_at_last(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def starve(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise MemoryError

    monkeypatch.setattr(worker_module, "prepare", starve)
    monkeypatch.setattr(worker_module.OutOfMemoryError, "__init__", quickly)
    async with bench.worker():
        image = await bench.send(encoded(".png", shades()))
        failed = await bench.failed(image)
        assert (failed.code, failed.retryable) == ("WORKER_OUT_OF_MEMORY", True)
        assert tries == 5


def quickly(self: worker_module.OutOfMemoryError) -> None:
    delay = timedelta(milliseconds=20)
    super(worker_module.OutOfMemoryError, self).__init__("short of memory", delay=delay)


async def test_a_worker_that_stops_finishes_what_it_has_begun(bench: Bench) -> None:
    images = [await bench.send(real_film(CHEST)) for _ in range(12)]
    async with bench.worker():
        await bench.prepared(images[0])
    done = len(bench.tasks)
    assert done < len(images)
    # What the first had not begun is there for the second, at once.
    async with bench.worker():
        for image in images:
            await bench.prepared(image, seconds=10)
        await bench.settled()
    assert len(bench.started) == len(images)


async def test_a_worker_tells_whether_it_is_ready_and_what_it_did(bench: Bench) -> None:
    async with bench.worker() as port:
        await bench.prepared(await bench.send(encoded(".png", shades())))
        assert await asyncio.to_thread(http_ok, port, "/livez")
        assert await asyncio.to_thread(http_ok, port, "/readyz")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        metrics = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    assert 'carina_preprocess_stage_duration_seconds_count{stage="decode"}' in metrics
