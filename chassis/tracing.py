"""OpenTelemetry traces over gRPC and NATS; without an endpoint nothing of it runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import (
    aio_client_interceptors,
    aio_server_interceptor,
    filters,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_TRACER = "chassis"


class _Tracing:
    """Whether spans are made; checked before each, because no-op spans cost as well."""

    provider: TracerProvider | None = None


@contextmanager
def open_tracing(
    service: str, endpoint: str, *, processor: SpanProcessor | None = None
) -> Iterator[None]:
    """Send traces to an OTLP endpoint while the body runs; empty: no traces.

    OTEL_RESOURCE_ATTRIBUTES and the sampler variables of OpenTelemetry are honoured.
    """
    if not endpoint and processor is None:
        yield
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(
        processor
        or BatchSpanProcessor(
            OTLPSpanExporter(endpoint=endpoint, insecure=not endpoint.startswith("https"))
        )
    )
    _Tracing.provider = provider
    try:
        yield
    finally:
        _Tracing.provider = None
        provider.shutdown()


def server_interceptors() -> list[Any]:
    """Return what a gRPC server needs for spans: nothing when no traces are made."""
    if _Tracing.provider is None:
        return []
    no_health = filters.negate(filters.health_check())
    return [aio_server_interceptor(_Tracing.provider, no_health)]  # type: ignore[no-untyped-call]


def client_interceptors() -> list[Any]:
    """Return what a gRPC channel needs for spans: nothing when no traces are made."""
    if _Tracing.provider is None:
        return []
    no_health = filters.negate(filters.health_check())
    made = aio_client_interceptors(_Tracing.provider, no_health)  # type: ignore[no-untyped-call]
    return list(made)


def inject(headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return message headers with the active trace added."""
    carrier = dict(headers or {})
    if _Tracing.provider is not None:
        propagate.inject(carrier)
    return carrier


def current_traceparent() -> str:
    """Return the active trace as a W3C traceparent, empty if there is none."""
    return inject().get("traceparent", "")


@contextmanager
def server_span(name: str, headers: Mapping[str, str]) -> Iterator[trace.Span]:
    """Make a SERVER span around the answer to a request, in the trace that its headers name.

    What the caller puts on the span leaves the process: never a path or a query of a patient.
    """
    if _Tracing.provider is None:
        yield trace.INVALID_SPAN
        return
    with _Tracing.provider.get_tracer(_TRACER).start_as_current_span(
        name, context=propagate.extract(headers), kind=trace.SpanKind.SERVER
    ) as span:
        yield span


@contextmanager
def process_span(
    name: str, headers: Mapping[str, str], attributes: Mapping[str, str | int] | None = None
) -> Iterator[None]:
    """Make a CONSUMER span around the work on one message, in the trace of who sent it."""
    if _Tracing.provider is None:
        yield
        return
    context = propagate.extract(headers)
    origin = trace.get_current_span(context).get_span_context()
    with _Tracing.provider.get_tracer(_TRACER).start_as_current_span(
        f"process {name}",
        context=context,
        kind=trace.SpanKind.CONSUMER,
        links=[trace.Link(origin)] if origin.is_valid else [],
        attributes={
            "messaging.system": "nats",
            "messaging.operation.type": "process",
            **(attributes or {}),
        },
    ):
        yield
