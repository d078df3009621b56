"""The Starlette application: routes, authentication, metrics and logging of requests."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

from prometheus_client import Gauge, Histogram
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import tracing
from chassis.auth import TokenVerifier, bearer_token
from chassis.errors import DomainError
from chassis.grpc_calls import ServerStoppingError
from chassis.logs import get_logger
from services.gateway.handlers.translate import Request, State
from services.gateway.openapi import build_document
from services.gateway.problems import EXCEPTION_HANDLERS, problem_of
from services.gateway.routes import build_routes
from services.gateway.texts import check_path

logger = get_logger(__name__)

_SECONDS = Histogram(
    "carina_gateway_request_duration_seconds",
    "Duration of a request, from its first byte to the last byte of its response",
    ["method", "operation", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600),
)
_OPEN = Gauge("carina_gateway_open_requests", "Requests in progress, including event streams")
_LINGER_SECONDS = 2.0
# Patient data must not be cached, and browsers must not guess the media type of a response.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def build_app(state: State) -> Starlette:
    """Build the application with the state that its handlers share."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield dict(state)

    document = build_document()

    async def openapi(_request: Request) -> Response:
        return JSONResponse(document)

    return Starlette(
        routes=[*build_routes(), Route("/openapi.json", openapi)],
        middleware=[
            Middleware(HeadsAtOnce),
            Middleware(Measured),
            Middleware(Authenticated, verifier=state["verifier"]),
        ],
        exception_handlers=dict(EXCEPTION_HANDLERS),
        lifespan=lifespan,
    )


class Authenticated:
    """Rejects requests below `/v1/` without a valid token; the jobs service checks it again.

    With the token, it checks that the path can be read.
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject the request, or pass it to the application."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            header = next(
                (value for name, value in scope["headers"] if name == b"authorization"), b""
            )
            try:
                await self._verifier.verify(bearer_token(header.decode("latin-1")))
                check_path(scope["raw_path"])
            except DomainError as error:
                await problem_of(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Measured:
    """Measures and logs each request, and adds the headers that every response carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request and record its result."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None
        started = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        with _OPEN.track_inprogress(), tracing.server_span(scope["method"], headers) as span:
            try:
                await self._app(scope, receive, send_with_headers)
            except asyncio.CancelledError:
                # The grace period is over. A request without a response may be retried.
                if status is not None:
                    raise
                await problem_of(ServerStoppingError())(scope, receive, send_with_headers)
            finally:
                status = status or HTTPStatus.INTERNAL_SERVER_ERROR
                # Not the path: every job would become a time series, and paths identify patients.
                operation = getattr(scope.get("route"), "name", "none")
                span.update_name(f"{scope['method']} {operation}")
                span.set_attribute("http.request.method", scope["method"])
                span.set_attribute("http.response.status_code", status)
                _record(scope["method"], operation, status, time.perf_counter() - started)


def _record(method: str, operation: str, status: int, seconds: float) -> None:
    _SECONDS.labels(method, operation, status).observe(seconds)
    if operation not in {"livez", "readyz"}:
        logger.info(
            "request",
            method=method,
            name=operation,
            code=status,
            duration_ms=round(seconds * 1000, 1),
        )


class HeadsAtOnce:
    """Ends the response to HEAD with its head, whatever the handler of GET sends after it.

    A handler that streams learns of it as if the client had left. Otherwise HEAD of an event stream
    would last until the job ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and drop the body of its response."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})

        await self._app(scope, receive, send_head)


class Lingering:
    """Closes a connection whose request was answered before its body was read.

    It wraps the whole application, so it also covers responses to unhandled errors. Without it, the
    server would read a refused file of several gigabytes to its end and discard it. The connection
    stays open for a moment after the response: if it were closed immediately, with bytes in flight,
    the peer would get a reset and could lose the response.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and check whether it read the whole body."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        asked, unread, early = False, True, False

        async def noted_receive() -> Message:
            nonlocal asked, unread
            asked = True
            message = await receive()
            unread = (
                unread and message["type"] == "http.request" and message.get("more_body", False)
            )
            return message

        async def noted_send(message: Message) -> None:
            nonlocal early
            if message["type"] == "http.response.start":
                early = unread
                if early:
                    MutableHeaders(scope=message)["Connection"] = "close"
            elif early and not message.get("more_body", False):
                await send({**message, "more_body": True})
                # Reading would send "100 Continue" to a client that waits for it.
                if asked or not _expects_continue(scope):
                    await _drain(receive)
                message = {"type": "http.response.body"}
            await send(message)

        await self._app(scope, noted_receive, noted_send)


async def _drain(receive: Receive) -> None:
    """Discard incoming bytes until the sender has seen the response, or for two seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            more = True
            while more:
                message = await receive()
                more = message["type"] == "http.request" and message.get("more_body", False)


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def _expects_continue(scope: Scope) -> bool:
    return (b"expect", b"100-continue") in scope["headers"]
