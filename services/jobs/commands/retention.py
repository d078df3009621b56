"""Deletes expired jobs and orphaned blobs: `python -m services.jobs.commands.retention`.

Run by a CronJob. Every replica deletes expired jobs as well, but only this command lists the whole
blob store. Running it twice, or beside the service, does no harm.
"""

from chassis.blobs import open_blobs
from chassis.logs import get_logger
from services.jobs.commands.run import run_command
from services.jobs.config import RetentionConfig
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
    run_command(
        "retention", RetentionConfig, run, about=__doc__, allowed_keys=("expired", "orphans")
    )


if __name__ == "__main__":
    main()
