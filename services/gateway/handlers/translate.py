"""Translation between HTTP requests and the messages of the contract."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NotRequired, TypedDict, TypeVar
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request as AnyRequest
from starlette.responses import Response

from carina.following import Metadata
from carina.wire import message_to_json
from chassis import tracing
from chassis.auth import TokenVerifier
from services.gateway.config import GatewayConfig
from services.gateway.errors import (
    BodyStalledError,
    BodyTooLargeError,
    InvalidBodyError,
    InvalidFieldError,
    UnsupportedBodyError,
    UnsupportedCodingError,
)
from services.gateway.jobs_client import JobsClient
from services.gateway.multipart import is_uncoded, media_type_of
from services.gateway.texts import decode, parameter_of, query_of

JSON_BYTES = 1024 * 1024


class State(TypedDict):
    """State shared by all handlers."""

    config: GatewayConfig
    jobs: JobsClient
    verifier: TokenVerifier
    stopping: asyncio.Event
    # Of the connection: the client has closed its sending side, or is gone.
    half_closed: NotRequired[asyncio.Event]


Request = AnyRequest[State]
_Message = TypeVar("_Message", bound=Message)


def caller_of(request: Request) -> Metadata:
    """Return the gRPC metadata of a call: the caller's verified token and the trace context.

    The trace context is added here because OpenTelemetry's client interceptors block client
    streams (see decision 10) and drop the reason of errors.
    """
    trace = tracing.inject()
    return (("authorization", request.headers["authorization"]), *trace.items())


def job_name_of(request: Request) -> str:
    """Return the resource name of the job in the path."""
    return f"jobs/{request.path_params['job']}"


def query_fields(request: Request) -> list[tuple[str, str]]:
    """Return the names and values of the query."""
    return query_of(request.scope["query_string"])


def read_body(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body as it arrives; abort if the sender stalls.

    Raises:
        UnsupportedCodingError: the body is compressed or otherwise coded.
    """
    # HTTP has no Content-Transfer-Encoding, but who sends it has coded the body.
    for header in ("Content-Encoding", "Content-Transfer-Encoding"):
        coding = ",".join(request.headers.getlist(header))
        if not is_uncoded(coding):
            raise UnsupportedCodingError(header, coding)
    return _read_body(request, request.state["config"].idle_timeout)


async def _read_body(request: Request, idle: timedelta) -> AsyncGenerator[bytes, None]:
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(idle.total_seconds()):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise BodyStalledError(idle.total_seconds()) from None
        if chunk:
            yield chunk


async def read_message(request: Request, message: _Message) -> _Message:
    """Read a JSON body into a message; an empty body leaves the message empty."""
    body = bytearray()
    async for chunk in read_body(request):
        body += chunk
        if len(body) > JSON_BYTES:
            raise BodyTooLargeError(JSON_BYTES)
    if not body:
        return message
    content_type = request.headers.get("content-type", "")
    if media_type_of(content_type) != "application/json":
        raise UnsupportedBodyError("application/json")
    charset = parameter_of(content_type, "charset", field="Content-Type")
    try:
        # Without a charset, json finds out whether it is UTF-8, UTF-16 or UTF-32.
        text = decode(bytes(body), "body", charset) if charset else bytes(body)
        value = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise InvalidBodyError("it is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise InvalidBodyError("it is not a JSON object")
    try:
        return json_format.ParseDict(value, message)
    except json_format.ParseError as error:
        raise _invalid_field(str(error)) from None


# The library's sentences name classes of Python and of protobuf.
_WITHIN = re.compile(r"Failed to parse (\w+) field: ")
_UNKNOWN = re.compile(r'has no field named "([^"]{1,100})"')


def _invalid_field(problem: str) -> InvalidFieldError:
    path = _WITHIN.findall(problem)
    if unknown := _UNKNOWN.search(problem):
        return InvalidFieldError(".".join([*path, unknown[1]]), "there is no such field")
    return InvalidFieldError(".".join(path) or "body", "the value is not one that this field takes")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of two values of a field, one would be dropped."""
    names: set[str] = set()
    for name, _ in members:
        # A field may be named as in JSON or as in the contract.
        plain = name.replace("_", "").lower()
        if plain in names:
            raise InvalidFieldError(name, "the field appears twice")
        names.add(plain)
    return dict(members)


def answer(message: Message, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    """Return a message as a JSON response."""
    return answer_json(message_to_json(message), status, **headers)


def answer_json(value: Any, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    """Return a value as a JSON response; header names are written with underscores."""
    return Response(
        dump(value),
        status_code=status,
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        media_type="application/json",
    )


def dump(value: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def disposition(kind: str, file_name: str) -> str:
    """Return a Content-Disposition (RFC 6266) whose file name cannot inject a path or a header.

    The ASCII name is a fallback for old clients.
    """
    name = "".join(
        char if char.isprintable() and char not in '/\\:*?"<>|' else "_" for char in file_name
    ).strip(". ")
    name = name[-150:] or "image"
    plain = "".join(char if char.isascii() and char not in "%;" else "_" for char in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
