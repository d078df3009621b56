"""Clients of other libraries, which send texts that are not UTF-8."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from tests.support.jobs import Jobs, rows

SERVICE = "/carina.jobs.v1.JobService"
LATIN = "Müller-7".encode("latin-1")


def field(number: int, data: bytes) -> bytes:
    """Return a string or a message in protobuf's encoding."""
    return bytes([number << 3 | 2, len(data)]) + data


CREATION = field(2, field(1, LATIN))
HEADER = field(2, b"key") + field(7, LATIN)


@pytest.mark.parametrize(
    ("method", "message", "path"),
    [
        ("CreateJob", CREATION, "spec.patient_id"),
        ("ListJobs", field(3, field(2, LATIN)), "filter.patient_id"),
        ("GetJob", field(1, LATIN), "name"),
        ("SubmitJob", field(1, CREATION), "job.spec.patient_id"),
        ("UploadImage", field(1, HEADER), "header.patient_id"),
        ("WatchJob", field(1, LATIN), "name"),
    ],
)
async def test_a_text_that_is_not_utf_8_is_refused_by_its_field(
    jobs: Jobs, method: str, message: bytes, path: str
) -> None:
    async def requests() -> AsyncIterator[bytes]:
        yield message

    async def ask(metadata: Any) -> grpc.aio.AioRpcError:
        target = f"{SERVICE}/{method}"
        call: Any
        if method in {"SubmitJob", "UploadImage"}:
            call = channel.stream_unary(target)(requests(), metadata=metadata)
        elif method == "WatchJob":
            call = channel.unary_stream(target)(message, metadata=metadata).read()
        else:
            call = channel.unary_unary(target)(message, metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        return raised.value

    channel: Any
    async with grpc.aio.insecure_channel(jobs.replicas[0].address) as channel:
        error = await ask((("authorization", f"Bearer {jobs.token()}"),))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error.details() == f"The text in {path} is not UTF-8."
        assert (await ask(())).code() is grpc.StatusCode.UNAUTHENTICATED
    assert await rows(jobs, "SELECT 1 FROM jobs") == []
