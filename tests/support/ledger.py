"""What callers were promised, recorded outside the system and compared with it at the end.

The load generator records each image whose upload was confirmed and each revision that a watcher
received. `Ledger.problems` then checks the system through its API and directly in its stores; each
sentence it returns is a broken promise.
"""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

import asyncpg

from carina.client import Client
from carina.errors import CarinaError, RefusedError, UnavailableError
from carina.results import Image, Job, JobState
from chassis.blobs import BlobStore, open_blobs
from chassis.errors import TransientError
from chassis.nats.jetstream import open_jetstream
from deploy.local.settings import Addresses
from services.jobs.storage.database import open_database
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import SystemStore
from tests.support.histories import History, Watcher
from tests.support.small_films import TOLERANCE, Film

_CONCURRENT_JOBS = 8
# The errors of PostgreSQL while it is killed and started again.
UNAVAILABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
Row = Any
_OUTBOX = """
    SELECT o.image_id, o.available_at, i.state, i.attempt, i.republished, i.update_time, now()
    FROM outbox o JOIN images i USING (image_id)
"""
_OPEN_TRANSACTIONS = """
    SELECT pid, state, now() - state_change AS age, wait_event, left(query, 80) AS query
    FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""


@dataclass
class Promise:
    """What the service has confirmed for one job."""

    name: str
    how: str
    # By image key: the films whose upload was started, and the names of the images confirmed.
    sent: dict[str, Film] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    cancelled: bool = False
    deleted: bool = False
    # The number of calls of RetryJob.
    retries: int = 0
    # Images that may end differently from what their film predicts: the reason, by key.
    excused: dict[str, str] = field(default_factory=dict)


class Ledger:
    """All promises of one run."""

    def __init__(self) -> None:
        self.promises: dict[str, Promise] = {}
        self.watchers: list[Watcher] = []
        # Calls that failed and were repeated, counted by error.
        self.retried: Counter[str] = Counter()
        self.orphans = 0

    @property
    def accepted(self) -> int:
        """The number of images that the service has confirmed."""
        return sum(len(promise.accepted) for promise in self.promises.values())

    def promise(self, name: str, how: str) -> Promise:
        """Record a job."""
        return self.promises.setdefault(name, Promise(name, how))

    def watcher(self, job: str, how: str) -> Watcher:
        """Record a watcher of a job."""
        watcher = Watcher(job, how)
        self.watchers.append(watcher)
        return watcher

    async def problems(self, client: Client, backstage: "Backstage") -> list[str]:
        """Compare everything with the system once it is idle."""
        kept = [promise for promise in self.promises.values() if not promise.deleted]
        limit = asyncio.Semaphore(_CONCURRENT_JOBS)

        async def ask(promise: Promise) -> list[str]:
            async with limit:
                return await _api_problems(client, promise)

        found = [each for problems in await asyncio.gather(*map(ask, kept)) for each in problems]
        histories = await backstage.histories([promise.name for promise in kept])
        for promise in kept:
            history = histories.get(promise.name)
            if history is None:
                found.append(f"{promise.name} has no history")
                continue
            found += history.problems(max_attempts=1 + promise.retries)
        for watcher in self.watchers:
            if (watched := histories.get(watcher.job)) is not None:
                found += watcher.problems(watched)
        found += await backstage.lasting_leftovers()
        found += await self._blobs(backstage)
        return found

    async def _blobs(self, backstage: "Backstage") -> list[str]:
        """Check that every row has its blob, and that the sweeper deletes exactly the orphans."""
        owned, swept = await backstage.owned_keys()
        stored = {blob.key: blob.size async for blob in backstage.blobs.list("sites/")}
        found = [f"the row of {key} has no blob" for key in owned.keys() - stored.keys()]
        extra = {key for key in stored.keys() - owned.keys() if not _below(key, swept)}
        self.orphans += len(extra)
        await backstage.sweep_orphans()
        left = {blob.key async for blob in backstage.blobs.list("sites/")}
        found += [f"the sweeper left the orphan {key}" for key in extra & left]
        found += [f"the sweeper deleted {key}, which has a row" for key in owned.keys() - left]
        return found


class Backstage:
    """Direct access to the rows, streams and blobs of the system."""

    def __init__(self, database_url: str, nats_url: str, blobs: BlobStore) -> None:
        self._database_url = database_url
        self._nats_url = nats_url
        self.blobs = blobs

    @classmethod
    def of(cls, addresses: Addresses) -> Self:
        """Connect to the servers of a stack."""
        return cls(addresses.database_url, addresses.nats_url, _blobs_of(addresses))

    async def rows(self, query: str, *arguments: object) -> list[Row]:
        """Query the database in the role of the service."""
        async with self._connection() as connection:
            return list(await connection.fetch(query, *arguments))

    async def histories(self, names: list[str]) -> dict[str, History]:
        """Read every change of these jobs in order."""
        histories: dict[str, History] = {}
        ids = [UUID(name.removeprefix("jobs/")) for name in names]
        async with self._connection() as connection:
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
            )
            for row in await connection.fetch(
                "SELECT job_id, revision, job, images FROM job_events WHERE job_id = ANY($1)"
                " ORDER BY job_id, revision",
                ids,
            ):
                name = f"jobs/{row['job_id']}"
                history = histories.setdefault(name, History(name))
                history.add(row["revision"], row["job"], row["images"])
        return histories

    async def leftovers(self) -> list[str]:
        """Return rows and messages that are left over although all images have ended."""
        found = [f"{row} is left in the outbox" for row in await self.rows(_OUTBOX)]
        (row,) = await self.rows("SELECT count(*) FROM uploads")
        if row["count"]:
            found.append(f"{row['count']} rows are left in uploads")
        if found:
            found += await self._sessions()
        for stream, count in (await self.queued()).items():
            if count:
                found.append(f"{count} messages are left in {stream}")
        if count := await self._unhandled_advisories():
            found.append(f"{count} advisories in DEAD were not handled")
        return found

    async def _unhandled_advisories(self) -> int:
        """Count the advisories that `jobs` has not acknowledged; DEAD itself keeps all of them."""
        async with open_jetstream(self._nats_url, name="ledger") as jetstream:
            await jetstream.opened()
            consumer = await jetstream.api("CONSUMER.INFO.DEAD.jobs-dead")
            return int(consumer["num_pending"]) + int(consumer["num_ack_pending"])

    async def lasting_leftovers(self) -> list[str]:
        """Return what is still left over after a while: a duplicate outcome may arrive late."""
        found = await self.leftovers()
        for _ in range(20):
            if not found:
                break
            await asyncio.sleep(0.5)
            found = await self.leftovers()
        return found

    async def _sessions(self) -> list[str]:
        """Describe the open transactions, which may explain left-over rows."""
        # In the login role of the service: other roles may not see the queries of its sessions.
        connection = await asyncpg.connect(self._database_url)
        try:
            return [f"  {row}" for row in await connection.fetch(_OPEN_TRANSACTIONS)]
        finally:
            await connection.close()

    async def queued(self) -> dict[str, int]:
        """Count the messages of the two work queues."""
        async with open_jetstream(self._nats_url, name="ledger") as jetstream:
            await jetstream.opened()
            return {
                stream: int((await jetstream.api(f"STREAM.INFO.{stream}"))["state"]["messages"])
                for stream in ("TASKS", "RESULTS")
            }

    async def open_images(self, before: datetime | None = None) -> int:
        """Count the images that have not ended, optionally only those created before a time."""
        (row,) = await self.rows(
            "SELECT count(*) FROM images WHERE state IN ('QUEUED', 'RUNNING') AND create_time < $1",
            before or datetime.now(UTC) + timedelta(days=1),
        )
        return int(row["count"])

    async def owned_keys(self) -> tuple[dict[str, None], list[str]]:
        """Return the blob keys that rows refer to, and the prefixes that are due for deletion."""
        owned = {}
        for row in await self.rows(
            "SELECT site, job_id, image_id, original_keys, has_preview FROM images"
        ):
            owned.update(dict.fromkeys(row["original_keys"]))
            if row["has_preview"]:
                prefix = f"sites/{row['site']}/jobs/{row['job_id']}/{row['image_id']}"
                owned[f"{prefix}/preview.jpg"] = None
        due = [row["prefix"] for row in await self.rows("SELECT prefix FROM deletions")]
        # A preview belongs to its image even if another attempt reported the outcome.
        images = await self.rows("SELECT site, job_id, image_id FROM images")
        due += [
            f"sites/{row['site']}/jobs/{row['job_id']}/{row['image_id']}/preview.jpg"
            for row in images
        ]
        return owned, due

    async def sweep_orphans(self) -> None:
        """Delete orphans as the daily retention run does, whatever their age."""
        async with open_database(self._database_url, connections=2) as database:
            sweeper = Sweeper(SystemStore(database), self.blobs)
            await sweeper.delete_orphans(timedelta(0))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(
            self._database_url, server_settings={"role": "carina_system"}
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def wait_idle(self, seconds: float) -> None:
        """Wait until the system is idle; after the timeout, what is left shows up as a problem."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if not await self.open_images() and not await self.leftovers():
                    return
            except (TransientError, *UNAVAILABLE):
                pass
            await asyncio.sleep(0.25)


async def _api_problems(client: Client, promise: Promise) -> list[str]:
    """Compare one job with what its caller sees through the API, down to the bytes."""
    job: Job = await _ask(lambda: client.get(promise.name))
    images: list[Image] = await _ask(lambda: _collect(client, promise.name))
    by_key = {image.image_key: image for image in images}
    found = [
        f"{promise.name} has lost {key}" for key in promise.accepted.keys() - by_key.keys()
    ] + [f"{promise.name} has {key}, which was never sent" for key in by_key.keys() - promise.sent]
    if len(by_key) != len(images):
        found.append(f"{promise.name} has an image twice")
    for key, image in by_key.items():
        found += _compare(promise, key, image)
    tally = Counter(str(image.state) for image in images)
    progress = job.progress
    counters = (progress.total, progress.succeeded, progress.failed, progress.cancelled)
    if counters != (len(images), tally["SUCCEEDED"], tally["FAILED"], tally["CANCELLED"]):
        found.append(f"{promise.name} counts {counters}, but its images are {dict(tally)}")
    if job.state != (wanted := _job_state(promise, tally)):
        found.append(f"{promise.name} ({promise.how}) is {job.state}, expected {wanted}")
    for key, image in by_key.items():
        content = await _ask(lambda image=image: client.read_image(image))
        if hashlib.sha256(content.data).hexdigest() != promise.sent[key].sha256:
            found.append(f"{image.name} returns different bytes")
    return found


def _compare(promise: Promise, key: str, image: Image) -> Iterator[str]:
    film = promise.sent[key]
    answered = promise.accepted.get(key)
    if answered is not None and image.name != answered:
        yield f"{promise.name}: {key} was confirmed as {answered} but is {image.name}"
    if image.sha256 != film.sha256:
        yield f"{image.name} differs in digest from {film.name}"
    if promise.cancelled and image.state == "CANCELLED":
        return
    if key in promise.excused:
        if not image.state.terminal:
            yield f"{image.name} is {image.state}"
        return
    expected = film.expected
    code = image.error.code if image.error else ""
    if (str(image.state), code) != (expected.state, expected.error_code):
        yield f"{image.name} ({film.name}) is {image.state} {code}, expected {expected}"
    elif expected.state == "SUCCEEDED":
        probabilities = [finding.probability for finding in image.findings]
        close = len(probabilities) == len(expected.probabilities) and all(
            abs(found - wanted) < TOLERANCE
            for found, wanted in zip(probabilities, expected.probabilities, strict=True)
        )
        if image.predicted_label != expected.label or not close:
            yield (
                f"{image.name} ({film.name}) has {image.predicted_label} {probabilities},"
                f" expected {expected}"
            )


def _job_state(promise: Promise, tally: Counter[str]) -> JobState:
    if promise.cancelled:
        return JobState.CANCELLED
    if not promise.closed:
        return JobState.RECEIVING
    if tally["SUCCEEDED"] == tally.total():
        return JobState.SUCCEEDED
    return JobState.PARTIALLY_SUCCEEDED if tally["SUCCEEDED"] else JobState.FAILED


async def _collect(client: Client, job: str) -> list[Image]:
    return [image async for image in client.images(job)]


async def _ask(call: Any) -> Any:
    """Repeat a call until it is answered: the comparison does not test availability."""
    for _ in range(30):
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(1)
        except RefusedError:
            raise
        except CarinaError:
            await asyncio.sleep(1)
    return await call()


def _below(key: str, prefixes: list[str]) -> bool:
    return any(key.startswith(prefix) for prefix in prefixes)


def _blobs_of(addresses: Addresses) -> BlobStore:
    url = addresses.blob_url
    if environment := addresses.blob_environment:
        # As options of the URL, they have no AWS_ prefix.
        named = {name.removeprefix("AWS_").lower(): value for name, value in environment.items()}
        url += "?" + urlencode(named)
    return open_blobs(url)
