"""The bytes of one image on their way to its commit."""

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chassis.errors import DomainError, UsageError
from chassis.logs import get_logger
from chassis.tracing import current_traceparent
from services.jobs.errors import (
    ChecksumMismatchError,
    ChunkTooLargeError,
    ImageBytesError,
    ImageKeyReusedError,
    JobBytesError,
    SizeMismatchError,
    UploadRaceError,
)
from services.jobs.models import Image, Job, NewImage, Scope
from services.jobs.storage.blob_keys import new_original_key

if TYPE_CHECKING:
    from services.jobs.uploads.service import Uploads

# A caller that sends more at once is refused: it bounds what one message may cost.
MAX_CHUNK_BYTES = 2**20
# What is held in memory of an upload before it becomes durable.
_PART_BYTES = 4 * 2**20
# With this many parts, an incomplete one is not kept: they are all named in one message, and the
# broker takes about 3,000 names.
_CUT_PARTS = 1000
_log = get_logger(__name__)


@dataclass(frozen=True)
class UploadHeader:
    """What a caller announces of an image before its bytes."""

    image_key: str
    file_name: str = ""
    offset: int = 0
    sha256: str = ""
    size_bytes: int = 0
    patient_id: str = ""
    # Drop what is durable of an unfinished upload.
    restart: bool = False


class Repeat:
    """An upload of an image that is already committed: the same bytes get the same answer."""

    def __init__(self, image: Image, header: UploadHeader) -> None:
        if header.sha256 and header.sha256 != image.sha256:
            raise ImageKeyReusedError(image.image_key)
        self._image = image
        self._digest = hashlib.sha256()
        self._compare = not header.offset

    async def receive(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(chunk)

    async def finish(self) -> Image:
        """Return the image if the bytes are the same.

        Raises:
            ImageKeyReusedError: they are not.
        """
        if self._compare and self._digest.hexdigest() != self._image.sha256:
            raise ImageKeyReusedError(self._image.image_key)
        return self._image

    def cut(self) -> None:
        """Nothing is lost with the connection."""


class Receiver:
    """The bytes of one image, on their way to being committed."""

    def __init__(self, uploads: "Uploads", job: Job, image: NewImage, header: UploadHeader) -> None:
        self.digest = hashlib.sha256()
        self._uploads = uploads
        self._job = job
        self._image = image
        self._header = header
        self._chunks: list[bytes] = []
        self._held = 0

    @property
    def _received(self) -> int:
        return self._image.size_bytes + self._held

    @property
    def _worth_keeping(self) -> bool:
        return self._held > 0 and len(self._image.original_keys) < _CUT_PARTS

    async def receive(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            ImageBytesError, JobBytesError: one byte too many.
        """
        if len(chunk) > MAX_CHUNK_BYTES:
            raise ChunkTooLargeError(len(chunk), MAX_CHUNK_BYTES)
        limits = self._uploads.limits
        too_large = self._received + len(chunk) > limits.image_bytes
        too_much = self._job.total_bytes + self._received + len(chunk) > limits.job_bytes
        if too_large or too_much:
            await self._drop()
            if too_large:
                raise ImageBytesError(limits.image_bytes)
            raise JobBytesError(limits.job_bytes)
        self.digest.update(chunk)
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._held >= _PART_BYTES:
            image = self._image
            if self._header.restart and not image.original_keys:
                # A stream that was cut may have kept its bytes since this one began: the newer one
                # wins. Not so for a rescue, which may be the older one.
                scope = Scope(image.site)
                await self._uploads.drop_unfinished(scope, image.job_id, image.image_key)
            await self._append_part()

    async def finish(self) -> Image:
        """Commit the image: from then on it is never lost.

        Raises:
            ChecksumMismatchError, SizeMismatchError: not what was announced.
        """
        header, uploads = self._header, self._uploads
        if header.size_bytes and header.size_bytes != self._received:
            received = self._received
            if received > header.size_bytes:
                await self._drop()
            elif self._worth_keeping:
                await self._append_part()
            raise SizeMismatchError(header.size_bytes, received)
        computed = self.digest.hexdigest()
        if header.sha256 and header.sha256 != computed:
            await self._drop()
            raise ChecksumMismatchError(header.sha256, computed)
        last = [await self._put()] if self._held or not self._image.original_keys else []
        image = replace(
            self._image,
            size_bytes=self._received,
            sha256=computed,
            original_keys=(*self._image.original_keys, *last),
        )
        try:
            change = await uploads.store.commit_image(
                image,
                parts_size=self._image.size_bytes,
                admit=self._admit,
                traceparent=current_traceparent(),
            )
        except UploadRaceError:
            await self._discard(last)
            raise
        except UsageError:
            await self._discard(last)
            await self._drop()
            raise
        if change is None:
            await self._discard(last)
            return await self._other(image)
        await uploads.commits.publish(change)
        return change.images[0]

    def cut(self) -> None:
        """The connection was lost: what has arrived is kept, so that the caller can resume."""
        if self._worth_keeping:
            self._uploads.rescue(self)

    async def keep(self) -> None:
        """Make what has arrived durable."""
        try:
            await self._append_part()
        except DomainError as error:
            _log.warning("keeping a part of a cut upload failed", reason=error.reason)

    def _admit(self, job: Job) -> None:
        self._uploads.admit(job)
        if job.total_bytes + self._received > self._uploads.limits.job_bytes:
            raise JobBytesError(self._uploads.limits.job_bytes)

    async def _put(self) -> str:
        image = self._image
        key = new_original_key(image.site, image.job_id, image.image_id, image.size_bytes)
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        await self._uploads.blobs.put(key, data)
        return key

    async def _append_part(self) -> None:
        if not self._held:
            return
        key = await self._put()
        try:
            await self._uploads.store.append_part(
                self._image,
                part_key=key,
                old_size=self._image.size_bytes,
                new_size=self._received,
            )
        except UsageError:
            # Another stream is ahead, or the image is committed, or the job is gone: no row names
            # the blob.
            await self._uploads.blobs.delete([key])
            raise
        self._image = replace(
            self._image,
            size_bytes=self._received,
            original_keys=(*self._image.original_keys, key),
        )
        self._chunks, self._held = [], 0

    async def _discard(self, last: list[str]) -> None:
        """Delete the blob that was to be the last part, and keep nothing of it."""
        self._chunks, self._held = [], 0
        await self._uploads.blobs.delete(last)

    async def _drop(self) -> None:
        """Drop the parts: nothing half-stored stays visible."""
        self._chunks, self._held = [], 0
        image = self._image
        await self._uploads.store.drop_upload(
            Scope(image.site), image.job_id, image.image_key, image.image_id
        )

    async def _other(self, image: NewImage) -> Image:
        """Return the image of the stream that was faster, if its bytes are the same."""
        _, other, _ = await self._uploads.store.find_upload(
            Scope(image.site), image.job_id, image.image_key
        )
        if other is None:
            raise UploadRaceError(image.image_key)
        if other.sha256 != image.sha256:
            raise ImageKeyReusedError(image.image_key)
        return other
