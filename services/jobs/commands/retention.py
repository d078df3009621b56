"""Deletes what has outlived its retention: `python -m services.jobs.commands.retention`.

Run by a CronJob; being run twice, or beside the service, does no harm.
"""

import asyncio
import sys

from chassis.blobs import open_blobs
from chassis.config import load_config
from chassis.errors import DomainError
from chassis.logs import configure_logs, get_logger
from services.jobs.config import RetentionConfig
from services.jobs.errors import OldDatabaseError
from services.jobs.storage.database import open_database, require_current_schema
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import SystemStore

_log = get_logger(__name__)


async def run(config: RetentionConfig) -> None:
    """Delete expired jobs, their blobs, and orphaned blobs, once."""
    async with open_database(config.database_url, connections=2) as database:
        await require_current_schema(database)
        sweeper = Sweeper(SystemStore(database), open_blobs(config.blob_url))
        expired = await sweeper.expire()
        await sweeper.sweep()
        orphans = await sweeper.delete_orphans()
        _log.info("retention done", expired=expired, orphans=orphans)


def main() -> None:
    """Run the command."""
    config = load_config(RetentionConfig)
    configure_logs(
        "retention", config.log_level, config.log_format, allowed_keys=("expired", "orphans")
    )
    try:
        asyncio.run(run(config))
    except (DomainError, OldDatabaseError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
