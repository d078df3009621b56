"""The jobs service as the gateway calls it: on behalf of whoever sent the request."""

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

# Pieces arrive from the network in 64 KiB. Larger messages cost less each, until malloc takes fresh
# pages for every copy that gRPC makes of them.
_CHUNK_BYTES = 256 * 1024
_CHUNK_LIMIT = 1024 * 1024


class JobsClient:
    """Calls with deadlines; errors leave as the client's own."""

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
        """Make a unary call and return its answer."""
        try:
            return await getattr(self._stub, method)(
                request, timeout=self._call_timeout, metadata=caller
            )
        except AioRpcError as error:
            raise from_rpc_error(error) from error

    async def images(self, job: str, caller: Metadata) -> AsyncGenerator[image_pb2.Image, None]:
        """Yield all images of a job by ordinal, page by page."""
        request = job_service_pb2.ListImagesRequest(parent=job)
        while True:
            page = await self.call("ListImages", request, caller)
            for image in page.images:
                yield image
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def upload(self, header: job_service_pb2.UploadHeader, caller: Metadata) -> "Upload":
        """Begin to upload one image."""
        call = self._stub.UploadImage(timeout=self._upload_timeout, metadata=caller)
        return Upload(call, header)

    async def follow(
        self, job: str, after_revision: int, caller: Metadata
    ) -> AsyncGenerator[job_service_pb2.WatchJobResponse, None]:
        """Yield snapshots and changes until the job is terminal, across cut lines."""

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
        """Tell whether the channel has a connection, or is idle and may get one."""
        return self._channel.get_state(try_to_connect=True) in {
            grpc.ChannelConnectivity.READY,
            grpc.ChannelConnectivity.IDLE,
        }


class Upload:
    """One image on its way: `send` what arrives, then `finish`; `cut` in any case."""

    def __init__(self, call: Any, header: job_service_pb2.UploadHeader) -> None:
        self._call = call
        self._ending = CallStatus(call)
        self._header: job_service_pb2.UploadHeader | None = header
        self._pieces: list[bytes] = []
        self._held = 0

    async def send(self, data: bytes) -> bool:
        """Pass bytes on, as fast as the jobs service takes them.

        Returns False once the service has answered: it wants no more bytes.
        """
        self._pieces.append(data)
        self._held += len(data)
        if self._held < _CHUNK_BYTES:
            return True
        return await self._flush()

    async def finish(self) -> image_pb2.Image:
        """End the upload and return its image, which from then on is never lost."""
        try:
            if await self._flush():
                await self._call.done_writing()
            image: image_pb2.Image = await self._call
        except AioRpcError as error:
            raise from_rpc_error(self._ending.error(error)) from error
        return image

    def cut(self) -> None:
        """Give up what is not finished; the service keeps what it has."""
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
            # What the call ended with is raised where its answer is awaited.
            return False
        return True
