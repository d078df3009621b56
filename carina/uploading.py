"""Uploads a file across lost connections, resuming until its image is committed."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import grpc

from carina.backoff import Backoff
from carina.call_status import CallStatus
from carina.errors import RefusedError, UnavailableError, from_rpc_error
from carina.files import FileUpload
from carina.following import GetMetadata
from carina.jobs.v1 import image_pb2, job_service_pb2

OnBytes = Callable[[FileUpload, int], None]

# Allows for slow connections: 64 KiB/s is half of what an old DSL line sends.
_SLOWEST_BYTES_PER_SECOND = 64 * 1024
# The server answers once the whole file is durable; a slow store may take this long.
_COMMIT_SECONDS = 60.0
_STATUS_SECONDS = 30.0
# Answers for a moment after a stream broke: the service still holds its end of the stream, or has
# stored more of it than it reported.
_RESUMED = {"UPLOAD_RACE", "WRONG_OFFSET"}


async def upload_file(
    stub: Any,
    job: str,
    file: FileUpload,
    *,
    reconnect_timeout: timedelta,
    metadata: GetMetadata,
    on_bytes: OnBytes | None,
) -> image_pb2.Image:
    """Upload one file and return its image.

    A broken upload resumes at the offset that the service has stored. After `reconnect_timeout`
    without success the last error is raised.
    """
    header = job_service_pb2.UploadHeader(
        job=job,
        image_key=file.image_key,
        file_name=file.file_name,
        # Sent first so that the service can refuse damaged bytes before it commits them. The file
        # is read twice, the second time from the page cache.
        sha256=await file.sha256(),
        size_bytes=file.size_bytes,
        patient_id=file.patient_id,
    )
    backoff = Backoff(reconnect_timeout)
    while True:
        try:
            return await _one_stream(stub, header, file, metadata=metadata, on_bytes=on_bytes)
        except (UnavailableError, RefusedError) as error:
            if isinstance(error, RefusedError) and error.reason not in _RESUMED:
                raise
            await backoff.wait(error)
        reached = header.offset
        header.offset = await _committed_size(stub, header, backoff, metadata)
        if header.offset > reached:
            backoff.reset()


async def _one_stream(
    stub: Any,
    header: job_service_pb2.UploadHeader,
    file: FileUpload,
    *,
    metadata: GetMetadata,
    on_bytes: OnBytes | None,
) -> image_pb2.Image:
    remaining = max(file.size_bytes - header.offset, 0)
    call = stub.UploadImage(
        timeout=_COMMIT_SECONDS + remaining / _SLOWEST_BYTES_PER_SECOND,
        metadata=await metadata(),
    )
    status = CallStatus(call)
    try:
        await _send(call, header, file, on_bytes)
        image: image_pb2.Image = await call
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(status.error(error)) from error
    finally:
        call.cancel()
    return image


async def _send(
    call: Any,
    header: job_service_pb2.UploadHeader,
    file: FileUpload,
    on_bytes: OnBytes | None,
) -> None:
    """Send header and bytes; stop early, without an error, if the server has answered."""
    sent = header.offset
    try:
        await call.write(job_service_pb2.UploadImageRequest(header=header))
        async with aclosing(file.chunks(sent)) as chunks:
            async for chunk in chunks:
                await call.write(job_service_pb2.UploadImageRequest(chunk=chunk))
                sent += len(chunk)
                if on_bytes is not None:
                    on_bytes(file, sent)
        await call.done_writing()
    except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
        # The call has ended. A failed write only says INTERNAL; the real status is raised where
        # the answer is awaited.
        return


async def _committed_size(
    stub: Any, header: job_service_pb2.UploadHeader, backoff: Backoff, metadata: GetMetadata
) -> int:
    request = job_service_pb2.GetUploadRequest(job=header.job, image_key=header.image_key)
    while True:
        try:
            upload = await stub.GetUpload(
                request, timeout=_STATUS_SECONDS, metadata=await metadata()
            )
        except grpc.aio.AioRpcError as raised:
            error = from_rpc_error(raised)
            # The connection was lost before the service knew of this upload.
            if error.code is grpc.StatusCode.NOT_FOUND:
                return 0
            if not isinstance(error, UnavailableError):
                raise error from raised
            await backoff.wait(error)
        else:
            size: int = upload.committed_size
            return size
