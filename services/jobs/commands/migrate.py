"""Migrates the database to the newest schema: `python -m services.jobs.commands.migrate`.

dbmate applies the plain SQL files. It takes no lock itself, so this command holds one: two
replicas, or a chart and an operator, may run it at the same time.
"""

import asyncio
import re
import sys
import sysconfig
from pathlib import Path

import asyncpg

from chassis.config import load_config
from chassis.logs import get_logger
from services.jobs.config import DatabaseConfig
from services.jobs.storage.database import SQL_FOLDER

# Any constant that nobody else on the database uses: "carina" in ASCII.
_LOCK = 0x636172696E61
_ATTEMPTS = 60
_LOCK_POLL_SECONDS = 0.2
MIGRATIONS = SQL_FOLDER / "migrations"
_APPLIED = re.compile(rb"^Applied: ", re.MULTILINE)
_log = get_logger(__name__)


async def migrate(database_url: str, *, migrations: Path = MIGRATIONS) -> None:
    """Apply the migrations of a folder that have not been applied yet.

    Raises:
        RuntimeError: dbmate failed; the message has its output.
    """
    connection = await _connect(database_url)
    try:
        await _lock(connection)
        dbmate = await asyncio.create_subprocess_exec(
            # Installed beside this interpreter, which may not be on the PATH.
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
        if count := len(_APPLIED.findall(output)):
            _log.info("migrations applied", count=count)
        else:
            _log.info("schema is current")
    finally:
        await connection.close()


async def _lock(connection: asyncpg.Connection) -> None:
    """Hold the lock until the connection ends.

    It is polled for: CREATE INDEX CONCURRENTLY of the process that holds the lock would wait for
    the transaction of a statement that waits for the lock, so both would wait for ever.
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
    """Name libpq's default: dbmate's driver would require TLS, asyncpg would not."""
    if "sslmode=" in database_url:
        return database_url
    return f"{database_url}{'&' if '?' in database_url else '?'}sslmode=prefer"


def main() -> None:
    """Run the command."""
    try:
        asyncio.run(migrate(load_config(DatabaseConfig, about=__doc__).database_url))
    except (OSError, RuntimeError, asyncpg.PostgresError) as error:
        sys.exit(f"The migration failed: {error}")


if __name__ == "__main__":
    main()
