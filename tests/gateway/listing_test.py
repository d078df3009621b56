"""Jobs are listed by filter and page, and a bad filter is named."""

import httpx
import pytest

from tests.support.gateways import submit


async def test_jobs_are_listed_by_filter_and_page(
    gateway: httpx.AsyncClient,
) -> None:
    for patient in ("P1", "P2", "P1"):
        await submit(gateway, ("a.png", b"one"), patient_id=patient)
    found = await gateway.get(
        "/v1/jobs", params={"patientId": "P1", "state": ["PENDING", "RUNNING"], "pageSize": 1}
    )
    page = found.json()
    assert len(page["jobs"]) == 1
    following = await gateway.get(
        "/v1/jobs",
        params={
            "patientId": "P1",
            "state": ["PENDING", "RUNNING"],
            "pageSize": 1,
            "pageToken": page["nextPageToken"],
        },
    )
    assert following.json()["jobs"][0]["name"] != page["jobs"][0]["name"]
    assert following.json()["nextPageToken"] == ""


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("state=SLEEPING", "state", "expected RECEIVING or PENDING or RUNNING"),
        ("priority=fast", "priority", "expected ROUTINE or URGENT"),
        ("createdAfter=yesterday", "createdAfter", "expected a time such as 2026-03-01T21:00:00Z"),
        ("pageSize=many", "pageSize", "expected a whole number"),
        ("shoeSize=43", "shoeSize", "there is no such field"),
    ],
)
async def test_a_bad_filter_is_named(
    gateway: httpx.AsyncClient, query: str, field: str, words: str
) -> None:
    answer = await gateway.get(f"/v1/jobs?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "INVALID_FIELD"
    assert answer.json()["metadata"] == {"field": field}
    assert answer.json()["detail"].startswith(f"{field}: {words}")


async def test_a_time_in_a_query_can_be_written_as_the_refusal_advises(
    gateway: httpx.AsyncClient,
) -> None:
    refusal = await gateway.get("/v1/jobs?createdAfter=yesterday")
    advised = refusal.json()["detail"].split()[-1].removesuffix(".")
    assert (await gateway.get(f"/v1/jobs?createdAfter={advised}")).status_code == 200
