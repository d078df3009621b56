import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from chassis.blobs import (
    BlobNotFoundError,
    BlobsFullError,
    BlobStore,
    BlobsUnavailableError,
    open_blobs,
)
from deploy.local.ports import free_port
from deploy.local.seaweed import Seaweed
from tests.support.disk import small_disk
from tests.support.proxy import Proxy


def url_of(s3: Seaweed, endpoint: str = "") -> str:
    named = {name.removeprefix("AWS_").lower(): value for name, value in s3.environment.items()}
    if endpoint:
        named["endpoint"] = endpoint
    return f"s3://{s3.bucket}/{uuid.uuid4()}?{urlencode(named)}"


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.servers), "memory"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "s3":
        return open_blobs(url_of(request.getfixturevalue("s3")))
    return open_blobs("memory://" if request.param == "memory" else (tmp_path / "b").as_uri())


async def test_a_blob_exists_until_it_is_deleted(blobs: BlobStore) -> None:
    await blobs.put("a/one", b"first")
    await blobs.put("a/one", b"second")
    assert await blobs.get("a/one") == b"second"
    assert await blobs.exists("a/one")
    await blobs.delete(["a/one", "a/none"])
    await blobs.delete(["a/one"])
    assert not await blobs.exists("a/one")
    with pytest.raises(BlobNotFoundError):
        await blobs.get("a/one")
    await blobs.check()


async def test_a_stream_respects_its_chunk_size_and_is_complete(blobs: BlobStore) -> None:
    data = os.urandom(3_000_001)
    await blobs.put("big", data)
    chunks = [chunk async for chunk in blobs.stream("big", 1_000_000)]
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 1_000_000
    with pytest.raises(BlobNotFoundError):
        await anext(blobs.stream("none"))
    await blobs.delete(["big"])


async def test_a_blob_can_be_written_as_a_stream(blobs: BlobStore) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(12):
            yield bytes([number]) * 1_000_000

    await blobs.put_stream("streamed", chunks())
    assert len(await blobs.get("streamed")) == 12_000_000
    await blobs.delete(["streamed"])


async def test_a_prefix_matches_whole_segments_only(blobs: BlobStore) -> None:
    for key in ("jobs/1/a", "jobs/1/b", "jobs/10/a"):
        await blobs.put(key, b"xyz")
    found = [info async for info in blobs.list("jobs/1")]
    assert sorted((info.key, info.size) for info in found) == [("jobs/1/a", 3), ("jobs/1/b", 3)]
    assert abs(found[0].modified.timestamp() - time.time()) < 60
    assert await blobs.delete_prefix("jobs/1") == 2
    assert await blobs.delete_prefix("jobs/1") == 0
    assert [info.key async for info in blobs.list("jobs")] == ["jobs/10/a"]
    with pytest.raises(ValueError, match="everything"):
        await blobs.delete_prefix("/")
    await blobs.delete(["jobs/10/a"])


async def test_an_unreachable_store_is_a_transient_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.blobs._RETRIES", 0)
    store = open_blobs(
        f"s3://images?endpoint=http://127.0.0.1:{free_port()}&region=local"
        "&access_key_id=a&secret_access_key=b&allow_http=true"
    )
    with pytest.raises(BlobsUnavailableError):
        await store.check()
    with pytest.raises(BlobsUnavailableError):
        await store.put("a", b"x")


async def test_a_dead_connection_is_replaced(s3: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.blobs._PUT_TIMEOUT", timedelta(seconds=1))
    proxy = Proxy(free_port(), int(s3.endpoint.rpartition(":")[2]))
    await proxy.start()
    store = open_blobs(url_of(s3, f"http://127.0.0.1:{proxy.near}"))
    try:
        await store.put("a", b"x")
        proxy.abandon()
        async with asyncio.timeout(20):  # a third of the client's own timeout
            with pytest.raises(BlobsUnavailableError):
                await store.put("b", b"y")
            await store.put("b", b"y")
        assert await store.get("b") == b"y"
    finally:
        await proxy.stop()


async def test_a_full_disk_is_reported_and_leaves_nothing_half_stored(tmp_path: Path) -> None:
    with small_disk(tmp_path / "blobs", mib=2) as disk:
        store = open_blobs((tmp_path / "blobs").as_uri())
        await store.put("sites/early", b"x" * 1000)
        disk.fill(leave=8192)
        for _ in range(3):
            with pytest.raises(BlobsFullError):
                await store.put("sites/late", b"y" * 100_000)
        assert disk.unfinished() == []
        assert not await store.exists("sites/late")
        assert await store.get("sites/early") == b"x" * 1000
        disk.clear()
        await store.put("sites/late", b"y" * 100_000)
        assert len(await store.get("sites/late")) == 100_000
