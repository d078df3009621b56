"""One NATS connection: made in the background, given up when its line takes nothing any more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

import nats.errors
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from chassis.logs import get_logger
from chassis.retry import RetryPolicy, reason_of, retry
from chassis.stopping import cancel_and_wait

logger = get_logger(__name__)

# nats-py itself tries for ever; what it raises all the same, such as a refused login, may change.
_CONNECT = RetryPolicy(on=(Exception,), first=timedelta(seconds=1), longest=timedelta(seconds=1))
_PING_SECONDS = 20  # a dead server is seen after 40 to 60 s, not after 4 minutes
_FLUSH_SECONDS = 2
_CLOSE = timedelta(seconds=4)

Changed = Callable[[bool], Awaitable[None]]


class _Line(TcpTransport):
    """The line to the server, which ends at once and has one word for being broken.

    nats-py waits, before it connects anew or ends, until all that was written has been taken: for
    a quarter of an hour where the other side was unplugged.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __bool__(self) -> bool:
        return True  # or nats-py replaces what is not connected yet

    def close(self) -> None:
        if self._io_writer is not None:
            self._io_writer.transport.abort()

    def write(self, payload: bytes) -> None:
        self.writelines([payload])

    def writelines(self, payload: Iterable[bytes]) -> None:
        try:
            super().writelines(payload)  # type: ignore[no-untyped-call]
        except RuntimeError as error:  # uvloop's word for it, which would end nats-py's tasks
            raise ConnectionResetError from error


class _Reporter:
    """Logs what happens to the connection, once, and passes it on."""

    def __init__(self, client: Client, changed: Changed) -> None:
        self._client = client
        self._changed = changed
        self._waiting = False

    async def on_error(self, error: Exception) -> None:
        if self._client.is_connected:
            logger.warning("nats error", reason=reason_of(error))
        elif not self._waiting:
            # nats-py reports each attempt; one line for each wait is enough.
            self._waiting = True
            logger.info("waiting", waiting_for="nats", reason=reason_of(error))

    async def on_disconnected(self) -> None:
        if not self._client.is_closed:
            logger.warning("disconnected", server="nats")
        await self._changed(self._client.is_connected)

    async def on_connected(self) -> None:
        self._waiting = False
        logger.info("connected", server="nats")
        await self._changed(self._client.is_connected)


@asynccontextmanager
async def kept_connected(
    client: Client, url: str, *, name: str, changed: Changed
) -> AsyncIterator[None]:
    """Connect in the background, for as long as it takes; `url` may list several by comma.

    `changed` is told of each connection that is made or lost, the first one too.
    """
    line = client._transport = _Line()  # noqa: SLF001 - nats-py has no other door for it
    connecting = asyncio.create_task(_connect(client, url, name, _Reporter(client, changed)))
    try:
        yield
    finally:
        await cancel_and_wait([connecting])
        closing = asyncio.create_task(_close(client, connected=not connecting.cancelled()))
        await asyncio.wait({closing}, timeout=_CLOSE.total_seconds())
        line.close()
        await cancel_and_wait([closing])


async def _close(client: Client, *, connected: bool) -> None:
    if not connected:
        return
    # Not drain(): our consumers have stopped, and it waits for subscriptions that have no task.
    try:
        if client.is_connected:
            await client.flush(timeout=_FLUSH_SECONDS)
    except (nats.errors.Error, TimeoutError, OSError):
        logger.warning("not flushed", server="nats")
    await client.close()


async def _connect(client: Client, url: str, name: str, reporter: _Reporter) -> None:
    servers = [server.strip() for server in url.split(",")]

    async def connect() -> None:
        await client.connect(
            servers,
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=5,
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=2,
            error_cb=reporter.on_error,
            disconnected_cb=reporter.on_disconnected,
            reconnected_cb=reporter.on_connected,
        )

    await retry("NATS", connect, _CONNECT)
    await reporter.on_connected()
