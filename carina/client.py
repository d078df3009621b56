"""The async client: submit a batch, follow it, read the findings."""

import asyncio
import inspect
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from carina.backoff import Backoff
from carina.channel import open_channel
from carina.errors import RefusedError, UnavailableError, from_rpc_error
from carina.files import FileUpload, find_files
from carina.following import follow
from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import (
    Change,
    Image,
    ImageContent,
    ImageKind,
    ImageState,
    Job,
    JobSpec,
    JobState,
    Priority,
    Snapshot,
    Update,
    UploadStatus,
)
from carina.uploading import OnBytes, upload_file
from carina.wire import timestamp_from

Token = str | Callable[[], str | Awaitable[str]]

# These concern the job or the caller, so the remaining files would be refused as well.
_REFUSES_ALL = {
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}
# For the bytes of one image from a slow store.
_READ_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class RefusedFile:
    """A file that did not become an image, and why."""

    file: FileUpload
    error: RefusedError | OSError


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A closed job, the images that were accepted, and the files that were not."""

    job: Job
    images: tuple[Image, ...]
    refused: tuple[RefusedFile, ...]


class Client:
    """Calls the jobs service. Open one per process, with `async with`.

        async with Client("localhost:50051", token) as client:
            submission = await client.submit(["chest.dcm"], JobSpec(patient_id="P-1"))

    `token` is a bearer token, or a function (plain or async) that returns a current one. With
    `credentials`, such as `grpc.ssl_channel_credentials()`, the connection uses TLS. Every method
    raises `RefusedError`, `UnavailableError` or, if the service is at fault, plain `CarinaError`.
    `call_timeout` limits each short call; `reconnect_timeout` is how long uploads and watches keep
    trying while the service is unavailable.
    """

    def __init__(
        self,
        address: str = "localhost:50051",
        token: Token = "",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        upload_concurrency: int = 3,
        call_timeout: timedelta = timedelta(seconds=30),
        reconnect_timeout: timedelta = timedelta(minutes=2),
    ) -> None:
        self._token = token
        self._upload_concurrency = upload_concurrency
        self._call_timeout = call_timeout.total_seconds()
        self._reconnect_timeout = reconnect_timeout
        self._channel = open_channel(address, credentials)
        self._stub = JobServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        await self._channel.close()

    async def submit(
        self,
        paths: Iterable[Path | str],
        spec: JobSpec | None = None,
        *,
        request_id: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Submission:
        """Create a job, upload files and folders into it, close it.

        With the `request_id` of an earlier call that was interrupted, continues that submission.
        Refused files do not hold up the others. If all are refused, the first refusal is raised,
        and the job is cancelled unless an earlier call has uploaded images to it. Raises OSError
        if a path cannot be read and ValueError if the paths contain no file.
        """
        found = await asyncio.to_thread(find_files, [Path(path) for path in paths])
        if not found.files:
            raise ValueError("the paths contain no file")
        job = await self.create(spec or JobSpec(), request_id=request_id)
        images, refused = await self.upload_all(job, found.files, on_bytes=on_bytes)
        if not images:
            await self.cancel_if_empty(job)
            raise refused[0].error
        return Submission(job=await self.close(job), images=images, refused=refused)

    async def create(self, spec: JobSpec, *, request_id: str | None = None) -> Job:
        """Create a job that is open for uploads. The same `request_id` gets the same job."""
        request = job_service_pb2.CreateJobRequest(
            request_id=request_id or str(uuid.uuid4()), spec=spec.to_proto()
        )
        return Job.from_proto(await self._call(self._stub.CreateJob, request))

    async def upload_all(
        self, job: Job | str, files: Sequence[FileUpload], *, on_bytes: OnBytes | None = None
    ) -> tuple[tuple[Image, ...], tuple[RefusedFile, ...]]:
        """Upload files concurrently; return the images and the files that were refused.

        Raises if the job or the caller is refused, or the service is unavailable. Images uploaded
        until then remain, and a second call continues from there.
        """
        waiting = iter(files)
        images: list[Image] = []
        refused: list[RefusedFile] = []

        async def upload_next() -> None:
            for file in waiting:
                try:
                    images.append(await self.upload(job, file, on_bytes=on_bytes))
                except (RefusedError, OSError) as error:
                    if isinstance(error, RefusedError) and error.code in _REFUSES_ALL:
                        raise
                    refused.append(RefusedFile(file=file, error=error))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._upload_concurrency, len(files))):
                    group.create_task(upload_next())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return tuple(sorted(images, key=lambda image: image.ordinal)), tuple(refused)

    async def upload(
        self,
        job: Job | str,
        file: FileUpload | Path | str,
        *,
        on_bytes: OnBytes | None = None,
    ) -> Image:
        """Upload one file and return its image, which from then on is never lost.

        A broken upload resumes at the offset that the service has stored. `on_bytes` receives the
        number of bytes sent, which falls when an upload resumes further back.
        """
        if not isinstance(file, FileUpload):
            file = await asyncio.to_thread(FileUpload.from_path, Path(file))
        image = await upload_file(
            self._stub,
            _name_of(job),
            file,
            reconnect_timeout=self._reconnect_timeout,
            metadata=self._metadata,
            on_bytes=on_bytes,
        )
        return Image.from_proto(image)

    async def upload_status(self, job: Job | str, image_key: str) -> UploadStatus:
        """Return how much of an upload is durable."""
        request = job_service_pb2.GetUploadRequest(job=_name_of(job), image_key=image_key)
        return UploadStatus.from_proto(await self._call(self._stub.GetUpload, request))

    async def close(self, job: Job | str) -> Job:
        """Close a job to further images."""
        request = job_service_pb2.CloseJobRequest(name=_name_of(job))
        return Job.from_proto(await self._call(self._stub.CloseJob, request))

    async def get(self, job: Job | str) -> Job:
        """Return the current state of a job."""
        request = job_service_pb2.GetJobRequest(name=_name_of(job))
        return Job.from_proto(await self._call(self._stub.GetJob, request))

    async def list(
        self,
        *,
        states: Iterable[JobState] = (),
        patient_id: str = "",
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        priority: Priority = Priority.UNSPECIFIED,
        creator: str = "",
    ) -> AsyncIterator[Job]:
        """Yield the jobs that the caller may see, newest first, page by page."""
        request = job_service_pb2.ListJobsRequest(
            filter=job_service_pb2.JobFilter(
                states=[job_pb2.Job.State.Value(f"STATE_{state}") for state in states],
                patient_id=patient_id,
                created_after=timestamp_from(created_after),
                created_before=timestamp_from(created_before),
                priority=job_pb2.Priority.Value(f"PRIORITY_{priority}"),
                creator=creator,
            )
        )
        while True:
            page = await self._call(self._stub.ListJobs, request)
            for job in page.jobs:
                yield Job.from_proto(job)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def images(
        self, job: Job | str, *, states: Iterable[ImageState] = ()
    ) -> AsyncIterator[Image]:
        """Yield the images of a job by ordinal, page by page."""
        request = job_service_pb2.ListImagesRequest(
            parent=_name_of(job),
            states=[image_pb2.Image.State.Value(f"STATE_{state}") for state in states],
        )
        while True:
            page = await self._call(self._stub.ListImages, request)
            for image in page.images:
                yield Image.from_proto(image)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get_image(self, image: Image | str) -> Image:
        """Return an image as it is now."""
        request = job_service_pb2.GetImageRequest(name=_name_of(image))
        return Image.from_proto(await self._call(self._stub.GetImage, request))

    async def watch(
        self, job: Job | str, *, after_revision: int = 0
    ) -> AsyncGenerator[Update, None]:
        """Yield a snapshot, then every change, until the job is terminal.

        Resumes by itself after a lost connection, a restarted replica or a deadline, and yields
        nothing twice. With `after_revision`, yields only later changes.
        """
        following = follow(
            self._stub,
            _name_of(job),
            after_revision=after_revision,
            reconnect_timeout=self._reconnect_timeout,
            metadata=self._metadata,
        )
        async with aclosing(following) as messages:
            async for message in messages:
                yield _update_from(message)

    async def cancel(self, job: Job | str, *, etag: str = "") -> Job:
        """Cancel what has not ended; with an etag, only if the job has not changed since."""
        request = job_service_pb2.CancelJobRequest(name=_name_of(job), etag=etag)
        return Job.from_proto(await self._call(self._stub.CancelJob, request))

    async def cancel_if_empty(self, job: Job | str) -> Job:
        """Cancel a job if it has no images; return the job."""
        known = await self.get(job)
        return known if known.progress.total else await self.cancel(job)

    async def retry(
        self,
        job: Job | str,
        *,
        images: Iterable[Image | str] = (),
        only_retryable: bool = False,
        request_id: str | None = None,
    ) -> Job:
        """Queue failed images again: the given ones, or all."""
        request = job_service_pb2.RetryJobRequest(
            name=_name_of(job),
            images=[_name_of(image) for image in images],
            only_retryable=only_retryable,
            request_id=request_id or str(uuid.uuid4()),
        )
        return Job.from_proto(await self._call(self._stub.RetryJob, request))

    async def delete(self, job: Job | str) -> None:
        """Permanently delete a job that has ended, with all its images."""
        request = job_service_pb2.DeleteJobRequest(name=_name_of(job))
        await self._call(self._stub.DeleteJob, request)

    async def read_image(
        self, image: Image | str, kind: ImageKind = ImageKind.ORIGINAL
    ) -> ImageContent:
        """Return the bytes of an original, a preview or a heatmap."""
        request = job_service_pb2.ReadImageRequest(
            name=_name_of(image), kind=job_service_pb2.ReadImageRequest.Kind.Value(f"KIND_{kind}")
        )
        backoff = Backoff(self._reconnect_timeout)
        while True:
            try:
                return await self._read(request)
            except UnavailableError as error:
                await backoff.wait(error)

    async def _read(self, request: job_service_pb2.ReadImageRequest) -> ImageContent:
        parts: list[bytes] = []
        media_type, file_name = "", ""
        call = self._stub.ReadImage(request, timeout=_READ_SECONDS, metadata=await self._metadata())
        try:
            async for part in call:
                if not parts:
                    media_type, file_name = part.media_type, part.file_name
                parts.append(part.chunk)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()
        return ImageContent(data=b"".join(parts), media_type=media_type, file_name=file_name)

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = self._token if isinstance(self._token, str) else self._token()
        if inspect.isawaitable(token):
            token = await token
        return (("authorization", f"Bearer {token}"),) if token else ()

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            return await method(
                request, timeout=self._call_timeout, metadata=await self._metadata()
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error


def _update_from(message: job_service_pb2.WatchJobResponse) -> Update:
    kind, part = (
        (Change, message.change) if message.HasField("change") else (Snapshot, message.snapshot)
    )
    return kind(
        revision=message.revision,
        job=Job.from_proto(part.job),
        images=tuple(Image.from_proto(image) for image in part.images),
    )


def _name_of(resource: Job | Image | str) -> str:
    return resource if isinstance(resource, str) else resource.name
