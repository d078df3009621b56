"""What a call that sends a stream really ended with."""

from collections.abc import Coroutine
from typing import Any

import grpc
from grpc.aio import AioRpcError

# grpc.aio puts this in the place of the status when a write fails, also after the server's own
# status has arrived: without care, one refusal in ten of an upload would read "INTERNAL".
_OVERWRITTEN = "Internal error from Core"


class CallStatus:
    """Keeps the status that the server sent, for calls whose writes may fail meanwhile."""

    def __init__(self, call: Any) -> None:
        self._sent: AioRpcError | None = None
        call.add_done_callback(self._note)

    def error(self, raised: AioRpcError) -> AioRpcError:
        """Return what the server sent; what was raised if that never arrived."""
        return self._sent or raised

    def _note(self, call: Any) -> None:
        """Called each time that a status is set, so that the status is there to be read."""
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
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        ready.send(None)
    except StopIteration as finished:
        return finished.value
    ready.close()
    raise RuntimeError("the call is not over")
