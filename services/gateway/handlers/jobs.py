"""Jobs: create, list, read, close, cancel, retry, delete."""

import uuid
from http import HTTPStatus

from starlette.responses import Response

from carina.jobs.v1 import job_service_pb2
from services.gateway.contract import read_fields
from services.gateway.handlers.translate import (
    Request,
    answer,
    caller_of,
    job_name_of,
    query_fields,
    read_message,
)


async def create_job(request: Request) -> Response:
    """Create a job that accepts uploads."""
    body = await read_message(request, job_service_pb2.CreateJobRequest())
    body.request_id = body.request_id or str(uuid.uuid4())
    job = await request.state["jobs"].call("CreateJob", body, caller_of(request))
    return answer(job, HTTPStatus.CREATED, Location=f"/v1/{job.name}")


async def list_jobs(request: Request) -> Response:
    """List the jobs visible to the caller."""
    message = job_service_pb2.ListJobsRequest()
    read_fields(query_fields(request), message, message.filter)
    return answer(await request.state["jobs"].call("ListJobs", message, caller_of(request)))


async def get_job(request: Request) -> Response:
    """Return a job."""
    message = job_service_pb2.GetJobRequest(name=job_name_of(request))
    job = await request.state["jobs"].call("GetJob", message, caller_of(request))
    return answer(job, ETag=job.etag)


async def close_job(request: Request) -> Response:
    """Close a job to further images."""
    message = job_service_pb2.CloseJobRequest(name=job_name_of(request))
    return answer(await request.state["jobs"].call("CloseJob", message, caller_of(request)))


async def cancel_job(request: Request) -> Response:
    """Cancel a job; `If-Match` refuses the request if the job has changed."""
    message = await read_message(request, job_service_pb2.CancelJobRequest())
    message.name = job_name_of(request)
    wanted = request.headers.get("if-match", "")
    # "*" matches any existing job.
    message.etag = message.etag or ("" if wanted == "*" else wanted)
    return answer(await request.state["jobs"].call("CancelJob", message, caller_of(request)))


async def retry_job(request: Request) -> Response:
    """Queue failed images again."""
    message = await read_message(request, job_service_pb2.RetryJobRequest())
    message.name = job_name_of(request)
    message.request_id = message.request_id or str(uuid.uuid4())
    return answer(await request.state["jobs"].call("RetryJob", message, caller_of(request)))


async def delete_job(request: Request) -> Response:
    """Permanently delete a job and all its images."""
    message = job_service_pb2.DeleteJobRequest(name=job_name_of(request))
    await request.state["jobs"].call("DeleteJob", message, caller_of(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)
