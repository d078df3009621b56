"""What moves work forward for all sites: the outbox, outcomes, events, repairs and deletions.

The counterpart of `store.py`: no caller stands behind these transactions, so no scope is set.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.jobs.models import (
    Change,
    ClaimedTasks,
    ImageRef,
    ImageState,
    OutboxTask,
    Outcome,
    Priority,
)
from services.jobs.storage.blob_keys import image_prefix, job_prefix
from services.jobs.storage.database import QUERIES, Database, transaction
from services.jobs.storage.deletions import Deletion, record_deletions
from services.jobs.storage.rows import change_from_json, result_to_json

_PRIORITIES = [priority.value for priority in Priority]


@dataclass(frozen=True)
class StalledJob:
    """A job with an image that has been open and unchanged for too long."""

    job_id: UUID
    # For so long that its tasks are replaced even if the broker still holds them.
    stuck: bool


@dataclass(frozen=True)
class AbandonedJob:
    """A job that was left open for uploads."""

    job_id: UUID
    site: str
    total: int
    update_time: datetime


class SystemStore:
    """The same record as `JobStore`, as the service itself sees it."""

    def __init__(self, database: Database) -> None:
        self._pool = database.system

    async def now(self) -> datetime:
        """Return the time of the database, which all replicas share."""
        async with transaction(self._pool) as connection:
            now: datetime = await connection.fetchval("SELECT now()")
        return now

    async def claim_outbox(
        self, *, models: Collection[str], claim: timedelta, limit: int
    ) -> ClaimedTasks:
        """Claim tasks that are due, for these models; nobody else publishes them meanwhile."""
        async with transaction(self._pool) as connection:
            rows = await _fetch(
                QUERIES.claim_outbox(
                    connection,
                    models=list(models),
                    priorities=_PRIORITIES,
                    claim=claim,
                    limit=limit,
                )
            )
        return ClaimedTasks(
            tuple(_outbox_task(row) for row in rows), rows[0]["claimed_until"] if rows else None
        )

    async def delete_claimed(self, image_ids: Collection[UUID], claimed_until: datetime) -> None:
        """Remove tasks from the outbox that the broker has stored."""
        async with transaction(self._pool) as connection:
            await QUERIES.delete_claimed(
                connection, image_ids=list(image_ids), claimed_until=claimed_until
            )

    async def release_claimed(self, image_ids: Collection[UUID], claimed_until: datetime) -> None:
        """Let any replica claim these tasks at once."""
        async with transaction(self._pool) as connection:
            await QUERIES.release_claimed(
                connection, image_ids=list(image_ids), claimed_until=claimed_until
            )

    async def find_withdrawn(
        self, *, withdrawn_after: timedelta, models: Collection[str], limit: int
    ) -> list[ImageRef]:
        """Return what has long been due for a model that is not one of these."""
        async with transaction(self._pool) as connection:
            return [
                ImageRef(**row)
                async for row in QUERIES.find_withdrawn(
                    connection, withdrawn_after=withdrawn_after, models=list(models), limit=limit
                )
            ]

    async def drop_outbox_tasks(self, refs: Sequence[ImageRef]) -> None:
        """Publish nothing more for these attempts."""
        async with transaction(self._pool) as connection:
            await QUERIES.drop_outbox_tasks(
                connection,
                image_ids=[ref.image_id for ref in refs],
                attempts=[ref.attempt for ref in refs],
            )

    async def apply_outcomes(self, outcomes: Sequence[Outcome]) -> list[Change]:
        """Apply a batch of outcomes, at most one per image; return what changed."""
        job_ids = sorted({outcome.job_id for outcome in outcomes})
        async with transaction(self._pool) as connection:
            await _fetch(QUERIES.lock_jobs(connection, job_ids=job_ids))
            changed = {
                row["image_id"]: row
                async for row in QUERIES.apply_outcomes(connection, **_columns(outcomes))
            }
            if not changed:
                return []
            tally = _tally(changed.values())
            await QUERIES.count_outcomes(
                connection,
                job_ids=list(tally),
                succeeded=[succeeded for succeeded, _ in tally.values()],
                failed=[failed for _, failed in tally.values()],
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

    async def events_after(self, revisions: Mapping[UUID, int], limit: int) -> list[Change]:
        """Return changes of jobs, each after its own revision, in order; at most `limit` a job."""
        async with transaction(self._pool) as connection:
            return [
                change_from_json(row["job"], row["images"])
                async for row in QUERIES.events_after(
                    connection,
                    job_ids=list(revisions),
                    revisions=list(revisions.values()),
                    limit=limit,
                )
            ]

    async def changed_jobs(self, revisions: Mapping[UUID, int]) -> dict[UUID, int | None]:
        """Return the jobs that are no longer at these revisions; None for one that is deleted."""
        async with transaction(self._pool) as connection:
            return {
                row["job_id"]: row["revision"]
                async for row in QUERIES.changed_jobs(
                    connection, job_ids=list(revisions), revisions=list(revisions.values())
                )
            }

    async def find_stalled(
        self, *, stalled_after: timedelta, stuck_after: timedelta
    ) -> list[StalledJob]:
        """Return jobs with images that have been open and unchanged for too long."""
        async with transaction(self._pool) as connection:
            return [
                StalledJob(row["job_id"], row["stuck"])
                async for row in QUERIES.find_stalled(
                    connection, stalled_after=stalled_after, stuck_after=stuck_after
                )
            ]

    async def republish(
        self, job_ids: Sequence[UUID], *, stalled_after: timedelta, max_losses: int
    ) -> tuple[dict[UUID, int], list[ImageRef]]:
        """Return lost tasks to the outbox; tell how many per job, and which were lost too often."""
        async with transaction(self._pool) as connection:
            exhausted = [
                ImageRef(**row)
                async for row in QUERIES.find_exhausted(
                    connection,
                    job_ids=list(job_ids),
                    stalled_after=stalled_after,
                    max_losses=max_losses,
                )
            ]
            republished: dict[UUID, int] = {}
            async for row in QUERIES.republish(
                connection,
                job_ids=list(job_ids),
                stalled_after=stalled_after,
                max_losses=max_losses,
            ):
                republished[row["job_id"]] = republished.get(row["job_id"], 0) + 1
        return republished, exhausted

    async def replace_stuck(
        self, job_id: UUID, *, stuck_after: timedelta, claim: timedelta
    ) -> tuple[list[UUID], datetime | None]:
        """Return tasks of all open images of a job to the outbox, if one of them is stuck.

        They are claimed, so that the caller can purge what the broker holds before they go out; it
        then releases the claim. Empty where another replica was faster, or they have ended.
        """
        async with transaction(self._pool) as connection:
            await _fetch(QUERIES.lock_jobs(connection, job_ids=[job_id]))
            rows = await _fetch(
                QUERIES.replace_stuck(
                    connection, job_id=job_id, stuck_after=stuck_after, claim=claim
                )
            )
        return [row["image_id"] for row in rows], rows[0]["claimed_until"] if rows else None

    async def redeliver_once(self, ref: ImageRef, redelivery_delay: timedelta) -> bool:
        """Return a dead-lettered task to the outbox, once; False if its image has moved on."""
        async with transaction(self._pool) as connection:
            image_id = await QUERIES.redeliver_once(
                connection,
                image_id=ref.image_id,
                attempt=ref.attempt,
                republished=ref.republished,
                redelivery_delay=redelivery_delay,
            )
        return image_id is not None

    async def find_abandoned(self, *, abandoned_after: timedelta, limit: int) -> list[AbandonedJob]:
        """Return jobs that have been receiving for too long without a sign of life."""
        async with transaction(self._pool) as connection:
            return [
                AbandonedJob(**row)
                async for row in QUERIES.find_abandoned(
                    connection, abandoned_after=abandoned_after, limit=limit
                )
            ]

    async def expire_uploads(self, abandoned_after: timedelta) -> int:
        """Drop unfinished uploads that nobody will finish; return how many."""
        async with transaction(self._pool) as connection:
            rows = await _fetch(QUERIES.expire_uploads(connection, abandoned_after=abandoned_after))
            await record_deletions(
                connection,
                [Deletion(row["site"], row["job_id"], image_prefix(*row.values())) for row in rows],
            )
        return len(rows)

    async def expire_jobs(self, limit: int) -> int:
        """Delete terminal jobs whose retention has ended; return how many."""
        async with transaction(self._pool) as connection:
            rows = await _fetch(QUERIES.expire_jobs(connection, limit=limit))
            await record_deletions(
                connection,
                [Deletion(row["site"], row["job_id"], job_prefix(*row.values())) for row in rows],
            )
        return len(rows)

    async def renumber_jobs(self, revision: int, limit: int) -> int:
        """Let jobs whose revision is lower continue at `revision`; return how many.

        The event of it shows every watcher a gap, so that it is given a snapshot.
        """
        async with transaction(self._pool) as connection:
            rows = await _fetch(QUERIES.renumber_jobs(connection, revision=revision, limit=limit))
            job_ids = [row["job_id"] for row in rows]
            await _fetch(QUERIES.record_events(connection, job_ids=job_ids, image_ids=[]))
        return len(job_ids)

    async def renew_uploads(self) -> None:
        """Give unfinished uploads as much time as new ones have."""
        async with transaction(self._pool) as connection:
            await QUERIES.renew_uploads(connection)

    async def claim_deletions(
        self, *, settle: timedelta, claim: timedelta, limit: int
    ) -> dict[int, str]:
        """Claim prefixes whose rows are gone, by the id of their record."""
        async with transaction(self._pool) as connection:
            return {
                row["deletion_id"]: row["prefix"]
                async for row in QUERIES.claim_deletions(
                    connection, settle=settle, claim=claim, limit=limit
                )
            }

    async def mark_swept(self, deletion_ids: Sequence[int]) -> None:
        """Record that these blobs are deleted."""
        async with transaction(self._pool) as connection:
            await QUERIES.mark_swept(connection, deletion_ids=list(deletion_ids))

    async def release_deletions(self, deletion_ids: Sequence[int]) -> None:
        """Let any replica claim these at once."""
        async with transaction(self._pool) as connection:
            await QUERIES.release_deletions(connection, deletion_ids=list(deletion_ids))

    async def forget_deletions(self, remember: timedelta) -> None:
        """Forget tombstones that nobody will ask for any more."""
        async with transaction(self._pool) as connection:
            await QUERIES.forget_deletions(connection, remember=remember)

    async def known_originals(self, image_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
        """Return the keys of originals of those of these images that have a row or an upload."""
        async with transaction(self._pool) as connection:
            return {
                row["image_id"]: frozenset(row["keys"])
                async for row in QUERIES.known_originals(connection, image_ids=list(image_ids))
            }


async def _fetch(query: Any) -> list[Any]:
    return [row async for row in query]


def _outbox_task(row: Any) -> OutboxTask:
    return OutboxTask(
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
        traceparent=row["traceparent"],
    )


def _tally(changed: Collection[Any]) -> dict[UUID, tuple[int, int]]:
    """Count, for each job, the images that have succeeded and that have failed."""
    tally: dict[UUID, tuple[int, int]] = {}
    for row in changed:
        succeeded, failed = tally.get(row["job_id"], (0, 0))
        tally[row["job_id"]] = (
            succeeded + (row["state"] == ImageState.SUCCEEDED),
            failed + (row["state"] == ImageState.FAILED),
        )
    return tally


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
        "occurred_at": [outcome.occurred_at for outcome in outcomes],
        "started_at": [outcome.started_at or outcome.occurred_at for outcome in outcomes],
        "republished": [outcome.republished for outcome in outcomes],
    }
