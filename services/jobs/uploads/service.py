"""Uploads: parts that become durable, then one commit.

A file of one part, as nearly all are, costs one blob and one transaction. A larger one, or one
whose connection was lost, leaves durable parts behind, which any replica can resume from. The
original stays in its parts: its bytes are those of its blobs, one after the other.
"""

import asyncio
import unicodedata
from dataclasses import replace
from uuid import UUID, uuid4

from chassis.auth import Principal
from chassis.blobs import BlobStore
from services.jobs.commits import Commits
from services.jobs.errors import (
    ImageBytesError,
    InvalidFieldError,
    JobBytesError,
    TooManyImagesError,
    UploadNotFoundError,
    WrongOffsetError,
    WrongStateError,
)
from services.jobs.models import Image, Job, JobState, Limits, NewImage, Scope
from services.jobs.permissions import Action, authorize
from services.jobs.storage.store import JobStore
from services.jobs.uploads.receiver import MAX_CHUNK_BYTES, Receiver, Repeat, UploadHeader
from services.jobs.validation import require_label

# How long the shutdown of a replica waits for parts of broken uploads to become durable.
_RESCUE_SECONDS = 5.0
_MAX_KEY, _MAX_NAME_BYTES, _MAX_PATIENT = 200, 4096, 64


class Uploads:
    """Uploads of all callers."""

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        limits: Limits,
        commits: Commits,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.limits = limits
        self.commits = commits
        self._rescues: set[asyncio.Task[None]] = set()

    async def begin(
        self, principal: Principal, job_id: UUID, header: UploadHeader
    ) -> Receiver | Repeat:
        """Begin or resume an upload; of a committed image, only compare the bytes."""
        scope = authorize(principal, Action.SUBMIT)
        header = _checked(header)
        if header.size_bytes > self.limits.image_bytes:
            raise ImageBytesError(self.limits.image_bytes)
        job, image, upload = await self.store.find_upload(scope, job_id, header.image_key)
        if image is not None:
            return Repeat(image, header)
        self.admit(job)
        if job.total_bytes + header.size_bytes > self.limits.job_bytes:
            raise JobBytesError(self.limits.job_bytes)
        if header.restart and upload:
            await self.drop_unfinished(scope, job_id, header.image_key)
            upload = None
        committed = upload.committed_size if upload else 0
        if header.offset != committed:
            raise WrongOffsetError(header.offset, committed)
        new = NewImage(
            image_id=upload.image_id if upload else uuid4(),
            job_id=job_id,
            site=scope.site,
            image_key=header.image_key,
            file_name=header.file_name or header.image_key,
            size_bytes=committed,
            sha256="",
            original_keys=upload.part_keys if upload else (),
            patient_id=header.patient_id or job.spec.patient_id,
        )
        receiver = Receiver(self, job, new, header)
        for key in new.original_keys:
            # The digest of what came before the cut, which another replica may have received.
            async for chunk in self.blobs.stream(key, MAX_CHUNK_BYTES):
                receiver.digest.update(chunk)
        return receiver

    async def committed_size(
        self, principal: Principal, job_id: UUID, image_key: str
    ) -> tuple[int, Image | None]:
        """Return how much of an upload is durable, and the image it has become, if it has.

        Raises:
            UploadNotFoundError: nothing is durable.
        """
        scope = authorize(principal, Action.SUBMIT)
        require_label("image_key", image_key, _MAX_KEY)
        _, image, upload = await self.store.find_upload(scope, job_id, image_key)
        if image is not None:
            return image.size_bytes, image
        if upload is None:
            raise UploadNotFoundError(image_key)
        return upload.committed_size, None

    async def drop_unfinished(self, scope: Scope, job_id: UUID, image_key: str) -> None:
        """Drop what other streams of an image have made durable."""
        _, _, upload = await self.store.find_upload(scope, job_id, image_key)
        if upload is not None:
            await self.store.drop_upload(scope, job_id, image_key, upload.image_id)

    def admit(self, job: Job) -> None:
        """Decide whether a job takes one more image."""
        if job.state != JobState.RECEIVING:
            raise WrongStateError(job.name, job.state, "take more images")
        if job.total >= self.limits.images_per_job:
            raise TooManyImagesError(self.limits.images_per_job)

    def rescue(self, receiver: Receiver) -> None:
        """Keep what has arrived of a broken upload, after its call is over."""
        task = asyncio.create_task(receiver.keep())
        self._rescues.add(task)
        task.add_done_callback(self._rescues.discard)

    async def settle(self) -> None:
        """Give running rescues some time; what is not kept has to be sent again."""
        if self._rescues:
            await asyncio.wait(self._rescues, timeout=_RESCUE_SECONDS)


def _checked(header: UploadHeader) -> UploadHeader:
    if not header.image_key:
        raise InvalidFieldError("header.image_key", "is empty")
    require_label("header.image_key", header.image_key, _MAX_KEY)
    if header.offset < 0 or header.size_bytes < 0:
        raise InvalidFieldError("header.offset and header.size_bytes", "must not be negative")
    if header.offset and header.restart:
        raise InvalidFieldError("header.offset", "must be 0 when the upload starts over")
    require_label("header.patient_id", header.patient_id, _MAX_PATIENT)
    digest = header.sha256.lower()
    if digest and (len(digest) != 64 or any(c not in "0123456789abcdef" for c in digest)):  # noqa: PLR2004 - digits of a SHA-256
        raise InvalidFieldError("header.sha256", "must be 64 hexadecimal digits")
    return replace(header, sha256=digest, file_name=_label(header.file_name))


def _label(file_name: str) -> str:
    """Return a name that is safe to show. It is never used as a path."""
    shown = "".join(c for c in file_name if unicodedata.category(c) not in {"Cc", "Cs"})
    return shown.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
