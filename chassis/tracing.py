"""OpenTelemetry traces over gRPC and NATS; without an endpoint nothing of this runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import (
    aio_client_interceptors,
    aio_server_interceptor,
    filters,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.errors import DomainError

Span = trace.Span
Attributes = Mapping[str, str | int] | None
_TRACER = "chassis"
_TRACEPARENT = "traceparent"
# Stored contexts are W3C, whatever OTEL_PROPAGATORS selects for headers.
_W3C = TraceContextTextMapPropagator()
_PROCESS = {
    "messaging.system": "nats",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
}


class _Tracing:
    """Whether spans are made; checked before each one, because even no-op spans cost time."""

    provider: TracerProvider | None = None


@contextmanager
def open_tracing(
    service: str, endpoint: str, *, processor: SpanProcessor | None = None
) -> Iterator[None]:
    """Send traces to an OTLP endpoint while the body runs; empty: no traces.

    OTEL_RESOURCE_ATTRIBUTES and the sampler variables of OpenTelemetry apply.
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
    """Return what a gRPC server needs for spans; empty when nothing is traced."""
    if _Tracing.provider is None:
        return []
    no_health = filters.negate(filters.health_check())
    return [aio_server_interceptor(_Tracing.provider, no_health)]  # type: ignore[no-untyped-call]


def client_interceptors(*, untraced: Sequence[str] = ()) -> list[Any]:
    """Return what a gRPC channel needs for CLIENT spans; empty when nothing is traced.

    `untraced` names methods that are called too often to be worth a span, such as health checks.
    """
    if _Tracing.provider is None:
        return []
    ignored = filters.any_of(
        filters.health_check(), *(filters.method_name(name) for name in untraced)
    )
    wanted = filters.negate(ignored)
    made = aio_client_interceptors(_Tracing.provider, wanted)  # type: ignore[no-untyped-call]
    return list(made)


def current_traceparent() -> str:
    """Return the active span as a W3C traceparent, to be stored; empty when nothing is traced."""
    carrier: dict[str, str] = {}
    if _Tracing.provider is not None:
        _W3C.inject(carrier)
    return carrier.get(_TRACEPARENT, "")


@contextmanager
def remote_parent(traceparent: str) -> Iterator[None]:
    """Continue a stored trace: spans of the body, and what it publishes, become part of it.

    An empty or malformed traceparent starts a trace of its own.
    """
    if _Tracing.provider is None:
        yield
        return
    token = attach(_W3C.extract({_TRACEPARENT: traceparent}, Context()))
    try:
        yield
    finally:
        detach(token)


def inject(headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return message headers with the active trace context added."""
    carrier = dict(headers or {})
    if _Tracing.provider is not None:
        propagate.inject(carrier)
    return carrier


@contextmanager
def server_span(name: str, headers: Mapping[str, str]) -> Iterator[trace.Span]:
    """Make a SERVER span around a request, in the trace that its headers name.

    Attributes of the span leave the process, so they never contain a path or query with patient
    data.
    """
    if _Tracing.provider is None:
        yield trace.INVALID_SPAN
        return
    with _Tracing.provider.get_tracer(_TRACER).start_as_current_span(
        name, context=propagate.extract(headers), kind=trace.SpanKind.SERVER
    ) as span:
        yield span


@contextmanager
def publish_span(
    subject: str, *, template: str, message_id: str = "", size: int = 0
) -> Iterator[None]:
    """Make a PRODUCER span around publishing a message; its headers carry this span on.

    `template` is the subject without its identifiers, by which traces are grouped.
    """
    if _Tracing.provider is None:
        yield
        return
    attributes: dict[str, str | int] = {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": subject,
        "messaging.message.body.size": size,
    }
    if template:
        attributes["messaging.destination.template"] = template
    if message_id:
        attributes["messaging.message.id"] = message_id
    with _span(f"publish {template}".rstrip(), trace.SpanKind.PRODUCER, attributes):
        yield


@contextmanager
def process_span(
    destination: str, headers: Mapping[str, str], attributes: Attributes = None
) -> Iterator[None]:
    """Make a CONSUMER span around the work on one message, in the trace of its publisher."""
    if _Tracing.provider is None:
        yield
        return
    with _span(
        f"process {destination}",
        trace.SpanKind.CONSUMER,
        {**_PROCESS, **(attributes or {})},
        context=propagate.extract(headers, Context()),
    ):
        yield


@contextmanager
def process_batch_span(
    destination: str, headers: Sequence[Mapping[str, str]], attributes: Attributes = None
) -> Iterator[None]:
    """Make a CONSUMER span around the work on several messages, linked to their publishers.

    It has a trace of its own: its messages belong to several.
    """
    if _Tracing.provider is None:
        yield
        return
    origins = [
        trace.get_current_span(propagate.extract(each, Context())).get_span_context()
        for each in headers
    ]
    with _span(
        f"process {destination}",
        trace.SpanKind.CONSUMER,
        {**_PROCESS, "messaging.batch.message_count": len(headers), **(attributes or {})},
        context=Context(),
        links=[trace.Link(origin) for origin in origins if origin.is_valid],
    ):
        yield


@contextmanager
def batch_span(
    name: str, members: Sequence[trace.Span], attributes: Attributes = None
) -> Iterator[None]:
    """Make a span around one piece of work for several spans, with links in both directions.

    It has a trace of its own: its members belong to several.
    """
    if _Tracing.provider is None:
        yield
        return
    contexts = [member.get_span_context() for member in members]
    links = [trace.Link(context) for context in contexts if context.is_valid]
    with _span(name, trace.SpanKind.INTERNAL, attributes, context=Context(), links=links) as batch:
        for member in members:
            if member.is_recording():
                member.add_link(batch.get_span_context())
        yield


current_span = trace.get_current_span
"""Return the active span; one that records nothing when nothing is traced."""


@contextmanager
def _span(
    name: str,
    kind: trace.SpanKind,
    attributes: Attributes,
    *,
    context: Context | None = None,
    links: Sequence[trace.Link] = (),
) -> Iterator[trace.Span]:
    """Make a span that reports a failure by code or type, never by its message.

    The message of an unexpected error may quote a file, and with it patient data.
    """
    provider = _Tracing.provider or trace.NoOpTracerProvider()
    with provider.get_tracer(_TRACER).start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute(
                "error.type",
                error.reason if isinstance(error, DomainError) else type(error).__qualname__,
            )
            span.set_status(trace.StatusCode.ERROR)
            raise
