import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status
from prometheus_client import REGISTRY

from chassis.errors import DomainError, Kind, TransientError, UsageError
from chassis.grpc_server import PING_INTERVAL, GrpcServer, build_server, serve_until_stopped
from tests.support.pings import GOAWAY, PING, pinged

Behaviour = Callable[[Any, Any], Any]
NOW = timedelta(0)


class MissingError(UsageError):
    kind = Kind.NOT_FOUND
    reason = "THING_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no {name}.", metadata={"name": name})


@asynccontextmanager
async def serving(
    *,
    unary: Behaviour | None = None,
    stream: Behaviour | None = None,
    upload: Behaviour | None = None,
    both: Behaviour | None = None,
    grace: timedelta = timedelta(seconds=5),
    **options: Any,
) -> AsyncIterator[tuple[GrpcServer, Any, asyncio.Event]]:
    readiness = options.pop("readiness", lambda: (True, ""))
    built = build_server("127.0.0.1:0", domain="test", service_names=("test.Echo",), **options)
    handlers: dict[str, Any] = {}
    if unary:
        handlers["Unary"] = grpc.unary_unary_rpc_method_handler(unary)
    if stream:
        handlers["Stream"] = grpc.unary_stream_rpc_method_handler(stream)
    if upload:
        handlers["Upload"] = grpc.stream_unary_rpc_method_handler(upload)
    if both:
        handlers["Both"] = grpc.stream_stream_rpc_method_handler(both)
    built.server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", handlers),)
    )
    stop = asyncio.Event()
    task = asyncio.create_task(
        serve_until_stopped(built, stop, grace=grace, readiness=readiness, settle=NOW)
    )
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{built.port}") as channel:
            yield built, channel, stop
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


def failing(error: Exception) -> dict[str, Any]:
    async def single(_request: Any, _context: Any) -> bytes:
        raise error

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        raise error

    return {"unary": single, "upload": single, "stream": stream, "both": stream}


async def call_all(channel: Any) -> AsyncIterator[grpc.aio.AioRpcError]:
    """Make one call of each of the four kinds and yield its error."""

    async def requests() -> AsyncIterator[bytes]:
        yield b"x"

    async def read(call: Any) -> list[bytes]:
        return [message async for message in call]

    for result in (
        channel.unary_unary("/test.Echo/Unary")(b"x", timeout=5),
        channel.stream_unary("/test.Echo/Upload")(requests(), timeout=5),
        read(channel.unary_stream("/test.Echo/Stream")(b"x", timeout=5)),
        read(channel.stream_stream("/test.Echo/Both")(requests(), timeout=5)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await result
        yield raised.value


def details(error: grpc.aio.AioRpcError) -> tuple[Any, Any]:
    status: Any = rpc_status.from_call(error)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if not detail.Unpack(info):
            assert detail.Unpack(retry)
    return info, retry


async def test_every_kind_of_call_returns_a_domain_error_with_its_details() -> None:
    async with serving(**failing(MissingError("thing"))) as (_, channel, _stop):
        async for error in call_all(channel):
            assert error.code() == grpc.StatusCode.NOT_FOUND
            assert error.details() == "There is no thing."
            info, _ = details(error)
            assert (info.reason, info.domain) == ("THING_NOT_FOUND", "test")
            assert dict(info.metadata) == {"name": "thing"}


async def test_a_transient_error_carries_its_retry_delay() -> None:
    error = TransientError("later", delay=timedelta(seconds=2.5))
    async with serving(**failing(error)) as (_, channel, _stop):
        async for raised in call_all(channel):
            assert raised.code() == grpc.StatusCode.UNAVAILABLE
            _, retry = details(raised)
            assert retry.retry_delay.ToTimedelta() == timedelta(seconds=2.5)


@pytest.mark.parametrize("secret", [ValueError("Doe"), DomainError("Doe")])
async def test_any_other_error_reveals_nothing_to_the_caller(secret: Exception) -> None:
    async with serving(**failing(secret)) as (_, channel, _stop):
        async for error in call_all(channel):
            assert error.code() == grpc.StatusCode.INTERNAL
            assert error.details() == "Internal error."
            info, _ = details(error)
            assert info.reason == "INTERNAL"


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_has_its_code(kind: Kind) -> None:
    class SomeError(DomainError):
        pass

    SomeError.kind = kind
    async with serving(**failing(SomeError("x"))) as (_, channel, _stop):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/test.Echo/Unary")(b"")
    assert raised.value.code().name == kind.value


async def test_a_handler_can_abort_a_call_itself() -> None:
    async def unary(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "custom message")

    async with serving(unary=unary) as (_, channel, _stop):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/test.Echo/Unary")(b"")
    assert raised.value.code() == grpc.StatusCode.OUT_OF_RANGE
    assert raised.value.details() == "custom message"


async def test_calls_work_and_are_measured() -> None:
    async def unary(request: bytes, _context: Any) -> bytes:
        return request

    async def upload(requests: AsyncIterator[bytes], _context: Any) -> bytes:
        return b"".join([chunk async for chunk in requests])

    async def both(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for chunk in requests:
            yield chunk

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"a", b"b"):
            yield chunk

    def count(method: str) -> float:
        labels = {"rpc_method": f"test.Echo/{method}", "rpc_status_code": "OK"}
        name = "rpc_server_call_duration_seconds_count"
        return REGISTRY.get_sample_value(name, labels) or 0

    before = [count(method) for method in ("Unary", "Upload", "Both")]
    async with serving(unary=unary, upload=upload, both=both) as (_, channel, _stop):
        assert await channel.unary_unary("/test.Echo/Unary")(b"x") == b"x"
        assert await channel.stream_unary("/test.Echo/Upload")(chunks()) == b"ab"
        echoed = channel.stream_stream("/test.Echo/Both")(chunks())
        assert [chunk async for chunk in echoed] == [b"a", b"b"]
    after = [count(method) for method in ("Unary", "Upload", "Both")]
    assert after == [number + 1 for number in before]


async def test_a_unary_call_without_a_deadline_gets_that_of_the_server() -> None:
    ended: list[str] = []

    async def unary(_request: Any, _context: Any) -> bytes:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("unary")
        return b""

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(60)

    soon = timedelta(milliseconds=200)
    async with serving(
        unary=unary, stream=stream, unary_timeout=soon, timeouts={"test.Echo/Stream": soon}
    ) as (_, channel, _stop):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/test.Echo/Unary")(b"")
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert details(raised.value)[0].reason == "SERVER_DEADLINE"
        assert ended == ["unary"]
        call = channel.unary_stream("/test.Echo/Stream")(b"")
        assert await call.read() == b"first"
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call.read()
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_stream_cancelled_by_its_client_leaves_nothing_behind() -> None:
    opened = closed = 0

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        nonlocal opened, closed
        opened += 1
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            closed += 1

    async with serving(stream=stream) as (built, channel, _stop):
        tasks = len(asyncio.all_tasks())
        for _ in range(100):
            call = channel.unary_stream("/test.Echo/Stream")(b"")
            assert await call.read() == b"first"
            call.cancel()
        async with asyncio.timeout(5):
            while closed < 100:
                await asyncio.sleep(0.01)
        assert opened == 100
        assert not built.calls._watches
        gauge = REGISTRY.get_sample_value(
            "rpc_server_open_streams", {"rpc_method": "test.Echo/Stream"}
        )
        assert gauge == 0
        await asyncio.sleep(0.1)
        gc.collect()
        # The server keeps one waiting task per method; a leak would be one task per call.
        assert len(asyncio.all_tasks()) < tasks + 20
    labels = {"rpc_method": "test.Echo/Stream", "rpc_status_code": "CANCELLED"}
    assert (REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0) >= 100


async def test_stopping_ends_watches_at_once_and_lets_calls_finish() -> None:
    started = asyncio.Event()

    async def unary(_request: Any, _context: Any) -> bytes:
        started.set()
        await asyncio.sleep(0.5)
        return b"done"

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    async with serving(unary=unary, stream=stream) as (_, channel, stop):
        watch = channel.unary_stream("/test.Echo/Stream")(b"")
        assert await watch.read() == b"first"
        call = asyncio.ensure_future(channel.unary_unary("/test.Echo/Unary")(b""))
        await started.wait()
        stop.set()
        async with asyncio.timeout(2):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await watch.read()
            assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
            assert details(raised.value)[0].reason == "SERVER_STOPPING"
            assert await call == b"done"


async def test_an_unfinished_call_is_cancelled_after_the_grace_period() -> None:
    started = asyncio.Event()

    async def unary(_request: Any, _context: Any) -> bytes:
        started.set()
        await asyncio.sleep(60)
        return b""

    async with serving(unary=unary, grace=timedelta(milliseconds=100)) as (_, channel, stop):
        call = asyncio.ensure_future(channel.unary_unary("/test.Echo/Unary")(b""))
        await started.wait()
        stop.set()
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call


async def test_health_distinguishes_liveness_from_readiness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.grpc_server._READINESS_PERIOD", timedelta(milliseconds=10))
    ready = False
    async with serving(readiness=lambda: (ready, "nats")) as (_, channel, _stop):
        stub = health_pb2_grpc.HealthStub(channel)

        async def status(name: str) -> str:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

        assert await status("liveness") == "SERVING"
        assert await status("readiness") == "NOT_SERVING"
        assert await status("") == "NOT_SERVING"
        assert await status("test.Echo") == "NOT_SERVING"
        ready = True
        await asyncio.sleep(0.1)
        assert await status("readiness") == "SERVING"
        assert await status("test.Echo") == "SERVING"
        ready = False
        await asyncio.sleep(0.1)
        assert await status("readiness") == "NOT_SERVING"
        assert await status("liveness") == "SERVING"


async def test_a_health_watch_sees_the_shutdown_and_does_not_delay_it() -> None:
    async with asyncio.timeout(4), serving(grace=timedelta(seconds=8)) as (_, channel, stop):
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stop.set()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_and_describes_the_services(version: str) -> None:
    service = f"grpc.reflection.{version}.ServerReflection"
    async with serving() as (_, channel, _stop):
        call = channel.stream_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = {each.name for each in (await call.read()).list_services_response.service}
        assert {"test.Echo", "grpc.health.v1.Health", service} <= listed
        await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=service))
        (described,) = (await call.read()).file_descriptor_response.file_descriptor_proto
        file = FileDescriptorProto.FromString(described)
        assert file.package == f"grpc.reflection.{version}"
        pool = DescriptorPool()
        pool.Add(file)
        (method,) = pool.FindServiceByName(service).methods
        assert method.input_type.full_name == f"{file.package}.ServerReflectionRequest"
        call.cancel()


async def test_a_message_over_the_limit_is_refused() -> None:
    async def unary(request: bytes, _context: Any) -> bytes:
        return request

    async with serving(unary=unary) as (_, channel, _stop):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary("/test.Echo/Unary")(bytes(4 * 1024 * 1024 + 1))
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_client_may_ping_at_the_allowed_interval_without_any_call() -> None:
    allowed = timedelta(milliseconds=200)
    async with serving(ping_interval=allowed) as (built, _, _stop):
        seen = await pinged(built.port, times=6, every=0.4)
    assert seen.count(PING) >= 6
    assert GOAWAY not in seen
    async with serving(ping_interval=timedelta(minutes=5)) as (built, _, _stop):
        assert GOAWAY in await pinged(built.port, times=6, every=0.1)


def test_a_ping_every_ten_seconds_is_allowed() -> None:
    assert timedelta(seconds=1) <= PING_INTERVAL < timedelta(seconds=10)
