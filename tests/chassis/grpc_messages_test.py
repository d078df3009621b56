"""Messages that cannot be parsed are refused in plain words, and leave nothing in the log."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2, wrappers_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis.grpc_server import build_server

UTF8 = wrappers_pb2.StringValue(value="Müller").SerializeToString()
LATIN = b"\x0a\x07M\xfcller1"
CUT = b"\x0a\x09M"


@pytest.fixture
async def channel() -> AsyncIterator[Any]:
    """A server with a method of each kind that takes texts."""
    built = build_server("127.0.0.1:0", domain="test")

    async def unary(request: Any, _context: Any) -> bytes:
        return str(request.value).encode()

    async def stream(request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield str(request.value).encode()

    async def upload(requests: Any, _context: Any) -> bytes:
        return "".join([each.value async for each in requests]).encode()

    async def both(requests: Any, _context: Any) -> AsyncIterator[bytes]:
        async for each in requests:
            yield str(each.value).encode()

    async def nested(_request: Any, _context: Any) -> bytes:
        return b""

    read = wrappers_pb2.StringValue.FromString
    handlers: dict[str, Any] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, request_deserializer=read),
        "Stream": grpc.unary_stream_rpc_method_handler(stream, request_deserializer=read),
        "Upload": grpc.stream_unary_rpc_method_handler(upload, request_deserializer=read),
        "Both": grpc.stream_stream_rpc_method_handler(both, request_deserializer=read),
        "Nested": grpc.unary_unary_rpc_method_handler(
            nested, request_deserializer=struct_pb2.Value.FromString
        ),
    }
    built.server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", handlers),)
    )
    await built.server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{built.port}") as opened:
        yield opened
    await built.server.stop(None)


async def call(channel: Any, method: str, *messages: bytes) -> list[bytes]:
    """Send bytes as they are to a method of any kind."""

    async def requests() -> AsyncIterator[bytes]:
        for each in messages:
            yield each

    match method.rpartition("/")[2]:
        case "Upload":
            return [await channel.stream_unary(method)(requests(), timeout=5)]
        case "Both" | "ServerReflectionInfo":
            echoed = channel.stream_stream(method)(requests(), timeout=5)
            return [each async for each in echoed]
        case "Stream" | "Watch":
            return [each async for each in channel.unary_stream(method)(messages[0], timeout=5)]
        case _:
            return [await channel.unary_unary(method)(messages[0], timeout=5)]


METHODS = [f"/test.Echo/{name}" for name in ("Unary", "Stream", "Upload", "Both")]
OWN = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
]


@pytest.mark.parametrize("method", METHODS)
async def test_messages_that_can_be_parsed_are(channel: Any, method: str) -> None:
    assert await call(channel, method, UTF8) == ["Müller".encode()]


@pytest.mark.parametrize("method", METHODS + OWN)
async def test_a_text_that_is_not_utf_8_is_refused_by_the_name_of_its_field(
    channel: Any, method: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(channel, method, LATIN)
    field = "value" if method in METHODS else "host" if "Reflection" in method else "service"
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == f"The text in {field} is not UTF-8."
    status: Any = rpc_status.from_call(raised.value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("INVALID_MESSAGE", "test")
    assert dict(info.metadata) == {"field": field}
    assert caplog.records == []
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("method", METHODS + OWN)
async def test_bytes_that_are_no_message_are_refused(
    channel: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    for broken in (CUT, b"\xff", b"\x0a"):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(channel, method, broken)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert raised.value.details() == "The bytes are not a message that this method accepts."
    assert caplog.records == []


@pytest.mark.parametrize("method", METHODS[2:])
async def test_a_later_message_of_a_stream_is_checked_as_well(channel: Any, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(channel, method, UTF8, UTF8, LATIN)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_field_within_messages_is_named_by_its_path(channel: Any) -> None:
    value = b"\x1a\x07M\xfcller1"
    for _ in range(2):
        # list_value (6) of a Value holds values (1).
        listed = b"\x0a" + bytes([len(value)]) + value
        value = b"\x32" + bytes([len(listed)]) + listed
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(channel, "/test.Echo/Nested", value)
    path = "list_value.values.list_value.values.string_value"
    assert raised.value.details() == f"The text in {path} is not UTF-8."
