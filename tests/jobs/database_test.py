"""Transactions end as they should, whatever happens to them or to their line."""

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
    """The pools of a replica, of two connections each."""
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
        # The rest of the service has its connections.
        await asyncio.gather(*(database.check() for _ in range(4)))
    assert task.cancelled()


async def test_a_deadline_within_a_transaction_is_the_deadline_of_whoever_set_it(
    database: Database,
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await execute(database, "SELECT pg_sleep(60)")


async def test_what_breaks_within_a_transaction_is_rolled_back_and_raised(
    database: Database,
) -> None:
    async def break_off() -> None:
        async with transaction(database.system) as connection:
            await connection.execute("CREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT 1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    with pytest.raises(asyncpg.UndefinedTableError):
        await execute(database, "SELECT * FROM gone")


async def test_a_server_that_is_short_of_something_or_stops_a_statement_is_waited_for(
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


async def test_a_line_that_has_fallen_silent_does_not_hold_up_the_end(
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


async def test_a_line_that_breaks_within_a_statement_does_not_hold_its_rows_for_ever(
    postgres: Postgres,
    postgres_url: str,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "services.jobs.storage.database._IDLE_IN_TRANSACTION", "1s"
    )  # does not count
    monkeypatch.setattr("services.jobs.storage.database._LONGEST_TRANSACTION", "2s")
    proxy = Proxy(tmp_path / ".s.PGSQL.5432", postgres.socket_folder / ".s.PGSQL.5432")
    await proxy.start()
    far = postgres_url.replace(str(postgres.socket_folder), str(tmp_path))
    async with open_database(far, connections=1) as unplugged:
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
        # With an argument, so the server prepares it and waits to be told to run it.
        await connection.execute("DELETE FROM outbox WHERE attempt = $1", 0)


async def until(database: Database, condition: str) -> None:
    async with asyncio.timeout(10):
        while True:
            async with transaction(database.system) as connection:
                if await connection.fetchval(f"SELECT {condition}"):
                    return
            await asyncio.sleep(0.05)
