"""HTTP in front of the real jobs service, with the test as the worker."""

import asyncio
import base64
import csv
import hashlib
import io
import json
import os
import uuid
import zipfile
from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.issuer import Role
from tests.support.gateways import form, serving, submit
from tests.support.jobs import Jobs

MIB = 1024 * 1024


async def events(response: httpx.Response) -> AsyncIterator[dict[str, str]]:
    event: dict[str, str] = {}
    async for line in response.aiter_lines():
        if not line and event:
            yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            if name in {"id", "event", "data"}:
                event[name] = value


async def end_of(gateway: httpx.AsyncClient, name: str) -> None:
    """Wait until a job has ended."""
    assert (await gateway.get(f"/v1/{name}/events")).status_code == 200


async def test_a_form_becomes_a_job_with_its_findings(
    gateway: httpx.AsyncClient, jobs: Jobs
) -> None:
    answer = await submit(
        gateway,
        ("a.png", b"one"),
        ("b.dcm", os.urandom(3 * MIB)),
        patient_id="P1",
        clahe="false",
        priority="urgent",
        notes="from the ward",
        display_name="Röntgen",
        start_time="",
    )
    assert answer["refused"] == []
    job = answer["job"]
    assert job["state"] == "STATE_PENDING"
    assert job["spec"]["patientId"] == "P1"
    assert job["spec"]["clahe"] is False
    assert job["spec"]["priority"] == "PRIORITY_URGENT"
    assert job["spec"]["displayName"] == "Röntgen"
    assert job["progress"]["total"] == 2

    await jobs.work(2, fail=lambda number: number == 1)
    async with gateway.stream("GET", f"/v1/{job['name']}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        seen = [event async for event in events(response)]
    assert seen[0]["event"] == "snapshot"
    last = json.loads(seen[-1]["data"])
    assert last["job"]["state"] == "STATE_PARTIALLY_SUCCEEDED"
    assert seen[-1]["id"] == last["revision"] == last["job"]["revision"]

    listed = (await gateway.get(f"/v1/{job['name']}/images")).json()["images"]
    assert [image["fileName"] for image in listed] == ["a.png", "b.dcm"]
    assert (await gateway.get(f"/v1/{job['name']}")).json()["progress"]["percent"] == 100


async def test_events_resume_after_the_last_one_and_then_say_that_all_is_told(
    gateway: httpx.AsyncClient, jobs: Jobs
) -> None:
    job = (await submit(gateway, ("a.png", b"one"), ("b.png", b"two")))["job"]
    path = f"/v1/{job['name']}/events"
    seen: list[int] = []
    async with gateway.stream("GET", path) as response:
        async for event in events(response):
            seen.append(int(event["id"]))
            break
    await jobs.work(2)
    headers = {"Last-Event-ID": str(seen[-1])}
    async with gateway.stream("GET", path, headers=headers) as response:
        seen += [int(event["id"]) async for event in events(response)]
    assert seen == list(range(seen[0], seen[-1] + 1))
    assert len(seen) > 1
    again = await gateway.get(path, headers={"Last-Event-ID": str(seen[-1])})
    assert again.status_code == 204


async def test_events_go_on_when_the_replica_behind_them_stops(jobs: Jobs) -> None:
    await jobs.start()
    both = ",".join(replica.address for replica in jobs.replicas)
    async with serving(f"ipv4:{both}", jobs.issuer) as gateway, asyncio.TaskGroup() as group:
        job = (await submit(gateway, ("a.png", b"one")))["job"]

        async def follow() -> list[int]:
            async with gateway.stream("GET", f"/v1/{job['name']}/events") as response:
                return [int(event["id"]) async for event in events(response)]

        # Round robin spreads them over both replicas.
        streams = [group.create_task(follow()) for _ in range(4)]
        await asyncio.sleep(0.5)
        await jobs.replicas[0].end()
        await jobs.work(1)
    for stream in streams:
        revisions = stream.result()
        assert len(revisions) > 1
        assert revisions == list(range(revisions[0], revisions[-1] + 1))


async def test_a_form_that_was_cut_can_be_sent_again_under_its_request_id(
    gateway: httpx.AsyncClient,
) -> None:
    request_id, film = str(uuid.uuid4()), os.urandom(2 * MIB)
    files = [("a.png", b"one"), ("b.png", film)]
    whole = httpx.Request(
        "POST", "http://x", files=form(*files, request_id=request_id, patient_id="P1")
    )
    body = whole.read()

    async def cut() -> AsyncIterator[bytes]:
        yield body[: len(body) - MIB]
        await asyncio.sleep(0.3)
        raise OSError("the line was cut")

    headers = {"Content-Type": whole.headers["content-type"]}
    with pytest.raises(OSError, match="cut"):
        await gateway.post("/v1/jobs:submit", content=cut(), headers=headers)
    await asyncio.sleep(0.5)
    answer = await gateway.post("/v1/jobs:submit", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    job = answer.json()["job"]
    assert job["progress"]["total"] == 2
    listed = (await gateway.get(f"/v1/{job['name']}/images")).json()["images"]
    assert listed[1]["sha256"] == hashlib.sha256(film).hexdigest()
    once_more = await gateway.post("/v1/jobs:submit", content=body, headers=headers)
    assert once_more.status_code == 201
    assert once_more.json()["job"]["name"] == job["name"]
    assert len((await gateway.get("/v1/jobs")).json()["jobs"]) == 1


async def test_another_form_under_a_used_request_id_is_refused_and_harms_nothing(
    gateway: httpx.AsyncClient,
) -> None:
    request_id = str(uuid.uuid4())
    first = await submit(gateway, ("a.png", b"one"), ("b.png", b"two"), request_id=request_id)
    path = f"/v1/{first['job']['name']}"
    mixed = await submit(gateway, ("a.png", b"one"), ("b.png", b"TWO"), request_id=request_id)
    assert [each["reason"] for each in mixed["refused"]] == ["IMAGE_KEY_REUSED"]
    other = await gateway.post(
        "/v1/jobs:submit", files=form(("a.png", b"other"), request_id=request_id)
    )
    assert other.status_code == 409
    assert other.json()["reason"] == "IMAGE_KEY_REUSED"
    spec = await gateway.post(
        "/v1/jobs:submit", files=form(("a.png", b"one"), request_id=request_id, patient_id="P2")
    )
    assert spec.status_code == 409
    assert spec.json()["reason"] == "REQUEST_ID_REUSED"
    job = (await gateway.get(path)).json()
    assert job["state"] == "STATE_PENDING"
    assert job["progress"]["total"] == 2


async def test_file_names_are_kept_as_labels_whatever_they_hold(gateway: httpx.AsyncClient) -> None:
    job = (await gateway.post("/v1/jobs")).json()["name"]
    face = "\N{GRINNING FACE}"
    names = {
        "../../etc/passwd": "../../etc/passwd",
        "a\x1b[31m.png": "a[31m.png",
        face * 1024: face * 1024,
        face * 2000: face * 1024,
    }
    for name in names:
        sent = await gateway.post(f"/v1/{job}/images", files=form((name, b"x")))
        assert sent.status_code == 201, sent.text
    listed = (await gateway.get(f"/v1/{job}/images")).json()["images"]
    assert [image["fileName"] for image in listed] == list(names.values())


@pytest.mark.parametrize(
    "digest",
    ["sha-256=abc", "sha-256=:AAAA:", "sha-256=:!!!:", "sha-256=" + "0" * 64],
)
async def test_a_digest_that_can_not_be_read_is_not_passed_over(
    gateway: httpx.AsyncClient, digest: str
) -> None:
    job = (await gateway.post("/v1/jobs")).json()["name"]
    answer = await gateway.post(f"/v1/{job}/images", content=b"x", headers={"Repr-Digest": digest})
    assert answer.status_code == 400
    assert answer.json()["metadata"] == {"field": "Repr-Digest"}
    assert (await gateway.get(f"/v1/{job}/images")).json()["images"] == []


async def test_one_refused_file_does_not_hold_up_the_others(jobs: Jobs) -> None:
    replica = await jobs.start(image_bytes=MIB)
    async with serving(replica.address, jobs.issuer) as gateway:
        answer = await submit(
            gateway, ("a.png", b"one"), ("big.png", bytes(3 * MIB)), ("c.png", b"three")
        )
        assert answer["job"]["progress"]["total"] == 2
        [refused] = answer["refused"]
        assert refused["fileName"] == "big.png"
        assert refused["reason"] == "IMAGE_BYTES_EXCEEDED"
        assert refused["metadata"] == {"limit": str(MIB)}

        twice = form(("a.png", b"one"), ("b.png", bytes(3 * MIB)), request_id=str(uuid.uuid4()))
        first, again = [
            (await gateway.post("/v1/jobs:submit", files=twice)).json() for _ in range(2)
        ]
        assert again["job"] == first["job"]
        assert [each["fileName"] for each in again["refused"]] == ["b.png"]

        alone = await gateway.post("/v1/jobs:submit", files=form(("big.png", bytes(3 * MIB))))
        assert alone.status_code == 413
        assert alone.json()["reason"] == "IMAGE_BYTES_EXCEEDED"
        states = [job["state"] for job in (await gateway.get("/v1/jobs")).json()["jobs"]]
        assert states == ["STATE_CANCELLED", "STATE_PENDING", "STATE_PENDING"]


async def test_a_raw_upload_is_resumed_at_its_offset(gateway: httpx.AsyncClient) -> None:
    created = await gateway.post("/v1/jobs", json={"spec": {"patientId": "P1"}})
    assert created.status_code == 201
    path = f"/v1/{created.json()['name']}"
    assert created.headers["location"] == path
    film = os.urandom(20 * MIB)
    digest = base64.b64encode(hashlib.sha256(film).digest()).decode()
    headers = {
        "Upload-Key": "film/1",
        "Content-Disposition": "attachment; filename*=UTF-8''r%C3%B6ntgen.dcm",
        "Repr-Digest": f"sha-256=:{digest}:",
        "Content-Type": "application/octet-stream",
    }

    async def cut() -> AsyncIterator[bytes]:
        yield film[: 12 * MIB]
        await asyncio.sleep(0.5)
        raise OSError("the line was cut")

    with pytest.raises(OSError, match="cut"):
        await gateway.post(f"{path}/images", content=cut(), headers=headers)
    await asyncio.sleep(0.5)

    key = "film%2F1"
    status = await gateway.head(f"{path}/uploads/{key}")
    committed = int(status.headers["upload-offset"])
    assert 8 * MIB <= committed <= 12 * MIB

    headers["Upload-Offset"] = "0"
    wrong = await gateway.post(f"{path}/images", content=film, headers=headers)
    assert wrong.status_code == 409
    assert wrong.json()["reason"] == "WRONG_OFFSET"
    assert wrong.json()["metadata"]["committed_size"] == str(committed)

    headers["Upload-Offset"] = str(committed)
    done = await gateway.post(f"{path}/images", content=film[committed:], headers=headers)
    assert done.status_code == 201, done.text
    image = done.json()
    assert image["sha256"] == hashlib.sha256(film).hexdigest()
    assert image["fileName"] == "röntgen.dcm"
    assert done.headers["upload-key"] == "film/1"
    original = await gateway.get(f"/v1/images/{image['name'].rpartition('/')[2]}/original")
    assert original.content == film
    assert (await gateway.get(done.headers["location"])).content == film


async def test_images_are_added_one_by_one_and_the_job_is_closed(
    gateway: httpx.AsyncClient,
) -> None:
    job = (await gateway.post("/v1/jobs")).json()
    added = await gateway.post(
        f"/v1/{job['name']}/images", files=form(("a.png", b"one"), ("b.png", b"two"))
    )
    assert [image["fileName"] for image in added.json()["images"]] == ["a.png", "b.png"]
    closed = await gateway.post(f"/v1/{job['name']}:close")
    assert closed.json()["state"] == "STATE_PENDING"
    late = await gateway.post(f"/v1/{job['name']}/images", content=b"three")
    assert late.status_code == 409
    assert late.json()["reason"] == "WRONG_STATE"


async def test_pictures_are_read_under_both_names(gateway: httpx.AsyncClient, jobs: Jobs) -> None:
    name = 'a"; evil\r\n=x/../é.html'
    job = (await submit(gateway, (name, b"<script>alert(1)</script>")))["job"]
    await jobs.work(1)
    await end_of(gateway, job["name"])
    [image] = (await gateway.get(f"/v1/{job['name']}/images")).json()["images"]
    for path in (f"/v1/{image['name']}", f"/v1/images/{image['name'].rpartition('/')[2]}"):
        assert (await gateway.get(path)).json() == image
        original = await gateway.get(f"{path}/original")
        assert original.content == b"<script>alert(1)</script>"
        assert original.headers["x-content-type-options"] == "nosniff"
        assert original.headers["cache-control"] == "no-store"
        disposition = original.headers["content-disposition"]
        assert disposition.startswith("attachment; ")
        assert "/" not in disposition
        assert disposition.count('"') == 2
        heatmap = await gateway.get(f"{path}/heatmap")
        assert heatmap.headers["content-type"] == "image/png"
        assert heatmap.content == b"\x89PNG heat"
        preview = await gateway.get(f"{path}/preview")
        assert preview.status_code == 404
        assert preview.json()["reason"] == "NO_SUCH_BYTES"


async def test_results_come_as_json_csv_and_zip(gateway: httpx.AsyncClient, jobs: Jobs) -> None:
    job = (
        await submit(
            gateway,
            ('=cmd|"/C calc"!A1.png', b"one"),
            ("../../etc/passwd", b"two"),
            patient_id="@SUM(1)",
        )
    )["job"]
    await jobs.work(2, fail=lambda number: number == 1)
    await end_of(gateway, job["name"])
    path = f"/v1/{job['name']}/results"

    as_json = (await gateway.get(f"{path}.json")).json()
    assert as_json["job"]["name"] == job["name"]
    assert [image["ordinal"] for image in as_json["images"]] == [0, 1]

    as_csv = await gateway.get(f"{path}.csv")
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert as_csv.headers["content-disposition"].startswith("attachment; ")
    rows = list(csv.DictReader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    assert rows[0]["file_name"].startswith("'=cmd")
    assert rows[0]["patient_id"] == "'@SUM(1)"
    assert rows[0]["predicted_label"] == "pneumonia"
    assert rows[0]["probability"] == "0.7000"
    assert rows[1]["error_code"] == "CORRUPT_IMAGE"

    as_zip = await gateway.get(f"{path}.zip")
    with zipfile.ZipFile(io.BytesIO(as_zip.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert json.loads(archive.read("results.json")) == as_json
        assert archive.read("results.csv") == as_csv.content
        heatmaps = [each for each in names if each.startswith("heatmaps/")]
        assert len(heatmaps) == 1
        assert archive.read(heatmaps[0]) == b"\x89PNG heat"
    assert not any(".." in each or each.startswith("/") for each in names)


async def test_jobs_are_cancelled_retried_and_deleted(
    gateway: httpx.AsyncClient, jobs: Jobs
) -> None:
    failed = (await submit(gateway, ("a.png", b"one")))["job"]
    await jobs.work(1, fail=lambda _: True)
    await end_of(gateway, failed["name"])
    retried = await gateway.post(f"/v1/{failed['name']}:retry", json={"onlyRetryable": False})
    assert retried.status_code == 200, retried.text
    assert retried.json()["state"] in {"STATE_PENDING", "STATE_RUNNING"}

    path = f"/v1/{failed['name']}"
    stale = await gateway.post(f"{path}:cancel", headers={"If-Match": '"an-old-one"'})
    assert stale.status_code == 412
    assert stale.json()["reason"] == "ETAG_MISMATCH"
    etag = (await gateway.get(path)).headers["etag"]
    cancelled = await gateway.post(f"{path}:cancel", headers={"If-Match": etag})
    assert cancelled.json().get("state") == "STATE_CANCELLED", cancelled.text
    again = await gateway.post(f"{path}:cancel", headers={"If-Match": "*"})
    assert again.status_code == 200, again.text

    forbidden = await gateway.delete(path)
    assert forbidden.status_code == 403
    assert forbidden.json()["reason"] == "ROLE_NOT_ALLOWED"
    admin = {"Authorization": f"Bearer {jobs.token(Role.ADMIN)}"}
    assert (await gateway.delete(path, headers=admin)).status_code == 204
    gone = await gateway.get(path)
    assert gone.status_code == 404
    assert gone.json()["reason"] == "JOB_NOT_FOUND"


async def test_sites_do_not_see_each_other(gateway: httpx.AsyncClient, jobs: Jobs) -> None:
    job = (await submit(gateway, ("a.png", b"one")))["job"]
    stranger = {"Authorization": f"Bearer {jobs.token(site='elsewhere')}"}
    assert (await gateway.get(f"/v1/{job['name']}", headers=stranger)).status_code == 404
    answer = await gateway.get(f"/v1/{job['name']}/events", headers=stranger)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
