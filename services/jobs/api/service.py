"""What may be done with a job, and by whom. Decides; stores through `JobStore`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from chassis.auth import Principal
from chassis.blobs import BlobStore
from chassis.tracing import current_traceparent
from services.jobs.api.pages import PageToken
from services.jobs.catalogue import Catalogue
from services.jobs.commits import Commits
from services.jobs.errors import (
    EtagMismatchError,
    ImageNotFoundError,
    InvalidFieldError,
    JobEmptyError,
    NoSuchBytesError,
    RequestIdReusedError,
    TooManyJobsError,
    WrongStateError,
)
from services.jobs.models import (
    Image,
    ImageState,
    Job,
    JobFilter,
    JobSpec,
    JobState,
    Limits,
    Scope,
)
from services.jobs.permissions import Action, authorize
from services.jobs.storage.blob_keys import preview_key
from services.jobs.storage.store import JobStore
from services.jobs.tasks.queue import TaskQueue
from services.jobs.validation import require_label

_JOBS_PAGE, _JOBS_PAGE_MAX = 50, 200
_IMAGES_PAGE, _IMAGES_PAGE_MAX = 100, 1000
# A gRPC message is limited to 4 MiB.
_IMAGES_PAGE_BYTES = 3 * 2**20
_READ_CHUNK = 2**18
_SPEC_LENGTHS = {"patient_id": 64, "display_name": 200, "model": 200}
_NOTES = 4000
_SUBJECT = 1000


@dataclass(frozen=True)
class Bytes:
    """A blob on its way to a caller."""

    media_type: str
    file_name: str
    size: int
    chunks: AsyncIterator[bytes]


class JobService:
    """Jobs, for callers."""

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        queue: TaskQueue,
        catalogue: Catalogue,
        limits: Limits,
        commits: Commits,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._queue = queue
        self._catalogue = catalogue
        self._limits = limits
        self._commits = commits

    async def create_job(
        self, principal: Principal, request_id: str, spec: JobSpec, *, digest: bytes
    ) -> Job:
        """Create a job, or return the one that the same request has created before.

        `digest` is that of the request as the caller sent it. A repeat is looked up before
        anything else, so that neither another default nor another catalogue changes its answer.
        """
        scope = authorize(principal, Action.SUBMIT)
        request_id = _checked_uuid("request_id", request_id) if request_id else str(uuid4())
        if known := await self._created(scope, principal.subject, request_id, digest):
            return known
        spec = await self._checked_spec(spec)
        recent = await self._store.count_recent_jobs(scope, principal.subject)
        if recent >= self._limits.jobs_per_minute:
            raise TooManyJobsError(self._limits.jobs_per_minute)
        change = await self._store.create_job(
            scope,
            job_id=uuid4(),
            creator=principal.subject,
            request_id=request_id,
            request_digest=digest,
            spec=spec,
            retention=self._limits.retention,
        )
        if change is not None:
            return change.job
        # The same request on another replica was faster.
        known = await self._created(scope, principal.subject, request_id, digest)
        assert known is not None  # noqa: S101 - the row that was in the way
        return known

    async def get_job(self, principal: Principal, job_id: UUID) -> Job:
        """Return a job."""
        return await self._store.get_job(authorize(principal, Action.FOLLOW), job_id)

    async def list_jobs(
        self,
        principal: Principal,
        wanted: JobFilter,
        *,
        question: bytes,
        page_size: int,
        page_token: str,
    ) -> tuple[list[Job], str]:
        """Return a page of jobs, newest first, and the token of the next page.

        `question` identifies what the caller asked for: a token is good for nothing else.
        """
        scope = authorize(principal, Action.FOLLOW)
        require_label("filter.patient_id", wanted.patient_id, _SPEC_LENGTHS["patient_id"])
        require_label("filter.creator", wanted.creator, _SUBJECT)
        size = _page_size(page_size, _JOBS_PAGE, _JOBS_PAGE_MAX)
        pages = PageToken("jobs", scope, question)
        after = pages.read(page_token, lambda time, key: (datetime.fromisoformat(time), UUID(key)))
        jobs = await self._store.list_jobs(scope, wanted, after, size + 1)
        if len(jobs) <= size:
            return jobs, ""
        last = jobs[size - 1]
        return jobs[:size], pages.write(last.create_time.isoformat(), str(last.job_id))

    async def list_images(
        self,
        principal: Principal,
        job_id: UUID,
        *,
        states: Sequence[ImageState],
        question: bytes,
        page_size: int,
        page_token: str,
    ) -> tuple[list[Image], str]:
        """Return a page of images by ordinal, and the token of the next page."""
        scope = authorize(principal, Action.FOLLOW)
        size = _page_size(page_size, _IMAGES_PAGE, _IMAGES_PAGE_MAX)
        pages = PageToken("images", scope, question)
        after = pages.read(page_token, int)
        images = await self._store.list_images(
            scope,
            job_id,
            states=states,
            after_ordinal=-1 if after is None else after,
            page_size=size + 1,
        )
        fitting = _fitting(images[:size])
        if fitting == len(images):
            return images, ""
        return images[:fitting], pages.write(str(images[fitting - 1].ordinal))

    async def close_job(self, principal: Principal, job_id: UUID) -> Job:
        """Close a job to further images."""
        scope = authorize(principal, Action.SUBMIT)

        def admit(job: Job) -> None:
            if job.state == JobState.CANCELLED:
                raise WrongStateError(job.name, job.state, "be closed")
            if job.state == JobState.RECEIVING and not job.total:
                raise JobEmptyError(job.name)

        change = await self._store.close_job(scope, job_id, admit=admit)
        await self._commits.publish(change)
        return change.job

    async def cancel_job(self, principal: Principal, job_id: UUID, etag: str) -> Job:
        """Cancel what has not ended."""
        scope = authorize(principal, Action.CHANGE)

        def admit(job: Job) -> None:
            if etag and etag != job.etag:
                raise EtagMismatchError(job.name, job.etag)
            if job.state.terminal and job.state != JobState.CANCELLED:
                raise WrongStateError(job.name, job.state, "be cancelled")

        change = await self._store.cancel_job(scope, job_id, admit=admit)
        await self._commits.publish(change)
        # Only to save work: the outcome of a task that is not purged changes nothing.
        await self._queue.purge_quietly(job_id)
        return change.job

    async def retry_job(
        self,
        principal: Principal,
        job_id: UUID,
        *,
        image_ids: Sequence[UUID],
        only_retryable: bool,
        request_id: str,
    ) -> Job:
        """Queue failed images again."""
        scope = authorize(principal, Action.CHANGE)
        if request_id:
            request_id = _checked_uuid("request_id", request_id)

        def admit(job: Job) -> None:
            if job.state == JobState.CANCELLED:
                raise WrongStateError(job.name, job.state, "be retried")

        change = await self._store.retry_job(
            scope,
            job_id,
            request_id=request_id,
            image_ids=image_ids,
            only_retryable=only_retryable,
            admit=admit,
            traceparent=current_traceparent(),
        )
        await self._commits.publish(change)
        return change.job

    async def delete_job(self, principal: Principal, job_id: UUID) -> None:
        """Delete a terminal job."""
        scope = authorize(principal, Action.DELETE)

        def admit(job: Job) -> None:
            if not job.state.terminal:
                raise WrongStateError(job.name, job.state, "be deleted; cancel it first")

        await self._store.delete_job(scope, job_id, admit=admit)
        # Watchers that have not been told of its end look, and find that it is gone.
        await self._queue.announce(job_id, 0)

    async def get_image(self, principal: Principal, image_id: UUID, job_id: UUID | None) -> Image:
        """Return an image.

        Raises:
            ImageNotFoundError: the caller cannot see such an image.
        """
        return await self._image(authorize(principal, Action.FOLLOW), image_id, job_id)

    async def read_image(
        self, principal: Principal, image_id: UUID, job_id: UUID | None, kind: str
    ) -> Bytes:
        """Return the bytes of an original, a preview or a heatmap.

        Raises:
            ImageNotFoundError: the caller cannot see such an image.
            NoSuchBytesError: it has no preview or heatmap.
        """
        scope = authorize(principal, Action.FOLLOW)
        image = await self._image(scope, image_id, job_id)
        if kind == "original":
            chunks = self._original(image)
            media_type = image.result.media_type or "application/octet-stream"
            return Bytes(media_type, image.file_name, image.size_bytes, chunks)
        if kind == "preview":
            data = await self._preview(scope, image) if image.has_preview else None
            media_type, ending = "image/jpeg", "jpg"
        else:
            data = await self._store.get_heatmap(scope, image_id) if image.has_heatmap else None
            media_type, ending = "image/png", "png"
        if data is None:
            raise NoSuchBytesError(image.name, kind)
        return Bytes(media_type, f"{kind}.{ending}", len(data), _cut(data))

    async def _image(self, scope: Scope, image_id: UUID, job_id: UUID | None) -> Image:
        image = await self._store.get_image(scope, image_id, job_id)
        if image is None:
            raise ImageNotFoundError(f"jobs/{job_id or '-'}/images/{image_id}")
        return image

    async def _created(
        self, scope: Scope, creator: str, request_id: str, digest: bytes
    ) -> Job | None:
        known = await self._store.find_request(scope, creator, request_id)
        if known is None:
            return None
        job, known_digest = known
        if known_digest != digest:
            raise RequestIdReusedError(request_id)
        return job

    async def _checked_spec(self, spec: JobSpec) -> JobSpec:
        for field, limit in _SPEC_LENGTHS.items():
            require_label(f"spec.{field}", getattr(spec, field), limit)
        if len(spec.notes) > _NOTES:
            raise InvalidFieldError("spec.notes", f"has more than {_NOTES} characters")
        if "\0" in spec.notes:
            raise InvalidFieldError("spec.notes", "contains a NUL character")
        if spec.start_time and spec.start_time > await self._store.now() + self._limits.retention:
            raise InvalidFieldError("spec.start_time", "is later than the retention of the job")
        return replace(spec, model=self._catalogue.resolve(spec.model))

    async def _original(self, image: Image) -> AsyncIterator[bytes]:
        for key in image.original_keys:
            async for chunk in self._blobs.stream(key, _READ_CHUNK):
                yield chunk

    async def _preview(self, scope: Scope, image: Image) -> bytes:
        return await self._blobs.get(preview_key(scope.site, image.job_id, image.image_id))


async def _cut(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _READ_CHUNK):
        yield data[start : start + _READ_CHUNK]


def _checked_uuid(field: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidFieldError(field, "is not a UUID") from None


def _fitting(images: Sequence[Image]) -> int:
    """Count the first images that fit into one response; at least one does."""
    size = 0
    for number, image in enumerate(images):
        texts = (image.file_name, *image.result.notes, image.error.message if image.error else "")
        # Everything else about an image takes less than 2 KiB.
        size += 2048 + sum(len(text.encode()) for text in texts)
        if number and size > _IMAGES_PAGE_BYTES:
            return number
    return len(images)


def _page_size(asked: int, default: int, limit: int) -> int:
    if asked < 0:
        raise InvalidFieldError("page_size", "is negative")
    return min(asked or default, limit)
