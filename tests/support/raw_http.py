"""Requests over HTTP as exact bytes, where a library would tidy them up."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx

BOUNDARY = b"b"


@dataclass(frozen=True)
class Answer:
    """A response as it was read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Line:
    """A connection to a gateway that writes what it is given."""

    def __init__(
        self, gateway: httpx.AsyncClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._token = gateway.headers["authorization"].encode()

    def send(self, method: str, target: bytes, *headers: bytes, body: bytes | None = None) -> None:
        """Write a request with a token, and with the length of its body if it has one."""
        lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: x", *headers]
        lines.append(b"Authorization: " + self._token)
        if body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        self.writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))

    def half_close(self) -> None:
        """Close the sending side."""
        self.writer.write_eof()

    async def head(self) -> Answer:
        """Read the head of a response."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Answer(
            int(first.split()[1]), {name.lower(): text for name, text in headers.items()}, b""
        )

    async def answer(self) -> Answer:
        """Read a whole response: as long as it says, or until the connection is closed."""
        head = await self.head()
        async with asyncio.timeout(10):
            if "content-length" in head.headers:
                body = await self.reader.readexactly(int(head.headers["content-length"]))
            else:
                body = await self.reader.read()
        return Answer(head.status, head.headers, body)


async def open_line(gateway: httpx.AsyncClient) -> Line:
    """Open a connection."""
    url = gateway.base_url
    return Line(gateway, *await asyncio.open_connection(url.host, url.port))


async def ask(
    gateway: httpx.AsyncClient,
    method: str,
    target: bytes,
    *headers: bytes,
    body: bytes | None = None,
) -> Answer:
    """Make one request on a connection of its own."""
    line = await open_line(gateway)
    try:
        line.send(method, target, *headers, body=body)
        return await line.answer()
    finally:
        line.writer.close()


def part(disposition: bytes, data: bytes, *headers: bytes) -> bytes:
    """Return one part of a form, with what comes before it."""
    lines = [b"--" + BOUNDARY, b"Content-Disposition: form-data; " + disposition, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + data + b"\r\n"


async def send_form(
    gateway: httpx.AsyncClient, target: str, *parts: bytes, parameters: bytes = b""
) -> Answer:
    """Send a form of parts that are as exact as they are given."""
    body = b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"
    content_type = b"Content-Type: multipart/form-data; boundary=" + BOUNDARY + parameters
    return await ask(gateway, "POST", target.encode(), content_type, body=body)
