"""Authenticates gRPC calls: the bearer token of a call becomes its principal."""

from typing import Any, NoReturn

import grpc

from chassis.auth import TokenVerifier, bearer_token, set_principal
from chassis.errors import DomainError
from chassis.grpc_calls import OWN_SERVICES, Continuation


class AuthInterceptor(grpc.aio.ServerInterceptor):
    """Runs inside the interceptor that translates errors; health and reflection are public."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Set `current_principal()` for the handler, or refuse the call."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(OWN_SERVICES):
            return handler
        header = next(
            (
                value
                for name, value in handler_call_details.invocation_metadata
                if name == "authorization"
            ),
            None,
        )
        try:
            text = header.decode("latin-1") if isinstance(header, bytes) else header
            # The handler runs in this task, so it sees this context.
            set_principal(await self._verifier.verify(bearer_token(text)))
        except DomainError as error:
            return _refusing(handler, error)
        return handler


def _refusing(handler: Any, error: DomainError) -> Any:
    """Return a handler of the same kind that raises; the outer interceptor translates it."""

    async def refuse(_request: Any, _context: Any) -> NoReturn:
        raise error

    async def refuse_stream(_request: Any, _context: Any) -> Any:
        raise error
        yield  # makes it a stream

    kinds: dict[tuple[bool, bool], Any] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[handler.request_streaming, handler.response_streaming]
    behaviour = refuse_stream if handler.response_streaming else refuse
    return make(behaviour, handler.request_deserializer, handler.response_serializer)
