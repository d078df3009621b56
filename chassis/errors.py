"""The kinds of error that all services share: usage, transient, and fatal for the rest."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar


class Kind(StrEnum):
    """Canonical status codes by name, so that this module does not import gRPC."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    ABORTED = "ABORTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"


_NOTHING: Mapping[str, str] = MappingProxyType({})


class DomainError(Exception):
    """An error that callers may see; any other exception is fatal and stays inside.

    Subclasses set `kind` and `reason` and build their message from typed values. The message and
    the metadata leave the process, so they never contain patient data.
    """

    kind: ClassVar[Kind] = Kind.INTERNAL
    reason: ClassVar[str] = "INTERNAL"  # [A-Z][A-Z0-9_]+[A-Z0-9], at most 63 (AIP-193)

    def __init__(self, message: str, *, metadata: Mapping[str, str] = _NOTHING) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata


class UsageError(DomainError):
    """The input can never work, however often the call is repeated."""

    kind: ClassVar[Kind] = Kind.INVALID_ARGUMENT
    reason: ClassVar[str] = "INVALID_ARGUMENT"


class TransientError(DomainError):
    """It may work later; `delay` is the time after which to retry, if it is known."""

    kind: ClassVar[Kind] = Kind.UNAVAILABLE
    reason: ClassVar[str] = "UNAVAILABLE"

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] = _NOTHING,
        delay: timedelta | None = None,
    ) -> None:
        super().__init__(message, metadata=metadata)
        self.delay = delay
