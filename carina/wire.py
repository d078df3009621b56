"""Converts between messages of the contract and plain Python values."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_Member = TypeVar("_Member", bound=StrEnum)


def message_to_json(message: Message) -> dict[str, Any]:
    """Return the proto3 JSON form of a message, including fields with default values."""
    as_dict: dict[str, Any] = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True
    )
    return as_dict


def timestamp_from(moment: datetime | None) -> Timestamp | None:
    """Return a time as a message; a time without a zone is local time."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment.astimezone(UTC))
    return timestamp


def moment_of(message: Any, name: str) -> datetime | None:
    """Return the time in a field, or None if it is not set."""
    if not message.HasField(name):
        return None
    value: Timestamp = getattr(message, name)
    return value.ToDatetime(tzinfo=UTC)


def member_of(kind: type[_Member], wrapper: Any, number: int) -> _Member:
    """Return the member without its prefix; a number of a newer contract is UNSPECIFIED."""
    names: Mapping[int, str] = {value: name for name, value in wrapper.items()}
    _, _, short = names.get(number, "_UNSPECIFIED").partition("_")
    return kind(short)


def duration_of(message: Any, name: str) -> timedelta | None:
    """Return the duration in a field, or None if it is not set."""
    if not message.HasField(name):
        return None
    value: Duration = getattr(message, name)
    return value.ToTimedelta()
