"""Keepalive pings of HTTP/2, sent by hand: no client library lets a test choose their pace."""

import asyncio
from contextlib import suppress

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # and empty SETTINGS
_PING_FRAME = b"\x00\x00\x08\x06" + bytes(13)
PING, GOAWAY = 6, 7  # types of frames


async def pinged(port: int, *, times: int, every: float) -> list[int]:
    """Ping a server on an idle connection; return the types of the frames that came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen: list[int] = []

    async def read() -> None:
        # A connection with pings in flight may be reset.
        with suppress(ConnectionError):
            while head := await reader.read(9):
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                seen.append(head[3])

    reading = asyncio.create_task(read())
    writer.write(_PREFACE)
    for _ in range(times):
        await asyncio.sleep(every)
        if not reading.done():
            writer.write(_PING_FRAME)
    await asyncio.sleep(every)
    writer.close()
    await reading
    return seen
