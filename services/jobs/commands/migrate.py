"""Brings the database to the newest schema: `python -m services.jobs.commands.migrate`.

dbmate applies the plain SQL files. It takes no lock of its own, so one is held around it: two
replicas, or a chart and an operator, may start it at once.
"""

import asyncio
import sys
import sysconfig
from pathlib import Path

import asyncpg

from chassis.config import load_config
from chassis.logs import get_logger
from services.jobs.config import DatabaseConfig
from services.jobs.storage.database import SQL_FOLDER

# Any constant number will do, as long as nobody else on the database uses it: "carina" in ASCII.
_LOCK = 0x636172696E61
_ATTEMPTS = 60
_LOCK_POLL_SECONDS = 0.2
MIGRATIONS = SQL_FOLDER / "migrations"
_log = get_logger(__name__)


async def migrate(database_url: str, *, migrations: Path = MIGRATIONS) -> None:
    """Apply what is missing of a folder of migrations.

    Raises:
        RuntimeError: dbmate failed; its words are in the message.
    """
    connection = await _connect(database_url)
    try:
        await _lock(connection)
        dbmate = await asyncio.create_subprocess_exec(
            # Installed beside this interpreter, which need not be on the PATH.
            str(Path(sysconfig.get_path("scripts"), "dbmate")),
            *("--url", _with_sslmode(database_url)),
            *("--migrations-dir", str(migrations)),
            *("--no-dump-schema", "migrate"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await dbmate.communicate()
        if dbmate.returncode != 0:
            raise RuntimeError(f"dbmate: {output.decode(errors='replace').strip()}")
        _log.info("schema is current")
    finally:
        await connection.close()


async def _lock(connection: asyncpg.Connection) -> None:
    """Hold the lock until the connection ends.

    It is asked for again and again: a statement that waited for it would be waited for by CREATE
    INDEX CONCURRENTLY of whoever holds it, for ever.
    """
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            return
        await asyncio.sleep(_LOCK_POLL_SECONDS)


async def _connect(database_url: str) -> asyncpg.Connection:
    for attempt in range(_ATTEMPTS):
        try:
            return await asyncpg.connect(database_url)
        except (OSError, asyncpg.CannotConnectNowError):
            if attempt == _ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.5)
    raise AssertionError


def _with_sslmode(database_url: str) -> str:
    """Name libpq's default: dbmate's driver would insist on TLS, asyncpg would not."""
    if "sslmode=" in database_url:
        return database_url
    return f"{database_url}{'&' if '?' in database_url else '?'}sslmode=prefer"


def main() -> None:
    """Run the command."""
    try:
        asyncio.run(migrate(load_config(DatabaseConfig).database_url))
    except (OSError, RuntimeError, asyncpg.PostgresError) as error:
        sys.exit(f"The migration failed: {error}")


if __name__ == "__main__":
    main()
