"""Brings the database to the newest schema: `python -m services.jobs.migrate`.

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
from services.jobs.database import SQL_FOLDER

# Any constant number will do, as long as nobody else on the database uses it: "carina" in ASCII.
_LOCK = 0x636172696E61
_ATTEMPTS = 60
_log = get_logger(__name__)


async def migrate(database_url: str) -> None:
    """Apply what is missing.

    Raises:
        RuntimeError: dbmate failed; its words are in the message.
    """
    connection = await _connect(database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        dbmate = await asyncio.create_subprocess_exec(
            # Installed beside this interpreter, which need not be on the PATH.
            str(Path(sysconfig.get_path("scripts"), "dbmate")),
            *("--url", _with_sslmode(database_url)),
            *("--migrations-dir", str(SQL_FOLDER / "migrations")),
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
