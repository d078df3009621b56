"""Connections to PostgreSQL: a pool for each of the two roles, and the named queries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosql
import asyncpg
from aiosql.adapters.asyncpg import AsyncPGAdapter

from chassis.logs import get_logger
from services.jobs.errors import OldSchemaError, OldServerError, StoreUnavailableError

SQL_FOLDER = Path(__file__).parent / "sql"


class _Adapter(AsyncPGAdapter):
    """Runs queries on the connection it is given.

    The library's own asks with each query whether that is a pool, which took 4 % of the time of
    the service.
    """

    async def select(
        self, conn: Any, query_name: str, sql: str, parameters: Any, _record_class: Any = None
    ) -> AsyncIterator[asyncpg.Record]:
        for row in await conn.fetch(sql, *_ordered(self, query_name, parameters)):
            yield row

    async def select_one(
        self, conn: Any, query_name: str, sql: str, parameters: Any, _record_class: Any = None
    ) -> asyncpg.Record | None:
        return await conn.fetchrow(sql, *_ordered(self, query_name, parameters))

    async def select_value(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:
        return await conn.fetchval(sql, *_ordered(self, query_name, parameters))

    async def insert_update_delete(
        self, conn: Any, query_name: str, sql: str, parameters: Any
    ) -> Any:
        return await conn.execute(sql, *_ordered(self, query_name, parameters))


def _ordered(adapter: Any, query_name: str, parameters: Any) -> Any:
    return adapter.maybe_order_params(query_name, parameters)


_adapter: Any = _Adapter
QUERIES: Any = aiosql.from_path(SQL_FOLDER / "queries.sql", _adapter, mandatory_parameters=False)

# What asyncpg raises when the server is away, restarts, is short of something, or ends the session.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that has just become a standby, or is restored
    asyncpg.InterfaceError,
    # A COMMIT at the moment in which the server dies: "another operation is in progress".
    # So is a server that may only be read: "target session attribute not matched".
    asyncpg.InternalClientError,
)
# A connection that this happened to is not used again.
_SPOILT = (
    TimeoutError,
    asyncio.CancelledError,
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
)
# No statement of ours takes a second. A server that answers none for so long is not there, though
# its line may seem to be: nobody says goodbye when a machine loses its power. Below the deadline
# of any call, so that its caller still hears what is wrong.
_SILENCE_SECONDS = 15.0
# The same the other way round: the server ends a transaction whose replica says nothing any more,
# or the rows that it holds would be held for ever. Above the longest wait for the broker.
_IDLE_IN_TRANSACTION = "15s"
# And where it is the server's own answer that nobody takes.
_UNACKNOWLEDGED = "15s"
# And where the line fell silent between the two halves of a statement, what to prepare and what to
# run: such a session is not idle, no statement of it runs, and it would hold its rows for ever.
_LONGEST_TRANSACTION = "30s"
_CLOSE_SECONDS = 2.0
_log = get_logger(__name__)


@dataclass(frozen=True)
class Database:
    """Two pools on one database: `caller` stands behind the site wall, `system` does not."""

    caller: asyncpg.Pool
    system: asyncpg.Pool

    async def check(self) -> None:
        """Ask for a sign of life.

        Raises:
            StoreUnavailableError: there is none.
        """
        async with transaction(self.system) as connection:
            await connection.fetchval("SELECT 1")


@asynccontextmanager
async def open_database(url: str, *, connections: int) -> AsyncIterator[Database]:
    """Connect, waiting for the server for as long as it takes.

    Raises:
        OldServerError: the server is older than PostgreSQL 17.
    """
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(_pool(url, role, connections))
            for role in ("carina_caller", "carina_system")
        ]
        yield Database(*pools)


@asynccontextmanager
async def transaction(pool: asyncpg.Pool, **options: Any) -> AsyncIterator[Any]:
    """Run one transaction.

    Not by asyncpg's own context manager: that rolls back in any case, which waits for an answer
    that did not come to the statement before, and turns a cancellation into another error.

    Raises:
        StoreUnavailableError: the server is away, or ended the transaction for its own reasons.
    """
    try:
        connection = await pool.acquire(timeout=_SILENCE_SECONDS)
        try:
            block = connection.transaction(**options)
            await block.start()
            try:
                yield connection
            except _SPOILT:
                raise
            except BaseException:
                with suppress(*_AWAY):
                    await block.rollback()
                raise
            await block.commit()
        except _SPOILT:
            # The next transaction gets a new one: the pool gives out the last one first.
            connection.terminate()
            raise
        finally:
            # What was committed stays so, though the connection breaks on its way back.
            with suppress(*_AWAY):
                await pool.release(connection, timeout=_SILENCE_SECONDS)
    except _AWAY as error:
        raise StoreUnavailableError from error


async def require_current_schema(database: Database) -> None:
    """Refuse to run on a schema older than this code.

    Raises:
        OldSchemaError: migrations are missing.
    """
    needed = newest_migration()
    async with transaction(database.system) as connection:
        try:
            found = await QUERIES.schema_version(connection)
        except asyncpg.UndefinedTableError:
            found = None
    if found is None or found < needed:
        raise OldSchemaError(found or "", needed)


def newest_migration() -> str:
    """Return the version that the newest migration file brings."""
    return max(path.name.split("_")[0] for path in (SQL_FOLDER / "migrations").glob("*.sql"))


@asynccontextmanager
async def _pool(url: str, role: str, connections: int) -> AsyncIterator[asyncpg.Pool]:
    pool = await _open_pool(url, role, connections)
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()
        except _AWAY as error:
            _log.warning("connections not closed in order", error=type(error).__name__)


async def _open_pool(url: str, role: str, connections: int) -> asyncpg.Pool:
    delay = 0.2
    while True:
        try:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                command_timeout=_SILENCE_SECONDS,
                # A standby, or a server that is still being restored, is waited for.
                target_session_attrs="read-write",
                # asyncpg closes statements that are too old, and waits for that without an end.
                max_cached_statement_lifetime=0,
                # Scope is set for each transaction alone, so there is nothing to reset.
                reset=_nothing,
                server_settings={
                    "role": role,
                    "application_name": "carina-jobs",
                    "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION,
                    "transaction_timeout": _LONGEST_TRANSACTION,
                    "tcp_user_timeout": _UNACKNOWLEDGED,
                },
            )
        except asyncpg.UndefinedObjectError as error:
            raise OldServerError from error
        except _AWAY as error:
            _log.warning("waiting for PostgreSQL", error=type(error).__name__)
            await asyncio.sleep(delay)
            delay = min(2 * delay, 2.0)


async def _nothing(_connection: asyncpg.Connection) -> None:
    return
