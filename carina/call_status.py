"""The status that the server really sent for a call that streams its request."""

from collections.abc import Coroutine
from typing import Any

import grpc
from grpc.aio import AioRpcError

# grpc.aio replaces the status with this when a write fails, even after the server's own status has
# arrived: otherwise one in ten refused uploads would be reported as INTERNAL.
_OVERWRITTEN = "Internal error from Core"


class CallStatus:
    """Remembers the status that the server sent, even if a write fails afterwards."""

    def __init__(self, call: Any) -> None:
        self._sent: AioRpcError | None = None
        call.add_done_callback(self._note)

    def error(self, raised: AioRpcError) -> AioRpcError:
        """Return the server's status, or the error that was raised if none arrived."""
        return self._sent or raised

    def _note(self, call: Any) -> None:
        """Called whenever a status is set, while that status can still be read."""
        code: grpc.StatusCode = _result(call.code())
        details: str = _result(call.details())
        if code is not grpc.StatusCode.OK and details != _OVERWRITTEN:
            self._sent = AioRpcError(
                code,
                initial_metadata=grpc.aio.Metadata(),
                trailing_metadata=_result(call.trailing_metadata()),
                details=details,
            )


def _result(ready: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that does not have to wait."""
    try:
        ready.send(None)
    except StopIteration as finished:
        return finished.value
    ready.close()
    raise RuntimeError("the call has not ended")
