"""Run once after PostgreSQL was restored to an earlier point in time.

`python -m services.jobs.commands.restored`

Run once, before the first replica starts. Callers may have seen revisions that the restored record
does not know and will soon use for something else. So every job goes on at a revision above all of
them: the number of milliseconds since 1970, which no job reaches by counting. Whoever watches finds
a gap there and is given a snapshot; an etag from the lost time matches nothing.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from chassis.config import load_config
from chassis.errors import DomainError
from chassis.logs import configure_logs, get_logger
from services.jobs.config import RestoredConfig
from services.jobs.errors import OldDatabaseError
from services.jobs.storage.database import open_database, require_current_schema
from services.jobs.storage.system_store import SystemStore

_BATCH = 500
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_log = get_logger(__name__)


async def run(config: RestoredConfig) -> None:
    """Do it; being run twice does no harm."""
    now = datetime.now(UTC)
    revision = (now - _1970) // timedelta(milliseconds=1)
    renumbered = 0
    async with open_database(config.database_url, connections=1) as database:
        await require_current_schema(database)
        system_store = SystemStore(database)
        await system_store.renew_uploads(now)
        while count := await system_store.renumber_jobs(revision, now, _BATCH):
            renumbered += count
    _log.info("the restored record goes on", count=renumbered, revision=revision)


def main() -> None:
    """Run the command."""
    config = load_config(RestoredConfig)
    configure_logs(
        "restored", config.log_level, config.log_format, allowed_keys=("count", "revision")
    )
    try:
        asyncio.run(run(config))
    except (DomainError, OldDatabaseError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
