"""Uploads that are resumed, refused, repeated or race with each other."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from carina.jobs.v1 import job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from services.jobs.errors import UploadRaceError
from services.jobs.models import NewImage
from services.jobs.storage.database import open_database
from services.jobs.storage.store import JobStore
from tests.support.jobs import Jobs, rows

MIB = 2**20


class Caller:
    """Calls the service with a plain stub, without the error handling of the client."""

    def __init__(self, jobs: Jobs, channel: grpc.aio.Channel) -> None:
        self.stub = JobServiceStub(channel)
        self.metadata = (("authorization", f"Bearer {jobs.token()}"),)

    async def create(self, **spec: Any) -> str:
        request = job_service_pb2.CreateJobRequest(spec=job_pb2.JobSpec(**spec))
        return (await self.stub.CreateJob(request, metadata=self.metadata)).name

    async def upload(self, job: str, data: bytes, key: str = "a", **header: Any) -> Any:
        return await self.stub.UploadImage(
            upload(job, data, key, **header), metadata=self.metadata, timeout=60
        )

    async def get_upload(self, job: str, key: str = "a") -> job_service_pb2.Upload:
        request = job_service_pb2.GetUploadRequest(job=job, image_key=key)
        return await self.stub.GetUpload(request, metadata=self.metadata)


def upload(
    job: str, data: bytes, key: str = "a", **header: Any
) -> Iterator[job_service_pb2.UploadImageRequest]:
    yield job_service_pb2.UploadImageRequest(
        header=job_service_pb2.UploadHeader(job=job, image_key=key, **header)
    )
    for start in range(0, len(data), MIB):
        yield job_service_pb2.UploadImageRequest(chunk=data[start : start + MIB])


def reason(error: grpc.aio.AioRpcError) -> tuple[str, dict[str, str]]:
    status = rpc_status.from_call(error)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info.reason, dict(info.metadata)


def noise(size: int) -> bytes:
    return hashlib.shake_128(b"noise").digest(size)


@pytest.fixture
async def caller(jobs: Jobs) -> AsyncIterator[Caller]:
    async with grpc.aio.insecure_channel(jobs.replicas[0].address) as channel:
        yield Caller(jobs, channel)


async def cut(caller: Caller, job: str, data: bytes, key: str = "a") -> None:
    """Start an upload and cancel the call before its end."""

    async def requests() -> AsyncIterator[job_service_pb2.UploadImageRequest]:
        for request in upload(job, data, key):
            yield request
        sent.set()
        await asyncio.sleep(60)

    sent = asyncio.Event()
    call = caller.stub.UploadImage(requests(), metadata=caller.metadata)
    async with asyncio.timeout(30):
        await sent.wait()
    # Bytes that were sent may not have been received yet.
    await asyncio.sleep(0.5)
    call.cancel()


async def committed(caller: Caller, job: str, size: int, key: str = "a") -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                if (await caller.get_upload(job, key)).committed_size == size:
                    return
            except grpc.aio.AioRpcError as error:
                assert reason(error)[0] == "UPLOAD_NOT_FOUND"
            await asyncio.sleep(0.05)


async def test_a_cut_upload_resumes_on_another_replica(jobs: Jobs, caller: Caller) -> None:
    data = noise(20 * MIB)
    job = await caller.create()
    await cut(caller, job, data[: 11 * MIB])
    await committed(caller, job, 11 * MIB)
    other = await jobs.start()
    async with grpc.aio.insecure_channel(other.address) as channel:
        second = Caller(jobs, channel)
        image = await second.upload(job, data[11 * MIB :], offset=11 * MIB)
    assert image.size_bytes == len(data)
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert await rows(jobs, "SELECT 1 FROM uploads") == []
    read = b""
    request = job_service_pb2.ReadImageRequest(name=image.name)
    async for part in caller.stub.ReadImage(request, metadata=caller.metadata):
        read += part.chunk
    assert read == data


async def test_a_wrong_offset_says_where_to_resume(jobs: Jobs, caller: Caller) -> None:
    job = await caller.create()
    await cut(caller, job, noise(2 * MIB))
    await committed(caller, job, 2 * MIB)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await caller.upload(job, b"rest", offset=MIB)
    assert refusal.value.code() == grpc.StatusCode.OUT_OF_RANGE
    assert reason(refusal.value) == (
        "WRONG_OFFSET",
        {"offset": str(MIB), "committed_size": str(2 * MIB)},
    )


async def test_a_restart_with_an_offset_is_refused_and_drops_nothing(
    jobs: Jobs, caller: Caller
) -> None:
    job = await caller.create()
    await cut(caller, job, noise(2 * MIB))
    await committed(caller, job, 2 * MIB)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await caller.upload(job, b"rest", offset=2 * MIB, restart=True)
    assert reason(refusal.value) == ("INVALID_FIELD", {"field": "header.offset"})
    assert (await caller.get_upload(job)).committed_size == 2 * MIB
    assert (await caller.upload(job, b"whole", restart=True)).size_bytes == 5


async def test_wrong_bytes_leave_nothing_visible(jobs: Jobs, caller: Caller) -> None:
    job = await caller.create()
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await caller.upload(job, noise(9 * MIB), sha256="0" * 64)
    assert reason(refusal.value)[0] == "CHECKSUM_MISMATCH"
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await caller.get_upload(job)
    assert reason(missing.value)[0] == "UPLOAD_NOT_FOUND"
    request = job_service_pb2.ListImagesRequest(parent=job)
    listed = await caller.stub.ListImages(request, metadata=caller.metadata)
    assert list(listed.images) == []
    # The parts that were durable are due for deletion.
    assert len(await rows(jobs, "SELECT 1 FROM deletions")) == 1


async def test_an_upload_with_too_few_bytes_can_be_resumed(jobs: Jobs, caller: Caller) -> None:
    job = await caller.create()
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await caller.upload(job, b"half", size_bytes=8)
    assert reason(refusal.value)[0] == "SIZE_MISMATCH"
    assert (await caller.get_upload(job)).committed_size == 4
    assert (await caller.upload(job, b"more", offset=4, size_bytes=8)).size_bytes == 8


async def test_an_upload_keeps_only_a_limited_number_of_small_parts(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A task lists all parts of its image, and the size of a task is limited.
    monkeypatch.setattr("services.jobs.uploads.receiver._CUT_PARTS", 2)
    job = await caller.create()
    for offset, committed in ((0, 1), (1, 2), (2, 2)):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await caller.upload(job, b"x", offset=offset, size_bytes=8)
        assert reason(refusal.value)[0] == "SIZE_MISMATCH"
        assert (await caller.get_upload(job)).committed_size == committed
    assert (await caller.upload(job, b"remain", offset=2, size_bytes=8)).size_bytes == 8


async def test_the_same_key_with_the_same_bytes_gets_the_same_image(
    jobs: Jobs, caller: Caller
) -> None:
    job = await caller.create()
    first = await caller.upload(job, b"film")
    again = await caller.upload(job, b"film")
    assert first.name == again.name
    digest = hashlib.sha256(b"film").hexdigest()
    assert (await caller.upload(job, b"", sha256=digest, offset=4)).name == first.name
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await caller.upload(job, b"other")
    assert reason(refusal.value)[0] == "IMAGE_KEY_REUSED"


async def test_two_streams_of_one_image_commit_it_once(jobs: Jobs, caller: Caller) -> None:
    job = await caller.create()
    data = noise(3 * MIB)
    images = await asyncio.gather(*(caller.upload(job, data) for _ in range(5)))
    assert len({image.name for image in images}) == 1
    assert len(await rows(jobs, "SELECT 1 FROM images")) == 1
    blobs = [blob for blob in (jobs.folder / "blobs").rglob("original-*") if blob.is_file()]
    assert len(blobs) == 1


async def test_two_streams_that_resume_one_upload_lose_nothing(jobs: Jobs, caller: Caller) -> None:
    data = noise(12 * MIB)
    job = await caller.create()
    await cut(caller, job, data[: 9 * MIB])
    await committed(caller, job, 9 * MIB)
    rest = data[9 * MIB :]
    answers = await asyncio.gather(
        *(caller.upload(job, rest, offset=9 * MIB) for _ in range(4)), return_exceptions=True
    )
    images = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert images
    assert {image.sha256 for image in images} == {hashlib.sha256(data).hexdigest()}
    for answer in answers:
        if isinstance(answer, BaseException):
            assert isinstance(answer, grpc.aio.AioRpcError)
            assert reason(answer)[0] in {"UPLOAD_RACE", "WRONG_OFFSET"}
    # No part of the committed image is due for deletion.
    assert await rows(jobs, "SELECT 1 FROM deletions") == []


@pytest.fixture
async def strict(jobs: Jobs) -> AsyncIterator[Caller]:
    replica = await jobs.start(images_per_job=2, image_bytes=3 * MIB, job_bytes=5 * MIB)
    async with grpc.aio.insecure_channel(replica.address) as channel:
        yield Caller(jobs, channel)


async def test_each_limit_is_named_as_soon_as_it_is_exceeded(jobs: Jobs, strict: Caller) -> None:
    job = await strict.create()
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await strict.upload(job, noise(3 * MIB + 1))
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(refusal.value) == ("IMAGE_BYTES_EXCEEDED", {"limit": str(3 * MIB)})
    await strict.upload(job, noise(3 * MIB), "b")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await strict.upload(job, noise(2 * MIB + 1), "c")
    assert reason(refusal.value) == ("JOB_BYTES_EXCEEDED", {"limit": str(5 * MIB)})
    await strict.upload(job, b"small", "d")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await strict.upload(job, b"e", "e")
    assert reason(refusal.value) == ("TOO_MANY_IMAGES", {"limit": "2"})
    # Nothing is left of the refused uploads.
    assert await rows(jobs, "SELECT 1 FROM uploads") == []
    assert len(list((jobs.folder / "blobs").rglob("original-*"))) == 2
    request = job_service_pb2.ListImagesRequest(parent=job)
    listed = await strict.stub.ListImages(request, metadata=strict.metadata)
    assert [image.image_key for image in listed.images] == ["b", "d"]


async def test_a_chunk_above_one_mebibyte_is_refused(jobs: Jobs, caller: Caller) -> None:
    job = await caller.create()
    requests = [
        job_service_pb2.UploadImageRequest(
            header=job_service_pb2.UploadHeader(job=job, image_key="a")
        ),
        job_service_pb2.UploadImageRequest(chunk=bytes(MIB + 1)),
    ]
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await caller.stub.UploadImage(iter(requests), metadata=caller.metadata)
    assert reason(refusal.value)[0] == "CHUNK_TOO_LARGE"


async def test_submit_does_everything_in_one_call_and_can_be_repeated(
    jobs: Jobs, caller: Caller
) -> None:
    request_id = "6b1cbd4e-3ad4-4bd0-a2b5-31fd5fef3cb5"

    def requests() -> Iterator[job_service_pb2.SubmitJobRequest]:
        yield job_service_pb2.SubmitJobRequest(
            job=job_service_pb2.CreateJobRequest(request_id=request_id)
        )
        for key in ("a", "b"):
            header = job_service_pb2.UploadHeader(image_key=key, file_name=f"{key}.png")
            yield job_service_pb2.SubmitJobRequest(header=header)
            yield job_service_pb2.SubmitJobRequest(chunk=key.encode())

    first = await caller.stub.SubmitJob(requests(), metadata=caller.metadata)
    again = await caller.stub.SubmitJob(requests(), metadata=caller.metadata)
    assert first.name == again.name
    assert first.state == job_pb2.Job.STATE_PENDING
    assert first.progress.total == 2
    assert len(await rows(jobs, "SELECT 1 FROM images")) == 2


async def test_a_submission_that_was_cut_inside_a_large_image_can_be_repeated(
    jobs: Jobs, caller: Caller
) -> None:
    data = noise(9 * MIB)
    request_id = "6b1cbd4e-3ad4-4bd0-a2b5-31fd5fef3cb5"

    def requests(size: int) -> Iterator[job_service_pb2.SubmitJobRequest]:
        yield job_service_pb2.SubmitJobRequest(
            job=job_service_pb2.CreateJobRequest(request_id=request_id)
        )
        yield job_service_pb2.SubmitJobRequest(header=job_service_pb2.UploadHeader(image_key="a"))
        for start in range(0, size, MIB):
            yield job_service_pb2.SubmitJobRequest(chunk=data[start : start + MIB])

    async def cut_off() -> AsyncIterator[job_service_pb2.SubmitJobRequest]:
        for request in requests(4 * MIB):
            yield request
        await asyncio.sleep(60)

    call = caller.stub.SubmitJob(cut_off(), metadata=caller.metadata)
    async with asyncio.timeout(20):
        while not await rows(jobs, "SELECT 1 FROM uploads"):
            await asyncio.sleep(0.05)
    call.cancel()
    job = await caller.stub.SubmitJob(requests(len(data)), metadata=caller.metadata)
    assert (job.state, job.progress.total) == (job_pb2.Job.STATE_PENDING, 1)
    (image,) = await rows(jobs, "SELECT image_id, sha256 FROM images")
    assert image["sha256"] == hashlib.sha256(data).hexdigest()
    assert await rows(jobs, "SELECT 1 FROM uploads") == []
    # Only the parts of the first upload are due for deletion.
    (deletion,) = await rows(jobs, "SELECT prefix FROM deletions")
    assert str(image["image_id"]) not in deletion["prefix"]


async def test_an_empty_file_is_accepted_and_becomes_a_task(jobs: Jobs, caller: Caller) -> None:
    job = await caller.create()
    image = await caller.upload(job, b"")
    assert image.size_bytes == 0
    assert (await jobs.next_task()).size_bytes == 0


async def test_a_part_that_races_with_the_commit_of_its_image_starts_no_upload(
    jobs: Jobs, caller: Caller
) -> None:
    """Otherwise the blobs of an image whose caller was cut off at the commit would be swept."""
    job = await caller.create()
    image = await caller.upload(job, b"film")
    job_id = UUID(job.removeprefix("jobs/"))
    late = NewImage(
        image_id=UUID(image.name.rpartition("/")[2]),
        job_id=job_id,
        site="demo",
        image_key="late",
        file_name="late",
        size_bytes=0,
        sha256="",
        original_keys=(),
        patient_id="",
    )
    connection = await asyncpg.connect(jobs.database_url, server_settings={"role": "carina_system"})
    async with open_database(jobs.database_url, connections=1) as database, asyncio.timeout(20):
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM jobs WHERE job_id = $1 FOR UPDATE", job_id)
            await connection.execute("UPDATE images SET image_key = 'late'")
            part = JobStore(database).append_part(late, part_key="x", old_size=0, new_size=4)
            appending = asyncio.create_task(part)
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            while not await rows(jobs, waiting):
                await asyncio.sleep(0.02)
        with pytest.raises(UploadRaceError):
            await appending
    await connection.close()
    assert await rows(jobs, "SELECT 1 FROM uploads") == []


async def test_text_that_postgresql_cannot_store_is_refused_with_the_name_of_its_field(
    caller: Caller,
) -> None:
    job = await caller.create()

    def list_jobs(**wanted: Any) -> Any:
        request = job_service_pb2.ListJobsRequest(filter=job_service_pb2.JobFilter(**wanted))
        return caller.stub.ListJobs(request, metadata=caller.metadata)

    for call, field in (
        (caller.upload(job, b"film", patient_id="4\x00711"), "header.patient_id"),
        (caller.get_upload(job, "a\0"), "image_key"),
        (list_jobs(patient_id="\0"), "filter.patient_id"),
        (list_jobs(creator="\0"), "filter.creator"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call
        assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert reason(refusal.value) == ("INVALID_FIELD", {"field": field})
