"""A client of the jobs service that makes calls on behalf of the HTTP caller."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import grpc
from grpc.aio import AioRpcError, Channel

from carina.call_status import CallStatus
from carina.errors import from_rpc_error
from carina.following import Metadata, follow
from carina.jobs.v1 import image_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub

# The network delivers pieces of 64 KiB. Larger messages cost less per byte, up to the size at which
# malloc maps new pages for every copy that gRPC makes of them.
_CHUNK_BYTES = 256 * 1024
_CHUNK_LIMIT = 1024 * 1024


class JobsClient:
    """Calls with deadlines; gRPC errors are raised as `CarinaError`."""

    def __init__(
        self,
        channel: Channel,
        *,
        call_timeout: timedelta,
        upload_timeout: timedelta,
        reconnect_timeout: timedelta,
    ) -> None:
        self._stub = JobServiceStub(channel)
        self._channel = channel
        self._call_timeout = call_timeout.total_seconds()
        self._upload_timeout = upload_timeout.total_seconds()
        self._reconnect_timeout = reconnect_timeout

    async def call(self, method: str, request: Any, caller: Metadata) -> Any:
        """Make a unary call and return its response."""
        try:
            return await getattr(self._stub, method)(
                request, timeout=self._call_timeout, metadata=caller
            )
        except AioRpcError as error:
            raise from_rpc_error(error) from error

    async def images(self, job: str, caller: Metadata) -> AsyncGenerator[image_pb2.Image, None]:
        """Yield all images of a job in order of their ordinal, page by page."""
        request = job_service_pb2.ListImagesRequest(parent=job)
        while True:
            page = await self.call("ListImages", request, caller)
            for image in page.images:
                yield image
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def upload(self, header: job_service_pb2.UploadHeader, caller: Metadata) -> "Upload":
        """Start the upload of one image."""
        call = self._stub.UploadImage(timeout=self._upload_timeout, metadata=caller)
        return Upload(call, header)

    async def follow(
        self, job: str, after_revision: int, caller: Metadata
    ) -> AsyncGenerator[job_service_pb2.WatchJobResponse, None]:
        """Yield snapshots and changes until the job is terminal; reconnect when interrupted."""

        async def metadata() -> Metadata:
            return caller

        following = follow(
            self._stub,
            job,
            after_revision=after_revision,
            reconnect_timeout=self._reconnect_timeout,
            metadata=metadata,
        )
        try:
            async for message in following:
                yield message
        finally:
            await following.aclose()

    async def read(
        self, name: str, kind: int, caller: Metadata
    ) -> AsyncGenerator[job_service_pb2.ReadImageResponse, None]:
        """Yield the bytes of an original, a preview or a heatmap."""
        request = job_service_pb2.ReadImageRequest(name=name, kind=kind)  # type: ignore[arg-type] # an enum is an int
        call = self._stub.ReadImage(request, timeout=self._upload_timeout, metadata=caller)
        try:
            async for part in call:
                yield part
        except AioRpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()

    def reachable(self) -> bool:
        """Tell whether the channel is connected, or idle and ready to connect."""
        return self._channel.get_state(try_to_connect=True) in {
            grpc.ChannelConnectivity.READY,
            grpc.ChannelConnectivity.IDLE,
        }


class Upload:
    """The upload of one image: `send` pieces, then `finish`; always `cut` at the end."""

    def __init__(self, call: Any, header: job_service_pb2.UploadHeader) -> None:
        self._call = call
        self._status = CallStatus(call)
        self._header: job_service_pb2.UploadHeader | None = header
        self._pieces: list[bytes] = []
        self._held = 0

    async def send(self, data: bytes) -> bool:
        """Forward bytes at the pace of the jobs service.

        Returns False when the service has answered and accepts no more bytes.
        """
        self._pieces.append(data)
        self._held += len(data)
        if self._held < _CHUNK_BYTES:
            return True
        return await self._flush()

    async def finish(self) -> image_pb2.Image:
        """Finish the upload and return the committed image."""
        try:
            if await self._flush():
                await self._call.done_writing()
            image: image_pb2.Image = await self._call
        except AioRpcError as error:
            raise from_rpc_error(self._status.error(error)) from error
        return image

    def cut(self) -> None:
        """Cancel an unfinished upload; the service keeps the bytes that arrived."""
        self._call.cancel()

    async def _flush(self) -> bool:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._held = [], 0
        try:
            if self._header is not None:
                header, self._header = self._header, None
                await self._call.write(job_service_pb2.UploadImageRequest(header=header))
            for start in range(0, len(data), _CHUNK_LIMIT):
                chunk = data[start : start + _CHUNK_LIMIT]
                await self._call.write(job_service_pb2.UploadImageRequest(chunk=chunk))
        except (AioRpcError, asyncio.InvalidStateError):
            # The error of the call is raised where its response is awaited.
            return False
        return True
