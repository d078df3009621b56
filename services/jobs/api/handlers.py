"""JobService over gRPC: translates calls, decides nothing."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import UUID

from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceServicer
from chassis.auth import Principal, current_principal
from services.jobs.api.service import JobService
from services.jobs.api.translate import (
    digest_of,
    filter_from_message,
    header_from_message,
    image_ids_of,
    image_states_from_message,
    image_to_message,
    job_id_of,
    job_to_message,
    kind_of,
    question_of,
    spec_from_message,
)
from services.jobs.errors import InvalidFieldError
from services.jobs.models import Change
from services.jobs.progress.feed import Feed, Snapshot
from services.jobs.uploads.receiver import Receiver, Repeat
from services.jobs.uploads.service import Uploads

# The snapshot of a large job is split, so that each message stays below 4 MiB.
_SNAPSHOT_IMAGES, _SNAPSHOT_BYTES = 500, 3 * 2**20
_UploadRequests = AsyncIterator[job_service_pb2.UploadImageRequest]
_SubmitRequests = AsyncIterator[job_service_pb2.SubmitJobRequest]
_Responses = AsyncIterator[job_service_pb2.WatchJobResponse]


class JobHandlers(JobServiceServicer):
    """One method for each rpc; gRPC names them."""

    def __init__(
        self, service: JobService, uploads: Uploads, feed: Feed, *, heartbeat: timedelta
    ) -> None:
        self._service = service
        self._uploads = uploads
        self._feed = feed
        self._heartbeat = heartbeat

    async def CreateJob(
        self, request: job_service_pb2.CreateJobRequest, context: Any
    ) -> job_pb2.Job:
        """Create a job that is open for uploads."""
        return await self._create(request)

    async def UploadImage(self, requests: _UploadRequests, context: Any) -> image_pb2.Image:
        """Take in one image."""
        receiver: Receiver | Repeat | None = None
        try:
            async for request in requests:
                match request.WhichOneof("message"):
                    case "header" if receiver is None:
                        job_id = job_id_of(request.header.job)
                        receiver = await self._begin(job_id, request.header)
                    case "chunk" if receiver is not None:
                        await receiver.receive(request.chunk)
                    case _:
                        raise InvalidFieldError("message", "must be one header, then chunks")
            if receiver is None:
                raise InvalidFieldError("message", "must be one header, then chunks")
            image = await receiver.finish()
            receiver = None
            return image_to_message(image)
        finally:
            # Also when the connection is lost, which arrives here as a cancellation.
            if receiver is not None:
                receiver.cut()

    async def GetUpload(
        self, request: job_service_pb2.GetUploadRequest, context: Any
    ) -> job_service_pb2.Upload:
        """Tell where to resume."""
        size, image = await self._uploads.committed_size(
            current_principal(), job_id_of(request.job), request.image_key
        )
        return job_service_pb2.Upload(
            job=request.job,
            image_key=request.image_key,
            committed_size=size,
            image=image.name if image else "",
        )

    async def CloseJob(self, request: job_service_pb2.CloseJobRequest, context: Any) -> job_pb2.Job:
        """Close a job to further images."""
        job = await self._service.close_job(current_principal(), job_id_of(request.name))
        return job_to_message(job)

    async def SubmitJob(self, requests: _SubmitRequests, context: Any) -> job_pb2.Job:
        """Create, upload and close in one call."""
        job_id: UUID | None = None
        receiver: Receiver | Repeat | None = None
        try:
            async for request in requests:
                match request.WhichOneof("message"):
                    case "job" if job_id is None:
                        job_id = job_id_of((await self._create(request.job)).name)
                    case "header" if job_id is not None:
                        finished, receiver = receiver, None
                        if finished is not None:
                            await finished.finish()
                        # A repeated submission sends all bytes of every image again.
                        request.header.restart = True
                        receiver = await self._begin(job_id, request.header)
                    case "chunk" if receiver is not None:
                        await receiver.receive(request.chunk)
                    case _:
                        raise InvalidFieldError(
                            "message", "must be the job, then headers with their chunks"
                        )
            if job_id is None:
                raise InvalidFieldError("message", "must begin with the job")
            finished, receiver = receiver, None
            if finished is not None:
                await finished.finish()
            return job_to_message(await self._service.close_job(current_principal(), job_id))
        finally:
            if receiver is not None:
                receiver.cut()

    async def GetJob(self, request: job_service_pb2.GetJobRequest, context: Any) -> job_pb2.Job:
        """Return a job."""
        job = await self._service.get_job(current_principal(), job_id_of(request.name))
        return job_to_message(job)

    async def ListJobs(
        self, request: job_service_pb2.ListJobsRequest, context: Any
    ) -> job_service_pb2.ListJobsResponse:
        """Return a page of jobs."""
        jobs, token = await self._service.list_jobs(
            current_principal(),
            filter_from_message(request.filter),
            question=question_of(request),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return job_service_pb2.ListJobsResponse(
            jobs=[job_to_message(job) for job in jobs], next_page_token=token
        )

    async def ListImages(
        self, request: job_service_pb2.ListImagesRequest, context: Any
    ) -> job_service_pb2.ListImagesResponse:
        """Return a page of images."""
        images, token = await self._service.list_images(
            current_principal(),
            job_id_of(request.parent),
            states=image_states_from_message(request),
            question=question_of(request),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return job_service_pb2.ListImagesResponse(
            images=[image_to_message(image) for image in images], next_page_token=token
        )

    async def WatchJob(self, request: job_service_pb2.WatchJobRequest, context: Any) -> _Responses:
        """Stream a snapshot, then every change after it."""
        revision = request.after_revision
        watch = self._feed.watch(
            current_principal(), job_id_of(request.name), revision, heartbeat=self._heartbeat
        )
        # Closed with the call, so that a cancelled watch makes room at once.
        async with aclosing(watch):
            async for item in watch:
                if item is None:
                    yield job_service_pb2.WatchJobResponse(
                        revision=revision, heartbeat=job_service_pb2.Heartbeat()
                    )
                    continue
                if isinstance(item, Snapshot):
                    revision = item.state.revision
                    for message in _snapshot_messages(item.state):
                        yield message
                    continue
                revision = item.revision
                yield _change_message(item)

    async def CancelJob(
        self, request: job_service_pb2.CancelJobRequest, context: Any
    ) -> job_pb2.Job:
        """Cancel what has not ended."""
        job = await self._service.cancel_job(
            current_principal(), job_id_of(request.name), request.etag
        )
        return job_to_message(job)

    async def RetryJob(self, request: job_service_pb2.RetryJobRequest, context: Any) -> job_pb2.Job:
        """Queue failed images again."""
        job = await self._service.retry_job(
            current_principal(),
            job_id_of(request.name),
            image_ids=[image_ids_of(name)[1] for name in request.images],
            only_retryable=request.only_retryable,
            request_id=request.request_id,
        )
        return job_to_message(job)

    async def DeleteJob(
        self, request: job_service_pb2.DeleteJobRequest, context: Any
    ) -> job_service_pb2.DeleteJobResponse:
        """Delete a terminal job."""
        await self._service.delete_job(current_principal(), job_id_of(request.name))
        return job_service_pb2.DeleteJobResponse()

    async def GetImage(
        self, request: job_service_pb2.GetImageRequest, context: Any
    ) -> image_pb2.Image:
        """Return an image."""
        job_id, image_id = image_ids_of(request.name)
        image = await self._service.get_image(current_principal(), image_id, job_id)
        return image_to_message(image)

    async def ReadImage(
        self, request: job_service_pb2.ReadImageRequest, context: Any
    ) -> AsyncIterator[job_service_pb2.ReadImageResponse]:
        """Stream the bytes of an original, a preview or a heatmap."""
        job_id, image_id = image_ids_of(request.name)
        wanted = await self._service.read_image(
            current_principal(), image_id, job_id, kind_of(request)
        )
        yield job_service_pb2.ReadImageResponse(
            media_type=wanted.media_type, size_bytes=wanted.size, file_name=wanted.file_name
        )
        async for chunk in wanted.chunks:
            yield job_service_pb2.ReadImageResponse(chunk=bytes(chunk))

    async def _create(self, request: job_service_pb2.CreateJobRequest) -> job_pb2.Job:
        job = await self._service.create_job(
            current_principal(),
            request.request_id,
            spec_from_message(request.spec),
            digest=digest_of(request.spec),
        )
        return job_to_message(job)

    async def _begin(self, job_id: UUID, header: job_service_pb2.UploadHeader) -> Receiver | Repeat:
        principal: Principal = current_principal()
        return await self._uploads.begin(principal, job_id, header_from_message(header))


def _snapshot_messages(state: Change) -> list[job_service_pb2.WatchJobResponse]:
    """Split a snapshot into messages; a job without images has one as well."""
    parts: list[list[image_pb2.Image]] = [[]]
    size = 0
    for image in map(image_to_message, state.images):
        size += image.ByteSize()
        if size > _SNAPSHOT_BYTES or len(parts[-1]) == _SNAPSHOT_IMAGES:
            parts.append([])
            size = image.ByteSize()
        parts[-1].append(image)
    job = job_to_message(state.job)
    return [
        job_service_pb2.WatchJobResponse(
            revision=state.revision,
            snapshot=job_service_pb2.Snapshot(job=job, images=part, last=part is parts[-1]),
        )
        for part in parts
    ]


def _change_message(change: Change) -> job_service_pb2.WatchJobResponse:
    return job_service_pb2.WatchJobResponse(
        revision=change.revision,
        change=job_service_pb2.Change(
            job=job_to_message(change.job),
            images=[image_to_message(image) for image in change.images],
        ),
    )
