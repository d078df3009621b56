"""Uploads: a whole batch in one form, or single resumable uploads."""

import base64
import re
import uuid
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from carina.errors import CarinaError
from carina.jobs.v1 import job_pb2, job_service_pb2
from carina.wire import message_to_json
from services.gateway.contract import has_field, read_fields
from services.gateway.errors import InvalidFieldError, UnsupportedBodyError
from services.gateway.handlers.translate import (
    Request,
    answer,
    answer_json,
    caller_of,
    job_name_of,
    query_fields,
    read_body,
)
from services.gateway.intake import Intake, Refused
from services.gateway.multipart import media_type_of, read_form
from services.gateway.texts import decode_header, parameter_of

# What the query of a single upload may hold.
_LABELS = {"fileName", "file_name", "patientId", "patient_id"}


async def submit_job(request: Request) -> Response:
    """Create a job, upload its images and close it with one form."""
    jobs, caller = request.state["jobs"], caller_of(request)

    async def open_job(fields: dict[str, str]) -> str:
        creation = job_service_pb2.CreateJobRequest()
        read_fields(fields.items(), creation, creation.spec)
        # Without a request_id, the form cannot be recognised when it is repeated.
        intake.repeatable = bool(creation.request_id)
        creation.request_id = creation.request_id or str(uuid.uuid4())
        job = await jobs.call("CreateJob", creation, caller)
        name: str = job.name
        return name

    def is_field(name: str) -> bool:
        return has_field(name, job_service_pb2.CreateJobRequest(), job_pb2.JobSpec())

    intake = Intake(jobs, caller, open_job, is_field=is_field)
    await _take(request, intake)
    if not intake.images:
        job = await jobs.call("GetJob", job_service_pb2.GetJobRequest(name=intake.job), caller)
        # If the request_id was used before, the job may contain images from that request.
        if not job.progress.total:
            await jobs.call("CancelJob", job_service_pb2.CancelJobRequest(name=job.name), caller)
        raise intake.refused[0].error
    job = await jobs.call("CloseJob", job_service_pb2.CloseJobRequest(name=intake.job), caller)
    body = {"job": message_to_json(job), "refused": _refused_to_json(intake.refused)}
    return answer_json(body, HTTPStatus.CREATED, Location=f"/v1/{job.name}")


async def upload_images(request: Request) -> Response:
    """Upload one image as the request body, or several as a form."""
    media_type = media_type_of(request.headers.get("content-type", ""))
    if not media_type.startswith("multipart/"):
        return await _upload_raw(request)
    if media_type != "multipart/form-data":
        raise UnsupportedBodyError("one image, or multipart/form-data", media_type)

    async def open_job(_fields: dict[str, str]) -> str:
        return job_name_of(request)

    intake = Intake(
        # The job already exists, so all parts must be files.
        *(request.state["jobs"], caller_of(request), open_job),
        is_field=lambda _name: False,
    )
    await _take(request, intake)
    if not intake.images:
        raise intake.refused[0].error
    body = {
        "images": [message_to_json(image) for image in intake.images],
        "refused": _refused_to_json(intake.refused),
    }
    return answer_json(body, HTTPStatus.CREATED)


async def get_upload(request: Request) -> Response:
    """Return how much of an upload is durable: the offset at which to resume."""
    message = job_service_pb2.GetUploadRequest(
        job=job_name_of(request), image_key=request.path_params["key"]
    )
    upload = await request.state["jobs"].call("GetUpload", message, caller_of(request))
    return answer(upload, Upload_Offset=str(upload.committed_size))


async def _upload_raw(request: Request) -> Response:
    headers, body = request.headers, read_body(request)
    if "content-range" in headers:
        # Otherwise each range would become an image of its own (RFC 9110 section 14.5).
        raise InvalidFieldError(
            "Content-Range",
            "ranges are not accepted; send the whole file, or resume with Upload-Offset",
        )
    length = _number(headers.get("content-length", "0"), "Content-Length")
    resumes = "upload-offset" in headers
    offset = _number(headers.get("upload-offset", "0"), "Upload-Offset")
    key = decode_header(headers.get("upload-key", ""), "Upload-Key")
    header = job_service_pb2.UploadHeader(
        job=job_name_of(request),
        image_key=key or str(uuid.uuid4()),
        offset=offset,
        # Without an offset, the body is the whole file, as in a plain retry of a POST.
        restart=not resumes,
        sha256=_sha256(headers.get("repr-digest", "")),
        # The size of a chunked body is unknown until it ends.
        size_bytes=offset + length if length else 0,
    )
    _read_labels(request, header)
    upload = request.state["jobs"].upload(header, caller_of(request))
    try:
        async for data in body:
            if not await upload.send(data):
                break
        image = await upload.finish()
    finally:
        upload.cut()
    return answer(
        image,
        HTTPStatus.CREATED,
        Location=f"/v1/{image.name}/original",
        # Starlette writes headers as Latin-1; this makes it UTF-8, as in the request.
        Upload_Key=header.image_key.encode().decode("latin-1"),
        Upload_Offset=str(image.size_bytes),
    )


async def _take(request: Request, intake: Intake) -> None:
    content_type = request.headers.get("content-type", "")
    await intake.take(read_form(content_type, read_body(request)))


def _refused_to_json(refused: list[Refused]) -> list[dict[str, Any]]:
    return [{"fileName": each.file_name} | _error_to_json(each.error) for each in refused]


def _error_to_json(error: CarinaError) -> dict[str, Any]:
    return {
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
    }


def _number(text: str, header: str) -> int:
    # int() also accepts "+1", "1_0" and digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidFieldError(header, "expected a number of bytes")
    return int(text)


def _read_labels(request: Request, header: job_service_pb2.UploadHeader) -> None:
    """Read the file name and the patient of a single upload from its query and its headers."""
    query = query_fields(request)
    for name, _ in query:
        if name not in _LABELS:
            raise InvalidFieldError(name, "there is no such field")
    disposition = request.headers.get("content-disposition", "")
    header.file_name = parameter_of(disposition, "filename", field="Content-Disposition") or ""
    read_fields(query, header)


def _sha256(digest: str) -> str:
    """Read `Repr-Digest: sha-256=:base64:` (RFC 9530) as hexadecimal digits.

    Digests with other algorithms are ignored, as the RFC requires. An invalid one is refused,
    because the sender would assume that the bytes were checked.
    """
    if "sha-256" not in digest:
        return ""
    found = re.search(r"\bsha-256=:([A-Za-z0-9+/]{43}=):", digest)
    if found is None:
        raise InvalidFieldError("Repr-Digest", "expected sha-256=:base64 of 32 bytes:")
    return base64.b64decode(found[1]).hex()
