"""What can go wrong for a caller, in one vocabulary."""

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


class CarinaError(Exception):
    """The service answered with an error; this class itself stands for a fault of the service.

    `reason` is a word of the catalogue in `docs/api.md`, or empty where the answer came from a
    proxy or from the transport. `metadata` repeats the values that the message names.
    """

    def __init__(
        self,
        *,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        metadata: Mapping[str, str] = NO_DETAILS,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = MappingProxyType(dict(metadata))

    def __str__(self) -> str:
        """Return the sentence with the reason behind it."""
        return f"{self.message} [{self.reason or self.code.name}]"


class RefusedError(CarinaError):
    """The call can never work as it stands: wrong input, not allowed, over a limit."""


class UnavailableError(CarinaError):
    """The service could not be reached, or not in time; the same call may work later."""


_UNAVAILABLE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    # What a server that ends says of a call that it had taken and not begun. Whoever cancels a
    # call of their own gets asyncio.CancelledError instead.
    grpc.StatusCode.CANCELLED,
}
_FAULT = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNIMPLEMENTED,
}


def from_rpc_error(error: grpc.aio.AioRpcError) -> CarinaError:
    """Turn what gRPC raised into the error that a caller of the client sees."""
    code = error.code()
    kind = CarinaError
    if code in _UNAVAILABLE:
        kind = UnavailableError
    elif code not in _FAULT:
        kind = RefusedError
    info = error_info(error)
    message = error.details() or code.name
    if info is None:
        return kind(code=code, reason="", message=message)
    return kind(code=code, reason=info.reason, message=message, metadata=info.metadata)


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    """Return the ErrorInfo that an answer carries, or None where it has none that can be read."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # The trailers contradict the status: a proxy rewrote one of the two.
        return None
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(info):
            return info
    return None
