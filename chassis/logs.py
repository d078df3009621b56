"""Structured logs on stderr, with an allow-list of keys so that no patient data can leak."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal

import structlog
from opentelemetry import trace

# Keys of structlog and of the chassis, allowed in every process.
OWN_KEYS = frozenset({
    "event", "level", "logger", "timestamp", "service", "exception", "exc_info", "stack_info",
    "trace_id", "span_id", "dropped_keys",
    "address", "attempt", "bytes", "code", "consumer", "count", "delay_seconds", "duration_ms",
    "grace_seconds", "kind", "method", "name", "port", "reason", "sequence", "server", "signal",
    "state", "stream", "task", "url", "version", "waiting_for",
})  # fmt: skip


class AllowList:
    """Drops keys that are not on the list, and logs their names so that the mistake is found.

    Their values are never written.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = OWN_KEYS | frozenset(keys)
        self.dropped = 0

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Keep allowed keys (a structlog processor)."""
        unknown = [key for key in event if key not in self._keys and not key.startswith("_")]
        if unknown:
            self.dropped += len(unknown)
            for key in unknown:
                del event[key]
            event["dropped_keys"] = sorted(unknown)
        return event


def _add_trace(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def configure_logs(
    service: str,
    level: str = "INFO",
    format: Literal["json", "console"] = "json",  # noqa: A002 - named like the setting
    *,
    allowed_keys: Iterable[str] = (),
) -> AllowList:
    """Send structlog and the standard library's logging to stderr in one format."""

    def add_service(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    allow_list = AllowList(allowed_keys)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        _add_trace,
        allow_list,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Without local variables, which would bypass the allow-list.
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return allow_list


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; context bound with `bound_context` is added to its lines."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


bound_context = structlog.contextvars.bound_contextvars
"""Context manager that adds keys to every line logged inside it."""
