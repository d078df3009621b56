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


def test_without_an_endpoint_nothing_is_traced() -> None:
    with tracing.open_tracing("test", ""):
        assert tracing.server_interceptors() == []
        assert tracing.client_interceptors() == []
        assert tracing.inject({"a": "b"}) == {"a": "b"}
        with tracing.process_span("work", {}):
            assert not trace.get_current_span().get_span_context().is_valid


def test_the_work_on_a_message_joins_the_trace_of_its_sender() -> None:
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
    assert second.links[0].context.span_id == first.context.span_id
    assert second.kind is trace.SpanKind.CONSUMER


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
