"""Run once after PostgreSQL was restored to an earlier point in time, before any replica starts.

`python -m services.jobs.commands.restored`

Callers may have seen revisions that the restored database does not know and would soon use for
something else. So every job continues at a revision above all of them: the number of milliseconds
since 1970, which no job reaches by counting. Watchers find a gap there and are given a snapshot; an
etag from the lost time matches nothing.
"""

from datetime import UTC, datetime, timedelta

from chassis.logs import get_logger
from services.jobs.commands.run import run_command
from services.jobs.config import RestoredConfig
from services.jobs.storage.database import open_database, require_current_schema
from services.jobs.storage.system_store import SystemStore

_BATCH = 500
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_log = get_logger(__name__)


async def run(config: RestoredConfig) -> None:
    """Renumber all jobs; running it twice does no harm."""
    renumbered = 0
    async with open_database(config.database_url, connections=1) as database:
        await require_current_schema(database)
        system_store = SystemStore(database)
        revision = (await system_store.now() - _1970) // timedelta(milliseconds=1)
        await system_store.renew_uploads()
        while count := await system_store.renumber_jobs(revision, _BATCH):
            renumbered += count
    _log.info("restored jobs renumbered", count=renumbered, revision=revision)


def main() -> None:
    """Run the command."""
    run_command("restored", RestoredConfig, run, about=__doc__, allowed_keys=("count", "revision"))


if __name__ == "__main__":
    main()
