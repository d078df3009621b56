"""One NATS connection: opened in the background, and aborted when its socket is stuck."""

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

# nats-py itself retries for ever. What it raises nevertheless, such as a refused login, may change.
_CONNECT = RetryPolicy(on=(Exception,), first=timedelta(seconds=1), longest=timedelta(seconds=1))
_PING_SECONDS = 20  # detects a dead server after 40 to 60 s, not after 4 minutes
_FLUSH_SECONDS = 2
_CLOSE = timedelta(seconds=4)

ConnectionChange = Callable[[bool], Awaitable[None]]


class _AbortingTransport(TcpTransport):
    """A transport that closes at once and raises one kind of error when it is broken.

    Before nats-py reconnects or closes, it waits until the peer has accepted all that was written.
    If the peer lost its power, that takes a quarter of an hour.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __bool__(self) -> bool:
        return True  # otherwise nats-py replaces a transport that is not connected yet

    def close(self) -> None:
        if self._io_writer is not None:
            self._io_writer.transport.abort()

    def write(self, payload: bytes) -> None:
        self.writelines([payload])

    def writelines(self, payload: Iterable[bytes]) -> None:
        try:
            super().writelines(payload)  # type: ignore[no-untyped-call]
        except RuntimeError as error:  # from uvloop; it would end the tasks of nats-py
            raise ConnectionResetError from error


class _Reporter:
    """Logs changes of the connection, once each, and passes them on."""

    def __init__(self, client: Client, changed: ConnectionChange) -> None:
        self._client = client
        self._changed = changed
        self._waiting = False

    async def on_error(self, error: Exception) -> None:
        if self._client.is_connected:
            logger.warning("nats error", reason=reason_of(error))
        elif not self._waiting:
            # nats-py reports each attempt; one line for each outage is enough.
            self._waiting = True
            logger.info("connect failed", server="nats", reason=reason_of(error))

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
    client: Client, url: str, *, name: str, changed: ConnectionChange
) -> AsyncIterator[None]:
    """Connect in the background, for as long as it takes; `url` may list several servers.

    `changed` is called whenever the connection is established or lost, the first time included.
    """
    transport = client._transport = _AbortingTransport()  # noqa: SLF001 - no public way
    connecting = asyncio.create_task(_connect(client, url, name, _Reporter(client, changed)))
    try:
        yield
    finally:
        await cancel_and_wait([connecting])
        closing = asyncio.create_task(_close(client, connected=not connecting.cancelled()))
        await asyncio.wait({closing}, timeout=_CLOSE.total_seconds())
        transport.close()
        await cancel_and_wait([closing])


async def _close(client: Client, *, connected: bool) -> None:
    if not connected:
        return
    # Not drain(): it waits for the tasks of subscriptions, and ours have none.
    try:
        if client.is_connected:
            await client.flush(timeout=_FLUSH_SECONDS)
    except (nats.errors.Error, TimeoutError, OSError):
        logger.warning("flush failed", server="nats")
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
