"""Live progress of a job as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus

from starlette.responses import Response, StreamingResponse

from carina.errors import CarinaError
from carina.following import is_terminal
from carina.jobs.v1 import job_service_pb2
from carina.wire import message_to_json
from chassis.stopping import cancel_and_wait
from services.gateway.errors import InvalidFieldError
from services.gateway.handlers.translate import (
    Request,
    caller_of,
    dump,
    job_name_of,
    query_fields,
)
from services.gateway.problems import problem_of

_Messages = AsyncGenerator[job_service_pb2.WatchJobResponse, None]
# How long a browser waits before it reconnects, in milliseconds.
_RECONNECT = b"retry: 2000\n\n"
_HEARTBEAT = b": heartbeat\n\n"
# Only writing tells whether a half-closed connection still has a reader.
_PROBE_SECONDS = 1.0


async def job_events(request: Request) -> Response:
    """Stream a snapshot and every later change; `Last-Event-ID` resumes.

    The stream ends when the job is terminal. A browser then reconnects with the last revision, and
    204 tells it to stop.
    """
    jobs, caller, name = request.state["jobs"], caller_of(request), job_name_of(request)
    after = _revision(request)
    # Errors are reported before the stream starts, while the status can still be chosen.
    job = await jobs.call("GetJob", job_service_pb2.GetJobRequest(name=name), caller)
    if after == job.revision and is_terminal(job):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    # A revision above the current one is from before a restore, or invalid: start with a snapshot.
    after = after if after <= job.revision else 0
    return StreamingResponse(
        _events(
            jobs.follow(name, after, caller),
            heartbeat=request.state["config"].heartbeat.total_seconds(),
            stopping=request.state["stopping"],
            half_closed=request.state["half_closed"],
        ),
        media_type="text/event-stream",
        # Proxies that buffer responses would never forward the stream.
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    messages: _Messages, *, heartbeat: float, stopping: asyncio.Event, half_closed: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """Yield events, and heartbeats while the task that reads the next message is waiting."""
    stop = asyncio.create_task(stopping.wait())
    half_close = asyncio.create_task(half_closed.wait())
    following: asyncio.Task[job_service_pb2.WatchJobResponse | None] | None = None
    try:
        yield _RECONNECT
        while not stopping.is_set():
            following = following or asyncio.create_task(_next(messages))
            closed = half_close.done()
            await asyncio.wait(
                {following, stop} if closed else {following, stop, half_close},
                timeout=min(heartbeat, _PROBE_SECONDS) if closed else heartbeat,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if following.done():
                message = following.result()
                if message is None:
                    return
                following = None
                yield _event(message)
            elif not stop.done():
                yield _HEARTBEAT
    except CarinaError as error:
        # The status line has been sent, so the error becomes an event.
        yield b"event: problem\ndata: " + bytes(problem_of(error).body) + b"\n\n"
    finally:
        tasks = (stop, half_close, following)
        await cancel_and_wait(task for task in tasks if task is not None)
        await messages.aclose()


async def _next(messages: _Messages) -> job_service_pb2.WatchJobResponse | None:
    return await anext(messages, None)


def _event(message: job_service_pb2.WatchJobResponse) -> bytes:
    kind = "change" if message.HasField("change") else "snapshot"
    body = {"revision": str(message.revision)} | message_to_json(getattr(message, kind))
    body.pop("last", None)
    return f"id: {message.revision}\nevent: {kind}\ndata: {dump(body)}\n\n".encode()


def _revision(request: Request) -> int:
    query = dict(query_fields(request))
    text = request.headers.get("last-event-id") or query.get("afterRevision", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - digits of an int64
        raise InvalidFieldError("Last-Event-ID", "expected a revision")
    return int(text)
