"""The table of all endpoints, from which routing and the OpenAPI document are generated."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from google.protobuf.descriptor import Descriptor
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from carina.jobs.v1.job_service_pb2 import (
    JobFilter,
    ListImagesRequest,
    ListJobsRequest,
    ReadImageRequest,
    UploadHeader,
)
from services.gateway.contract import IMAGE_KINDS, comment_of, is_text, query_name
from services.gateway.handlers.events import job_events
from services.gateway.handlers.images import get_image, list_images, read_image
from services.gateway.handlers.jobs import (
    cancel_job,
    close_job,
    create_job,
    delete_job,
    get_job,
    list_jobs,
    retry_job,
)
from services.gateway.handlers.results import job_results
from services.gateway.handlers.translate import Request
from services.gateway.handlers.uploads import get_upload, submit_job, upload_images
from services.gateway.schemas import text_schema

JSON = "application/json"
FORM = "multipart/form-data"
BYTES = "application/octet-stream"
# An original has whatever media type was uploaded.
_PICTURES = {"preview": "image/jpeg", "heatmap": "image/png"}


_TEXT: Mapping[str, Any] = {"type": "string"}
_INTEGER: Mapping[str, Any] = {"type": "integer"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a query or a header; `schema` is a JSON Schema."""

    name: str
    place: str
    text: str
    schema: Mapping[str, Any] = field(default_factory=lambda: _TEXT)


def _query(message: Descriptor, *names: str) -> tuple[Parameter, ...]:
    """Return query parameters for the named fields of a message, or for all that fit a query."""
    return tuple(
        Parameter(
            name=query_name(each), place="query", text=comment_of(each), schema=text_schema(each)
        )
        for each in message.fields
        if (each.name in names if names else is_text(each))
    )


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One method of one path, with its description in the OpenAPI document.

    `requests` and `answers` pair media types with names of schemas; `also` lists further statuses.
    """

    method: str
    path: str
    handler: Callable[[Any], Awaitable[Response]]
    summary: str
    parameters: tuple[Parameter, ...] = ()
    requests: tuple[tuple[str, str], ...] = ()
    status: HTTPStatus = HTTPStatus.OK
    answers: tuple[tuple[str, str], ...] = ()
    also: tuple[tuple[HTTPStatus, str], ...] = ()
    open_to_all: bool = False
    operation: str = ""

    @property
    def plain_path(self) -> str:
        """Return the path without Starlette's converters, as OpenAPI writes it."""
        return self.path.replace(":path}", "}")

    @property
    def operation_id(self) -> str:
        """Return the name of the operation, unique in the document."""
        return self.operation or self.handler.__name__


async def livez(_request: Request) -> Response:
    """Answer while the event loop runs; no other dependency is checked."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Answer whether requests can be served: the jobs service must be reachable."""
    if request.state["stopping"].is_set():
        return PlainTextResponse("stopping\n", status_code=HTTPStatus.SERVICE_UNAVAILABLE)
    if not request.state["jobs"].reachable():
        return PlainTextResponse(
            "waiting for the jobs service\n", status_code=HTTPStatus.SERVICE_UNAVAILABLE
        )
    return PlainTextResponse("ok\n")


_PLAIN = (("text/plain", "Text"),)
_NOT_READY = ((HTTPStatus.SERVICE_UNAVAILABLE, "Not ready, or stopping."),)


def _read(path: str, kind: str, operation: str) -> Endpoint:
    async def handler(request: Request) -> Response:
        return await read_image(request, kind)

    value = ReadImageRequest.Kind.DESCRIPTOR.values_by_number[IMAGE_KINDS[kind]]
    return Endpoint(
        method="GET",
        path=f"{path}/{kind}",
        handler=handler,
        operation=f"{operation}_{kind}",
        summary=comment_of(value),
        answers=((_PICTURES.get(kind, BYTES), "Bytes"),),
    )


def _results(form: str, media_type: str, schema: str) -> Endpoint:
    async def handler(request: Request) -> Response:
        return await job_results(request, form)

    return Endpoint(
        method="GET",
        path=f"/v1/jobs/{{job}}/results.{form}",
        handler=handler,
        operation=f"job_results_{form}",
        summary=f"Download the findings of a job as {form.upper()}.",
        answers=((media_type, schema),),
    )


_ONE_IMAGE = (("/v1/images/{image}", ""), ("/v1/jobs/{job}/images/{image}", "job_"))
_IMAGES = tuple(
    Endpoint(
        method="GET",
        path=path,
        handler=get_image,
        operation=f"get_{of}image",
        summary="Get an image.",
        answers=((JSON, "Image"),),
    )
    for path, of in _ONE_IMAGE
)
_IMAGE_BYTES = tuple(
    _read(path, kind, f"read_{of}image" if of else "read")
    for path, of in _ONE_IMAGE
    for kind in IMAGE_KINDS
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/jobs:submit",
        handler=submit_job,
        summary="Create a job, upload its images and close it with one form. Fields must come "
        "before files. A refused file does not affect the others.",
        requests=((FORM, "Submission"),),
        status=HTTPStatus.CREATED,
        answers=((JSON, "Submitted"),),
    ),
    Endpoint(
        method="POST",
        path="/v1/jobs",
        handler=create_job,
        summary="Create a job that accepts uploads.",
        requests=((JSON, "CreateJobRequest"),),
        status=HTTPStatus.CREATED,
        answers=((JSON, "Job"),),
    ),
    Endpoint(
        method="GET",
        path="/v1/jobs",
        handler=list_jobs,
        summary="List the jobs visible to the caller, newest first.",
        parameters=(
            *_query(JobFilter.DESCRIPTOR),
            *_query(ListJobsRequest.DESCRIPTOR),
        ),
        answers=((JSON, "ListJobsResponse"),),
    ),
    Endpoint(
        method="GET",
        path="/v1/jobs/{job}",
        handler=get_job,
        summary="Get a job.",
        answers=((JSON, "Job"),),
    ),
    Endpoint(
        method="DELETE",
        path="/v1/jobs/{job}",
        handler=delete_job,
        summary="Permanently delete a terminal job and all its images.",
        status=HTTPStatus.NO_CONTENT,
    ),
    Endpoint(
        method="POST",
        path="/v1/jobs/{job}:close",
        handler=close_job,
        summary="Close a job to further images.",
        answers=((JSON, "Job"),),
    ),
    Endpoint(
        method="POST",
        path="/v1/jobs/{job}:cancel",
        handler=cancel_job,
        summary="Cancel a job and all its images that are not terminal.",
        parameters=(
            Parameter(
                name="If-Match",
                place="header",
                text="Etag of the job; the request is refused if the job has changed.",
            ),
        ),
        requests=((JSON, "CancelJobRequest"),),
        answers=((JSON, "Job"),),
    ),
    Endpoint(
        method="POST",
        path="/v1/jobs/{job}:retry",
        handler=retry_job,
        summary="Queue failed images again.",
        requests=((JSON, "RetryJobRequest"),),
        answers=((JSON, "Job"),),
    ),
    Endpoint(
        method="GET",
        path="/v1/jobs/{job}/images",
        handler=list_images,
        summary="List the images of a job in order of their ordinal.",
        parameters=_query(ListImagesRequest.DESCRIPTOR, "page_size", "page_token", "states"),
        answers=((JSON, "ListImagesResponse"),),
    ),
    Endpoint(
        method="POST",
        path="/v1/jobs/{job}/images",
        handler=upload_images,
        summary="Upload one image as the request body (resumable), or several as a form. A single "
        "upload returns the image, a form the accepted images and the refused files.",
        parameters=(
            Parameter(
                name="Upload-Key",
                place="header",
                text="Key of the image, chosen by the caller; required to resume. Not for forms.",
            ),
            Parameter(
                name="Upload-Offset",
                place="header",
                text="Offset of the first byte of the body; to resume, the committed size. Without "
                "this header the body is the whole file: the upload starts over, and durable "
                "bytes of an unfinished upload are dropped.",
                schema=_INTEGER,
            ),
            Parameter(
                name="Content-Disposition",
                place="header",
                text="File name of the body, as `attachment; filename*=UTF-8''...`.",
            ),
            Parameter(
                name="Repr-Digest",
                place="header",
                text="`sha-256=:base64:` of the whole file; checked if set.",
            ),
            *_query(UploadHeader.DESCRIPTOR, "file_name", "patient_id"),
        ),
        requests=((BYTES, "Bytes"), (FORM, "Files")),
        status=HTTPStatus.CREATED,
        answers=((JSON, "Uploaded"),),
    ),
    Endpoint(
        method="GET",
        # A key may contain slashes.
        path="/v1/jobs/{job}/uploads/{key:path}",
        handler=get_upload,
        summary="Get how much of an upload is durable. HEAD returns it in `Upload-Offset`.",
        answers=((JSON, "Upload"),),
    ),
    Endpoint(
        method="GET",
        path="/v1/jobs/{job}/events",
        handler=job_events,
        summary="Stream a snapshot and every later change as server-sent events until the job is "
        "terminal. `id` is the revision.",
        parameters=(
            Parameter(name="Last-Event-ID", place="header", text="Revision after which to resume."),
            Parameter(
                name="afterRevision",
                place="query",
                text="The same as `Last-Event-ID`, for the first request.",
                schema=_INTEGER,
            ),
        ),
        answers=(("text/event-stream", "JobEvent"),),
        also=((HTTPStatus.NO_CONTENT, "The job is terminal and there are no further changes."),),
    ),
    _results("json", JSON, "Results"),
    _results("csv", "text/csv", "Text"),
    _results("zip", "application/zip", "Bytes"),
    *_IMAGES,
    *_IMAGE_BYTES,
    Endpoint(
        method="GET",
        path="/livez",
        handler=livez,
        summary="Check whether the process is alive.",
        answers=_PLAIN,
        open_to_all=True,
    ),
    Endpoint(
        method="GET",
        path="/readyz",
        handler=readyz,
        summary="Check whether the jobs service is reachable.",
        answers=_PLAIN,
        also=_NOT_READY,
        open_to_all=True,
    ),
)


def build_routes() -> list[Route]:
    """Return the routes of the application."""
    return [
        Route(each.path, each.handler, methods=[each.method], name=each.operation_id)
        for each in ENDPOINTS
    ]
