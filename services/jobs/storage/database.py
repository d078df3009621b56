"""Connections to PostgreSQL: a pool for each of the two roles, and the named queries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiosql
import asyncpg
from aiosql.adapters.asyncpg import AsyncPGAdapter

from chassis.logs import get_logger
from chassis.retry import RetryPolicy, reason_of, retry
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
QUERIES: Any = aiosql.from_path(SQL_FOLDER / "queries", _adapter, mandatory_parameters=False)

# What asyncpg raises when the server is unavailable, restarts, runs out of something, or ends the
# session.
_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that became a standby, or is being restored
    asyncpg.InterfaceError,
    # A COMMIT while the server dies: "another operation is in progress". Also a read-only server:
    # "target session attribute not matched".
    asyncpg.InternalClientError,
)
# Faults of the configuration, which an operator mends while the service waits: a wrong password, a
# database or a role that does not exist yet.
_MISCONFIGURED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_UNTIL_IT_SERVES = RetryPolicy(on=(*_UNAVAILABLE, *_MISCONFIGURED), longest=timedelta(seconds=2))
# After one of these a connection is not used again.
_UNUSABLE = (
    TimeoutError,
    asyncio.CancelledError,
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
)
# No statement of ours takes a second. A server that answers none for this long is gone, even if its
# connection still looks open: a machine that loses power does not close its connections. Below the
# deadline of any call, so that its caller still hears what is wrong.
_STATEMENT_TIMEOUT_SECONDS = 15.0
# The same from the server's side: it ends a transaction whose replica has fallen silent, so that
# its rows do not stay locked. Transactions do nothing but run statements, one after the other.
_IDLE_IN_TRANSACTION = "15s"
# The server's answer was not acknowledged.
_UNACKNOWLEDGED = "15s"
# The connection fell silent between the two halves of a statement, prepare and execute: the session
# is not idle and runs no statement, so only this ends it.
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
    """Connect; wait for the server for as long as it takes.

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

    Not asyncpg's own context manager: it always rolls back, which waits for an answer that did not
    come to the statement before, and turns a cancellation into another error.

    Raises:
        StoreUnavailableError: the server is unavailable, or ended the transaction itself.
    """
    try:
        connection = await pool.acquire(timeout=_STATEMENT_TIMEOUT_SECONDS)
        try:
            block = connection.transaction(**options)
            await block.start()
            try:
                yield connection
            except _UNUSABLE:
                raise
            except BaseException:
                with suppress(*_UNAVAILABLE):
                    await block.rollback()
                raise
            await block.commit()
        except _UNUSABLE:
            # So the next transaction gets a new one: the pool gives out the last one first.
            connection.terminate()
            raise
        finally:
            # What was committed stays committed, even if the connection breaks on its way back.
            with suppress(*_UNAVAILABLE):
                await pool.release(connection, timeout=_STATEMENT_TIMEOUT_SECONDS)
    except _UNAVAILABLE as error:
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
        except _UNAVAILABLE as error:
            _log.warning("closing connections failed", reason=reason_of(error))


async def _open_pool(url: str, role: str, connections: int) -> asyncpg.Pool:
    async def attempt() -> asyncpg.Pool:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections,
            command_timeout=_STATEMENT_TIMEOUT_SECONDS,
            # Wait for a standby to be promoted, or a restore to finish.
            target_session_attrs="read-write",
            # asyncpg closes statements that are too old, and waits for that without a timeout.
            max_cached_statement_lifetime=0,
            # Scope is set per transaction, so there is nothing to reset.
            reset=_nothing,
            server_settings={
                "role": role,
                "application_name": "carina-jobs",
                "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION,
                "transaction_timeout": _LONGEST_TRANSACTION,
                "tcp_user_timeout": _UNACKNOWLEDGED,
            },
        )

    try:
        return await retry("PostgreSQL", attempt, _UNTIL_IT_SERVES)
    except asyncpg.UndefinedObjectError as error:
        raise OldServerError from error


async def _nothing(_connection: asyncpg.Connection) -> None:
    return
