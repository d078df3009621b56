"""A proxy between two processes whose line can be cut, slowed or left half-open.

It stands before a TCP port or a unix socket and knows nothing of what passes through.
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
# RST instead of FIN: linger on, for no time.
_RESET = struct.pack("ii", 1, 0)

Fault = Literal["none", "cut", "half-open"]


@dataclass(eq=False)
class _Line:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    open: asyncio.Event
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Listens on `near`, passes on to `far`: a port of 127.0.0.1 or the path of a socket.

    `far` may be set later, before the first connection is made.
    """

    def __init__(self, near: int | Path, far: int | Path = 0) -> None:
        self.near = near
        self.far = far
        self.latency = timedelta(0)
        self._fault: Fault = "none"
        self._lines: set[_Line] = set()
        self._abandoned: set[_Line] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        if isinstance(self.near, Path):
            self._server = await asyncio.start_unix_server(self._accept, self.near)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.near)

    async def stop(self) -> None:
        """End every line and listen no longer."""
        if self._server is not None:
            self._server.close()
        tasks = [task for line in self._lines for task in line.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for line in list(self._lines):
            self._end(line)

    def cut(self) -> None:
        """Reset every line, and each new one, until it is mended."""
        self._fault = "cut"
        self.reset()

    def freeze(self) -> None:
        """Pass nothing on and close nothing: the other side seems to be there and is silent."""
        self._fault = "half-open"
        for line in self._lines:
            line.open.clear()

    def mend(self) -> None:
        """Pass everything on again; what was held back while it was frozen is still delivered."""
        self._fault = "none"
        self.latency = timedelta(0)
        for line in self._lines - self._abandoned:
            line.open.set()

    def abandon(self) -> None:
        """Pass nothing on any more on the lines there are, ever; new ones work.

        So is a line whose other side was unplugged: no packet tells.
        """
        self._abandoned |= self._lines
        for line in self._lines:
            line.open.clear()

    def reset(self) -> None:
        """Reset the lines there are; new ones work."""
        for line in list(self._lines):
            for writer in (line.near, line.far):
                with contextlib.suppress(OSError, AttributeError):
                    connection = writer.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._end(line)

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
        line = _Line(writer, far_writer, asyncio.Event())
        if self._fault == "none":
            line.open.set()
        self._lines.add(line)
        line.tasks = [
            asyncio.create_task(self._pass_on(line, reader, far_writer)),
            asyncio.create_task(self._pass_on(line, far_reader, writer)),
        ]
        for task in line.tasks:
            task.add_done_callback(lambda _: self._end(line))

    async def _pass_on(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await line.open.wait()
                if self.latency:
                    await asyncio.sleep(self.latency.total_seconds())
                writer.write(data)
                await writer.drain()

    def _end(self, line: _Line) -> None:
        # Either half that ends takes the other with it: none of our protocols half-closes.
        if line not in self._lines:
            return
        self._lines.discard(line)
        self._abandoned.discard(line)
        for task in line.tasks:
            task.cancel()
        line.near.transport.abort()
        line.far.transport.abort()
