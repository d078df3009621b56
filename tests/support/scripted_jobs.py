"""A real gRPC server that fails on cue, for cases that are hard to provoke in the real service.

It keeps jobs and uploads in memory and processes nothing; the test scripts what a watch returns.
Everything else is tested against the jobs service itself.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import (
    JobServiceServicer,
    add_JobServiceServicer_to_server,
)

JOB = "jobs/00000000-0000-4000-8000-000000000001"


async def refuse(
    context: Any, code: grpc.StatusCode, reason: str, message: str, **metadata: str
) -> None:
    """End a call with an ErrorInfo, as the real service does."""
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="carina", metadata=metadata))
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message, details=[info])
    await context.abort_with_status(rpc_status.to_status(status))


@dataclass(frozen=True)
class Cut:
    """End the stream with a status code, as a replica that disappears does."""

    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


@dataclass
class Upload:
    data: bytearray = field(default_factory=bytearray)
    image: image_pb2.Image | None = None
    header: job_service_pb2.UploadHeader | None = None


class ScriptedJobs(JobServiceServicer):
    """Set the fields, run it with `serve`, then inspect the calls it received."""

    def __init__(self) -> None:
        self.job = job_pb2.Job(name=JOB, state=job_pb2.Job.STATE_RECEIVING, revision=1)
        self.uploads: dict[str, Upload] = {}
        # The numbers of bytes after which the next uploads are cut; the bytes so far are kept.
        self.cut_uploads_at: deque[int] = deque()
        # How many of the last bytes received before a cut are lost.
        self.lose_after_cut = 0
        # One script for each call of WatchJob; the last one is reused.
        self.watches: deque[Sequence[job_service_pb2.WatchJobResponse | Cut]] = deque()
        self.watched_after: list[int] = []
        # The status codes with which the next unary calls fail.
        self.fail_next: deque[grpc.StatusCode] = deque()
        self.refuse_files: dict[str, tuple[grpc.StatusCode, str, str]] = {}
        self.calls: list[str] = []
        self.tokens: list[str] = []
        self.traces: list[str] = []
        self.requests: list[Any] = []
        self.concurrent = 0
        self.most_concurrent = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.contents: dict[int, bytes] = {}

    async def _start_call(self, request: Any, context: Any) -> None:
        self.calls.append(type(request).__name__)
        self.requests.append(request)
        self.tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
        if self.fail_next:
            code = self.fail_next.popleft()
            await context.abort(code, "on cue")

    async def CreateJob(self, request: Any, context: Any) -> job_pb2.Job:  # noqa: N802
        await self._start_call(request, context)
        self.job.spec.CopyFrom(request.spec)
        return self.job

    async def UploadImage(  # noqa: N802
        self, request_iterator: Any, context: Any
    ) -> image_pb2.Image:
        messages = aiter(request_iterator)
        header = (await anext(messages)).header
        self.calls.append("UploadImage")
        self.traces += [
            value for name, value in context.invocation_metadata() if name == "traceparent"
        ]
        self.requests.append(header)
        if header.file_name in self.refuse_files:
            await refuse(context, *self.refuse_files[header.file_name])
        upload = self.uploads.setdefault(header.image_key, Upload())
        upload.header = header
        if header.restart and upload.image is None:
            upload.data.clear()
        if header.offset != len(upload.data):
            await refuse(
                context,
                grpc.StatusCode.OUT_OF_RANGE,
                "WRONG_OFFSET",
                "wrong offset",
                committed_size=str(len(upload.data)),
            )
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        try:
            await self.hold.wait()
            cut_at = self.cut_uploads_at.popleft() if self.cut_uploads_at else None
            async for message in messages:
                upload.data += message.chunk
                if cut_at is not None and len(upload.data) >= cut_at:
                    del upload.data[len(upload.data) - self.lose_after_cut :]
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "cut on cue")
        finally:
            self.concurrent -= 1
        digest = hashlib.sha256(upload.data).hexdigest()
        if header.sha256 and header.sha256 != digest:
            upload.data.clear()
            await refuse(
                context, grpc.StatusCode.INVALID_ARGUMENT, "CHECKSUM_MISMATCH", "other bytes"
            )
        if upload.image is None:
            ordinal = sum(each.image is not None for each in self.uploads.values())
            upload.image = image_pb2.Image(
                name=f"{header.job}/images/00000000-0000-4000-8000-{ordinal:012d}",
                image_key=header.image_key,
                file_name=header.file_name,
                ordinal=ordinal,
                size_bytes=len(upload.data),
                sha256=digest,
                state=image_pb2.Image.STATE_QUEUED,
            )
            self.job.progress.total += 1
        return upload.image

    async def GetUpload(self, request: Any, context: Any) -> job_service_pb2.Upload:  # noqa: N802
        await self._start_call(request, context)
        upload = self.uploads.get(request.image_key)
        if upload is None:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND", "no such upload")
        assert upload is not None
        return job_service_pb2.Upload(
            job=request.job,
            image_key=request.image_key,
            committed_size=len(upload.data),
            image=upload.image.name if upload.image else "",
        )

    async def CloseJob(self, request: Any, context: Any) -> job_pb2.Job:  # noqa: N802
        await self._start_call(request, context)
        self.job.state = job_pb2.Job.STATE_PENDING
        return self.job

    async def GetJob(self, request: Any, context: Any) -> job_pb2.Job:  # noqa: N802
        await self._start_call(request, context)
        return self.job

    async def CancelJob(self, request: Any, context: Any) -> job_pb2.Job:  # noqa: N802
        await self._start_call(request, context)
        self.job.state = job_pb2.Job.STATE_CANCELLED
        return self.job

    async def RetryJob(self, request: Any, context: Any) -> job_pb2.Job:  # noqa: N802
        await self._start_call(request, context)
        return self.job

    async def DeleteJob(  # noqa: N802
        self, request: Any, context: Any
    ) -> job_service_pb2.DeleteJobResponse:
        await self._start_call(request, context)
        return job_service_pb2.DeleteJobResponse()

    async def ListJobs(  # noqa: N802
        self, request: Any, context: Any
    ) -> job_service_pb2.ListJobsResponse:
        """Return three pages of one job each."""
        await self._start_call(request, context)
        page = int(request.page_token or 0)
        job = job_pb2.Job(name=f"jobs/{page}", state=self.job.state)
        next_page = str(page + 1) if page < 2 else ""
        return job_service_pb2.ListJobsResponse(jobs=[job], next_page_token=next_page)

    async def ListImages(  # noqa: N802
        self, request: Any, context: Any
    ) -> job_service_pb2.ListImagesResponse:
        """Return one image per page."""
        await self._start_call(request, context)
        images = [each.image for each in self.uploads.values() if each.image is not None]
        page = int(request.page_token or 0)
        next_page = str(page + 1) if page + 1 < len(images) else ""
        return job_service_pb2.ListImagesResponse(
            images=images[page : page + 1], next_page_token=next_page
        )

    async def GetImage(self, request: Any, context: Any) -> image_pb2.Image:  # noqa: N802
        """Return one of the uploaded images."""
        await self._start_call(request, context)
        uploaded = [each.image for each in self.uploads.values() if each.image is not None]
        return next(image for image in uploaded if image.name == request.name)

    async def WatchJob(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[job_service_pb2.WatchJobResponse]:
        self.calls.append("WatchJob")
        self.watched_after.append(request.after_revision)
        script = self.watches.popleft() if len(self.watches) > 1 else self.watches[0]
        for step in script:
            if isinstance(step, Cut):
                await context.abort(step.code, "cut on cue")
            else:
                yield step

    async def ReadImage(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[job_service_pb2.ReadImageResponse]:
        await self._start_call(request, context)
        data = self.contents.get(request.kind)
        if data is None:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "NO_SUCH_BYTES", "no such bytes")
        assert data is not None
        yield job_service_pb2.ReadImageResponse(
            chunk=data[:4], media_type="image/jpeg", size_bytes=len(data), file_name="a.dcm"
        )
        yield job_service_pb2.ReadImageResponse(chunk=data[4:])

    async def SubmitJob(  # noqa: N802
        self, request_iterator: Any, context: Any
    ) -> job_pb2.Job:
        del request_iterator
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not scripted")
        raise AssertionError


@asynccontextmanager
async def serve(jobs: ScriptedJobs, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
    """Run the server and yield its address."""
    server = grpc.aio.server()
    add_JobServiceServicer_to_server(jobs, server)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def snapshot(
    revision: int, *images: image_pb2.Image, job: job_pb2.Job | None = None, last: bool = True
) -> job_service_pb2.WatchJobResponse:
    """Build a snapshot of a running job."""
    return job_service_pb2.WatchJobResponse(
        revision=revision,
        snapshot=job_service_pb2.Snapshot(job=job or at(revision), images=images, last=last),
    )


def change(
    revision: int, *images: image_pb2.Image, state: str = "RUNNING"
) -> job_service_pb2.WatchJobResponse:
    """Build a change."""
    return job_service_pb2.WatchJobResponse(
        revision=revision,
        change=job_service_pb2.Change(job=at(revision, state), images=images),
    )


def heartbeat(revision: int) -> job_service_pb2.WatchJobResponse:
    """Build a heartbeat."""
    return job_service_pb2.WatchJobResponse(
        revision=revision, heartbeat=job_service_pb2.Heartbeat()
    )


def at(revision: int, state: str = "RUNNING") -> job_pb2.Job:
    """Build the job as of a revision."""
    return job_pb2.Job(name=JOB, revision=revision, state=job_pb2.Job.State.Value(f"STATE_{state}"))
