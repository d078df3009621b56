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

    def __init__(self, limit: int, field: str = "") -> None:
        metadata = {"limit": str(limit)}
        if not field:
            super().__init__(f"JSON bodies are limited to {limit} bytes.", metadata=metadata)
            return
        super().__init__(
            f"{field}: a field is limited to {limit} bytes; a file needs a file name.",
            metadata=metadata | {"field": field},
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

    def __init__(self, wanted: str, media_type: str = "") -> None:
        sentence = f"The body must be {wanted}."
        if media_type == "multipart/related":
            sentence += " multipart/related (DICOM STOW-RS) is not supported yet."
        super().__init__(sentence, metadata={"wanted": wanted})


class NestedFormError(UsageError):
    """A part of a form is a multipart body itself."""

    reason: ClassVar[str] = "UNSUPPORTED_BODY"

    def __init__(self, field: str, media_type: str) -> None:
        super().__init__(
            f"{field}: a part of the type {media_type} is not supported; send each file as a part "
            "of the form itself.",
            metadata={"field": field},
        )


class UnsupportedCodingError(UsageError):
    """The body, or a part of a form, is compressed or otherwise coded."""

    reason: ClassVar[str] = "UNSUPPORTED_CODING"

    def __init__(self, header: str, coding: str, field: str = "") -> None:
        what = f"The part {field!r}" if field else "The request body"
        super().__init__(
            f"{what} is coded ({header}: {coding}); send its bytes as they are.",
            metadata={"coding": coding} | ({"field": field} if field else {}),
        )
