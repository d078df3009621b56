"""Wraps every gRPC call: deadline, errors, metrics, and the end of watches."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any, NoReturn, Self

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from prometheus_client import Gauge, Histogram

from chassis.errors import DomainError, Kind, TransientError
from chassis.logs import get_logger

logger = get_logger(__name__)

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
_Behaviour = Callable[[Any, Any], Any]

OWN_SERVICES = ("/grpc.health.v1.", "/grpc.reflection.")
_CODES: dict[Kind, grpc.StatusCode] = {kind: grpc.StatusCode[kind.value] for kind in Kind}
_STATUS_OF = {number.value[0]: number for number in grpc.StatusCode}
_RESUME_AFTER = timedelta(seconds=1)

_SECONDS = Histogram(
    "rpc_server_call_duration_seconds",
    "Duration of a call, streams included, from its start to its status",
    ["rpc_method", "rpc_status_code"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)
_OPEN = Gauge("rpc_server_open_streams", "Streams open now", ["rpc_method"])


class ServerStoppingError(TransientError):
    """This server is stopping; another one takes over."""

    reason = "SERVER_STOPPING"

    def __init__(self) -> None:
        super().__init__("The server is stopping. Resume on another one.", delay=_RESUME_AFTER)


class DeadlineError(DomainError):
    """The call exceeded the deadline that the server sets for calls without one."""

    kind = Kind.DEADLINE_EXCEEDED
    reason = "SERVER_DEADLINE"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The call took longer than {seconds:g} s.", metadata={"seconds": f"{seconds:g}"}
        )


class InternalError(DomainError):
    """An internal fault, of which a caller learns no detail."""

    def __init__(self) -> None:
        super().__init__("Internal error.")


def to_status(error: DomainError, domain: str) -> Any:
    """Translate a domain error to a gRPC status with `google.rpc` details."""
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=domain, metadata=dict(error.metadata)
    )
    details = [info]
    if isinstance(error, TransientError) and error.delay is not None:
        delay = duration_pb2.Duration()
        delay.FromTimedelta(error.delay)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        wrapped = any_pb2.Any()
        wrapped.Pack(detail)
        packed.append(wrapped)
    code: int = _CODES[error.kind].value[0]
    return rpc_status.to_status(status_pb2.Status(code=code, message=error.message, details=packed))


class CallInterceptor(grpc.aio.ServerInterceptor):
    """The outermost interceptor. It does not wrap the messages that a client streams."""

    def __init__(
        self,
        *,
        domain: str,
        unary_timeout: timedelta,
        timeouts: Mapping[str, timedelta | None],
    ) -> None:
        self._domain = domain
        self._unary_timeout = unary_timeout
        self._timeouts = timeouts
        self._stopping = False
        self._watches: set[asyncio.Task[Any]] = set()  # waiting for their next message
        self._own: set[asyncio.Task[Any]] = set()  # streams of health and reflection

    def end_watches(self) -> None:
        """End response streams without a deadline with UNAVAILABLE, so that callers reconnect."""
        self._stopping = True
        for task in self._watches | self._own:
            task.cancel()

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Wrap the handler of a call."""
        handler = await continuation(handler_call_details)
        path = handler_call_details.method
        if handler is None:
            return handler
        if path.startswith(OWN_SERVICES):
            self._note_own(handler)
            return handler
        make = MAKERS[handler.request_streaming, handler.response_streaming]
        behaviour = getattr(handler, make.__name__.removesuffix("_rpc_method_handler"))
        method = path.removeprefix("/")
        streams = handler.request_streaming or handler.response_streaming
        timeout = self._timeouts.get(method, None if streams else self._unary_timeout)
        wrapped = (
            self._stream(behaviour, method, timeout)
            if handler.response_streaming
            else self._single(behaviour, method, timeout, streams=streams)
        )
        return make(wrapped, handler.request_deserializer, handler.response_serializer)

    def _note_own(self, handler: Any) -> None:
        # Otherwise a health watch would delay the shutdown for the whole grace period.
        task = asyncio.current_task()
        if handler.response_streaming and task is not None:
            self._own.add(task)
            task.add_done_callback(self._own.discard)

    def _single(
        self, behaviour: _Behaviour, method: str, timeout: timedelta | None, *, streams: bool
    ) -> _Behaviour:
        async def call(request: Any, context: Any) -> Any:
            with _Call(method, context, streams=streams) as record:
                limit = _limit(timeout, context)
                deadline = asyncio.timeout(limit)
                try:
                    async with deadline:
                        return await behaviour(request, context)
                except Exception as error:  # noqa: BLE001 - every type is translated
                    over = limit if deadline.expired() else None
                    seen = error if over is None else DeadlineError(over)
                    await self._abort(seen, record, context)

        return call

    def _stream(self, behaviour: _Behaviour, method: str, timeout: timedelta | None) -> _Behaviour:
        async def call(request: Any, context: Any) -> AsyncIterator[Any]:
            with _Call(method, context, streams=True) as record:
                try:
                    async with (
                        aclosing(behaviour(request, context)) as messages,
                        aclosing(self._guarded(messages, _limit(timeout, context))) as guarded,
                    ):
                        async for message in guarded:
                            yield message
                except Exception as error:  # noqa: BLE001 - every type is translated
                    await self._abort(error, record, context)

        return call

    async def _guarded(self, messages: Any, limit: float | None) -> AsyncGenerator[Any, None]:
        """Limit the wait for each message, but not sending it, which depends on the client."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        ends = None if limit is None else asyncio.get_running_loop().time() + limit
        while True:
            if self._stopping and ends is None:
                raise ServerStoppingError
            if ends is None:
                self._watches.add(task)
            deadline = asyncio.timeout_at(ends)
            try:
                async with deadline:
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if deadline.expired() and limit is not None:
                    raise DeadlineError(limit) from None
                raise
            except asyncio.CancelledError:
                # Cancelled by end_watches: a client that cancels leaves the set first.
                if self._stopping and task in self._watches and task.uncancel() == 0:
                    raise ServerStoppingError from None
                raise
            finally:
                self._watches.discard(task)
            yield message

    async def _abort(self, error: Exception, record: "_Call", context: Any) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            record.code = _name(context.code())
            raise error
        if not isinstance(error, DomainError):
            logger.error("call failed", method=record.method, exc_info=error)
            error = InternalError()
        elif error.kind is Kind.INTERNAL:
            logger.error("call failed", method=record.method, reason=error.reason, exc_info=error)
            error = InternalError()
        record.code = error.kind.value
        await context.abort_with_status(to_status(error, self._domain))
        raise AssertionError


class _Call:
    """Measures one call."""

    def __init__(self, method: str, context: Any, *, streams: bool) -> None:
        self.method = method
        self.code = "OK"
        self._context = context
        self._streams = streams
        self._started = time.perf_counter()

    def __enter__(self) -> Self:
        if self._streams:
            _OPEN.labels(self.method).inc()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._streams:
            _OPEN.labels(self.method).dec()
        if kind is not None and self.code == "OK":
            # Cancelled, or closed by the client during a stream.
            remaining = self._context.time_remaining()
            late = remaining is not None and remaining <= 0
            self.code = "DEADLINE_EXCEEDED" if late else "CANCELLED"
        elif self.code == "OK":
            self.code = _name(self._context.code())  # a handler may set a code and return
        elapsed = time.perf_counter() - self._started
        _SECONDS.labels(self.method, self.code).observe(elapsed)


def _name(code: Any) -> str:
    """Return the name of a code, which grpc.aio gives as an enum, a number, or not at all."""
    if isinstance(code, int):
        code = _STATUS_OF.get(code, grpc.StatusCode.UNKNOWN)
    return code.name if isinstance(code, grpc.StatusCode) else "OK"


def _limit(timeout: timedelta | None, context: Any) -> float | None:
    """Return the limit of the server; gRPC itself enforces the deadline of a client."""
    if timeout is None or context.time_remaining() is not None:
        return None
    return timeout.total_seconds()


MAKERS: dict[tuple[bool, bool], Any] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
