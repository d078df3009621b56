"""What callers read and change. Every transaction is limited to one site."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.jobs.errors import JobNotFoundError, UploadRaceError
from services.jobs.models import (
    Change,
    Image,
    ImageState,
    Job,
    JobFilter,
    JobSpec,
    NewImage,
    Scope,
    Upload,
)
from services.jobs.storage.blob_keys import image_prefix, job_prefix
from services.jobs.storage.database import QUERIES, Database, transaction
from services.jobs.storage.deletions import Deletion, record_deletions
from services.jobs.storage.lists import list_query
from services.jobs.storage.rows import change_from_json, image_from_json, job_from_json

Admit = Callable[[Job], None]
"""Decides, while the job is locked, whether a change is allowed; raises if not."""


class JobStore:
    """The record of jobs as one caller sees it."""

    def __init__(self, database: Database) -> None:
        self._pool = database.caller

    async def now(self) -> datetime:
        """Return the time of the database, which all replicas share."""
        async with transaction(self._pool) as connection:
            now: datetime = await connection.fetchval("SELECT now()")
        return now

    async def create_job(
        self,
        scope: Scope,
        *,
        job_id: UUID,
        creator: str,
        request_id: str,
        request_digest: bytes,
        spec: JobSpec,
        retention: timedelta,
    ) -> Change | None:
        """Create a job. Returns None if the request_id is taken."""
        async with self._transaction(scope) as connection:
            created = await QUERIES.insert_job(
                connection,
                job_id=job_id,
                site=scope.site,
                creator=creator,
                request_id=request_id,
                request_digest=request_digest,
                patient_id=spec.patient_id,
                display_name=spec.display_name,
                notes=spec.notes,
                clahe=spec.clahe,
                priority=spec.priority,
                start_time=spec.start_time,
                model=spec.model,
                retention=retention,
            )
            return await _record(connection, job_id) if created else None

    async def find_request(
        self, scope: Scope, creator: str, request_id: str
    ) -> tuple[Job, bytes] | None:
        """Return the job of an earlier request, and the digest of that request."""
        async with self._transaction(scope) as connection:
            row = await QUERIES.find_request(connection, creator=creator, request_id=request_id)
        return None if row is None else (job_from_json(row["job"]), row["request_digest"])

    async def count_recent_jobs(self, scope: Scope, creator: str) -> int:
        """Count the jobs that a caller has created within the last minute."""
        async with self._transaction(scope) as connection:
            return int(await QUERIES.count_recent_jobs(connection, creator=creator))

    async def get_job(self, scope: Scope, job_id: UUID) -> Job:
        """Return a job.

        Raises:
            JobNotFoundError: the scope does not show it.
        """
        async with self._transaction(scope) as connection:
            return await _get_job(connection, job_id)

    async def list_jobs(
        self, scope: Scope, wanted: JobFilter, after: tuple[datetime, UUID] | None, page_size: int
    ) -> list[Job]:
        """Return jobs newest first, after the last one of the page before."""
        query, parameters = list_query(scope, wanted)
        after_time, after_id = after or (None, None)
        async with self._transaction(scope) as connection:
            await QUERIES.plan_each_query(connection)
            return [
                job_from_json(row["job"])
                async for row in query(
                    connection,
                    site=scope.site,
                    created_after=wanted.created_after,
                    created_before=wanted.created_before,
                    after_time=after_time,
                    after_id=after_id,
                    page_size=page_size,
                    **parameters,
                )
            ]

    async def list_images(
        self,
        scope: Scope,
        job_id: UUID,
        *,
        states: Sequence[ImageState] = (),
        after_ordinal: int = -1,
        page_size: int,
    ) -> list[Image]:
        """Return images of a job by ordinal."""
        async with self._transaction(scope) as connection:
            await _get_job(connection, job_id)
            return await _list_images(connection, job_id, states, after_ordinal, page_size)

    async def snapshot(self, scope: Scope, job_id: UUID) -> Change:
        """Return a job with all its images, as of one point in time."""
        async with self._transaction(scope, isolation="repeatable_read") as connection:
            job = await _get_job(connection, job_id)
            images = await _list_images(connection, job_id, (), -1, job.total)
        return Change(job, tuple(images))

    async def get_image(self, scope: Scope, image_id: UUID, job_id: UUID | None) -> Image | None:
        """Return an image, or None if the scope does not show it."""
        async with self._transaction(scope) as connection:
            row = await QUERIES.get_image(connection, image_id=image_id, job_id=job_id)
        return None if row is None else image_from_json(row["image"])

    async def get_heatmap(self, scope: Scope, image_id: UUID) -> bytes | None:
        """Return the class activation of an image as PNG."""
        async with self._transaction(scope) as connection:
            png: bytes | None = await QUERIES.get_heatmap(connection, image_id=image_id)
        return png

    async def find_upload(
        self, scope: Scope, job_id: UUID, image_key: str
    ) -> tuple[Job, Image | None, Upload | None]:
        """Return what is known of an upload: the job, the image it became, or its parts.

        Raises:
            JobNotFoundError: the scope does not show the job.
        """
        async with self._transaction(scope) as connection:
            job = await _get_job(connection, job_id)
            row = await QUERIES.get_image_by_key(connection, job_id=job_id, image_key=image_key)
            if row is not None:
                return job, image_from_json(row["image"]), None
            row = await QUERIES.get_upload(connection, job_id=job_id, image_key=image_key)
        if row is None:
            return job, None, None
        upload = Upload(row["image_id"], tuple(row["part_keys"]), row["committed_size"])
        return job, None, upload

    async def append_part(
        self,
        image: NewImage,
        *,
        part_key: str,
        old_size: int,
        new_size: int,
    ) -> None:
        """Make a part of an upload count.

        Raises:
            JobNotFoundError: the job is gone.
            UploadRaceError: another stream was faster, or the upload has become an image.
        """
        columns: dict[str, Any] = {
            "job_id": image.job_id,
            "image_key": image.image_key,
            "image_id": image.image_id,
            "part_key": part_key,
            "new_size": new_size,
        }
        async with self._transaction(Scope(image.site)) as connection:
            # A commit of this image may still be running although its caller was cut off.
            await _lock_job(connection, image.job_id)
            if old_size:
                size = await QUERIES.next_part(connection, old_size=old_size, **columns)
            else:
                size = await QUERIES.first_part(connection, site=image.site, **columns)
            if size != new_size:
                raise UploadRaceError(image.image_key)
            await QUERIES.touch_job(connection, job_id=image.job_id)

    async def commit_image(
        self, image: NewImage, *, parts_size: int, admit: Admit, traceparent: str
    ) -> Change | None:
        """Commit an image and its task in the outbox. Returns None if its key is taken.

        `parts_size` is the size of the parts that are rows of an upload; they are taken over.

        Raises:
            JobNotFoundError: the job is gone.
            UploadRaceError: the parts have been taken by another stream, or dropped.
        """
        async with self._transaction(Scope(image.site)) as connection:
            job = await _lock_job(connection, image.job_id)
            row = await QUERIES.get_image_by_key(
                connection, job_id=image.job_id, image_key=image.image_key
            )
            if row is not None:
                return None
            admit(job)
            if parts_size and not await QUERIES.take_upload(
                connection,
                job_id=image.job_id,
                image_key=image.image_key,
                image_id=image.image_id,
                committed_size=parts_size,
            ):
                raise UploadRaceError(image.image_key)
            await QUERIES.insert_image(
                connection,
                image_id=image.image_id,
                job_id=image.job_id,
                site=image.site,
                image_key=image.image_key,
                file_name=image.file_name,
                ordinal=job.total,
                size_bytes=image.size_bytes,
                sha256=image.sha256,
                original_keys=list(image.original_keys),
                patient_id=image.patient_id,
                revision=job.revision + 1,
                start_time=job.spec.start_time,
                traceparent=traceparent,
            )
            await QUERIES.count_image(connection, job_id=image.job_id, size_bytes=image.size_bytes)
            return await _record(connection, image.job_id, [image.image_id])

    async def drop_upload(self, scope: Scope, job_id: UUID, image_key: str, image_id: UUID) -> None:
        """Drop the parts of an upload that nobody will resume; their blobs are deleted later."""
        async with self._transaction(scope) as connection:
            if await QUERIES.drop_upload(
                connection, job_id=job_id, image_key=image_key, image_id=image_id
            ):
                prefix = image_prefix(scope.site, job_id, image_id)
                await record_deletions(connection, [Deletion(scope.site, job_id, prefix)])

    async def close_job(self, scope: Scope, job_id: UUID, *, admit: Admit) -> Change:
        """Close a job to further images; one that is closed already is returned as it is."""
        async with self._transaction(scope) as connection:
            job = await _lock_job(connection, job_id)
            admit(job)
            if await QUERIES.close_job(connection, job_id=job_id) is None:
                return Change(job, (), committed=False)
            return await _record(connection, job_id)

    async def cancel_job(self, scope: Scope, job_id: UUID, *, admit: Admit) -> Change:
        """Cancel what has not ended; a cancelled job is returned as it is."""
        async with self._transaction(scope) as connection:
            job = await _lock_job(connection, job_id)
            admit(job)
            if job.state.terminal:
                return Change(job, (), committed=False)
            image_ids = [
                row["image_id"]
                async for row in QUERIES.cancel_images(
                    connection, job_id=job_id, revision=job.revision + 1
                )
            ]
            await QUERIES.cancel_job(connection, job_id=job_id, cancelled=len(image_ids))
            await QUERIES.clear_outbox(connection, job_id=job_id)
            await record_deletions(
                connection,
                [
                    Deletion(scope.site, job_id, image_prefix(scope.site, job_id, row["image_id"]))
                    async for row in QUERIES.drop_uploads(connection, job_id=job_id)
                ],
            )
            return await _record(connection, job_id, image_ids)

    async def retry_job(
        self,
        scope: Scope,
        job_id: UUID,
        *,
        request_id: str,
        image_ids: Sequence[UUID],
        only_retryable: bool,
        admit: Admit,
        traceparent: str,
    ) -> Change:
        """Queue failed images again, under a new attempt."""
        async with self._transaction(scope) as connection:
            job = await _lock_job(connection, job_id)
            if request_id and not await QUERIES.record_retry(
                connection, job_id=job_id, request_id=request_id, site=scope.site
            ):
                return Change(job, (), committed=False)
            admit(job)
            retried = [
                row["image_id"]
                async for row in QUERIES.retry_images(
                    connection,
                    job_id=job_id,
                    image_ids=list(image_ids),
                    only_retryable=only_retryable,
                    revision=job.revision + 1,
                    traceparent=traceparent,
                )
            ]
            if not retried:
                return Change(job, (), committed=False)
            await QUERIES.reopen_job(connection, job_id=job_id, retried=len(retried))
            return await _record(connection, job_id, retried)

    async def delete_job(self, scope: Scope, job_id: UUID, *, admit: Admit) -> None:
        """Delete a terminal job; its blobs follow. Deleting twice is not an error.

        Raises:
            JobNotFoundError: there is no such job, and none was deleted recently.
        """
        async with self._transaction(scope) as connection:
            row = await QUERIES.lock_job(connection, job_id=job_id)
            if row is None:
                if await QUERIES.was_deleted(connection, job_id=job_id):
                    return
                raise JobNotFoundError(f"jobs/{job_id}")
            admit(job_from_json(row["job"]))
            await QUERIES.delete_job(connection, job_id=job_id)
            prefix = job_prefix(scope.site, job_id)
            await record_deletions(connection, [Deletion(scope.site, job_id, prefix)])

    @asynccontextmanager
    async def _transaction(self, scope: Scope, **options: Any) -> AsyncIterator[Any]:
        async with transaction(self._pool, **options) as connection:
            await QUERIES.set_scope(connection, site=scope.site, patient=scope.patient_id)
            yield connection


async def _get_job(connection: Any, job_id: UUID) -> Job:
    row = await QUERIES.get_job(connection, job_id=job_id)
    if row is None:
        raise JobNotFoundError(f"jobs/{job_id}")
    return job_from_json(row["job"])


async def _lock_job(connection: Any, job_id: UUID) -> Job:
    row = await QUERIES.lock_job(connection, job_id=job_id)
    if row is None:
        raise JobNotFoundError(f"jobs/{job_id}")
    return job_from_json(row["job"])


async def _list_images(
    connection: Any,
    job_id: UUID,
    states: Sequence[ImageState],
    after_ordinal: int,
    page_size: int,
) -> list[Image]:
    return [
        image_from_json(row["image"])
        async for row in QUERIES.list_images(
            connection,
            job_id=job_id,
            states=[str(state) for state in states],
            after_ordinal=after_ordinal,
            page_size=page_size,
        )
    ]


async def _record(connection: Any, job_id: UUID, image_ids: Sequence[UUID] = ()) -> Change:
    rows = [
        row
        async for row in QUERIES.record_events(
            connection, job_ids=[job_id], image_ids=list(image_ids)
        )
    ]
    return change_from_json(rows[0]["job"], rows[0]["images"])
