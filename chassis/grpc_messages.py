"""Refuses gRPC messages that cannot be parsed; gRPC itself answers them as faults of the server."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from chassis.errors import UsageError
from chassis.grpc_calls import MAKERS, OWN_SERVICES, Continuation, to_status

_LENGTH_DELIMITED = 2  # the wire type of strings and messages
_MAX_DEPTH = 100  # as protobuf itself limits messages within messages


class InvalidMessageError(UsageError):
    """The bytes are not a message of the method, or a text in it is not UTF-8."""

    reason = "INVALID_MESSAGE"

    def __init__(self, field: str = "") -> None:
        if field:
            super().__init__(f"The text in {field} is not UTF-8.", metadata={"field": field})
        else:
            super().__init__("The bytes are not a message that this method accepts.")


class MessageInterceptor(grpc.aio.ServerInterceptor):
    """The innermost interceptor, so that a caller without a token is told of that first."""

    def __init__(self, *, domain: str) -> None:
        self._domain = domain

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Raise the error where the handler would read the message."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_deserializer is None:
            return handler
        make = MAKERS[handler.request_streaming, handler.response_streaming]
        behaviour = getattr(handler, make.__name__.removesuffix("_rpc_method_handler"))
        # A stream of requests is parsed where the handler reads it, a single request before that.
        read = _reader(handler.request_deserializer, raises=handler.request_streaming)
        if not handler.request_streaming:
            behaviour = _required(behaviour)
        if handler_call_details.method.startswith(OWN_SERVICES):
            # The interceptor that translates errors passes these over.
            behaviour = self._translating(behaviour)
        return make(behaviour, read, handler.response_serializer)

    def _translating(self, behaviour: Any) -> Any:
        if inspect.iscoroutinefunction(behaviour):

            async def single(request: Any, context: Any) -> Any:
                try:
                    return await behaviour(request, context)
                except InvalidMessageError as error:
                    await context.abort_with_status(to_status(error, self._domain))

            return single

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            try:
                async with aclosing(behaviour(request, context)) as messages:
                    async for message in messages:
                        yield message
            except InvalidMessageError as error:
                await context.abort_with_status(to_status(error, self._domain))

        return stream


def _reader(parse: Callable[[bytes], Any], *, raises: bool) -> Callable[[bytes], Any]:
    """Return a parser that raises the error, or returns it in place of the message."""

    def read(raw: bytes) -> Any:
        try:
            return parse(raw)
        except DecodeError:
            # The text of this error names classes.
            kind = getattr(parse, "__self__", None)
            error = InvalidMessageError(_not_utf8(kind.DESCRIPTOR, raw) if kind else "")
        if raises:
            raise error
        return error

    return read


def _required(behaviour: Any) -> Any:
    """Return a behaviour of the same kind that raises an error that it gets as its request."""
    if inspect.iscoroutinefunction(behaviour):

        async def single(request: Any, context: Any) -> Any:
            if isinstance(request, InvalidMessageError):
                raise request
            return await behaviour(request, context)

        return single

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        if isinstance(request, InvalidMessageError):
            raise request
        async with aclosing(behaviour(request, context)) as messages:
            async for message in messages:
                yield message

    return stream


def _not_utf8(message: Descriptor, raw: bytes, depth: int = 0) -> str:
    """Return the path of the first text that is not UTF-8; empty if the message is broken."""
    try:
        # Every field is unknown to Empty, so its bytes are kept without being read.
        fields = UnknownFieldSet(Empty.FromString(raw))
    except DecodeError:
        return ""
    for index in range(len(fields)):
        each = fields[index]
        field = message.fields_by_number.get(each.field_number)
        if field is None or each.wire_type != _LENGTH_DELIMITED:
            continue
        if field.type == FieldDescriptor.TYPE_STRING and not _is_utf8(each.data):
            return field.name
        if field.message_type is not None and depth < _MAX_DEPTH:
            inner = _not_utf8(field.message_type, each.data, depth + 1)
            if inner:
                return f"{field.name}.{inner}"
    return ""


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
