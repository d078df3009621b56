"""Callers that submit films and watch them over gRPC and HTTP, and record every answer.

They repeat failed calls as the API requires: with the same request id, the same upload key or the
last revision. Repeated calls are counted; errors that must not be repeated are raised.
"""

import asyncio
import base64
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from carina.channel import open_channel
from carina.client import Client
from carina.errors import RefusedError, UnavailableError
from carina.files import FileUpload
from carina.jobs.v1.job_service_pb2_grpc import JobServiceStub
from carina.results import JobSpec, Priority
from tests.support.following import follow_grpc, follow_http
from tests.support.histories import Watcher
from tests.support.ledger import Ledger, Promise
from tests.support.small_films import Film, Films

T = TypeVar("T")
# Far longer than any fault: a call that fails for this long has failed.
TIMEOUT = timedelta(minutes=3)
_LONGEST_PAUSE = 1.0
# The shares of their jobs that fickle callers cancel and retry.
_CANCEL_SHARE, _RETRY_SHARE = 0.15, 0.15
# The HTTP status codes that the documentation tells callers to repeat.
_UNAVAILABLE = {503}
# Callers pause while this many jobs are open, each with two watches. Otherwise, on a slow machine,
# the queue would grow throughout a fault and the last images accepted would exceed any time limit.
_MAX_OPEN_JOBS = 24
# Other codes after which a second attempt may succeed as well.
_REPEATED = _UNAVAILABLE | {408, 429, 502, 504}


class Load:
    """Submits jobs and keeps the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        grpc: str,
        http: str,
        token: str,
        folder: Path,
        films: Films | None = None,
        persistent: bool = True,
    ) -> None:
        self.ledger = ledger
        self.films = films or Films()
        # If false, repeat only what the documentation says, and use the client's default timeout.
        self.persistent = persistent
        self._repeated = _REPEATED if persistent else _UNAVAILABLE
        self.client = (
            Client(grpc, token, reconnect_timeout=TIMEOUT) if persistent else Client(grpc, token)
        )
        self.http = httpx.AsyncClient(
            base_url=http,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(30, read=60),
        )
        self._channel = open_channel(grpc)
        self._stub = JobServiceStub(self._channel)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._folder = folder
        self._watching: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self.client.aclose()
        await self._channel.close()
        await self.http.aclose()

    # One job.

    async def submit(
        self,
        count: int = 3,
        *,
        how: str = "grpc",
        watch: bool = True,
        films: list[Film] | None = None,
    ) -> Promise:
        """Submit one job with watchers attached: create it, upload its films and close it."""
        promise = await self.create(how, watch=watch)
        chosen = films or self.films.take(count)
        upload = self._upload_grpc if how == "grpc" else self._upload_http
        await asyncio.gather(*(upload(promise, film) for film in chosen))
        await self.close(promise)
        return promise

    async def create(self, how: str = "grpc", *, watch: bool = True) -> Promise:
        """Create a job and watch it."""
        request_id = str(uuid.uuid4())
        urgent = bool(random.getrandbits(1))
        if how == "grpc":
            spec = JobSpec(
                patient_id="P-1",
                clahe=True,
                priority=Priority.URGENT if urgent else Priority.ROUTINE,
            )
            job = await self._grpc(lambda: self.client.create(spec, request_id=request_id))
            name = job.name
        else:
            priority = "PRIORITY_URGENT" if urgent else "PRIORITY_ROUTINE"
            spec_json = {"patientId": "P-1", "clahe": True, "priority": priority}
            body = {"requestId": request_id, "spec": spec_json}
            name = (await self._http("POST", "/v1/jobs", json=body)).json()["name"]
        promise = self.ledger.promise(name, how)
        if watch:
            self.follow(name, "grpc")
            self.follow(name, "http")
        return promise

    async def upload(self, promise: Promise, film: Film) -> None:
        """Upload one film."""
        await (self._upload_grpc if promise.how == "grpc" else self._upload_http)(promise, film)

    async def close(self, promise: Promise) -> None:
        """Close a job."""
        if promise.how == "grpc":
            await self._grpc(lambda: self.client.close(promise.name))
        else:
            await self._http("POST", f"/v1/{promise.name}:close")
        promise.closed = True

    async def cancel(self, promise: Promise) -> None:
        """Cancel a job, unless it has already ended."""
        try:
            await self._grpc(lambda: self.client.cancel(promise.name))
        except RefusedError as error:
            if error.reason != "WRONG_STATE":
                raise
        else:
            promise.cancelled = True

    async def retry(self, name: str) -> None:
        """Retry the failed images of a job."""
        request_id = str(uuid.uuid4())
        self.ledger.promises[name].retries += 1
        await self._grpc(lambda: self.client.retry(name, request_id=request_id))

    async def _upload_grpc(self, promise: Promise, film: Film) -> None:
        path = self._folder / film.name
        await asyncio.to_thread(path.write_bytes, film.data)
        key = f"key-{film.name}"
        file = FileUpload(path=path, image_key=key, file_name=film.name, size_bytes=len(film.data))
        promise.sent[key] = film
        image = await self._grpc(lambda: self.client.upload(promise.name, file))
        promise.accepted[key] = image.name
        path.unlink()

    async def _upload_http(self, promise: Promise, film: Film) -> None:
        key = f"key-{film.name}"
        promise.sent[key] = film
        digest = base64.b64encode(bytes.fromhex(film.sha256)).decode()
        headers = {
            "Content-Type": "application/octet-stream",
            "Upload-Key": key,
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        offset = 0

        async def send() -> httpx.Response:
            nonlocal offset
            answer = await self.http.post(
                f"/v1/{promise.name}/images",
                params={"fileName": film.name},
                headers={**headers, "Upload-Offset": str(offset)},
                content=film.data[offset:],
            )
            if answer.status_code == httpx.codes.CONFLICT:
                if answer.json()["reason"] not in {"WRONG_OFFSET", "UPLOAD_RACE"}:
                    return answer
                offset = await self._committed(promise.name, key)
                raise httpx.ReadError(answer.json()["reason"])
            return answer

        async def resume() -> None:
            nonlocal offset
            offset = await self._committed(promise.name, key)

        answer = await self._repeat(send, before_repeat=resume)
        promise.accepted[key] = answer.json()["name"]

    async def _committed(self, job: str, key: str) -> int:
        """Return the offset to resume at: 0 if the upload is unknown or already an image."""
        answer = await self.http.get(f"/v1/{job}/uploads/{key}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return 0
        if answer.status_code != httpx.codes.OK:
            raise httpx.ReadError(str(answer.status_code))
        upload = answer.json()
        return 0 if upload["image"] else int(upload["committedSize"])

    # Following.

    def follow(self, job: str, how: str) -> Watcher:
        """Watch a job in the background until it ends."""
        watcher = self.ledger.watcher(job, how)
        if how == "grpc":
            following = follow_grpc(watcher, self._stub, self._metadata, TIMEOUT)
        else:
            following = follow_http(watcher, self.http, TIMEOUT)
        task = asyncio.create_task(following)
        self._watching.add(task)
        return watcher

    async def watchers_done(self, seconds: float) -> None:
        """Wait until every watcher has finished; the ledger reports any that has not."""
        if self._watching:
            await asyncio.wait(self._watching, timeout=seconds)

    # Repeating.

    async def _grpc(self, call: Callable[[], Awaitable[T]]) -> T:
        if not self.persistent:
            return await call()
        return await self._repeat_grpc(call)

    async def _repeat_grpc(self, call: Callable[[], Awaitable[T]]) -> T:
        async for _ in _attempts():
            try:
                return await call()
            except UnavailableError as error:
                self.ledger.retried[f"grpc {error.reason or error.code.name}"] += 1
        return await call()

    async def _http(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._repeat(lambda: self.http.request(method, path, **options))

    async def _repeat(
        self,
        call: Callable[[], Awaitable[httpx.Response]],
        *,
        before_repeat: Callable[[], Awaitable[None]] | None = None,
    ) -> httpx.Response:
        async for number in _attempts():
            try:
                if number and before_repeat is not None:
                    await before_repeat()
                answer = await call()
            except httpx.TransportError as error:
                self.ledger.retried[f"http {type(error).__name__}"] += 1
                continue
            if answer.status_code in self._repeated:
                self.ledger.retried[f"http {answer.status_code}"] += 1
                continue
            if answer.is_error:
                raise AssertionError(f"{answer.request.url}: {answer.status_code} {answer.text}")
            return answer
        raise AssertionError("the gateway did not become available again")

    # Steady load.

    @asynccontextmanager
    async def steady(
        self, *, callers: int = 2, pause: float = 0.2, fickle: bool = False
    ) -> AsyncIterator[None]:
        """Submit one job after another within the block, from several callers at once.

        Fickle callers cancel some of their jobs and retry the failed images of others.
        """
        stop = asyncio.Event()
        # A task group, because a caller that fails must end the block at once.
        async with asyncio.TaskGroup() as group:
            for number in range(callers):
                how = "http" if number % 2 else "grpc"
                group.create_task(self._submit_until(stop, how, pause, fickle=fickle))
            try:
                yield
            finally:
                stop.set()

    async def _submit_until(
        self, stop: asyncio.Event, how: str, pause: float, *, fickle: bool
    ) -> None:
        while not stop.is_set():
            if self._open_watches() > 2 * _MAX_OPEN_JOBS:
                await asyncio.sleep(pause)
                continue
            promise = await self.submit(random.randint(1, 3), how=how)
            await asyncio.sleep(random.uniform(0, 2 * pause))
            if fickle and random.random() < _CANCEL_SHARE:
                await self.cancel(promise)
            elif fickle and random.random() < _RETRY_SHARE:
                await self.retry(promise.name)

    def _open_watches(self) -> int:
        return sum(not each.done() for each in self._watching)


async def _attempts() -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + TIMEOUT.total_seconds()
    number = 0
    while loop.time() < deadline:
        yield number
        number += 1
        await asyncio.sleep(min(_LONGEST_PAUSE, 0.1 * 2**number) * random.uniform(0.5, 1))
