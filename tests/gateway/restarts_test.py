"""A file sent again as a whole starts over, whatever a cut left of it."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.gateways import form, submit
from tests.support.jobs import Jobs, rows

MIB = 1024 * 1024
HEADERS = {"Upload-Key": "film", "Content-Type": "application/octet-stream"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def cut(
    data: bytes, gateway: httpx.AsyncClient, job: str = "", key: str = "film"
) -> AsyncIterator[bytes]:
    """Send some bytes, wait until whole parts of them are durable, then lose the connection."""
    yield data
    while not job:
        found = (await gateway.get("/v1/jobs")).json()["jobs"]
        job = f"/v1/{found[0]['name']}" if found else ""
    assert await durable(gateway, job, key, at_least=8 * MIB) >= 8 * MIB
    raise OSError("the line was cut")


async def new_job(gateway: httpx.AsyncClient) -> str:
    return f"/v1/{(await gateway.post('/v1/jobs')).json()['name']}"


async def images_of(gateway: httpx.AsyncClient, job: str) -> Any:
    return (await gateway.get(f"{job}/images")).json()["images"]


async def durable(
    gateway: httpx.AsyncClient, job: str, key: str = "film", *, at_least: int = 1
) -> int:
    """Wait until enough of an upload is durable; return how much."""
    async with asyncio.timeout(30):
        while True:
            status = await gateway.head(f"{job}/uploads/{key}")
            if (size := int(status.headers.get("upload-offset", 0))) >= at_least:
                return size
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("same", [True, False], ids=["same bytes", "other bytes"])
async def test_a_post_repeated_without_an_offset_after_a_cut_is_taken_as_a_whole(
    gateway: httpx.AsyncClient, jobs: Jobs, *, same: bool
) -> None:
    job, film = await new_job(gateway), os.urandom(20 * MIB)
    body = cut(film[: 12 * MIB], gateway, job)
    with pytest.raises(OSError, match="cut"):
        await gateway.post(f"{job}/images", content=body, headers=HEADERS)

    sent = film if same else os.urandom(5 * MIB)
    done = await gateway.post(f"{job}/images", content=sent, headers=HEADERS)
    assert done.status_code == 201, done.text
    assert done.json()["sha256"] == sha256(sent)
    assert done.headers["upload-offset"] == str(len(sent))
    assert (await gateway.get(done.headers["location"])).content == sent
    assert len(await images_of(gateway, job)) == 1
    # What was durable of the first attempt is left to the sweeper, and no other row speaks of it.
    assert len(await rows(jobs, "SELECT 1 FROM deletions")) == 1
    assert await rows(jobs, "SELECT 1 FROM uploads") == []

    again = await gateway.post(f"{job}/images", content=sent, headers=HEADERS)
    assert again.status_code == 201, again.text
    assert again.json()["name"] == done.json()["name"]
    other = await gateway.post(f"{job}/images", content=b"another film", headers=HEADERS)
    assert other.status_code == 409
    assert other.json()["reason"] == "IMAGE_KEY_REUSED"


async def test_a_restart_outruns_the_remains_of_the_cut_stream_that_become_durable_late(
    gateway: httpx.AsyncClient,
) -> None:
    job, film = await new_job(gateway), os.urandom(12 * MIB)
    begun, cut_now, gone_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def first() -> AsyncIterator[bytes]:
        yield film[: 2 * MIB]
        begun.set()
        await cut_now.wait()
        raise OSError("the line was cut")

    async def second() -> AsyncIterator[bytes]:
        yield film[:MIB]
        await gone_on.wait()
        yield film[MIB:]

    async def post(body: AsyncIterator[bytes]) -> httpx.Response:
        return await gateway.post(f"{job}/images", content=body, headers=HEADERS)

    old = asyncio.create_task(post(first()))
    await begun.wait()
    new = asyncio.create_task(post(second()))
    # The second stream is under way before the service keeps what the first one brought.
    await asyncio.sleep(0.5)
    cut_now.set()
    with pytest.raises(OSError, match="cut"):
        await old
    assert 0 < await durable(gateway, job) <= 2 * MIB
    gone_on.set()
    answer = await new
    assert answer.status_code == 201, answer.text
    assert answer.json()["sha256"] == sha256(film)


async def test_a_form_sent_again_with_another_file_never_mixes_the_two(
    gateway: httpx.AsyncClient,
) -> None:
    request_id = str(uuid.uuid4())
    first, second = os.urandom(12 * MIB), os.urandom(12 * MIB)

    def body(film: bytes) -> httpx.Request:
        files = form(("a.png", b"one"), ("b.png", film), request_id=request_id)
        return httpx.Request("POST", "http://x", files=files)

    whole = body(first)
    headers = {"Content-Type": whole.headers["content-type"]}
    part = cut(whole.read()[: 10 * MIB], gateway, key="file-1")
    with pytest.raises(OSError, match="cut"):
        await gateway.post("/v1/jobs:submit", content=part, headers=headers)
    answer = await submit(gateway, ("a.png", b"one"), ("b.png", second), request_id=request_id)
    assert answer["refused"] == []
    images = await images_of(gateway, f"/v1/{answer['job']['name']}")
    assert [each["sha256"] for each in images] == [sha256(b"one"), sha256(second)]
