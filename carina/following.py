"""Follows a job across lost connections, resuming the stream where it broke."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import grpc

from carina.backoff import Backoff
from carina.errors import CarinaError, RefusedError, UnavailableError, from_rpc_error
from carina.jobs.v1 import job_pb2
from carina.jobs.v1.job_service_pb2 import (
    GetJobRequest,
    Snapshot,
    WatchJobRequest,
    WatchJobResponse,
)

# Ends a stream that a proxy keeps open without a server behind it.
_STREAM_SECONDS = 3600.0
_GET_SECONDS = 30.0
# This replica is full; round robin sends the next attempt to another one.
_RETRIED_ELSEWHERE = {"TOO_MANY_WATCHERS"}
_TERMINAL = {
    job_pb2.Job.STATE_SUCCEEDED,
    job_pb2.Job.STATE_PARTIALLY_SUCCEEDED,
    job_pb2.Job.STATE_FAILED,
    job_pb2.Job.STATE_CANCELLED,
}

Metadata = tuple[tuple[str, str], ...]
GetMetadata = Callable[[], Awaitable[Metadata]]


def is_terminal(job: job_pb2.Job) -> bool:
    """Tell whether a job has ended."""
    return job.state in _TERMINAL


async def follow(
    stub: Any,
    name: str,
    *,
    after_revision: int,
    reconnect_timeout: timedelta,
    metadata: GetMetadata,
) -> AsyncGenerator[WatchJobResponse, None]:
    """Yield complete snapshots and changes until the job is terminal, each of them once.

    A stream that ends early (lost connection, stopped replica, deadline) is resumed after the last
    revision seen. After `reconnect_timeout` without success the last error is raised.
    """
    seen = after_revision or -1
    backoff = Backoff(reconnect_timeout)
    while True:
        stopped: CarinaError = UnavailableError(
            code=grpc.StatusCode.UNAVAILABLE,
            reason="",
            message="the service ended the stream before the job did",
        )
        try:
            ended = False
            request = WatchJobRequest(name=name, after_revision=max(seen, 0))
            async with aclosing(_one_stream(stub, request, await metadata())) as messages:
                async for message in messages:
                    backoff.reset()
                    if message is None or message.revision <= seen:
                        continue
                    seen = message.revision
                    ended = is_terminal(_job_of(message))
                    yield message
            if ended or await _ended_at(stub, name, seen, await metadata()):
                return
        except (UnavailableError, RefusedError) as error:
            if isinstance(error, RefusedError) and error.reason not in _RETRIED_ELSEWHERE:
                raise
            stopped = error
        await backoff.wait(stopped)


async def _one_stream(
    stub: Any, request: WatchJobRequest, metadata: Metadata
) -> AsyncGenerator[WatchJobResponse | None, None]:
    """Yield the messages of one stream, with snapshots joined; None stands for a heartbeat."""
    call = stub.WatchJob(request, timeout=_STREAM_SECONDS, metadata=metadata)
    whole = Snapshot()
    try:
        async for message in call:
            if message.HasField("change"):
                yield message
            elif message.HasField("snapshot"):
                whole.MergeFrom(message.snapshot)
                if not whole.last:
                    continue
                yield WatchJobResponse(revision=message.revision, snapshot=whole)
                whole = Snapshot()
            else:
                yield None
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    finally:
        call.cancel()


async def _ended_at(stub: Any, name: str, revision: int, metadata: Metadata) -> bool:
    """Tell whether a job is terminal and has no change after a revision."""
    request = GetJobRequest(name=name)
    try:
        job = await stub.GetJob(request, timeout=_GET_SECONDS, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return is_terminal(job) and job.revision <= revision


def _job_of(message: WatchJobResponse) -> job_pb2.Job:
    return message.change.job if message.HasField("change") else message.snapshot.job
