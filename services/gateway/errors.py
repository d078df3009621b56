"""Errors in an HTTP request that are found before it reaches the jobs service."""

from typing import ClassVar

from chassis.errors import Kind, UsageError


class InvalidFieldError(UsageError):
    """A field of the request has an invalid value."""

    reason: ClassVar[str] = "INVALID_FIELD"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}.", metadata={"field": field})


class InvalidBodyError(UsageError):
    """The body does not have the format of its media type."""

    reason: ClassVar[str] = "INVALID_BODY"

    def __init__(self, problem: str) -> None:
        super().__init__(f"The request body cannot be read: {problem}.")


class BodyTooLargeError(UsageError):
    """A JSON body or a form field is too large."""

    kind: ClassVar[Kind] = Kind.RESOURCE_EXHAUSTED
    reason: ClassVar[str] = "BODY_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"JSON bodies and form fields are limited to {limit} bytes.",
            metadata={"limit": str(limit)},
        )


class BodyStalledError(UsageError):
    """The client stopped sending in the middle of a body."""

    kind: ClassVar[Kind] = Kind.DEADLINE_EXCEEDED
    reason: ClassVar[str] = "BODY_STALLED"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The request body made no progress for {seconds:g} s.",
            metadata={"seconds": f"{seconds:g}"},
        )


class FieldAfterFileError(UsageError):
    """A form contains a field after its first file."""

    reason: ClassVar[str] = "FIELD_AFTER_FILE"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"The field {field!r} comes after a file; send all fields before the first file.",
            metadata={"field": field},
        )


class NoFilesError(UsageError):
    """The form contains no file."""

    reason: ClassVar[str] = "NO_FILES"

    def __init__(self) -> None:
        super().__init__("The form contains no file.")


class UnsupportedBodyError(UsageError):
    """The path does not accept the media type of the body."""

    reason: ClassVar[str] = "UNSUPPORTED_BODY"

    def __init__(self, wanted: str) -> None:
        super().__init__(f"The body must be {wanted}.", metadata={"wanted": wanted})
