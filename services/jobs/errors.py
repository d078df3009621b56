"""What can go wrong with a job. Each error has a reason, a sentence and metadata.

The reasons are listed in `docs/api.md`; a test compares the two.
"""

from typing import ClassVar

from chassis.errors import Kind, TransientError, UsageError

# A status travels in headers, which gRPC limits to 8 KiB: a caller's names must not fill them.
_SHOWN_CHARACTERS = 100


def _shown(text: str) -> str:
    """Return what a caller wrote, short enough to be repeated in a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


class JobNotFoundError(UsageError):
    """There is no such job on the caller's site."""

    kind = Kind.NOT_FOUND
    reason = "JOB_NOT_FOUND"

    def __init__(self, name: str) -> None:
        shown = _shown(name)
        super().__init__(f"There is no job {shown}.", metadata={"job": shown})


class ImageNotFoundError(UsageError):
    """There is no such image on the caller's site."""

    kind = Kind.NOT_FOUND
    reason = "IMAGE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        shown = _shown(name)
        super().__init__(f"There is no image {shown}.", metadata={"image": shown})


class UploadNotFoundError(UsageError):
    """Nothing durable has been uploaded under this key."""

    kind = Kind.NOT_FOUND
    reason = "UPLOAD_NOT_FOUND"

    def __init__(self, image_key: str) -> None:
        super().__init__(
            f"Nothing has been uploaded under the key {image_key!r}; begin at offset 0.",
            metadata={"image_key": image_key},
        )


class NoSuchBytesError(UsageError):
    """The image has no preview or no heatmap."""

    kind = Kind.NOT_FOUND
    reason = "NO_SUCH_BYTES"

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(f"The image {name} has no {kind}.", metadata={"image": name, "kind": kind})


class InvalidFieldError(UsageError):
    """A field of the request has an invalid value."""

    reason = "INVALID_FIELD"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}.", metadata={"field": field})


class InvalidPageTokenError(UsageError):
    """A page token that this service did not issue, or issued for another request."""

    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__(
            "The page token does not belong to this request; "
            "take it from the previous response, and keep the filter."
        )


class UnknownModelError(UsageError):
    """The catalogue has no such model."""

    reason = "UNKNOWN_MODEL"

    def __init__(self, model: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no model {model!r}; the catalogue has: {', '.join(known)}.",
            metadata={"model": model, "known": ",".join(known)},
        )


class RequestIdReusedError(UsageError):
    """The request_id was used before, with a different request."""

    kind = Kind.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"The request_id {request_id} was used before with a different request.",
            metadata={"request_id": request_id},
        )


class ImageKeyReusedError(UsageError):
    """The image key was used before, with different bytes."""

    kind = Kind.ALREADY_EXISTS
    reason = "IMAGE_KEY_REUSED"

    def __init__(self, image_key: str) -> None:
        super().__init__(
            f"The image key {image_key!r} was used before in this job, with different bytes.",
            metadata={"image_key": image_key},
        )


class WrongStateError(UsageError):
    """The job's state does not allow the request."""

    kind = Kind.FAILED_PRECONDITION
    reason = "WRONG_STATE"

    def __init__(self, name: str, state: str, wish: str) -> None:
        super().__init__(
            f"The job {name} is {state}; it cannot {wish}.",
            metadata={"job": name, "state": state},
        )


class JobEmptyError(UsageError):
    """A job without images cannot be closed."""

    kind = Kind.FAILED_PRECONDITION
    reason = "JOB_EMPTY"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The job {name} has no images; upload one, or cancel it.", metadata={"job": name}
        )


class EtagMismatchError(UsageError):
    """The job has changed since the caller read it."""

    kind = Kind.ABORTED
    reason = "ETAG_MISMATCH"

    def __init__(self, name: str, current: str) -> None:
        super().__init__(
            f"The job {name} has changed since you read it; read it again.",
            metadata={"job": name, "etag": current},
        )


class RevisionAheadError(UsageError):
    """A watcher claims to have seen a revision that does not exist yet."""

    kind = Kind.OUT_OF_RANGE
    reason = "REVISION_AHEAD"

    def __init__(self, asked: int, current: int) -> None:
        super().__init__(
            f"after_revision is {asked}, but the job is at revision {current}.",
            metadata={"after_revision": str(asked), "revision": str(current)},
        )


class WrongOffsetError(UsageError):
    """An upload was resumed at an offset other than its committed size."""

    kind = Kind.OUT_OF_RANGE
    reason = "WRONG_OFFSET"

    def __init__(self, offset: int, committed: int) -> None:
        super().__init__(
            f"The upload has {committed} durable bytes; resume at offset {committed}, "
            f"not at {offset}.",
            metadata={"offset": str(offset), "committed_size": str(committed)},
        )


class UploadRaceError(UsageError):
    """Two streams upload the same image."""

    kind = Kind.ABORTED
    reason = "UPLOAD_RACE"

    def __init__(self, image_key: str) -> None:
        super().__init__(
            f"Another stream is uploading {image_key!r}; ask GetUpload where it stands.",
            metadata={"image_key": image_key},
        )


class ChecksumMismatchError(UsageError):
    """The bytes received are not those announced."""

    reason = "CHECKSUM_MISMATCH"

    def __init__(self, announced: str, computed: str) -> None:
        super().__init__(
            "The bytes received do not have the announced SHA-256; "
            "they were discarded, upload again from offset 0.",
            metadata={"announced": announced, "computed": computed, "resume_offset": "0"},
        )


class SizeMismatchError(UsageError):
    """More or fewer bytes were received than announced."""

    reason = "SIZE_MISMATCH"

    def __init__(self, announced: int, received: int) -> None:
        super().__init__(
            f"{announced} bytes were announced and {received} received; "
            "ask GetUpload where to resume.",
            metadata={"announced": str(announced), "received": str(received)},
        )


class ChunkTooLargeError(UsageError):
    """A chunk is above 1 MiB."""

    reason = "CHUNK_TOO_LARGE"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"A chunk of {size} bytes is above the limit of {limit}.",
            metadata={"size": str(size), "limit": str(limit)},
        )


class _LimitError(UsageError):
    """A limit was reached; the metadata names it."""

    kind = Kind.RESOURCE_EXHAUSTED
    sentence: ClassVar[str]

    def __init__(self, limit: int) -> None:
        super().__init__(self.sentence.format(limit=limit), metadata={"limit": str(limit)})


class TooManyImagesError(_LimitError):
    """The job has reached its maximum number of images."""

    reason = "TOO_MANY_IMAGES"
    sentence = "A job takes at most {limit} images; images accepted before are kept."


class ImageBytesError(_LimitError):
    """A file is too large."""

    reason = "IMAGE_BYTES_EXCEEDED"
    sentence = "An image may have at most {limit} bytes; images accepted before are kept."


class JobBytesError(_LimitError):
    """The files of the job are too large together."""

    reason = "JOB_BYTES_EXCEEDED"
    sentence = (
        "The images of a job may have at most {limit} bytes together; "
        "images accepted before are kept."
    )


class TooManyJobsError(_LimitError):
    """The caller creates jobs too quickly."""

    reason = "TOO_MANY_JOBS"
    sentence = "A caller may create at most {limit} jobs per minute; try again in a minute."


class TooManyWatchersError(_LimitError):
    """The replica has reached its maximum number of watches."""

    reason = "TOO_MANY_WATCHERS"
    sentence = (
        "This replica serves at most {limit} watchers; try again, another replica may have room."
    )


class ForbiddenError(UsageError):
    """The caller's roles do not allow the call."""

    kind = Kind.PERMISSION_DENIED
    reason = "ROLE_NOT_ALLOWED"

    def __init__(self, action: str, roles: frozenset[str]) -> None:
        held = ", ".join(sorted(roles)) or "no role"
        super().__init__(
            f"{action} is not allowed to {held}.",
            metadata={"action": action, "roles": ",".join(sorted(roles))},
        )


class StoreUnavailableError(TransientError):
    """PostgreSQL does not answer."""

    reason = "STORE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The database of jobs cannot be reached; try again.")


class OldDatabaseError(Exception):
    """The database is older than this code needs."""


class OldServerError(OldDatabaseError):
    """The server does not know a setting that this code relies on."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL 17 or newer is needed: an older one has no transaction_timeout."
        )


class OldSchemaError(OldDatabaseError):
    """The database has not been migrated to what this code needs."""

    def __init__(self, found: str, needed: str) -> None:
        super().__init__(
            f"The database schema is at {found or 'nothing'}, this version needs {needed}: "
            "run `python -m services.jobs.commands.migrate` first."
        )


class MalformedMessageError(UsageError):
    """A message of the broker cannot be read."""

    reason = "MALFORMED_MESSAGE"

    def __init__(self, what: str) -> None:
        super().__init__(f"The message is not a valid {what}.", metadata={"what": what})


class InvalidSiteError(UsageError):
    """The token's site cannot be part of a blob key."""

    kind = Kind.PERMISSION_DENIED
    reason = "INVALID_SITE"

    def __init__(self) -> None:
        super().__init__(
            "The token's site must be 1 to 64 letters, digits, dots, dashes or underscores, "
            "the first a letter or a digit."
        )
