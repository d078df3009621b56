"""Replicas of two releases agree on repeated requests and on the pages of a list."""

from pathlib import Path
from typing import Any

import grpc
import yaml

from carina.jobs.v1 import job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import JobSpec
from deploy.local.settings import ROOT
from services.jobs.api.pages import PageToken
from services.jobs.models import Scope
from tests.support.jobs import Jobs

REQUEST_ID = "5b8f5a0e-0b0a-4f0e-9d57-0d8a5f9f7f10"
# Field 900 of a JobSpec, known only to a later release: the string "ward 7".
LATER_FIELD = b"\xa2\x38\x06ward 7"


def catalogue_of_a_later_release(folder: Path) -> Path:
    """Write a catalogue with a single model, the default, under another name."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "models" / "catalogue.yaml").read_text())
    (model, *_) = (each for each in document["models"] if each["name"] == document["default"])
    model["name"] = document["default"] = "of-the-next-release"
    document["models"] = [model]
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


async def create(jobs: Jobs, replica: int, spec: job_pb2.JobSpec) -> job_pb2.Job:
    request = job_service_pb2.CreateJobRequest(request_id=REQUEST_ID, spec=spec)
    async with grpc.aio.insecure_channel(jobs.replicas[replica].address) as channel:
        stub: Any = JobServiceStub(channel)
        metadata = (("authorization", f"Bearer {jobs.token()}"),)
        job: job_pb2.Job = await stub.CreateJob(request, metadata=metadata)
        return job


async def test_a_repeat_gets_the_same_answer_where_the_default_model_differs(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start(catalogue=catalogue_of_a_later_release(tmp_path))
    first = await create(jobs, 0, job_pb2.JobSpec(patient_id="P1"))
    again = await create(jobs, 1, job_pb2.JobSpec(patient_id="P1"))
    assert again == first


async def test_a_repeat_gets_the_same_answer_where_its_model_is_not_offered(
    jobs: Jobs, tmp_path: Path
) -> None:
    await jobs.start(catalogue=catalogue_of_a_later_release(tmp_path))
    first = await create(jobs, 0, job_pb2.JobSpec(model="cxr"))
    again = await create(jobs, 1, job_pb2.JobSpec(model="cxr"))
    assert again == first


async def test_a_field_of_a_later_release_is_part_of_the_request(jobs: Jobs) -> None:
    known = job_pb2.JobSpec(patient_id="P1", notes="n")
    later = job_pb2.JobSpec.FromString(known.SerializeToString() + LATER_FIELD)
    first = await create(jobs, 0, later)
    assert await create(jobs, 0, later) == first
    try:
        await create(jobs, 0, known)
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.ALREADY_EXISTS
    else:
        raise AssertionError("a different request got the answer of the first")


async def test_a_list_continues_on_another_replica(jobs: Jobs, tmp_path: Path) -> None:
    await jobs.start(catalogue=catalogue_of_a_later_release(tmp_path))
    async with jobs.client() as client:
        names = [(await client.create(JobSpec())).name for _ in range(3)]
    listed: list[str] = []
    request = job_service_pb2.ListJobsRequest(page_size=1)
    request.filter.priority = job_pb2.PRIORITY_ROUTINE
    metadata = (("authorization", f"Bearer {jobs.token()}"),)
    for replica in (0, 1, 0):
        async with grpc.aio.insecure_channel(jobs.replicas[replica].address) as channel:
            stub: Any = JobServiceStub(channel)
            page = await stub.ListJobs(request, metadata=metadata)
        listed += [job.name for job in page.jobs]
        request.page_token = page.next_page_token
    assert listed == names[::-1]


def test_page_tokens_have_the_same_format_in_every_release() -> None:
    # A token of a released replica. If this changes, lists break during a rollout.
    token = PageToken("jobs", Scope("demo"), b"\x0a\x02\x18\x01").write("2026-01-01", "key")
    assert token == "WyI0MDk1OTgxM2QxZDI0MDYzIiwgIjIwMjYtMDEtMDEiLCAia2V5Il0="
