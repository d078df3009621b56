"""Access control: the site wall, what patients may see, and roles."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest

from carina.errors import RefusedError
from carina.jobs.v1 import job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import ImageKind, JobSpec
from deploy.local.issuer import Role
from tests.support.jobs import Jobs, rows


def film(folder: Path, name: str = "a.png") -> Path:
    path = folder / name
    path.write_bytes(name.encode())
    return path


async def test_another_site_sees_nothing_of_a_job(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as owner, jobs.client(site="elsewhere") as stranger:
        submission = await owner.submit([film(tmp_path)], JobSpec(patient_id="P1"))
        name, image = submission.job.name, submission.images[0]
        assert [job async for job in stranger.list()] == []
        for attempt in (
            stranger.get(name),
            stranger.cancel(name),
            stranger.retry(name),
            stranger.close(name),
            stranger.upload(name, film(tmp_path, "b.png")),
        ):
            with pytest.raises(RefusedError) as refusal:
                await attempt
            assert refusal.value.reason == "JOB_NOT_FOUND"
        assert (await owner.get_image(image)).name == image.name
        for reading in (stranger.read_image(image, ImageKind.ORIGINAL), stranger.get_image(image)):
            with pytest.raises(RefusedError) as refusal:
                await reading
            assert refusal.value.reason == "IMAGE_NOT_FOUND"
        with pytest.raises(RefusedError):
            _ = [update async for update in stranger.watch(name)]


async def test_the_site_wall_applies_to_a_query_without_a_site(jobs: Jobs, tmp_path: Path) -> None:
    async with jobs.client() as owner, jobs.client(site="elsewhere") as other:
        await owner.submit([film(tmp_path)])
        await other.submit([film(tmp_path)])
    connection = await asyncpg.connect(jobs.database_url, server_settings={"role": "carina_caller"})
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('carina.site', 'demo', true), "
                "set_config('carina.patient', '', true)"
            )
            for table in ("jobs", "images", "job_events", "outbox", "uploads", "deletions"):
                sites = await connection.fetch(f"SELECT DISTINCT site FROM {table}")
                assert {row["site"] for row in sites} <= {"demo"}
            assert await connection.fetchval("SELECT count(*) FROM jobs") == 1
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("UPDATE jobs SET site = 'elsewhere'")
        # A transaction that sets no site at all sees nothing.
        assert await connection.fetchval("SELECT count(*) FROM jobs") == 0
    finally:
        await connection.close()


async def test_a_patient_sees_only_their_own_jobs(jobs: Jobs, tmp_path: Path) -> None:
    async with (
        jobs.client() as doctor,
        jobs.client(Role.PATIENT, patient_id="P1") as patient,
    ):
        mine = await doctor.submit([film(tmp_path)], JobSpec(patient_id="P1"))
        other = await doctor.submit([film(tmp_path)], JobSpec(patient_id="P2"))
        assert [job.name async for job in patient.list()] == [mine.job.name]
        assert (await patient.get(mine.job)).name == mine.job.name
        (image,) = [image async for image in patient.images(mine.job)]
        assert await patient.get_image(image) == image
        with pytest.raises(RefusedError) as refusal:
            await patient.get_image(other.images[0])
        assert refusal.value.reason == "IMAGE_NOT_FOUND"
        with pytest.raises(RefusedError) as refusal:
            await patient.get(other.job)
        assert refusal.value.reason == "JOB_NOT_FOUND"
        for attempt in (
            patient.cancel(mine.job),
            patient.retry(mine.job),
            patient.create(JobSpec()),
        ):
            with pytest.raises(RefusedError) as refusal:
                await attempt
            assert refusal.value.reason == "ROLE_NOT_ALLOWED"


async def test_a_patient_without_a_patient_id_is_refused(jobs: Jobs) -> None:
    async with jobs.client(Role.PATIENT) as patient:
        with pytest.raises(RefusedError) as refusal:
            _ = [job async for job in patient.list()]
    assert refusal.value.reason == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize("site", ["", "../other", "a/b", "a b", "x" * 65])
async def test_a_site_name_that_could_be_a_path_is_refused(jobs: Jobs, site: str) -> None:
    async with jobs.client(site=site) as client:
        with pytest.raises(RefusedError) as refusal:
            await client.create(JobSpec())
    assert refusal.value.reason in {"INVALID_SITE", "TOKEN_INVALID"}
    assert await rows(jobs, "SELECT 1 FROM jobs") == []


@pytest.fixture
async def stub(jobs: Jobs) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(jobs.replicas[0].address) as channel:
        yield JobServiceStub(channel)


async def test_a_call_without_a_token_is_unauthenticated(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.ListJobs(job_service_pb2.ListJobsRequest())
    assert refusal.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_pages_list_all_jobs_newest_first(jobs: Jobs, stub: Any) -> None:
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    async with jobs.client() as client:
        names = [(await client.create(JobSpec(notes=str(number)))).name for number in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        request = job_service_pb2.ListJobsRequest(page_size=2, page_token=token)
        page = await stub.ListJobs(request, metadata=metadata)
        seen += [job.name for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert seen == names[::-1]


async def test_a_page_token_of_another_request_is_refused(jobs: Jobs, stub: Any) -> None:
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    async with jobs.client() as client:
        for number in range(2):
            await client.create(JobSpec(notes=str(number)))
    request = job_service_pb2.ListJobsRequest(page_size=1)
    token = (await stub.ListJobs(request, metadata=metadata)).next_page_token
    requests = [
        job_service_pb2.ListJobsRequest(page_size=1, page_token="bm90IG91cnM="),
        job_service_pb2.ListJobsRequest(page_size=1, page_token="\N{LUNGS}"),
        job_service_pb2.ListJobsRequest(
            page_size=1,
            page_token=token,
            filter=job_service_pb2.JobFilter(patient_id="P1"),
        ),
        job_service_pb2.ListJobsRequest(page_size=-1),
        job_service_pb2.ListJobsRequest(filter=job_service_pb2.JobFilter(states=[99])),  # type: ignore[list-item]
    ]
    for request in requests:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.ListJobs(request, metadata=metadata)
        assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_the_rate_of_new_jobs_is_limited_per_caller(jobs: Jobs) -> None:
    await jobs.start(jobs_per_minute=3)
    async with (
        jobs.client(replica=1) as client,
        jobs.client(replica=1, subject="another") as colleague,
    ):
        for number in range(3):
            await client.create(JobSpec(notes=str(number)))
        with pytest.raises(RefusedError) as refusal:
            await client.create(JobSpec())
        assert refusal.value.reason == "TOO_MANY_JOBS"
        await colleague.create(JobSpec())


async def test_a_call_past_its_deadline_gets_deadline_exceeded(jobs: Jobs, stub: Any) -> None:
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.ListJobs(job_service_pb2.ListJobsRequest(), metadata=metadata, timeout=0.0001)
    assert refusal.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_an_overlong_name_is_not_found(jobs: Jobs) -> None:
    overlong = 5000 * "\N{LUNGS}"
    async with jobs.client() as client:
        for reason, attempt in (
            ("JOB_NOT_FOUND", client.get(f"jobs/{overlong}")),
            ("IMAGE_NOT_FOUND", client.read_image(f"jobs/-/images/{overlong}", ImageKind.PREVIEW)),
        ):
            with pytest.raises(RefusedError) as refusal:
                await attempt
            assert refusal.value.reason == reason
