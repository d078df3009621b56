"""A proxy between two processes that can cut, delay or freeze their connections.

It sits in front of a TCP port or a Unix socket and does not look at the bytes it forwards.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

_CHUNK = 1 << 16
# SO_LINGER with a timeout of 0: closing sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)

Fault = Literal["none", "cut", "half-open"]


@dataclass(eq=False)
class _Connection:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    open: asyncio.Event
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Listens on `near` and forwards to `far`: a port on 127.0.0.1 or the path of a Unix socket.

    `far` may be set after construction, but before the first connection.
    """

    def __init__(self, near: int | Path, far: int | Path = 0) -> None:
        self.near = near
        self.far = far
        self.latency = timedelta(0)
        self._fault: Fault = "none"
        self._connections: set[_Connection] = set()
        self._abandoned: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Start listening."""
        if isinstance(self.near, Path):
            self._server = await asyncio.start_unix_server(self._accept, self.near)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.near)

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        tasks = [task for connection in self._connections for task in connection.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):
            self._end(connection)

    def cut(self) -> None:
        """Reset all connections, and every new one, until `heal` is called."""
        self._fault = "cut"
        self.reset()

    def freeze(self) -> None:
        """Forward nothing and close nothing: each side sees a peer that is up but silent."""
        self._fault = "half-open"
        for connection in self._connections:
            connection.open.clear()

    def heal(self) -> None:
        """Forward again; bytes held back while frozen are still delivered."""
        self._fault = "none"
        self.latency = timedelta(0)
        for connection in self._connections - self._abandoned:
            connection.open.set()

    def abandon(self) -> None:
        """Never forward anything on the existing connections again; new ones work.

        This is what an unplugged peer looks like: no packet reports it.
        """
        self._abandoned |= self._connections
        for connection in self._connections:
            connection.open.clear()

    def reset(self) -> None:
        """Reset the existing connections; new ones work."""
        for connection in list(self._connections):
            for writer in (connection.near, connection.far):
                with contextlib.suppress(OSError, AttributeError):
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._end(connection)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault == "cut":
            writer.transport.abort()
            return
        try:
            if isinstance(self.far, Path):
                far_reader, far_writer = await asyncio.open_unix_connection(self.far)
            else:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, far_writer, asyncio.Event())
        if self._fault == "none":
            connection.open.set()
        self._connections.add(connection)
        connection.tasks = [
            asyncio.create_task(self._forward(connection, reader, far_writer)),
            asyncio.create_task(self._forward(connection, far_reader, writer)),
        ]
        for task in connection.tasks:
            task.add_done_callback(lambda _: self._end(connection))

    async def _forward(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await connection.open.wait()
                if self.latency:
                    await asyncio.sleep(self.latency.total_seconds())
                writer.write(data)
                await writer.drain()

    def _end(self, connection: _Connection) -> None:
        # When either direction ends, close both: none of our protocols uses half-close.
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._abandoned.discard(connection)
        for task in connection.tasks:
            task.cancel()
        connection.near.transport.abort()
        connection.far.transport.abort()
