"""The errors that the client raises."""

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


class CarinaError(Exception):
    """The call failed; if it is not one of the subclasses, the service itself is at fault.

    `reason` is one of the reasons in `docs/api.md`, or empty if the answer came from a proxy or
    from the transport. `metadata` holds the values that the message mentions.
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
        """Return the message, followed by the reason."""
        return f"{self.message} [{self.reason or self.code.name}]"


class RefusedError(CarinaError):
    """The call can never work as it stands: invalid, not allowed, or over a limit."""


class UnavailableError(CarinaError):
    """The service did not answer in time or at all; the same call may work later."""


_UNAVAILABLE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    # A stopping server answers this to calls that it accepted but did not start. Cancelling a call
    # locally raises asyncio.CancelledError instead.
    grpc.StatusCode.CANCELLED,
}
_FAULT = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNIMPLEMENTED,
}


def from_rpc_error(error: grpc.aio.AioRpcError) -> CarinaError:
    """Turn an error of gRPC into one of ours."""
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
    """Return the ErrorInfo of an answer, or None if it has no readable one."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # The trailers contradict the status: a proxy has rewritten one of them.
        return None
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(info):
            return info
    return None
