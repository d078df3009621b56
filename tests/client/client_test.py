"""The client against a real gRPC server that fails on cue."""

import asyncio
import gc
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from carina.client import Client
from carina.errors import CarinaError, RefusedError, UnavailableError
from carina.files import FileUpload, find_files
from carina.results import (
    ImageKind,
    ImageState,
    JobSpec,
    JobState,
    Priority,
)
from tests.support.scripted_jobs import (
    JOB,
    ScriptedJobs,
    serve,
)

MIB = 1024 * 1024


def film(folder: Path, name: str, size: int = 3 * MIB + 7) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


async def test_submit_uploads_folders_and_closes_the_job(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    film(tmp_path, "study/a.dcm")
    film(tmp_path, "study/deep/b.png", 10)
    film(tmp_path, "study/.hidden", 10)
    film(tmp_path, "study/DICOMDIR", 10)
    single = film(tmp_path, "c.tif", 0)

    submission = await client.submit(
        [tmp_path / "study", single, single],
        JobSpec(patient_id="P1", clahe=False, priority=Priority.URGENT),
    )

    assert submission.job.state is JobState.PENDING
    assert submission.refused == ()
    assert {image.file_name for image in submission.images} == {"a.dcm", "b.png", "c.tif"}
    for image in submission.images:
        assert image.state is ImageState.QUEUED
    assert jobs.job.spec.clahe is False
    assert jobs.job.spec.priority == 2
    assert jobs.job.spec.patient_id == "P1"
    assert set(jobs.tokens) == {"Bearer a-token"}


async def test_a_cut_upload_goes_on_at_the_committed_size(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    path = film(tmp_path, "a.dcm", 5 * MIB + 3)
    jobs.cut_uploads_at.extend([MIB, 3 * MIB])
    jobs.lose_after_cut = 1000
    sent: list[int] = []

    image = await client.upload(JOB, path, on_bytes=lambda _, size: sent.append(size))

    assert image.size_bytes == 5 * MIB + 3
    [upload] = jobs.uploads.values()
    assert bytes(upload.data) == path.read_bytes()
    offsets = [each.offset for each in jobs.requests if hasattr(each, "offset")]
    assert offsets[:2] == [0, MIB - 1000]
    assert 3 * MIB - 2000 <= offsets[2] < 4 * MIB
    assert sent[-1] == path.stat().st_size


async def test_an_upload_whose_answer_was_lost_returns_the_image_it_made(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    path = film(tmp_path, "a.dcm", 100)
    first = await client.upload(JOB, path)
    jobs.requests.clear()

    # The second call starts at 0 and is told where the upload stands.
    again = await client.upload(JOB, path)

    assert again == first
    assert [each.offset for each in jobs.requests if hasattr(each, "offset")] == [0, 100]


async def test_uploads_run_side_by_side_but_no_more_than_asked_for(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    for number in range(9):
        film(tmp_path, f"{number}.png", 10)
    jobs.hold.clear()
    uploading = asyncio.create_task(client.upload_all(JOB, find_files([tmp_path]).files))
    await asyncio.sleep(0.3)
    jobs.hold.set()

    images, _ = await uploading

    assert len(images) == 9
    assert [image.ordinal for image in images] == list(range(9))
    assert jobs.most_concurrent == 3


async def test_a_refused_file_does_not_hold_up_its_neighbours(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        film(tmp_path, name, 2 * MIB)
    jobs.refuse_files["b.png"] = (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "IMAGE_BYTES_EXCEEDED",
        "An image may have at most 10 bytes.",
    )

    submission = await client.submit([tmp_path])

    assert {image.file_name for image in submission.images} == {"a.png", "c.png"}
    [refused] = submission.refused
    assert refused.file.file_name == "b.png"
    assert isinstance(refused.error, RefusedError)
    assert refused.error.reason == "IMAGE_BYTES_EXCEEDED"


async def test_a_job_whose_every_file_is_refused_is_cancelled(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    film(tmp_path, "a.png")
    jobs.refuse_files["a.png"] = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "no")
    with pytest.raises(RefusedError):
        await client.submit([tmp_path])
    assert jobs.calls[-1] == "CancelJobRequest"


async def test_a_refusal_of_the_caller_ends_all_uploads(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    for number in range(9):
        film(tmp_path, f"{number}.png", 10)
        jobs.refuse_files[f"{number}.png"] = (
            grpc.StatusCode.PERMISSION_DENIED,
            "ROLE_NOT_ALLOWED",
            "submitting images is not allowed to patient.",
        )
    with pytest.raises(RefusedError) as caught:
        await client.submit([tmp_path])
    assert caught.value.reason == "ROLE_NOT_ALLOWED"
    assert jobs.calls.count("UploadImage") <= 3


async def test_an_upload_gives_up_when_the_service_stays_away(tmp_path: Path) -> None:
    path = film(tmp_path, "a.png", 10)
    reconnect_timeout = timedelta(milliseconds=100)
    async with Client("127.0.0.1:1", reconnect_timeout=reconnect_timeout) as lonely:
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(lonely.upload(JOB, path), timeout=30)


async def test_the_key_of_a_file_names_nobody_and_changes_with_its_content(tmp_path: Path) -> None:
    path = film(tmp_path, "DOE^JANE/scan.dcm", 10)
    first = FileUpload.from_path(path)
    again = FileUpload.from_path(path)
    path.write_bytes(b"other bytes")
    replaced = FileUpload.from_path(path)
    assert first.image_key == again.image_key != replaced.image_key
    assert "DOE" not in first.image_key


async def test_a_file_whose_reading_is_given_up_does_not_stay_open(tmp_path: Path) -> None:
    slow = tmp_path / "slow.png"
    os.mkfifo(slow)  # opens for reading once somebody writes, like a share that takes its time
    reading = asyncio.create_task(anext(FileUpload.from_path(slow).chunks()))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    with slow.open("wb"):
        await asyncio.get_running_loop().shutdown_default_executor()
    gc.collect()  # warns of files that nobody has closed


async def test_file_names_with_control_characters_are_sent_printable(tmp_path: Path) -> None:
    path = film(tmp_path, "a\x1b[31m\nb.png", 10)
    assert FileUpload.from_path(path).file_name == "a\\x1b[31m\\x0ab.png"


async def test_file_names_that_are_not_utf_8_stay_different(tmp_path: Path) -> None:
    for name in ("Müller", "Möller"):
        (tmp_path / os.fsdecode(name.encode("latin-1"))).write_bytes(b"film")
    names = [file.file_name for file in find_files([tmp_path]).files]
    assert names == ["M\\xf6ller", "M\\xfcller"]


async def test_labels_name_no_folder_and_still_tell_files_apart(tmp_path: Path) -> None:
    for name in ("DOE^JANE/IM1", "DOE^JANE/IM2", "ROE^JIM/IM1", "ROE^JIM/deeper/IM3", "IM4"):
        film(tmp_path, name, 10)
    found = find_files([tmp_path])
    labels = [file.file_name for file in found.files]
    assert labels == ["1/IM1", "IM2", "IM4", "2/IM1", "IM3"]
    assert found.folders == (tmp_path / "DOE^JANE", tmp_path / "ROE^JIM")
    both = [tmp_path / "ROE^JIM" / "IM1", tmp_path / "DOE^JANE" / "IM1"]
    assert [file.file_name for file in find_files(both).files] == ["1/IM1", "2/IM1"]
    assert find_files([tmp_path / "ROE^JIM"]).folders == ()


async def test_what_is_no_film_is_passed_over_by_name(tmp_path: Path) -> None:
    for name in ("a/x.dcm", "a/.DS_Store", ".DS_Store", "Thumbs.db", "DICOMDIR", ".git/config"):
        film(tmp_path, name, 10)
    (tmp_path / "broken.dcm").symlink_to(tmp_path / "nothing")
    (tmp_path / "circle").symlink_to(tmp_path)
    found = find_files([tmp_path, tmp_path / "DICOMDIR"])
    # A file that is named itself is wanted.
    assert [file.file_name for file in found.files] == ["x.dcm", "DICOMDIR"]
    assert sorted(found.passed_over) == sorted(
        [".DS_Store", ".DS_Store", ".git", "DICOMDIR", "Thumbs.db", "broken.dcm", "circle"]
    )


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_calls_that_a_replica_has_not_begun_are_retried_by_the_channel(
    client: Client, jobs: ScriptedJobs, code: grpc.StatusCode
) -> None:
    jobs.fail_next.append(code)
    assert (await client.get(JOB)).name == JOB
    assert jobs.calls == ["GetJobRequest", "GetJobRequest"]


async def test_a_fault_of_the_service_is_neither_a_refusal_nor_unavailable(
    client: Client, jobs: ScriptedJobs
) -> None:
    jobs.fail_next.append(grpc.StatusCode.INTERNAL)
    with pytest.raises(CarinaError) as caught:
        await client.get(JOB)
    assert type(caught.value) is CarinaError
    assert caught.value.code is grpc.StatusCode.INTERNAL


async def test_a_refusal_carries_reason_and_metadata(client: Client, jobs: ScriptedJobs) -> None:
    jobs.uploads.clear()
    with pytest.raises(RefusedError) as caught:
        await client.upload_status(JOB, "nothing")
    assert caught.value.reason == "UPLOAD_NOT_FOUND"
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


async def test_list_goes_through_all_pages_and_passes_the_filter(
    client: Client, jobs: ScriptedJobs
) -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    found = [
        job.name
        async for job in client.list(
            states=[JobState.FAILED], patient_id="P1", created_after=since, creator="x"
        )
    ]
    assert found == ["jobs/0", "jobs/1", "jobs/2"]
    for request in jobs.requests:
        assert list(request.filter.states) == [6]
        assert request.filter.patient_id == "P1"
        assert request.filter.created_after.ToDatetime(tzinfo=UTC) == since
        assert not request.filter.HasField("created_before")


async def test_a_token_function_is_asked_before_each_call(jobs: ScriptedJobs) -> None:
    tokens = iter(["one", "two"])

    async def token() -> str:
        return next(tokens)

    async with serve(jobs) as address, Client(address, token) as client:
        await client.get(JOB)
        await client.cancel(JOB)
    assert jobs.tokens == ["Bearer one", "Bearer two"]


async def test_read_image_joins_the_parts(client: Client, jobs: ScriptedJobs) -> None:
    jobs.contents[2] = b"a preview"
    content = await client.read_image(f"{JOB}/images/x", ImageKind.PREVIEW)
    assert content.data == b"a preview"
    assert content.media_type == "image/jpeg"
    with pytest.raises(RefusedError):
        await client.read_image(f"{JOB}/images/x", ImageKind.HEATMAP)


async def test_a_refusal_in_mid_upload_is_never_lost_to_a_failing_write(
    client: Client, jobs: ScriptedJobs, tmp_path: Path
) -> None:
    path = film(tmp_path, "a.png", 8 * MIB)
    jobs.refuse_files["a.png"] = (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "IMAGE_BYTES_EXCEEDED",
        "An image may have at most 10 bytes.",
    )
    for _ in range(50):
        with pytest.raises(RefusedError):
            await client.upload(JOB, path)
