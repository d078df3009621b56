"""The OpenAPI 3.1 document, made from the table of routes and from the contract itself."""

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from services.gateway.problems import MEDIA_TYPE
from services.gateway.routes import ENDPOINTS, Endpoint, Parameter

_MESSAGES = (
    job_pb2.Job,
    image_pb2.Image,
    job_service_pb2.CreateJobRequest,
    job_service_pb2.ListJobsResponse,
    job_service_pb2.ListImagesResponse,
    job_service_pb2.CancelJobRequest,
    job_service_pb2.RetryJobRequest,
    job_service_pb2.Upload,
)
_REQUESTS = {"CreateJobRequest", "CancelJobRequest", "RetryJobRequest", "JobSpec"}
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"},
}
_INTEGER = {"type": "integer", "format": "int32"}
# JSON numbers lose digits beyond 2^53, so proto3 writes these as text.
_LONG = {"type": "string", "format": "int64", "pattern": r"^-?\d+$"}
_SCALARS: dict[int, dict[str, Any]] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT32: _INTEGER,
    FieldDescriptor.TYPE_INT64: _LONG,
    FieldDescriptor.TYPE_FLOAT: {"type": "number"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number"},
}
_TEXT = {"type": "string"}


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
            "description": "Batches of chest radiographs in, findings and live progress out. "
            "JSON is the proto3 mapping of `carina.jobs.v1`.",
        },
        "paths": paths,
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "schemas": _schemas(),
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
                str(status.value): _response(text, endpoint.answers if status.value > 299 else ())  # noqa: PLR2004 - a success beside the first one has no body
                for status, text in endpoint.also
            },
            "default": _response("A problem.", ((MEDIA_TYPE, "Problem"),)),
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
    schema: dict[str, Any] = {"type": parameter.kind}
    if parameter.values:
        schema["enum"] = list(parameter.values)
    if parameter.many:
        schema = {"type": "array", "items": schema}
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.text,
        "schema": schema,
    }


def _response(text: str, answers: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": text}
    if answers:
        response["content"] = _content(answers)
    return response


def _content(bodies: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {media_type: {"schema": _reference(schema)} for media_type, schema in bodies}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    waiting: list[Descriptor | EnumDescriptor] = [message.DESCRIPTOR for message in _MESSAGES]
    while waiting:
        descriptor = waiting.pop()
        name = _name(descriptor)
        if name in schemas:
            continue
        if isinstance(descriptor, EnumDescriptor):
            schemas[name] = {"type": "string", "enum": [value.name for value in descriptor.values]}
        else:
            schemas[name] = _object(descriptor)
            waiting.extend(_referred(descriptor))
    return schemas | _own_schemas()


def _object(message: Descriptor) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.json_name: _field(field) for field in message.fields},
        "additionalProperties": False,
    }
    if message.name not in _REQUESTS:
        # Answers are written with the fields that stand at their default.
        schema["required"] = [field.json_name for field in message.fields if not field.has_presence]
    return schema


def _field(field: FieldDescriptor) -> dict[str, Any]:
    schema = _single(field)
    return {"type": "array", "items": schema} if field.is_repeated else schema


def _single(field: FieldDescriptor) -> dict[str, Any]:
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return known or _reference(_name(field.message_type))
    if field.enum_type is not None:
        return dict(_reference(_name(field.enum_type)))
    return _SCALARS[field.type]


def _referred(message: Descriptor) -> Iterator[Descriptor | EnumDescriptor]:
    for field in message.fields:
        if field.enum_type is not None:
            yield field.enum_type
        elif field.message_type is not None and field.message_type.full_name not in _WELL_KNOWN:
            yield field.message_type


def _name(descriptor: Descriptor | EnumDescriptor) -> str:
    outer = descriptor.containing_type
    return f"{outer.name}{descriptor.name}" if outer is not None else descriptor.name


def _own_schemas() -> dict[str, Any]:
    """Return what is not in the contract because only HTTP has it."""
    files = {"type": "array", "items": {"type": "string", "format": "binary"}}
    metadata = {"type": "object", "additionalProperties": _TEXT}
    return {
        "Bytes": {"type": "string", "format": "binary"},
        "Text": _TEXT,
        "Problem": _whole(
            type=_TEXT,
            title=_TEXT,
            status={"type": "integer"},
            detail=_TEXT,
            reason=_TEXT,
            metadata=metadata,
        ),
        "RefusedFile": _whole(fileName=_TEXT, reason=_TEXT, message=_TEXT, metadata=metadata),
        "Submission": {
            "type": "object",
            "properties": {
                "request_id": {"type": "string", "format": "uuid"},
                "patient_id": _TEXT,
                "clahe": {"type": "boolean"},
                "notes": _TEXT,
                "priority": {"type": "string", "enum": ["routine", "urgent"]},
                "start_time": {"type": "string", "format": "date-time"},
                "model": _TEXT,
                "display_name": _TEXT,
                "files": files,
            },
            "required": ["files"],
        },
        "Files": {"type": "object", "properties": {"files": files}, "required": ["files"]},
        "Submitted": _whole(job=_reference("Job"), refused=_many("RefusedFile")),
        "Accepted": _whole(images=_many("Image"), refused=_many("RefusedFile")),
        "Uploaded": {"oneOf": [_reference("Image"), _reference("Accepted")]},
        "Results": _whole(job=_reference("Job"), images=_many("Image")),
        "JobEvent": _whole(revision=_LONG, job=_reference("Job"), images=_many("Image")),
    }


def _whole(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _many(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": _reference(schema)}
