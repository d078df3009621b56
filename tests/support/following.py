"""Watchers of a job over gRPC and HTTP that resume after every disconnect, as the API requires.

Neither uses our own client, because it would hide updates that are sent twice.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import grpc
import httpx

from carina.errors import from_rpc_error
from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from tests.support.histories import Revision, Watcher

# Codes after which another replica or a later call may succeed.
_RETRYABLE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    # From a process that was killed in the middle of a message.
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
}


async def follow_grpc(
    watcher: Watcher, stub: Any, metadata: tuple[tuple[str, str], ...], idle_timeout: timedelta
) -> None:
    """Follow a job to its end with a plain gRPC stub."""
    deadline = _deadline(idle_timeout)
    while asyncio.get_running_loop().time() < deadline:
        request = job_service_pb2.WatchJobRequest(name=watcher.job, after_revision=watcher.reached)
        # An unplugged connection reports no error; it only delivers no more heartbeats.
        call = stub.WatchJob(request, metadata=metadata, timeout=_CALL_TIMEOUT.total_seconds())
        whole = job_service_pb2.Snapshot()
        try:
            async for message in call:
                deadline = _deadline(idle_timeout)
                if message.HasField("change"):
                    _show(watcher, message.revision, message.change, whole=False)
                elif message.HasField("snapshot"):
                    whole.MergeFrom(message.snapshot)
                    if message.snapshot.last:
                        _show(watcher, message.revision, whole, whole=True)
            if watcher.sees_the_end:
                watcher.ended = True
                return
        except grpc.aio.AioRpcError as error:
            if error.code() not in _RETRYABLE:
                watcher.failure = str(from_rpc_error(error))
                return
        finally:
            call.cancel()
        await asyncio.sleep(random.uniform(0.2, 0.6))
    watcher.failure = "the service stopped answering"


async def follow_http(watcher: Watcher, http: httpx.AsyncClient, idle_timeout: timedelta) -> None:
    """Read events like a browser: reconnect with the last id until the answer is 204."""
    deadline = _deadline(idle_timeout)
    while asyncio.get_running_loop().time() < deadline:
        headers = {"Last-Event-ID": str(watcher.reached)} if watcher.reached else {}
        with suppress(httpx.TransportError):
            async with http.stream("GET", f"/v1/{watcher.job}/events", headers=headers) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    watcher.ended = True
                    return
                if answer.status_code == httpx.codes.OK:
                    async for event in _events(answer):
                        if "id" not in event:
                            continue  # a problem: the stream ends, then reconnect
                        _show_json(watcher, json.loads(event["data"]), event["event"])
                        deadline = _deadline(idle_timeout)
                elif answer.status_code not in {502, 503, 504}:
                    watcher.failure = str(answer.status_code)
                    return
        await asyncio.sleep(random.uniform(0.2, 0.6))
    watcher.failure = "the service stopped answering"


_CALL_TIMEOUT = timedelta(seconds=60)


def _deadline(idle_timeout: timedelta) -> float:
    return asyncio.get_running_loop().time() + idle_timeout.total_seconds()


async def _events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    event: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif "data" in event:
            yield event
            event = {}
        else:
            event = {}


def _show(watcher: Watcher, revision: int, shown: Any, *, whole: bool) -> None:
    progress = shown.job.progress
    watcher.receive(
        revision,
        Revision(
            state=job_pb2.Job.State.Name(shown.job.state).removeprefix("STATE_"),
            counters=(
                progress.total, progress.succeeded, progress.failed, progress.cancelled,
            ),
            images={
                _id(image.name): (
                    image_pb2.Image.State.Name(image.state).removeprefix("STATE_"),
                    image.attempt,
                )
                for image in shown.images
            },
        ),
        whole=whole,
    )  # fmt: skip


def _show_json(watcher: Watcher, body: dict[str, Any], event: str) -> None:
    job = body["job"]
    progress = job["progress"]
    watcher.receive(
        int(body["revision"]),
        Revision(
            state=job["state"].removeprefix("STATE_"),
            counters=(
                progress["total"],
                progress["succeeded"],
                progress["failed"],
                progress["cancelled"],
            ),
            images={
                _id(image["name"]): (image["state"].removeprefix("STATE_"), image["attempt"])
                for image in body["images"]
            },
        ),
        whole=event == "snapshot",
    )


def _id(name: str) -> str:
    return name.rpartition("/")[2]
