"""What moves work forward for all sites: the outbox, outcomes, events, and what must be mended.

The room beside `store.py`: no caller stands behind these transactions, so no scope is set.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.jobs.models import Change, ImageRef, ImageState, OutboxTask, Outcome, Priority
from services.jobs.storage.database import QUERIES, Database, transaction
from services.jobs.storage.rows import change_from_json, result_to_json


@dataclass(frozen=True)
class Stalled:
    """A job with images that have been open for too long."""

    job_id: UUID
    image_ids: tuple[UUID, ...]
    oldest: datetime


@dataclass(frozen=True)
class Abandoned:
    """A job that was left open for uploads."""

    job_id: UUID
    site: str
    total: int


class SystemStore:
    """The same record as `JobStore`, as the service itself sees it."""

    def __init__(self, database: Database) -> None:
        self._pool = database.system

    @asynccontextmanager
    async def claim_outbox(
        self, now: datetime, most: int, models: Collection[str]
    ) -> AsyncIterator[tuple[list[OutboxTask], list[UUID]]]:
        """Hold tasks that are due, for these models.

        The caller puts the ids of those it published into the list.
        """
        async with transaction(self._pool) as connection:
            tasks = [
                OutboxTask(
                    ref=ImageRef(
                        image_id=row["image_id"],
                        job_id=row["job_id"],
                        attempt=row["attempt"],
                        republished=row["republished"],
                    ),
                    site=row["site"],
                    original_keys=tuple(row["original_keys"]),
                    size_bytes=row["size_bytes"],
                    priority=Priority(row["priority"]),
                    clahe=row["clahe"],
                    model=row["model"],
                    queue_time=row["update_time"],
                )
                async for row in QUERIES.claim_outbox(
                    connection, now=now, most=most, models=list(models)
                )
            ]
            published: list[UUID] = []
            yield tasks, published
            if published:
                await QUERIES.delete_outbox(connection, image_ids=published)

    async def find_withdrawn(
        self, before: datetime, most: int, models: Collection[str]
    ) -> list[ImageRef]:
        """Return what has long been owed to a model that is not one."""
        async with transaction(self._pool) as connection:
            return [
                ImageRef(**row)
                async for row in QUERIES.find_withdrawn(
                    connection, before=before, most=most, models=list(models)
                )
            ]

    async def forget_owed(self, refs: Sequence[ImageRef]) -> None:
        """Owe nothing more for these attempts."""
        async with transaction(self._pool) as connection:
            await QUERIES.forget_owed(
                connection,
                image_ids=[ref.image_id for ref in refs],
                attempts=[ref.attempt for ref in refs],
            )

    async def apply_outcomes(self, outcomes: Sequence[Outcome], now: datetime) -> list[Change]:
        """Apply a batch of outcomes, at most one an image; return what really changed."""
        job_ids = sorted({outcome.job_id for outcome in outcomes})
        async with transaction(self._pool) as connection:
            async for _ in QUERIES.lock_jobs(connection, job_ids=job_ids):
                pass
            changed = {
                row["image_id"]: row
                async for row in QUERIES.apply_outcomes(connection, now=now, **_columns(outcomes))
            }
            if not changed:
                return []
            tally = {row["job_id"]: [0, 0] for row in changed.values()}
            for row in changed.values():
                if row["state"] != ImageState.RUNNING:
                    tally[row["job_id"]][row["state"] == ImageState.FAILED] += 1
            await QUERIES.count_outcomes(
                connection,
                job_ids=list(tally),
                succeeded=[succeeded for succeeded, _ in tally.values()],
                failed=[failed for _, failed in tally.values()],
                now=now,
            )
            heatmaps = [
                outcome
                for outcome in outcomes
                if outcome.heatmap_png
                and (row := changed.get(outcome.image_id))
                and row["attempt"] == outcome.attempt
            ]
            if heatmaps:
                await QUERIES.insert_heatmaps(
                    connection,
                    image_ids=[outcome.image_id for outcome in heatmaps],
                    pngs=[outcome.heatmap_png for outcome in heatmaps],
                )
            return [
                change_from_json(row["job"], row["images"])
                async for row in QUERIES.record_events(
                    connection, job_ids=list(tally), image_ids=list(changed)
                )
            ]

    async def events_after(self, job_id: UUID, revision: int, most: int) -> list[Change]:
        """Return what happened to a job after a revision, in order."""
        async with transaction(self._pool) as connection:
            return [
                change_from_json(row["job"], row["images"])
                async for row in QUERIES.events_after(
                    connection, job_id=job_id, after=revision, most=most
                )
            ]

    async def job_exists(self, job_id: UUID) -> bool:
        """Tell whether there is such a job."""
        async with transaction(self._pool) as connection:
            return bool(await QUERIES.job_exists(connection, job_id=job_id))

    async def find_stalled(self, before: datetime, after: datetime, most: int) -> list[Stalled]:
        """Return jobs with images that nothing has moved between two moments around now."""
        async with transaction(self._pool) as connection:
            return [
                Stalled(row["job_id"], tuple(row["image_ids"]), row["oldest"])
                async for row in QUERIES.find_stalled(
                    connection, before=before, after=after, most=most
                )
            ]

    async def republish(
        self,
        image_ids: Sequence[UUID],
        *,
        before: datetime,
        after: datetime,
        most: int,
        now: datetime,
    ) -> tuple[int, list[ImageRef]]:
        """Owe tasks once more; return how many, and which images have had their last chance."""
        async with transaction(self._pool) as connection:
            exhausted = [
                ImageRef(**row)
                async for row in QUERIES.find_exhausted(
                    connection, image_ids=list(image_ids), before=before, after=after, most=most
                )
            ]
            owed = [
                row["image_id"]
                async for row in QUERIES.republish(
                    connection,
                    image_ids=list(image_ids),
                    before=before,
                    after=after,
                    most=most,
                    now=now,
                )
            ]
        return len(owed), exhausted

    @asynccontextmanager
    async def publish_anew(
        self, job_id: UUID, *, before: datetime, now: datetime
    ) -> AsyncIterator[int]:
        """Owe tasks of all open images of a job once more, if one has been open since `before`.

        The caller takes away what the broker holds of the job, unless it is told of none: another
        replica was faster, or they have ended.
        """
        async with transaction(self._pool) as connection:
            async for _ in QUERIES.lock_jobs(connection, job_ids=[job_id]):
                pass
            owed = [
                row
                async for row in QUERIES.publish_anew(
                    connection, job_id=job_id, before=before, now=now
                )
            ]
            # Before the commit: afterwards any relay may have published them.
            yield len(owed)

    async def redeliver_once(self, ref: ImageRef, *, now: datetime, due: datetime) -> bool:
        """Owe a dead task once more; False if that was its last, or its image has moved on."""
        async with transaction(self._pool) as connection:
            row = await QUERIES.redeliver_once(
                connection,
                image_id=ref.image_id,
                attempt=ref.attempt,
                republished=ref.republished,
                now=now,
                due=due,
            )
        return row is not None

    async def release_delayed(self, latest: datetime) -> int:
        """Make due at once what is owed once more, but only after a moment; return how many."""
        async with transaction(self._pool) as connection:
            return len([row async for row in QUERIES.release_delayed(connection, latest=latest)])

    async def find_abandoned(self, before: datetime, most: int) -> list[Abandoned]:
        """Return jobs that have been receiving without a sign of life."""
        async with transaction(self._pool) as connection:
            return [
                Abandoned(row["job_id"], row["site"], row["total"])
                async for row in QUERIES.find_abandoned(connection, before=before, most=most)
            ]

    async def expire_uploads(self, before: datetime, now: datetime) -> int:
        """Drop unfinished uploads that nobody will finish; return how many."""
        async with transaction(self._pool) as connection:
            return len(
                [row async for row in QUERIES.expire_uploads(connection, before=before, now=now)]
            )

    async def expire_jobs(self, now: datetime, most: int) -> int:
        """Delete terminal jobs whose time has come; return how many."""
        async with transaction(self._pool) as connection:
            return len([row async for row in QUERIES.expire_jobs(connection, now=now, most=most)])

    async def renumber_jobs(self, revision: int, now: datetime, most: int) -> int:
        """Let jobs whose revision is below go on at `revision`; return how many.

        The event of it shows every watcher a gap, so that it is given a snapshot.
        """
        async with transaction(self._pool) as connection:
            job_ids = [
                row["job_id"]
                async for row in QUERIES.renumber_jobs(
                    connection, revision=revision, now=now, most=most
                )
            ]
            async for _ in QUERIES.record_events(connection, job_ids=job_ids, image_ids=[]):
                pass
        return len(job_ids)

    async def renew_uploads(self, now: datetime) -> None:
        """Give unfinished uploads as much time as new ones have."""
        async with transaction(self._pool) as connection:
            await QUERIES.renew_uploads(connection, now=now)

    @asynccontextmanager
    async def take_deletions(
        self, *, before: datetime, now: datetime, most: int
    ) -> AsyncIterator[list[str]]:
        """Hold prefixes whose rows are gone; they count as swept when the block ends well."""
        async with transaction(self._pool) as connection:
            # A slow blob store may take long, and nobody waits for these rows.
            await QUERIES.allow_idling(connection)
            rows = [
                row async for row in QUERIES.take_deletions(connection, before=before, most=most)
            ]
            yield [row["prefix"] for row in rows]
            if rows:
                deletion_ids = [row["deletion_id"] for row in rows]
                await QUERIES.mark_swept(connection, deletion_ids=deletion_ids, now=now)

    async def forget_deletions(self, before: datetime) -> None:
        """Forget tombstones nobody will ask for any more."""
        async with transaction(self._pool) as connection:
            await QUERIES.forget_deletions(connection, before=before)

    async def known_originals(self, image_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
        """Return, of those images that have a row or an upload, the keys that these speak of."""
        async with transaction(self._pool) as connection:
            return {
                row["image_id"]: frozenset(row["keys"])
                async for row in QUERIES.known_originals(connection, image_ids=list(image_ids))
            }


def _columns(outcomes: Sequence[Outcome]) -> dict[str, list[object]]:
    """Turn outcomes into the arrays of one statement."""
    return {
        "image_ids": [outcome.image_id for outcome in outcomes],
        "attempts": [outcome.attempt for outcome in outcomes],
        "states": [outcome.state for outcome in outcomes],
        "stages": [outcome.stage for outcome in outcomes],
        "error_codes": [outcome.error.code if outcome.error else "" for outcome in outcomes],
        "error_messages": [outcome.error.message if outcome.error else "" for outcome in outcomes],
        "retryables": [bool(outcome.error and outcome.error.retryable) for outcome in outcomes],
        "predicted_labels": [outcome.predicted_label for outcome in outcomes],
        "results": [result_to_json(outcome.result) for outcome in outcomes],
        "has_previews": [outcome.has_preview for outcome in outcomes],
        "has_heatmaps": [bool(outcome.heatmap_png) for outcome in outcomes],
        "happened": [outcome.happened for outcome in outcomes],
        "taken_up": [outcome.taken_up or outcome.happened for outcome in outcomes],
        "republished": [outcome.republished for outcome in outcomes],
    }
