"""Checks a value against a schema of an OpenAPI document: as much of JSON Schema as ours uses."""

import re
from typing import Any

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "array": list,
    "object": dict,
}
_KNOWN = {
    "$ref",
    "description",
    "type",
    "enum",
    "pattern",
    "format",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "oneOf",
}


def mismatches(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Return what of a value the schema does not allow, with the place of each."""
    return list(_mismatches(value, schema, document, "$"))


def _mismatches(value: Any, schema: dict[str, Any], document: dict[str, Any], place: str) -> Any:
    assert set(schema) <= _KNOWN, f"a keyword that this check does not know: {schema}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        yield from _mismatches(value, document["components"]["schemas"][name], document, place)
        return
    if "oneOf" in schema:
        fitting = [each for each in schema["oneOf"] if not mismatches(value, each, document)]
        if len(fitting) != 1:
            yield f"{place}: fits {len(fitting)} of the alternatives"
        return
    if not isinstance(value, _TYPES[schema["type"]]):
        yield f"{place}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is not in the list"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place}: {value!r} does not match"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mismatches(item, schema["items"], document, f"{place}[{index}]")
    if isinstance(value, dict):
        yield from _in_object(value, schema, document, place)


def _in_object(
    value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], place: str
) -> Any:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}.{name} is missing"
    for name, item in value.items():
        extra = schema.get("additionalProperties", True)
        if name in properties:
            yield from _mismatches(item, properties[name], document, f"{place}.{name}")
        elif extra is False:
            yield f"{place}.{name} is not in the schema"
        elif isinstance(extra, dict):
            yield from _mismatches(item, extra, document, f"{place}.{name}")
