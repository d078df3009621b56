"""The HTTP server: uvicorn, which leaves signals to `main` and answers half-closed connections."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


class Server(uvicorn.Server):
    """Leaves signals to `main`, which stops more than this server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class HalfClosable(H11Protocol):
    """Answers a client that has closed its sending side behind its request (RFC 9112 section 9.6).

    A client that is gone looks the same until something is written to it, so a handler that may
    have nothing to write for long watches `half_closed` in the state of its request.
    """

    _half_closed: asyncio.Event

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Add the event to the state of every request of this connection."""
        self._half_closed = asyncio.Event()
        self.app_state = self.app_state | {"half_closed": self._half_closed}
        super().connection_made(transport)

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn returns nothing
        """Keep the connection open while a whole request waits for its response."""
        self._half_closed.set()
        # TLS has no half-closed connections in asyncio.
        return self.scheme != "https" and self._owes_response()

    def on_response_complete(self) -> None:
        """Close the connection after the last response."""
        super().on_response_complete()
        if self._half_closed.is_set() and not self._owes_response():
            self.transport.close()

    def _owes_response(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body
