"""Validates values against OpenAPI schemas, with the subset of JSON Schema that we use."""

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
    """Return the violations of a schema by a value, each with its path."""
    return list(_mismatches(value, schema, document, "$"))


def _mismatches(value: Any, schema: dict[str, Any], document: dict[str, Any], path: str) -> Any:
    assert set(schema) <= _KNOWN, f"keyword not supported by this check: {schema}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        yield from _mismatches(value, document["components"]["schemas"][name], document, path)
        return
    if "oneOf" in schema:
        matching = [each for each in schema["oneOf"] if not mismatches(value, each, document)]
        if len(matching) != 1:
            yield f"{path}: matches {len(matching)} of the alternatives"
        return
    if not isinstance(value, _TYPES[schema["type"]]):
        yield f"{path}: {value!r} is not of type {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of the allowed values"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match the pattern"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mismatches(item, schema["items"], document, f"{path}[{index}]")
    if isinstance(value, dict):
        yield from _in_object(value, schema, document, path)


def _in_object(
    value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], path: str
) -> Any:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}.{name} is missing"
    for name, item in value.items():
        extra = schema.get("additionalProperties", True)
        if name in properties:
            yield from _mismatches(item, properties[name], document, f"{path}.{name}")
        elif extra is False:
            yield f"{path}.{name} is not in the schema"
        elif isinstance(extra, dict):
            yield from _mismatches(item, extra, document, f"{path}.{name}")
