"""Watchers of a job, by gRPC and by HTTP, that come back after every cut as the contract says.

Neither uses the client of the project: it would pass over what was sent twice.
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

# Codes that say that another replica, or a later call, may know more.
_COME_BACK = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    # A process that is killed in the middle of a message.
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
}


async def follow_grpc(
    watcher: Watcher, stub: Any, metadata: tuple[tuple[str, str], ...], quiet_after: timedelta
) -> None:
    """Follow a job to its end with a bare stub."""
    deadline = _deadline(quiet_after)
    while asyncio.get_running_loop().time() < deadline:
        request = job_service_pb2.WatchJobRequest(name=watcher.job, after_revision=watcher.reached)
        # Nothing is heard of a line that was unplugged, not even a heartbeat.
        call = stub.WatchJob(request, metadata=metadata, timeout=_LONGEST.total_seconds())
        whole = job_service_pb2.Snapshot()
        try:
            async for message in call:
                deadline = _deadline(quiet_after)
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
            if error.code() not in _COME_BACK:
                watcher.failure = str(from_rpc_error(error))
                return
        finally:
            call.cancel()
        await asyncio.sleep(random.uniform(0.2, 0.6))
    watcher.failure = "no answer any more"


async def follow_http(watcher: Watcher, http: httpx.AsyncClient, quiet_after: timedelta) -> None:
    """Read events as a browser does: come back with the last id until 204 says stop."""
    deadline = _deadline(quiet_after)
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
                            continue  # a problem: the stream ends, and is asked for again
                        _show_json(watcher, json.loads(event["data"]), event["event"])
                        deadline = _deadline(quiet_after)
                elif answer.status_code not in {502, 503, 504}:
                    watcher.failure = str(answer.status_code)
                    return
        await asyncio.sleep(random.uniform(0.2, 0.6))
    watcher.failure = "no answer any more"


_LONGEST = timedelta(seconds=60)


def _deadline(quiet_after: timedelta) -> float:
    return asyncio.get_running_loop().time() + quiet_after.total_seconds()


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
    watcher.show(
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
    watcher.show(
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
