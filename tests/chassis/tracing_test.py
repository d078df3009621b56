import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import tracing
from chassis.grpc_server import build_server
from chassis.nats.jetstream import QueueFullError


def test_without_an_endpoint_nothing_is_traced() -> None:
    with tracing.open_tracing("test", ""):
        assert tracing.server_interceptors() == []
        assert tracing.client_interceptors() == []
        assert tracing.inject({"a": "b"}) == {"a": "b"}
        with tracing.process_span("work", {}):
            assert not trace.get_current_span().get_span_context().is_valid


def test_the_span_of_a_message_joins_the_trace_of_its_sender() -> None:
    spans = InMemorySpanExporter()
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        with tracing.process_span("first", {}):
            headers = tracing.inject({"a": "b"})
        with tracing.process_span("second", headers, {"sequence": 7}):
            pass
    assert "traceparent" in headers
    first, second = spans.get_finished_spans()
    assert second.context.trace_id == first.context.trace_id
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id
    assert second.kind is trace.SpanKind.CONSUMER


def test_a_stored_trace_is_continued_and_a_missing_one_starts_a_new_trace() -> None:
    spans = InMemorySpanExporter()
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        with tracing.server_span("call", {}):
            stored = tracing.current_traceparent()
        with tracing.process_span("loop", {}):
            for traceparent in (stored, "", "00-nonsense-01"):
                with (
                    tracing.remote_parent(traceparent),
                    tracing.publish_span("a.1", template="a.{job}"),
                ):
                    pass
    call, joined, *others, loop = spans.get_finished_spans()
    assert stored.startswith(f"00-{call.context.trace_id:032x}-{call.context.span_id:016x}-")
    assert joined.parent is not None
    assert joined.parent.span_id == call.context.span_id
    assert joined.context.trace_id == call.context.trace_id
    assert [each.parent for each in others] == [None, None]
    assert len({each.context.trace_id for each in (call, loop, *others)}) == 4


def test_without_tracing_nothing_is_stored_or_continued() -> None:
    assert tracing.current_traceparent() == ""
    with tracing.remote_parent("00-" + "1" * 32 + "-" + "2" * 16 + "-01"):
        assert tracing.inject() == {}


def test_a_failed_span_has_the_type_of_the_error_but_not_its_message() -> None:
    spans = InMemorySpanExporter()
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        for error in (ValueError("Doe^Jane"), QueueFullError()):
            with pytest.raises(type(error)), tracing.process_span("work", {}):
                raise error
    finished = spans.get_finished_spans()
    assert [each.attributes["error.type"] for each in finished if each.attributes] == [
        "ValueError",
        "QUEUE_FULL",
    ]
    assert all(each.status.status_code is trace.StatusCode.ERROR for each in finished)
    assert "Doe" not in "".join(each.to_json() for each in finished)


async def test_calls_are_traced_and_a_cancelled_stream_still_ends() -> None:
    ended = asyncio.Event()

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def unary(_request: Any, _context: Any) -> bytes:
        raise ValueError

    spans = InMemorySpanExporter()
    with tracing.open_tracing("test", "", processor=SimpleSpanProcessor(spans)):
        built = build_server("127.0.0.1:0", domain="test")
        handlers: dict[str, Any] = {
            "Stream": grpc.unary_stream_rpc_method_handler(stream),
            "Unary": grpc.unary_unary_rpc_method_handler(unary),
        }
        built.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("test.Echo", handlers),)
        )
        await built.server.start()
        channel: Any
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{built.port}", interceptors=tracing.client_interceptors()
        ) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await channel.unary_unary("/test.Echo/Unary")(b"")
            assert raised.value.code() == grpc.StatusCode.INTERNAL
            assert raised.value.details() == "Internal error."
        async with grpc.aio.insecure_channel(f"127.0.0.1:{built.port}") as channel:
            call = channel.unary_stream("/test.Echo/Stream")(b"")
            assert await call.read() == b"first"
            call.cancel()
            async with asyncio.timeout(2):
                await ended.wait()
            await asyncio.sleep(0.05)
        await built.server.stop(0)
    kinds = {(span.name, span.kind) for span in spans.get_finished_spans()}
    assert any(kind is trace.SpanKind.SERVER for _, kind in kinds)
    assert any(kind is trace.SpanKind.CLIENT for _, kind in kinds)
