"""Names and values of the contract over HTTP, all taken from the protobuf descriptors."""

from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
)
from google.protobuf.message import Message

from carina.jobs.v1.job_service_pb2 import ReadImageRequest
from services.gateway.comments import COMMENTS
from services.gateway.errors import InvalidFieldError

_TIMESTAMP = "google.protobuf.Timestamp"
_TRUTH = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


def comment_of(
    descriptor: Descriptor | EnumDescriptor | EnumValueDescriptor | FieldDescriptor,
) -> str:
    """Return the comment in the contract on a message, an enum, a value or a field."""
    if isinstance(descriptor, EnumValueDescriptor):
        return COMMENTS[f"{descriptor.type.full_name}.{descriptor.name}"]
    return COMMENTS[descriptor.full_name]


def short_names(enum: EnumDescriptor) -> list[str]:
    """Return the values of an enum without their prefix and without the unspecified value."""
    unspecified, *others = (value.name for value in enum.values)
    prefix = unspecified.removesuffix("UNSPECIFIED")
    return [name.removeprefix(prefix) for name in others]


# Kinds of image content as the last segment of a path, with their number in the contract.
IMAGE_KINDS = {
    name.lower(): ReadImageRequest.Kind.Value(f"KIND_{name}")
    for name in short_names(ReadImageRequest.Kind.DESCRIPTOR)
}


def is_text(field: FieldDescriptor) -> bool:
    """Tell whether a query or a form can carry a field: a scalar, an enum or a timestamp."""
    return field.message_type is None or field.message_type.full_name == _TIMESTAMP


def query_name(field: FieldDescriptor) -> str:
    """Return the name of a field in a query; a list repeats the singular of its name."""
    name: str = field.json_name
    return name.removesuffix("s") if field.is_repeated else name


def has_field(name: str, *messages: Message) -> bool:
    """Tell whether one of these messages has a field of this name for a query or a form."""
    return _found(name, messages) is not None


def read_fields(values: Iterable[tuple[str, str]], *messages: Message) -> None:
    """Read a query or a form into the messages that have its fields.

    Fields may be named as in JSON or as in the contract. Enum values may be written without their
    prefix and in any case. Blank values are ignored.
    """
    lists: dict[str, list[Any]] = {}
    seen: set[str] = set()
    for name, text in values:
        message, field = _find(name, messages)
        if not text.strip():
            continue
        if field.full_name in seen and not field.is_repeated:
            raise InvalidFieldError(name, "the field appears twice")
        seen.add(field.full_name)
        value = _value(name, field, text)
        if field.is_repeated:
            lists.setdefault(field.full_name, []).append(value)
            value = lists[field.full_name]
        try:
            json_format.ParseDict({field.name: value}, message)
        except json_format.ParseError:
            raise InvalidFieldError(name, _expected(field)) from None


def _find(name: str, messages: Iterable[Message]) -> tuple[Message, FieldDescriptor]:
    found = _found(name, messages)
    if found is None:
        raise InvalidFieldError(name, "there is no such field")
    return found


def _found(name: str, messages: Iterable[Message]) -> tuple[Message, FieldDescriptor] | None:
    for message in messages:
        fields: Iterable[Any] = message.DESCRIPTOR.fields
        for field in fields:
            if is_text(field) and name in {field.name, field.json_name, query_name(field)}:
                return message, field
    return None


def _value(name: str, field: FieldDescriptor, text: str) -> Any:
    if field.enum_type is not None:
        value = text.strip().upper()
        prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        return value if value.startswith(prefix) else prefix + value
    if field.type == FieldDescriptor.TYPE_BOOL:
        word = text.strip().lower()
        if word not in _TRUTH:
            raise InvalidFieldError(name, _expected(field))
        return _TRUTH[word]
    return text


def _expected(field: FieldDescriptor) -> str:
    """Describe the values that a field accepts."""
    if field.enum_type is not None:
        return "expected " + " or ".join(short_names(field.enum_type))
    if field.message_type is not None:
        return "expected a time such as 2026-03-01T21:00:00Z"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "expected true or false"
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        return "expected a whole number"
    return "the value is not valid"
