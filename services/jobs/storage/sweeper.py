"""Deletes the blobs of rows that are gone, jobs whose retention has ended, and orphaned blobs.

Rows are deleted first, in one transaction with a record of their blobs; the blobs follow. So no row
is ever without its blobs, and a crash in between leaves a record that the next run finds.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from chassis.blobs import BlobStore
from services.jobs.storage.system_store import SystemStore

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


class Sweeper:
    """Deletes blobs whose rows are gone."""

    def __init__(
        self,
        system_store: SystemStore,
        blobs: BlobStore,
        *,
        clock: Callable[[], datetime],
        settle: timedelta = _SETTLE,
    ) -> None:
        self._system_store = system_store
        self._blobs = blobs
        self._clock = clock
        self._settle = settle

    async def sweep(self) -> None:
        """Delete the blobs that are noted for deletion."""
        now = self._clock()
        while True:
            async with self._system_store.take_deletions(
                before=now - self._settle, now=now, most=_BATCH
            ) as prefixes:
                for prefix in prefixes:
                    await self._blobs.delete_prefix(prefix)
            if len(prefixes) < _BATCH:
                break
        await self._system_store.forget_deletions(now - _REMEMBER)

    async def expire(self) -> int:
        """Delete terminal jobs whose time has come; return how many."""
        expired = 0
        while count := await self._system_store.expire_jobs(self._clock(), _JOBS):
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
        known = await self._system_store.known_originals(list(set(batch.values())))
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
