"""Connections of which one side is closed, and requests that want no body."""

import asyncio
import os
from functools import reduce

import httpx
from prometheus_client import REGISTRY

from services.gateway.routes import ENDPOINTS
from tests.support.gateways import submit
from tests.support.jobs import Jobs
from tests.support.raw_http import open_line, part
from tests.support.scripted_jobs import JOB, ScriptedJobs

FORM = part(b'name="files"; filename="a.png"', b"one") + b"--b--\r\n"
FORM_TYPE = b"Content-Type: multipart/form-data; boundary=b"


async def test_a_client_that_closes_its_sending_side_gets_every_answer(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    for method, target, headers, body, status in (
        ("POST", b"/v1/jobs:submit", [FORM_TYPE], FORM, 201),
        ("POST", f"/v1/{JOB}/images".encode(), [], bytes(3_000_000), 201),
        ("POST", b"/v1/jobs", [], b"", 201),
        ("GET", f"/v1/{JOB}".encode(), [], None, 200),
        ("HEAD", f"/v1/{JOB}".encode(), [], None, 200),
        ("POST", b"/v1/jobs", [], b"no JSON", 415),
    ):
        line = await open_line(fragile)
        line.send(method, target, *headers, body=body)
        line.half_close()
        answer = await line.head()
        assert answer.status == status
        # Nobody can send another request on this connection.
        async with asyncio.timeout(2):
            await line.reader.read()
        line.writer.close()


async def test_the_answer_comes_however_long_it_takes(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    scripted.hold.clear()
    line = await open_line(fragile)
    line.send("POST", f"/v1/{JOB}/images".encode(), body=b"film")
    line.half_close()
    await asyncio.sleep(1)
    scripted.hold.set()
    assert (await line.answer()).status == 201
    line.writer.close()


async def test_all_requests_that_were_sent_before_the_close_are_answered(
    fragile: httpx.AsyncClient,
) -> None:
    line = await open_line(fragile)
    for _ in range(3):
        line.send("GET", f"/v1/{JOB}".encode())
    line.half_close()
    for _ in range(3):
        assert (await line.answer()).status == 200
    assert await line.reader.read() == b""
    line.writer.close()


async def test_a_body_that_ends_in_its_middle_is_not_answered_and_leaves_no_image(
    fragile: httpx.AsyncClient, scripted: ScriptedJobs
) -> None:
    line = await open_line(fragile)
    line.send("POST", f"/v1/{JOB}/images".encode(), b"Content-Length: 100")
    line.writer.write(b"film")
    line.half_close()
    async with asyncio.timeout(5):
        assert await line.reader.read() == b""
    assert [each.image for each in scripted.uploads.values() if each.image] == []
    line.writer.close()


async def test_events_reach_a_client_that_has_closed_its_sending_side(
    gateway: httpx.AsyncClient, jobs: Jobs
) -> None:
    job = (await submit(gateway, ("a.png", b"one")))["job"]
    line = await open_line(gateway)
    line.send("GET", f"/v1/{job['name']}/events".encode())
    line.half_close()
    assert (await line.head()).status == 200
    await jobs.work(1)
    async with asyncio.timeout(10):
        events = await line.reader.read()
    assert b"STATE_SUCCEEDED" in events
    assert events.endswith(b"0\r\n\r\n")
    line.writer.close()


async def test_a_stream_whose_reader_is_gone_ends_within_seconds(
    gateway: httpx.AsyncClient, jobs: Jobs
) -> None:
    job = (await submit(gateway, ("a.png", b"one")))["job"]
    line = await open_line(gateway)
    line.send("GET", f"/v1/{job['name']}/events".encode())
    await line.head()
    before = open_requests()
    line.writer.close()
    await line.writer.wait_closed()
    async with asyncio.timeout(6):
        while open_requests() == before:
            await asyncio.sleep(0.05)


def open_requests() -> float:
    value = REGISTRY.get_sample_value("carina_gateway_open_requests")
    assert value is not None
    return value


async def test_head_of_events_is_answered_at_once_and_frees_the_connection(
    gateway: httpx.AsyncClient,
) -> None:
    job = (await submit(gateway, ("a.png", b"one")))["job"]
    line = await open_line(gateway)
    for _ in range(3):
        line.send("HEAD", f"/v1/{job['name']}/events".encode())
        async with asyncio.timeout(2):
            head = await line.head()
        assert head.status == 200
        assert head.headers["content-type"].startswith("text/event-stream")
        assert head.headers.get("connection") != "close"
    line.send("GET", f"/v1/{job['name']}".encode())
    assert (await line.answer()).json["name"] == job["name"]
    line.writer.close()
    async with asyncio.timeout(5):
        while open_requests():
            await asyncio.sleep(0.05)


async def test_head_of_every_path_is_the_head_of_get(
    gateway: httpx.AsyncClient, jobs: Jobs
) -> None:
    job = (await submit(gateway, ("a.png", os.urandom(3_000_000))))["job"]
    await jobs.work(1)
    await gateway.get(f"/v1/{job['name']}/events")
    [image] = (await gateway.get(f"/v1/{job['name']}/images")).json()["images"]
    values = {
        "{job}": job["name"].removeprefix("jobs/"),
        "{image}": image["name"].rpartition("/")[2],
        "{key:path}": image["imageKey"],
    }
    line = await open_line(gateway)
    paths = [each.path for each in ENDPOINTS if each.method == "GET"]
    for path in (*paths, "/openapi.json", "/nothing"):
        target = reduce(lambda text, each: text.replace(*each), values.items(), path)
        whole = await gateway.get(target)
        line.send("HEAD", target.encode())
        head = await line.head()
        assert head.status == whole.status_code, target
        for name in ("content-length", "content-type", "etag", "cache-control", "upload-offset"):
            assert head.headers.get(name) == whole.headers.get(name), target
    # The connection was not closed, and no body was sent on it.
    line.send("GET", b"/livez")
    assert (await line.answer()).body == b"ok\n"
    line.writer.close()
