"""Taking in the bytes of an image: parts that become durable, then one commit.

A file of one part, as nearly all are, costs one blob and one transaction. A longer one, or one
whose line was cut, leaves durable parts behind, which any replica can go on from. The original
stays in its parts: its bytes are those of its blobs, one after the other.
"""

import asyncio
import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from chassis.auth import Principal
from chassis.blobs import BlobStore
from chassis.errors import DomainError, UsageError
from chassis.logs import get_logger
from services.jobs.commits import Clock, Committed
from services.jobs.errors import (
    ChecksumMismatchError,
    ChunkTooLargeError,
    ImageBytesError,
    ImageKeyReusedError,
    InvalidFieldError,
    JobBytesError,
    SizeMismatchError,
    TooManyImagesError,
    UploadNotFoundError,
    UploadRaceError,
    WrongOffsetError,
    WrongStateError,
)
from services.jobs.models import Image, Job, JobState, Limits, NewImage, Scope
from services.jobs.permissions import Action, authorize
from services.jobs.storage.store import JobStore
from services.jobs.validation import require_label

# A caller that sends more at once is refused: it bounds what one message may cost.
MAX_CHUNK_BYTES = 2**20
# What is held in memory of an upload before it becomes durable.
_PART_BYTES = 4 * 2**20
# With so many parts, what is less than a whole one is not kept: they are all named in one message,
# which the broker takes up to some 3,000 of.
_CUT_PARTS = 1000
# How long the end of a replica waits for what broken uploads have brought.
_RESCUE_SECONDS = 5.0
_MAX_KEY, _MAX_NAME_BYTES, _MAX_PATIENT = 200, 4096, 64
_log = get_logger(__name__)


@dataclass(frozen=True)
class UploadHeader:
    """What a caller says of an image before its bytes."""

    image_key: str
    file_name: str = ""
    offset: int = 0
    sha256: str = ""
    size_bytes: int = 0
    patient_id: str = ""
    # What is durable of an unfinished upload is dropped.
    restart: bool = False


class Uploads:
    """Uploads of all callers."""

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        limits: Limits,
        clock: Clock,
        committed: Committed,
        wake_relay: Callable[[], None],
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.limits = limits
        self.clock = clock
        self.committed = committed
        self.wake_relay = wake_relay
        self._rescues: set[asyncio.Task[None]] = set()

    async def begin(
        self, principal: Principal, job_id: UUID, header: UploadHeader
    ) -> "Receiver | Repeat":
        """Begin or resume an upload; of an image that is committed, only compare the bytes."""
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
            # The digest of what came before the cut; another replica may have taken it.
            async for chunk in self.blobs.stream(key, MAX_CHUNK_BYTES):
                receiver.digest.update(chunk)
        return receiver

    async def committed_size(
        self, principal: Principal, job_id: UUID, image_key: str
    ) -> tuple[int, Image | None]:
        """Return how much of an upload is durable, and the image it has become.

        Raises:
            UploadNotFoundError: nothing is.
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
        """Forget what other streams of an image have made durable."""
        _, _, upload = await self.store.find_upload(scope, job_id, image_key)
        if upload is not None:
            await self.store.forget_upload(
                job_id, image_key, upload.image_id, scope=scope, now=self.clock()
            )

    def admit(self, job: Job) -> None:
        """Decide whether a job takes one image more."""
        if job.state != JobState.RECEIVING:
            raise WrongStateError(job.name, job.state, "take more images")
        if job.total >= self.limits.images_per_job:
            raise TooManyImagesError(self.limits.images_per_job)

    def rescue(self, receiver: "Receiver") -> None:
        """Keep, after the call is over, what had arrived of a broken upload."""
        task = asyncio.create_task(receiver.keep())
        self._rescues.add(task)
        task.add_done_callback(self._rescues.discard)

    async def settle(self) -> None:
        """Give the rescues that are under way some time; what is not kept is sent again."""
        if self._rescues:
            await asyncio.wait(self._rescues, timeout=_RESCUE_SECONDS)


class Repeat:
    """An upload of an image that is committed already: the same bytes get the first answer."""

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
        """Return the image, if the bytes are its own.

        Raises:
            ImageKeyReusedError: they are not.
        """
        if self._compare and self._digest.hexdigest() != self._image.sha256:
            raise ImageKeyReusedError(self._image.image_key)
        return self._image

    def cut(self) -> None:
        """Nothing is lost with the line."""


class Receiver:
    """The bytes of one image, on their way to being committed."""

    def __init__(self, uploads: Uploads, job: Job, image: NewImage, header: UploadHeader) -> None:
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
                # A cut stream may have kept its bytes since this one began; the newer one wins.
                # Not done for a rescue, which may be the older one.
                scope = Scope(image.site)
                await self._uploads.drop_unfinished(scope, image.job_id, image.image_key)
            await self._append_part()

    async def finish(self) -> Image:
        """Commit the image: from here on it is never lost.

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
                now=uploads.clock(),
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
        await uploads.committed(change)
        uploads.wake_relay()
        return change.images[0]

    def cut(self) -> None:
        """The line was cut: what has arrived stays, so that the caller can resume."""
        if self._worth_keeping:
            self._uploads.rescue(self)

    async def keep(self) -> None:
        """Make what has arrived durable."""
        try:
            await self._append_part()
        except DomainError as error:
            _log.warning("part of a cut upload not kept", reason=error.reason)

    def _admit(self, job: Job) -> None:
        self._uploads.admit(job)
        if job.total_bytes + self._received > self._uploads.limits.job_bytes:
            raise JobBytesError(self._uploads.limits.job_bytes)

    async def _put(self) -> str:
        image = self._image
        # The random part keeps two streams of one image from writing the same blob.
        key = (
            f"sites/{image.site}/jobs/{image.job_id}/{image.image_id}/"
            f"original-{image.size_bytes:012d}-{uuid4().hex[:8]}"
        )
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
                now=self._uploads.clock(),
            )
        except UsageError:
            # Another stream is further, or the cut came after the commit, or the job is gone: no
            # row speaks of it.
            await self._uploads.blobs.delete([key])
            raise
        self._image = replace(
            self._image,
            size_bytes=self._received,
            original_keys=(*self._image.original_keys, key),
        )
        self._chunks, self._held = [], 0

    async def _discard(self, last: list[str]) -> None:
        """Take back the blob that was to be the last part, and keep nothing of it."""
        self._chunks, self._held = [], 0
        await self._uploads.blobs.delete(last)

    async def _drop(self) -> None:
        """Forget the parts: nothing half-stored stays visible."""
        self._chunks, self._held = [], 0
        image = self._image
        await self._uploads.store.forget_upload(
            image.job_id,
            image.image_key,
            image.image_id,
            scope=Scope(image.site),
            now=self._uploads.clock(),
        )

    async def _other(self, image: NewImage) -> Image:
        """Return the image of the stream that was faster, if it is the same."""
        _, other, _ = await self._uploads.store.find_upload(
            Scope(image.site), image.job_id, image.image_key
        )
        if other is None:
            raise UploadRaceError(image.image_key)
        if other.sha256 != image.sha256:
            raise ImageKeyReusedError(image.image_key)
        return other


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
