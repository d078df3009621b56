"""JSON Schemas of the contract's messages, generated from their descriptors."""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from services.gateway.contract import comment_of, is_text, short_names

_TEXT = {"type": "string"}
_INTEGER = {"type": "integer", "format": "int32"}
# JSON numbers lose precision above 2^53, so proto3 JSON writes int64 as a string.
_LONG = {"type": "string", "format": "int64", "pattern": r"^-?\d+$"}
_SCALARS: dict[int, dict[str, Any]] = {
    FieldDescriptor.TYPE_STRING: _TEXT,
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT32: _INTEGER,
    FieldDescriptor.TYPE_INT64: _LONG,
    FieldDescriptor.TYPE_FLOAT: {"type": "number"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number"},
}
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"},
}


def schema_name(descriptor: Descriptor | EnumDescriptor) -> str:
    """Return the name of a schema; a nested type is prefixed with its outer type."""
    outer = descriptor.containing_type
    return f"{outer.name}{descriptor.name}" if outer is not None else descriptor.name


def reference(name: str) -> dict[str, Any]:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def reachable(messages: Iterable[Descriptor]) -> list[Descriptor | EnumDescriptor]:
    """Return these messages and every message and enum that they refer to."""
    found: dict[str, Descriptor | EnumDescriptor] = {}
    waiting: list[Descriptor | EnumDescriptor] = list(messages)
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            if isinstance(descriptor, Descriptor):
                waiting.extend(_referred(descriptor))
    return list(found.values())


def schema_of(descriptor: Descriptor | EnumDescriptor, *, answered: bool) -> dict[str, Any]:
    """Return the schema of a message or an enum.

    Responses contain fields with default values too, so there all fields are required.
    """
    description = {"description": comment_of(descriptor)}
    if isinstance(descriptor, EnumDescriptor):
        return description | {"type": "string", "enum": [each.name for each in descriptor.values]}
    fields = descriptor.fields
    schema: dict[str, Any] = description | {
        "type": "object",
        "properties": {field.json_name: field_schema(field) for field in fields},
        "additionalProperties": False,
    }
    if answered:
        schema["required"] = [field.json_name for field in fields if not field.has_presence]
    return schema


def field_schema(field: FieldDescriptor) -> dict[str, Any]:
    """Return the schema of a field in JSON; its description is the comment in the contract."""
    schema = _single(field)
    if field.is_repeated:
        schema = {"type": "array", "items": schema}
    return schema | {"description": comment_of(field)}


def text_schema(field: FieldDescriptor) -> dict[str, Any]:
    """Return the schema of a field in a query or a form, where enum values are short."""
    if field.enum_type is None:
        return _single(field)
    schema: dict[str, Any] = {"type": "string", "enum": short_names(field.enum_type)}
    return {"type": "array", "items": schema} if field.is_repeated else schema


def form_properties(*messages: Descriptor) -> dict[str, Any]:
    """Return the properties of a form with the fields of these messages."""
    return {
        field.name: text_schema(field) | {"description": comment_of(field)}
        for message in messages
        for field in message.fields
        if is_text(field)
    }


def _single(field: FieldDescriptor) -> dict[str, Any]:
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return known or reference(schema_name(field.message_type))
    if field.enum_type is not None:
        return reference(schema_name(field.enum_type))
    return _SCALARS[field.type]


def _referred(message: Descriptor) -> Iterator[Descriptor | EnumDescriptor]:
    for field in message.fields:
        if field.enum_type is not None:
            yield field.enum_type
        elif field.message_type is not None and field.message_type.full_name not in _WELL_KNOWN:
            yield field.message_type
