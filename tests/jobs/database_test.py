"""Transactions end correctly, whatever happens to them or to their connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from services.jobs.commands.migrate import migrate
from services.jobs.errors import StoreUnavailableError
from services.jobs.storage.database import Database, open_database, transaction
from tests.support.proxy import Proxy


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """The connection pools of a replica, with two connections each."""
    await migrate(postgres_url)
    async with open_database(postgres_url, connections=2) as opened:
        yield opened


async def execute(database: Database, *statements: str) -> None:
    async with transaction(database.system) as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_a_cancellation_ends_a_transaction_and_its_task(database: Database) -> None:
    waiting = asyncio.Event()

    async def wait() -> None:
        async with transaction(database.system) as connection:
            waiting.set()
            await connection.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(wait())
    async with asyncio.timeout(10):
        await waiting.wait()
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait({task})
        # All connections are available to the rest of the service.
        await asyncio.gather(*(database.check() for _ in range(4)))
    assert task.cancelled()


async def test_a_timeout_of_the_caller_within_a_transaction_is_raised_as_such(
    database: Database,
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await execute(database, "SELECT pg_sleep(60)")


async def test_an_error_within_a_transaction_is_raised_after_a_rollback(
    database: Database,
) -> None:
    async def fail() -> None:
        async with transaction(database.system) as connection:
            await connection.execute("CREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT 1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(asyncpg.UndefinedTableError):
        await execute(database, "SELECT * FROM gone")


async def test_errors_of_limits_and_read_only_mode_count_as_unavailable(
    database: Database,
) -> None:
    for setting, statement in (
        ("statement_timeout = '10ms'", "SELECT pg_sleep(60)"),
        ("transaction_read_only = on", "DELETE FROM outbox"),
        ("transaction_timeout = 0; SET LOCAL transaction_timeout = '10ms'", "SELECT pg_sleep(60)"),
    ):
        with pytest.raises(StoreUnavailableError):
            await execute(database, f"SET LOCAL {setting}", statement)
    await database.check()


async def test_a_silent_connection_does_not_delay_the_shutdown(
    postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    await migrate(postgres_url)
    proxy = Proxy(tmp_path / ".s.PGSQL.5432", postgres.socket_folder / ".s.PGSQL.5432")
    await proxy.start()
    url = postgres_url.replace(str(postgres.socket_folder), str(tmp_path))
    async with asyncio.timeout(30):
        async with open_database(url, connections=2) as database:
            await database.check()
            proxy.freeze()
            hanging = asyncio.create_task(database.check())
            await asyncio.sleep(0.1)
        with pytest.raises(StoreUnavailableError):
            await hanging
    await proxy.stop()


async def test_a_connection_lost_within_a_statement_does_not_keep_its_locks_forever(
    postgres: Postgres,
    postgres_url: str,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "services.jobs.storage.database._IDLE_IN_TRANSACTION", "1s"
    )  # does not apply within a statement
    monkeypatch.setattr("services.jobs.storage.database._LONGEST_TRANSACTION", "2s")
    proxy = Proxy(tmp_path / ".s.PGSQL.5432", postgres.socket_folder / ".s.PGSQL.5432")
    await proxy.start()
    proxied = postgres_url.replace(str(postgres.socket_folder), str(tmp_path))
    async with open_database(proxied, connections=1) as unplugged:
        async with transaction(database.system) as blocking:
            await blocking.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            holding = asyncio.create_task(lock_and_delete(unplugged))
            await until(database, "EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
            proxy.freeze()
        await until(database, "pg_try_advisory_xact_lock(7)")
        holding.cancel()
        await asyncio.wait({holding})
    await proxy.stop()


async def lock_and_delete(database: Database) -> None:
    async with transaction(database.system) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(7)")
        # With an argument, so that the server prepares it and then waits for the execute message.
        await connection.execute("DELETE FROM outbox WHERE attempt = $1", 0)


async def until(database: Database, condition: str) -> None:
    async with asyncio.timeout(10):
        while True:
            async with transaction(database.system) as connection:
                if await connection.fetchval(f"SELECT {condition}"):
                    return
            await asyncio.sleep(0.05)
