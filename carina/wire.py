"""Converts between messages of the contract and plain Python values."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_Record = TypeVar("_Record")
_Reader = Callable[[Any], Any]


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


def record_of(kind: type[_Record], message: Any, /, **others: Any) -> _Record:
    """Return the dataclass of a message: each of its fields is read from the field of its name.

    A field that is not set is None where the dataclass allows it. `others` are the fields that the
    message does not have.
    """
    readers = _readers(kind, message.DESCRIPTOR)  # type: ignore[arg-type] # a class is hashable
    return kind(**{name: read(message) for name, read in readers}, **others)


@cache
def _readers(kind: Any, message: Descriptor) -> tuple[tuple[str, _Reader], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (name, _reader(message.fields_by_name[name], hint))
        for name, hint in hints.items()
        if name in message.fields_by_name
    )


def _reader(field: FieldDescriptor, hint: Any) -> _Reader:
    name, allowed = field.name, get_args(hint)
    if field.is_repeated:
        convert = _converter(field, allowed[0])
        return lambda message: tuple(map(convert, getattr(message, name)))
    if field.has_presence and NoneType in allowed:
        convert = _converter(field, allowed[0])
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None
    convert = _converter(field, hint)
    return lambda message: convert(getattr(message, name))


def _converter(field: FieldDescriptor, hint: Any) -> Callable[[Any], Any]:
    if field.enum_type is not None:
        values = field.enum_type.values_by_number
        return lambda number: _member(hint, values[number].name if number in values else "")
    if field.message_type is None:
        return lambda value: value
    match field.message_type.full_name:
        case "google.protobuf.Timestamp":
            return lambda value: value.ToDatetime(tzinfo=UTC)
        case "google.protobuf.Duration":
            return lambda value: value.ToTimedelta()
    return lambda value: record_of(hint, value)


def _member(kind: type[StrEnum], name: str) -> StrEnum:
    """Return the member without its prefix; a value that only a newer server knows has none."""
    _, _, short = (name or "_UNSPECIFIED").partition("_")
    return kind(short)
