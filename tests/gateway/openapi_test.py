"""The OpenAPI document tells the truth."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from carina.jobs.v1 import image_pb2, job_pb2, job_service_pb2
from carina.jobs.v1.job_service_pb2 import ReadImageRequest
from deploy.local.issuer import Role
from services.gateway.app import build_app
from services.gateway.comments import COMMENTS
from services.gateway.openapi import build_document
from tests.support.jobs import Jobs
from tests.support.openapi import mismatches


def test_every_route_is_in_the_document_and_every_path_is_a_route() -> None:
    state: Any = {"verifier": None}
    served = {
        (method, route.path.replace(":path}", "}"))
        for route in build_app(state).routes
        if isinstance(route, Route) and route.path != "/openapi.json"
        for method in route.methods or ()
        if method != "HEAD"
    }
    documented = {
        (method.upper(), path)
        for path, methods in build_document()["paths"].items()
        for method in methods
    }
    assert documented == served


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    document = build_document()
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert referred == set(document["components"]["schemas"])


def test_the_schemas_are_the_messages_of_the_contract_field_by_field() -> None:
    schemas = build_document()["components"]["schemas"]
    held = 0
    for file in (job_pb2, image_pb2, job_service_pb2):
        for message in file.DESCRIPTOR.message_types_by_name.values():
            for enum in message.enum_types:
                if f"{message.name}{enum.name}" in schemas:
                    values = schemas[f"{message.name}{enum.name}"]["enum"]
                    assert values == [value.name for value in enum.values]
            if message.name not in schemas:
                continue
            held += 1
            properties = schemas[message.name]["properties"]
            assert list(properties) == [field.json_name for field in message.fields]
            for field in message.fields:
                comment = COMMENTS[f"{message.full_name}.{field.name}"]
                assert properties[field.json_name]["description"] == comment
    assert held >= 12
    priorities = schemas["Priority"]["enum"]
    assert priorities == list(job_pb2.Priority.keys())


def test_queries_and_forms_offer_every_state_and_field_of_the_contract() -> None:
    document = build_document()

    def query(path: str) -> dict[str, Any]:
        parameters = document["paths"][path]["get"]["parameters"]
        return {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}

    jobs = query("/v1/jobs")
    states = [name.removeprefix("STATE_") for name in job_pb2.Job.State.keys()[1:]]
    assert jobs["state"] == {"type": "array", "items": {"type": "string", "enum": states}}
    filters = {field.json_name for field in job_service_pb2.JobFilter.DESCRIPTOR.fields}
    assert set(jobs) == filters - {"states"} | {"state", "pageSize", "pageToken"}
    states = [name.removeprefix("STATE_") for name in image_pb2.Image.State.keys()[1:]]
    assert query("/v1/jobs/{job}/images")["state"]["items"]["enum"] == states
    kinds = [name.removeprefix("KIND_").lower() for name in ReadImageRequest.Kind.keys()[1:]]
    assert all(f"/v1/images/{{image}}/{kind}" in document["paths"] for kind in kinds)
    form = document["components"]["schemas"]["Submission"]["properties"]
    spec = {field.name for field in job_pb2.JobSpec.DESCRIPTOR.fields}
    assert set(form) == spec | {"request_id", "files"}


async def test_every_field_of_a_form_is_taken_as_the_document_offers_it(
    gateway: httpx.AsyncClient,
) -> None:
    form = build_document()["components"]["schemas"]["Submission"]["properties"]
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    values = {
        "request_id": str(uuid.uuid4()),
        "clahe": "off",
        "start_time": tomorrow,
        "model": "",
    }
    for name, schema in form.items():
        if name not in values and name != "files":
            values[name] = schema.get("enum", ["text"])[-1]
    answer = await gateway.post(
        "/v1/jobs:submit",
        files=[(name, (None, value.encode())) for name, value in values.items()]
        + [("files", ("a.png", b"one"))],
    )
    assert answer.status_code == 201, answer.text
    spec = answer.json()["job"]["spec"]
    assert spec["clahe"] is False
    assert spec["priority"] == "PRIORITY_URGENT"
    assert spec["startTime"] == tomorrow
    assert spec["patientId"] == spec["notes"] == spec["displayName"] == "text"


def test_operations_are_named_once_and_path_parameters_are_declared() -> None:
    names: list[str] = []
    for path, methods in build_document()["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
    assert len(names) == len(set(names))


async def test_answers_are_as_the_document_says(gateway: httpx.AsyncClient, jobs: Jobs) -> None:
    document = (await gateway.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"

    def check(answer: httpx.Response, path: str) -> Any:
        operation = document["paths"][path][answer.request.method.lower()]
        responses = operation["responses"]
        response = responses.get(str(answer.status_code), responses["default"])
        media_type = answer.headers["content-type"].partition(";")[0]
        schema = response["content"][media_type]["schema"]
        value = answer.text if media_type.startswith("text/") else answer.json()
        assert mismatches(value, schema, document) == []
        return value

    created = check(await gateway.post("/v1/jobs", json={"spec": {"notes": "x"}}), "/v1/jobs")
    raw = await gateway.post(f"/v1/{created['name']}/images", content=b"film")
    check(raw, "/v1/jobs/{job}/images")
    key = raw.headers["upload-key"]
    check(await gateway.get(f"/v1/{created['name']}/uploads/{key}"), "/v1/jobs/{job}/uploads/{key}")
    form = await gateway.post(f"/v1/{created['name']}/images", files=[("files", ("b.png", b"two"))])
    check(form, "/v1/jobs/{job}/images")
    check(await gateway.post(f"/v1/{created['name']}:close"), "/v1/jobs/{job}:close")
    submitted = check(
        await gateway.post("/v1/jobs:submit", files=[("files", ("a.png", b"one"))]),
        "/v1/jobs:submit",
    )
    await jobs.work(3, fail=lambda number: number == 2)
    for name in (created["name"], submitted["job"]["name"]):
        events = await gateway.get(f"/v1/{name}/events")
        for data in re.findall(r"^data: (.*)$", events.text, re.MULTILINE):
            schema = document["components"]["schemas"]["JobEvent"]
            assert mismatches(json.loads(data), schema, document) == []
        check(await gateway.get(f"/v1/{name}"), "/v1/jobs/{job}")
        check(await gateway.get(f"/v1/{name}/images"), "/v1/jobs/{job}/images")
        check(await gateway.get(f"/v1/{name}/results.json"), "/v1/jobs/{job}/results.json")
        check(await gateway.get(f"/v1/{name}/results.csv"), "/v1/jobs/{job}/results.csv")
        check(await gateway.post(f"/v1/{name}:cancel"), "/v1/jobs/{job}:cancel")
        check(await gateway.post(f"/v1/{name}:retry"), "/v1/jobs/{job}:retry")
        check(await gateway.delete(f"/v1/{name}"), "/v1/jobs/{job}")
    check(await gateway.get("/v1/jobs"), "/v1/jobs")
    check(await gateway.get("/v1/jobs", params={"pageToken": "x"}), "/v1/jobs")
    check(await gateway.get("/v1/jobs/none"), "/v1/jobs/{job}")
    patient = {"Authorization": f"Bearer {jobs.token(Role.PATIENT, patient_id='P1')}"}
    check(await gateway.post("/v1/jobs", headers=patient), "/v1/jobs")
    check(await gateway.get("/readyz"), "/readyz")


@pytest.mark.parametrize("value", [{"a": 1}, {"a": "x", "b": "y"}, {}, "a"])
def test_the_check_itself_finds_mismatches(value: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert mismatches(value, schema, {})
    assert not mismatches({"a": "x"}, schema, {})
