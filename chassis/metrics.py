"""Prometheus metrics, and health endpoints for processes without gRPC."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from chassis.logs import get_logger
from chassis.stopping import cancel_and_wait

logger = get_logger(__name__)

ReadinessCheck = Callable[[], tuple[bool, str]]
"""Whether the process can work, and what is missing; it only reads state, so it is cheap."""

_REQUEST_BYTES = 8192
_REQUEST_SECONDS = 5.0
_LOG_SECONDS = 0.5


def always_ready() -> tuple[bool, str]:
    """Answer for a process without dependencies."""
    return True, ""


@asynccontextmanager
async def serve_metrics(
    address: str,
    readiness: ReadinessCheck = always_ready,
    *,
    registry: CollectorRegistry = REGISTRY,
) -> AsyncIterator[int]:
    """Serve /metrics, /livez and /readyz on host:port and yield the port; empty: serve nothing.

    /livez answers from the event loop, so that a loop that hangs is detected; it depends on nothing
    else. Changes of readiness are logged.
    """
    logging = asyncio.create_task(_log_readiness(readiness))
    try:
        if address:
            async with _serving(address, readiness, registry) as port:
                yield port
        else:
            yield 0
    finally:
        await cancel_and_wait([logging])


async def _log_readiness(readiness: ReadinessCheck) -> None:
    logged: tuple[bool, str] | None = None
    while True:
        # First the pause: a dependency that is there at once is not worth a line.
        await asyncio.sleep(_LOG_SECONDS)
        ready, missing = now = readiness()
        if now != logged:
            if missing:
                logger.info("ready" if ready else "not ready", waiting_for=missing)
            else:
                logger.info("ready" if ready else "not ready")
        logged = now


@asynccontextmanager
async def _serving(
    address: str, readiness: ReadinessCheck, registry: CollectorRegistry
) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, readiness, registry))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # the scraper has disconnected
        finally:
            writer.close()

    host, _, port = address.rpartition(":")
    server = await asyncio.start_server(answer, host or None, int(port), limit=_REQUEST_BYTES)
    bound: int = server.sockets[0].getsockname()[1]
    logger.info("serving metrics", port=bound)
    try:
        yield bound
    finally:
        server.close()
        await server.wait_closed()


def _response(head: bytes, readiness: ReadinessCheck, registry: CollectorRegistry) -> bytes:
    path = head.split(b" ", 2)[1].split(b"?")[0] if head.count(b" ") > 1 else b""
    if not head.startswith((b"GET ", b"HEAD ")):
        return _http(HTTPStatus.METHOD_NOT_ALLOWED, b"")
    if path == b"/metrics":
        return _http(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)
    if path == b"/livez":
        return _http(HTTPStatus.OK, b"ok\n")
    if path == b"/readyz":
        ready, missing = readiness()
        if not ready:
            return _http(HTTPStatus.SERVICE_UNAVAILABLE, f"waiting for {missing}\n".encode())
        return _http(HTTPStatus.OK, f"ok, without {missing}\n".encode() if missing else b"ok\n")
    return _http(HTTPStatus.NOT_FOUND, b"")


def _http(status: HTTPStatus, body: bytes, content_type: str = "text/plain") -> bytes:
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
