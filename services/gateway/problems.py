"""Errors as `application/problem+json` (RFC 9457), with the mapping from gRPC to HTTP status."""

import json
from collections.abc import Mapping
from http import HTTPStatus

import grpc
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ExceptionHandler

from carina.errors import CarinaError
from chassis.errors import DomainError, Kind
from chassis.logs import get_logger

logger = get_logger(__name__)

STATUS_OF: Mapping[grpc.StatusCode, HTTPStatus] = {
    grpc.StatusCode.OK: HTTPStatus.OK,
    # Sent by a replica that is stopping. If the caller cancelled, nobody reads the response.
    grpc.StatusCode.CANCELLED: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.CONFLICT,
    grpc.StatusCode.ABORTED: HTTPStatus.CONFLICT,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    grpc.StatusCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS: HTTPStatus.INTERNAL_SERVER_ERROR,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
}
# Reasons for which HTTP has a more specific status.
STATUS_OF_REASON: Mapping[str, HTTPStatus] = {
    "IMAGE_BYTES_EXCEEDED": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "JOB_BYTES_EXCEEDED": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "TOO_MANY_IMAGES": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "BODY_TOO_LARGE": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "BODY_STALLED": HTTPStatus.REQUEST_TIMEOUT,
    "UNSUPPORTED_BODY": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "UNSUPPORTED_CODING": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "ETAG_MISMATCH": HTTPStatus.PRECONDITION_FAILED,
    "WRONG_OFFSET": HTTPStatus.CONFLICT,
}
_RETRY_AFTER_SECONDS = {
    HTTPStatus.SERVICE_UNAVAILABLE: "5",
    # The rate limits of the jobs service apply per minute.
    HTTPStatus.TOO_MANY_REQUESTS: "60",
}
_DETAILS = {
    HTTPStatus.NOT_FOUND: "This path does not exist; /openapi.json lists all paths.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not support the method; see the Allow header.",
}
_FAULT = "An internal error occurred. It has been logged."
MEDIA_TYPE = "application/problem+json"


def problem(
    status: HTTPStatus, reason: str, detail: str, metadata: Mapping[str, str] | None = None
) -> Response:
    """Return a problem response."""
    body = {
        "type": f"urn:carina:problem:{reason}" if reason else "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "reason": reason,
        "metadata": dict(metadata or {}),
    }
    headers = {}
    if status in _RETRY_AFTER_SECONDS:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS[status]
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if reason == "UNSUPPORTED_CODING":
        # The coding is what is not supported, not the media type (RFC 9110 section 12.5.3).
        headers["Accept-Encoding"] = "identity"
    return Response(json.dumps(body), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> Response:
    """Return the response to an error of the jobs service or of the gateway."""
    if isinstance(error, CarinaError):
        code, reason, message = error.code, error.reason or error.code.name, error.message
    elif isinstance(error, DomainError):
        code, reason, message = grpc.StatusCode[error.kind], error.reason, error.message
    else:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, Kind.INTERNAL, _FAULT)
    status = STATUS_OF_REASON.get(reason, STATUS_OF[code])
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in {
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }:
        return problem(status, reason, _FAULT)
    if isinstance(error, CarinaError) and not error.reason:
        # Messages of the transport contain internal addresses.
        message = "The service is temporarily unavailable; try again."
    return problem(status, reason, message, error.metadata)


async def _answer(_request: Request, error: Exception) -> Response:
    if isinstance(error, CarinaError) and type(error) is CarinaError:
        logger.error("call to jobs service failed", code=error.code.name, reason=error.reason)
    return problem_of(error)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    status = HTTPStatus(error.status_code)
    answer = problem(status, status.name, _DETAILS.get(status, error.detail))
    answer.headers.update(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(sorted(_methods_of_path(request)))
    return answer


def _methods_of_path(request: Request) -> set[str]:
    """Return the methods of a path; each is a route of its own, and Starlette checks only one."""
    return {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods
    }


async def _answer_fault(_request: Request, error: Exception) -> Response:
    """Answer an unhandled error; the server logs it."""
    return problem_of(error)


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)


EXCEPTION_HANDLERS: Mapping[type[Exception] | int, ExceptionHandler] = {
    CarinaError: _answer,
    DomainError: _answer,
    HTTPException: _answer_http,
    ClientDisconnect: _answer_nobody,
    Exception: _answer_fault,
}
