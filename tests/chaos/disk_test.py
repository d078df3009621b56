"""The disk of the blob store is full: a clear error, nothing half-stored, and recovery later."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from carina.client import Client
from carina.errors import RefusedError, UnavailableError
from carina.files import FileUpload
from carina.results import ImageKind
from tests.support.chaos import Chaos, running_stack
from tests.support.disk import Disk, small_disk
from tests.support.ledger import Promise
from tests.support.small_films import Film, Films

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIB = 2**20
# The size of a part of an original.
PART = 4 * MIB


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Chaos, Disk]]:
    """A stack whose blobs are on a file system of their own."""
    folder = tmp_path_factory.mktemp("disk")
    with small_disk(folder / "d" / "blobs", mib=48) as disk:
        async with running_stack(folder) as chaos:
            yield chaos, disk


def upload_of(film: Film, folder: Path) -> FileUpload:
    path = folder / film.name
    path.write_bytes(film.data)
    return FileUpload(
        path=path, image_key=f"key-{film.name}", file_name=film.name, size_bytes=len(film.data)
    )


def large(films: Films, mib: int) -> Film:
    """Return a film that is padded with comments, so that it takes several parts."""
    while not (film := films.next()).name.endswith(".jpg"):
        pass
    comments = b"".join(
        struct.pack(">BBH", 0xFF, 0xFE, 0xFFFF) + os.urandom(0xFFFD) for _ in range(16 * mib)
    )
    return replace(film, data=film.data[:2] + comments + film.data[2:])


async def test_a_full_disk_is_reported_and_no_image_is_lost(
    full: tuple[Chaos, Disk], tmp_path: Path
) -> None:
    chaos, disk = full
    async with (
        chaos.load("disk of the blob store full", films=Films(broken=False)) as load,
        Client(
            chaos.stack.addresses.jobs_address, chaos.token, reconnect_timeout=timedelta(0)
        ) as impatient,
    ):
        async with chaos.suspended("preprocess-1", "preprocess-2"):
            await chaos.submit_images(load)
            before = [promise.name for promise in load.ledger.promises.values()]
            disk.fill()
        promise = await load.create()
        film = load.films.next()
        with pytest.raises(UnavailableError) as refusal:
            await impatient.upload(promise.name, upload_of(film, tmp_path))
        assert refusal.value.reason == "BLOBS_FULL"
        answer = await load.http.post(
            f"/v1/{promise.name}/images",
            headers={"Content-Type": "application/octet-stream", "Upload-Key": "by-http"},
            content=film.data,
        )
        assert (answer.status_code, answer.json()["reason"]) == (503, "BLOBS_FULL")
        assert int(answer.headers["Retry-After"]) > 0
        for key in (f"key-{film.name}", "by-http"):
            with pytest.raises(RefusedError) as unknown:
                await impatient.upload_status(promise.name, key)
            assert unknown.value.reason == "UPLOAD_NOT_FOUND"
        assert [image async for image in impatient.images(promise.name)] == []
        assert disk.unfinished() == []

        # Images accepted before still succeed: if its preview cannot be stored, an image has none.
        await chaos.recovered("disk of the blob store full: images accepted before have ended")
        images = [image for name in before async for image in impatient.images(name)]
        assert not any(image.has_preview for image in images)
        with pytest.raises(RefusedError) as none:
            await impatient.read_image(images[0], ImageKind.PREVIEW)
        assert none.value.reason == "NO_SUCH_BYTES"

        # Callers that keep trying succeed as soon as there is space.
        waiting = [
            asyncio.create_task(load.upload(promise, film)),
            asyncio.create_task(load.submit(3, how="http")),
            asyncio.create_task(load.submit(3, how="grpc")),
        ]
        async with asyncio.timeout(60):
            while not load.ledger.retried["http 503"]:
                await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        disk.clear()
        await asyncio.gather(*waiting)
        await load.close(promise)
        await chaos.recovered("disk of the blob store full, then space again")


async def test_an_upload_that_filled_the_disk_resumes_where_it_stopped(
    full: tuple[Chaos, Disk], tmp_path: Path
) -> None:
    chaos, disk = full
    address = chaos.stack.addresses.jobs_address
    async with (
        chaos.load("disk of the blob store full during an upload") as load,
        Client(address, chaos.token, reconnect_timeout=timedelta(0)) as impatient,
    ):
        promise: Promise = await load.create()
        film = large(load.films, mib=9)
        file = upload_of(film, tmp_path)
        disk.fill(leave=PART + MIB)
        with pytest.raises(UnavailableError) as refusal:
            await impatient.upload(promise.name, file)
        assert refusal.value.reason == "BLOBS_FULL"
        status = await impatient.upload_status(promise.name, file.image_key)
        assert (status.committed_size, status.image) == (PART, "")
        assert [image async for image in impatient.images(promise.name)] == []
        async with asyncio.timeout(30):
            while disk.unfinished():
                await asyncio.sleep(0.02)
        disk.clear()
        (kept,) = await chaos.backstage.rows("SELECT part_keys FROM uploads")
        promise.sent[file.image_key] = film
        image = await load.client.upload(promise.name, file)
        promise.accepted[file.image_key] = image.name
        await load.close(promise)
        (row,) = await chaos.backstage.rows(
            "SELECT original_keys FROM images WHERE job_id = $1::uuid",
            promise.name.removeprefix("jobs/"),
        )
    # The part that was stored was not sent again.
    assert row["original_keys"][:1] == kept["part_keys"]
    assert len(row["original_keys"]) == 3
