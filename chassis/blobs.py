"""Blobs in a folder, S3, GCS or Azure, through one interface on top of obstore."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from chassis.errors import Kind, TransientError, UsageError

_CHUNK_BYTES = 1024 * 1024
_LIST_BATCH = 1000  # what S3 deletes in one request
_RETRIES = 3
_RETRY_TIMEOUT = timedelta(seconds=15)  # callers have deadlines and retry themselves
_REQUEST_TIMEOUT = timedelta(seconds=60)
_CONNECT_TIMEOUT = timedelta(seconds=5)
# Blobs written in one piece have a few MiB; a connection that needs longer is stuck.
_PUT_TIMEOUT = timedelta(seconds=20)
_CHECK_KEY = "readiness"
_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT)


class BlobNotFoundError(UsageError):
    """There is no blob under this key."""

    kind: ClassVar[Kind] = Kind.NOT_FOUND
    reason: ClassVar[str] = "BLOB_NOT_FOUND"

    def __init__(self, key: str) -> None:
        super().__init__("The stored data does not exist.", metadata={"key": key})


class BlobsUnavailableError(TransientError):
    """The store does not respond, or refuses us."""

    reason: ClassVar[str] = "BLOBS_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The blob store is not available.")


class BlobsFullError(TransientError):
    """The store is out of space."""

    reason: ClassVar[str] = "BLOBS_FULL"

    def __init__(self) -> None:
        super().__init__(
            "The blob store is full. Nothing that was accepted is lost. Please try again later.",
            delay=timedelta(seconds=30),
        )


@dataclass(frozen=True)
class BlobInfo:
    """An entry of a listing."""

    key: str
    size: int
    modified: datetime


class BlobStore:
    """Reads and writes whole blobs by key; a key is a path of plain segments."""

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    async def put(self, key: str, data: bytes) -> None:
        """Store durably; an existing blob is replaced atomically."""
        with _errors_of(key):
            # In one piece: the size is bounded, and multipart would copy the data once more.
            async with asyncio.timeout(_PUT_TIMEOUT.total_seconds()):
                await obstore.put_async(self._store, key, data, use_multipart=False)
            await self._sync(key)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Store the chunks durably; the blob appears only when it is complete."""
        with _errors_of(key):
            await obstore.put_async(self._store, key, chunks)
            await self._sync(key)

    async def get(self, key: str) -> bytes:
        """Return the bytes; raises BlobNotFoundError."""
        with _errors_of(key):
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    async def stream(self, key: str, chunk_size: int = _CHUNK_BYTES) -> AsyncIterator[bytes]:
        """Yield the bytes in chunks of at most `chunk_size`; raises BlobNotFoundError."""
        with _errors_of(key):
            result = await obstore.get_async(self._store, key)
            async for buffer in result.stream(min_chunk_size=chunk_size):
                view = memoryview(buffer)
                for start in range(0, len(view), chunk_size):
                    yield bytes(view[start : start + chunk_size])

    async def exists(self, key: str) -> bool:
        """Return whether the blob exists."""
        try:
            with _errors_of(key):
                await obstore.head_async(self._store, key)
        except BlobNotFoundError:
            return False
        return True

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield the blobs under a prefix of whole path segments."""
        async for batch in self._batches(prefix):
            for meta in batch:
                yield BlobInfo(meta["path"], meta["size"], meta["last_modified"])

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete blobs; it is no error if some no longer exist."""
        for start in range(0, len(keys), _LIST_BATCH):
            batch = list_of(keys[start : start + _LIST_BATCH])
            try:
                with _errors_of(batch[0]):
                    await obstore.delete_async(self._store, batch)
            except BlobNotFoundError:
                # A folder stops at the first missing file; S3 does not.
                await self._delete_each(batch)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete all blobs under a prefix of whole segments; return their number."""
        if not prefix.strip("/"):
            raise ValueError("an empty prefix would delete everything")
        deleted = 0
        async for batch in self._batches(prefix):
            await self.delete([meta["path"] for meta in batch])
            deleted += len(batch)
        return deleted

    async def check(self) -> None:
        """Raise BlobsUnavailableError when the store does not respond."""
        with _errors_of(_CHECK_KEY):
            async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
                await self.exists(_CHECK_KEY)

    async def _delete_each(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                with _errors_of(key):
                    await obstore.delete_async(self._store, key)
            except BlobNotFoundError:
                continue

    async def _batches(self, prefix: str) -> AsyncIterator[Sequence[Any]]:
        with _errors_of(prefix):
            async for batch in obstore.list(self._store, prefix or None, chunk_size=_LIST_BATCH):
                yield batch

    async def _sync(self, key: str) -> None:
        # obstore renames a finished file into place but leaves it in the page cache. We promise
        # durability, so the file and the folders above it are flushed to disk.
        if self._folder is not None:
            await asyncio.to_thread(_sync_file, self._folder, key)


list_of = list  # inside the class, the method of that name hides the builtin


def _sync_file(folder: Path, key: str) -> None:
    path = folder / key
    # Folders created for this key are new entries in their parents.
    for each in (path, *(parent for parent in path.parents if parent.is_relative_to(folder))):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _errors_of(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise BlobNotFoundError(key) from None
    except (BaseError, OSError) as error:
        if _is_full(error):
            raise BlobsFullError from error
        raise BlobsUnavailableError from error


def _is_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _OUT_OF_SPACE
    # For a folder, obstore gives the error number only in its message.
    return any(f"(os error {number})" in str(error) for number in _OUT_OF_SPACE)


def open_blobs(url: str) -> BlobStore:
    """Open `file:///folder`, `s3://bucket/prefix`, `gs://...`, `az://...` or, in tests, `memory://`.

    Endpoint and credentials come from the standard variables of each cloud (AWS_ENDPOINT_URL,
    AWS_ACCESS_KEY_ID ...). A query adds options of obstore: `?endpoint=http://...&region=...`;
    plain http needs `allow_http=true` or AWS_ALLOW_HTTP=true.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return BlobStore(MemoryStore())
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        return BlobStore(
            LocalStore(folder, mkdir=True, automatic_cleanup=True), folder=folder.resolve()
        )
    options = dict(parse_qsl(parts.query))
    allow_http = options.pop("allow_http", os.environ.get("AWS_ALLOW_HTTP", "")).lower() == "true"
    make: Any = from_url  # each of its overloads accepts one cloud
    store = make(
        parts._replace(query="").geturl(),
        client_options={
            "allow_http": allow_http,
            "timeout": _REQUEST_TIMEOUT,
            "connect_timeout": _CONNECT_TIMEOUT,
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_TIMEOUT},
        **options,
    )
    return BlobStore(store)
