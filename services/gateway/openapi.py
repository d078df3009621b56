"""The OpenAPI 3.1 document, generated from the table of routes and the protobuf contract."""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor

from carina.jobs.v1 import job_pb2, job_service_pb2
from services.gateway.problems import MEDIA_TYPE
from services.gateway.routes import ENDPOINTS, Endpoint, Parameter
from services.gateway.schemas import (
    field_schema,
    form_properties,
    reachable,
    reference,
    schema_name,
    schema_of,
)

_TEXT = {"type": "string"}
_MESSAGES: dict[str, Descriptor] = {
    name: message
    for file in (job_pb2, job_service_pb2)
    for name, message in file.DESCRIPTOR.message_types_by_name.items()
}


def build_document() -> dict[str, Any]:
    """Return the whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.plain_path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carina",
            "version": "1",
            "description": "Submit batches of chest radiographs, follow their progress and read "
            "the findings. JSON is the proto3 mapping of `carina.jobs.v1`.",
        },
        "paths": paths,
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "schemas": _contract_schemas() | _http_schemas(),
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    path_parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in re.findall(r"{(\w+)}", endpoint.plain_path)
    ]
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "parameters": [*path_parameters, *map(_parameter, endpoint.parameters)],
        "responses": {
            str(endpoint.status.value): _response(endpoint.status.phrase, endpoint.answers),
            **{
                str(status.value): _response(text, endpoint.answers if status.value > 299 else ())  # noqa: PLR2004 - a second success status has no body
                for status, text in endpoint.also
            },
            "default": _response("Error (RFC 9457).", ((MEDIA_TYPE, "Problem"),)),
        },
    }
    if endpoint.requests:
        operation["requestBody"] = {
            "required": endpoint.requests[0][0] != "application/json",
            "content": _content(endpoint.requests),
        }
    if endpoint.open_to_all:
        operation["security"] = []
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.text,
        "schema": parameter.schema,
    }


def _response(text: str, answers: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": text}
    if answers:
        response["content"] = _content(answers)
    return response


def _content(bodies: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {media_type: {"schema": reference(schema)} for media_type, schema in bodies}


def _contract_schemas() -> dict[str, Any]:
    """Return the schemas of all contract messages used in requests and responses."""
    requested = reachable(_messages(body for each in ENDPOINTS for body in each.requests))
    answered = reachable(_messages(body for each in ENDPOINTS for body in each.answers))
    return {
        schema_name(each): schema_of(each, answered=each not in requested)
        for each in requested + answered
    }


def _messages(bodies: Iterable[tuple[str, str]]) -> list[Descriptor]:
    return [_MESSAGES[name] for _, name in bodies if name in _MESSAGES]


def _http_schemas() -> dict[str, Any]:
    """Return the schemas that exist only over HTTP."""
    files = {"type": "array", "items": {"type": "string", "format": "binary"}}
    metadata = {"type": "object", "additionalProperties": _TEXT}
    change = {field.json_name: field_schema(field) for field in _MESSAGES["Change"].fields}
    revision = field_schema(_MESSAGES["WatchJobResponse"].fields_by_name["revision"])
    return {
        "Bytes": {"type": "string", "format": "binary"},
        "Text": _TEXT,
        "Problem": _closed(
            type=_TEXT,
            title=_TEXT,
            status={"type": "integer"},
            detail=_TEXT,
            reason=_TEXT,
            metadata=metadata,
        ),
        "RefusedFile": _closed(fileName=_TEXT, reason=_TEXT, message=_TEXT, metadata=metadata),
        "Submission": {
            "type": "object",
            "properties": form_properties(_MESSAGES["CreateJobRequest"], _MESSAGES["JobSpec"])
            | {"files": files},
            "required": ["files"],
        },
        "Files": {"type": "object", "properties": {"files": files}, "required": ["files"]},
        "Submitted": _closed(job=reference("Job"), refused=_many("RefusedFile")),
        "Accepted": _closed(images=_many("Image"), refused=_many("RefusedFile")),
        "Uploaded": {"oneOf": [reference("Image"), reference("Accepted")]},
        "Results": _closed(job=reference("Job"), images=_many("Image")),
        "JobEvent": _closed(revision=revision, **change),
    }


def _closed(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _many(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": reference(schema)}
