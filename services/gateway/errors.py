"""What can be wrong with an HTTP request before it reaches the jobs service."""

from typing import ClassVar

from chassis.errors import Kind, UsageError


class InvalidFieldError(UsageError):
    """A field of the request does not hold what it must."""

    reason: ClassVar[str] = "INVALID_FIELD"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}.", metadata={"field": field})


class InvalidBodyError(UsageError):
    """The body cannot be read as what it claims to be."""

    reason: ClassVar[str] = "INVALID_BODY"

    def __init__(self, problem: str) -> None:
        super().__init__(f"The body of the request cannot be read: {problem}.")


class BodyTooLargeError(UsageError):
    """A body, or a field of a form, that holds no image is too large."""

    kind: ClassVar[Kind] = Kind.RESOURCE_EXHAUSTED
    reason: ClassVar[str] = "BODY_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"What is no image may have at most {limit} bytes.", metadata={"limit": str(limit)}
        )


class BodyStalledError(UsageError):
    """The sender has gone quiet in the middle of a body."""

    kind: ClassVar[Kind] = Kind.DEADLINE_EXCEEDED
    reason: ClassVar[str] = "BODY_STALLED"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Nothing arrived for {seconds:g} s in the middle of the request.",
            metadata={"seconds": f"{seconds:g}"},
        )


class FieldAfterFileError(UsageError):
    """A form names something about the job when its images are already on their way."""

    reason: ClassVar[str] = "FIELD_AFTER_FILE"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"The field {field!r} comes after a file; put all fields before the first file.",
            metadata={"field": field},
        )


class NoFilesError(UsageError):
    """A form without a file."""

    reason: ClassVar[str] = "NO_FILES"

    def __init__(self) -> None:
        super().__init__("The form holds no file.")


class UnsupportedBodyError(UsageError):
    """The body has a media type that this path does not take."""

    reason: ClassVar[str] = "UNSUPPORTED_BODY"

    def __init__(self, wanted: str) -> None:
        super().__init__(f"The body must be {wanted}.", metadata={"wanted": wanted})
