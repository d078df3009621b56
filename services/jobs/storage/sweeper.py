"""Deletes the blobs of rows that are gone, jobs whose retention has ended, and orphaned blobs.

Rows are deleted first, in one transaction with a record of their blobs; the blobs follow. So no row
is ever without its blobs, and a crash in between leaves a record that the next run finds.
"""

from datetime import timedelta
from uuid import UUID

from chassis.blobs import BlobStore
from chassis.errors import DomainError
from services.jobs.storage.blob_keys import ROOT, image_of, is_original
from services.jobs.storage.system_store import SystemStore

_BATCH = 200
# Jobs that one statement deletes, each with up to thousands of images: a statement that took longer
# than the timeout would fail every night, and nothing behind it would be deleted.
_JOBS_PER_STATEMENT = 10
# A worker may still be writing a preview when its job is deleted.
_SETTLE = timedelta(minutes=1)
# How long a replica may take to delete the blobs of one batch before another one tries.
_CLAIM = timedelta(minutes=10)
# How long deleting a job twice has the same answer.
_REMEMBER = timedelta(days=30)
# A blob without a row that is younger may belong to an upload that is about to be committed.
ORPHAN_GRACE = timedelta(days=1)


class Sweeper:
    """Deletes blobs whose rows are gone."""

    def __init__(
        self, system_store: SystemStore, blobs: BlobStore, *, settle: timedelta = _SETTLE
    ) -> None:
        self._system_store = system_store
        self._blobs = blobs
        self._settle = settle

    async def sweep(self) -> None:
        """Delete the blobs that are recorded for deletion."""
        while claimed := await self._system_store.claim_deletions(
            settle=self._settle, claim=_CLAIM, limit=_BATCH
        ):
            try:
                for prefix in claimed.values():
                    await self._blobs.delete_prefix(prefix)
            except DomainError:
                await self._system_store.release_deletions(list(claimed))
                raise
            await self._system_store.mark_swept(list(claimed))
        await self._system_store.forget_deletions(_REMEMBER)

    async def expire(self) -> int:
        """Delete terminal jobs whose retention has ended; return how many."""
        expired = 0
        while count := await self._system_store.expire_jobs(_JOBS_PER_STATEMENT):
            expired += count
        return expired

    async def delete_orphans(self, grace: timedelta = ORPHAN_GRACE) -> int:
        """Delete blobs that no row names; return how many.

        An upload that was cut or killed leaves them: of an image that was never committed, or
        beside the parts of one that was.
        """
        before = await self._system_store.now() - grace
        batch: dict[str, UUID] = {}
        deleted = 0
        async for blob in self._blobs.list(ROOT):
            image_id = image_of(blob.key)
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
            if image_id not in known or (is_original(key) and key not in known[image_id])
        ]
        await self._blobs.delete(orphans)
        return len(orphans)
