"""Deletes what has had its time: `python -m services.jobs.retention`, run by a CronJob.

Rows go first, together with a note of their blobs; the blobs follow. So there is never a row
without its blobs, and a crash in between leaves a note that the next run finds.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.blobs import BlobStore, open_blobs
from chassis.config import load_config
from chassis.errors import DomainError
from chassis.logs import configure_logs, get_logger
from services.jobs.config import RetentionConfig
from services.jobs.database import open_database, require_current_schema
from services.jobs.errors import OldDatabaseError
from services.jobs.ledger import Ledger

_BATCH = 200
# Jobs that one statement deletes, each with thousands of images if need be: one that took longer
# than any statement may would be tried again every night, and nothing behind it deleted.
_JOBS = 10
# A worker may still be writing a preview when its job is deleted.
_SETTLE = timedelta(minutes=1)
# How long deleting a job twice is answered alike.
_REMEMBER = timedelta(days=30)
# A blob without a row that is younger may belong to an upload that is about to be committed.
ORPHAN_GRACE = timedelta(days=1)
_log = get_logger(__name__)


class Sweeper:
    """Deletes blobs whose rows are gone."""

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        *,
        clock: Callable[[], datetime],
        settle: timedelta = _SETTLE,
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._clock = clock
        self._settle = settle

    async def sweep(self) -> None:
        """Delete the blobs that are noted for deletion."""
        now = self._clock()
        while True:
            async with self._ledger.take_deletions(
                before=now - self._settle, now=now, most=_BATCH
            ) as prefixes:
                for prefix in prefixes:
                    await self._blobs.delete_prefix(prefix)
            if len(prefixes) < _BATCH:
                break
        await self._ledger.forget_deletions(now - _REMEMBER)

    async def expire(self) -> int:
        """Delete terminal jobs whose time has come; return how many."""
        expired = 0
        while count := await self._ledger.expire_jobs(self._clock(), _JOBS):
            expired += count
        return expired

    async def delete_orphans(self, grace: timedelta = ORPHAN_GRACE) -> int:
        """Delete blobs that no row speaks of; return how many.

        A cut or killed upload leaves them: of an image that never came to be, or beside the parts
        of one that did.
        """
        before = self._clock() - grace
        batch: dict[str, UUID] = {}
        deleted = 0
        async for blob in self._blobs.list("sites/"):
            image_id = _image_of(blob.key)
            if image_id is not None and blob.modified < before:
                batch[blob.key] = image_id
            if len(batch) >= _BATCH:
                deleted += await self._delete_unknown(batch)
                batch = {}
        return deleted + await self._delete_unknown(batch)

    async def _delete_unknown(self, batch: dict[str, UUID]) -> int:
        known = await self._ledger.known_originals(list(set(batch.values())))
        orphans = [
            key
            for key, image_id in batch.items()
            if image_id not in known or (_is_original(key) and key not in known[image_id])
        ]
        await self._blobs.delete(orphans)
        return len(orphans)


def _image_of(key: str) -> UUID | None:
    """Return the image of `sites/<site>/jobs/<job>/<image>/<file>`."""
    try:
        return UUID(key.split("/")[4])
    except (IndexError, ValueError):
        return None


def _is_original(key: str) -> bool:
    return key.rsplit("/", maxsplit=1)[-1].startswith("original-")


async def run(config: RetentionConfig) -> None:
    """Do all of it once."""
    async with open_database(config.database_url, connections=2) as database:
        await require_current_schema(database)
        blobs = open_blobs(config.blob_url)
        sweeper = Sweeper(Ledger(database), blobs, clock=lambda: datetime.now(UTC))
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
