"""A whole stack under load, with injected faults; the ledger is checked at the end."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from chassis.nats.jetstream import JetStream, open_jetstream
from deploy.local import processes
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.settings import Options
from deploy.local.stack import LocalStack
from tests.support.ledger import UNAVAILABLE, Backstage, Ledger
from tests.support.load import Load
from tests.support.overheard import Overheard, overhear
from tests.support.queues import deliveries, final_outcomes, held_messages, pending_outcomes
from tests.support.small_films import Films
from tests.support.stacks import ProxiedStack

ACK_WAIT = timedelta(seconds=3)
# A worker that is silent for this long counts as dead, seconds.
PAST_ACK_WAIT = 1.7 * ACK_WAIT.total_seconds()
# Settings with which a stack detects and recovers from a fault within seconds.
QUICK: Mapping[str, str] = {
    "CARINA_JOBS_ACK_WAIT": f"{ACK_WAIT.total_seconds():g}",
    "CARINA_JOBS_STALLED_AFTER": "3",
    "CARINA_JOBS_REDELIVERY_DELAY": "3",
    "CARINA_JOBS_RECONCILE_INTERVAL": "1",
    "CARINA_JOBS_JOBS_PER_MINUTE": "100000",
    "CARINA_JOBS_LOG_LEVEL": "INFO",
    # Two small films at a time, so that the queues hold something to lose.
    "CARINA_PREPROCESS_SLOTS": "2",
}
# Seconds; far longer than anything takes, even on a machine with other load.
IDLE_TIMEOUT = 120.0
# Where the logs of a stack that broke a promise are kept.
_LOGS = Path(".carina") / "chaos-logs"
_REPORT = "CARINA_CHAOS_REPORT"
# The name of each worker's stage in the names of its consumers.
STAGES = {"preprocess": "preprocess", "inference": "infer"}
_SERVICES = ("jobs", "preprocess", "inference", "gateway")


def options(
    environment: Mapping[str, str] | None = None, *, replicas: int = 2, blobs: str = "folder"
) -> Options:
    """Return the options of a stack with two replicas and a PostgreSQL with durable settings."""
    return Options(
        jobs=replicas,
        preprocess=replicas,
        inference=replicas,
        gateway=1,
        blobs="s3" if blobs == "s3" else "folder",
        environment={**QUICK, **(environment or {})},
    )


class Chaos:
    """A stack, with its load and the faults to inject."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        # Several stacks may run at the same time.
        self.logs = _LOGS / stack.mark
        addresses = stack.direct if isinstance(stack, ProxiedStack) else stack.addresses
        self.backstage = Backstage.of(addresses)
        self._nats_url = addresses.nats_url
        self.token = DevelopmentIssuer(stack.data / "issuer").mint([Role.DOCTOR])
        self.admin_token = DevelopmentIssuer(stack.data / "issuer").mint([Role.ADMIN, Role.DOCTOR])
        self._films = Films()

    @asynccontextmanager
    async def load(
        self, fault: str = "", *, persistent: bool = True, films: Films | None = None
    ) -> AsyncIterator[Load]:
        """Provide callers within the block, then wait for an idle stack and check the ledger."""
        async with (
            Load(
                Ledger(),
                grpc=self.stack.addresses.jobs_address,
                http=self.stack.http_url,
                token=self.token,
                folder=self.folder,
                films=films or self._films,
                persistent=persistent,
            ) as load,
            self._logs_kept(fault),
        ):
            yield load
            await self._check_ledger(load, fault)

    @asynccontextmanager
    async def _logs_kept(self, fault: str) -> AsyncIterator[None]:
        """Keep the logs if the block fails."""
        try:
            yield
        except Exception as broken:
            logs = self.stack.data / "logs"
            await asyncio.to_thread(shutil.copytree, logs, self.logs, dirs_exist_ok=True)
            with (self.logs / "broken.txt").open("a") as file:
                print(fault, repr(broken), sep="\n", file=file)
            raise

    async def _check_ledger(self, load: Load, fault: str) -> None:
        await self.idle()
        await load.watchers_done(30)
        problems = await load.ledger.problems(load.client, self.backstage)
        if problems:
            raise AssertionError(
                f"{len(problems)} broken promises after {fault or 'no fault'}"
                f" (logs: {self.logs}):\n" + "\n".join(problems[:40])
            )

    async def idle(self, seconds: float = IDLE_TIMEOUT) -> None:
        """Wait until all parts are ready and nothing is left to do."""
        await self.stack.wait_ready()
        await self.backstage.wait_idle(seconds)

    async def submit_images(self, load: Load, count: int = 12) -> None:
        """Submit jobs until at least `count` more images are accepted."""
        ledger = load.ledger
        goal = ledger.accepted + count
        while ledger.accepted < goal:
            await asyncio.gather(load.submit(3, how="grpc"), load.submit(3, how="http"))

    async def recovered(
        self, fault: str, *, since: float | None = None, limit: float = 90.0
    ) -> float:
        """Wait until every image accepted so far has ended; return the seconds it took."""
        start = time.monotonic() if since is None else since
        before = datetime.now(UTC)
        async with asyncio.timeout(limit):
            while True:
                try:
                    if not await self.backstage.open_images(before):
                        break
                except UNAVAILABLE:
                    pass
                await asyncio.sleep(0.05)
        seconds = time.monotonic() - start
        await self._report(fault, seconds)
        return seconds

    async def _report(self, fault: str, seconds: float) -> None:
        if report := os.environ.get(_REPORT):
            line = json.dumps({"fault": fault, "seconds": round(seconds, 2)})
            await asyncio.to_thread(_append, Path(report), line)

    # Faults.

    def kill(self, name: str) -> None:
        """Kill a process; the stack restarts it."""
        self.stack.kill(name)

    def suspend(self, name: str) -> None:
        """Suspend a part: its main process first, then all its descendants."""
        self.stack.kill(name, signal.SIGSTOP)
        for pid in self._family(name):
            processes.send(pid, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Resume a suspended part."""
        for pid in self._family(name):
            processes.send(pid, signal.SIGCONT)

    def _family(self, name: str) -> set[int]:
        folder = self.stack.processes[name].program.owned_folder
        return processes.find(f"{self.stack.mark}/{name}/", [folder] if folder else [])

    @asynccontextmanager
    async def suspended(self, *names: str) -> AsyncIterator[None]:
        """Suspend parts within the block."""
        for name in names:
            self.suspend(name)
        try:
            yield
        finally:
            for name in names:
                self.resume(name)

    @asynccontextmanager
    async def signalled(self, how: str, *names: str) -> AsyncIterator[None]:
        """Send a signal to parts at the start of the block.

        `how` is SIGKILL or SIGSTOP. Suspended parts resume `PAST_ACK_WAIT` seconds after the block.
        """
        if how == "SIGKILL":
            for name in names:
                self.kill(name)
            yield
            return
        async with self.suspended(*names):
            yield
            await asyncio.sleep(PAST_ACK_WAIT)

    @asynccontextmanager
    async def holding(self, load: Load, service: str, name: str) -> AsyncIterator[None]:
        """Suspend a worker that holds images; it keeps them within the block."""
        others = [
            each for each in self.services() if each.startswith(f"{service}-") and each != name
        ]
        self.suspend(name)
        try:
            async with self.nats() as jetstream, asyncio.timeout(IDLE_TIMEOUT):
                await self.submit_images(load, 4)
                while not await self._holds(jetstream, service, others):
                    if not await self.backstage.open_images():
                        # It was suspended between two requests, so the broker sends it nothing.
                        self.resume(name)
                        await self.submit_images(load, 4)
                        self.suspend(name)
            yield
        finally:
            self.resume(name)

    async def _holds(self, jetstream: JetStream, service: str, others: list[str]) -> bool:
        """Return whether more deliveries are unanswered than the other workers hold."""
        programs = [self.stack.processes[other].program for other in others]
        before = await deliveries(jetstream, STAGES[service])
        held = [
            await held_messages(program.environment[f"CARINA_{service.upper()}_METRICS_ADDRESS"])
            for program in programs
        ]
        # If nothing was delivered in between, the others do not hold the surplus.
        return before == await deliveries(jetstream, STAGES[service]) and before[0] > sum(held)

    @asynccontextmanager
    async def unapplied(self, load: Load, count: int = 6) -> AsyncIterator[set[UUID]]:
        """Submit jobs; within the block, their outcomes are delivered to `jobs` but not applied.

        Replicas of `jobs` cannot apply them, because the rows of the jobs are locked.
        """
        async with AsyncExitStack() as rows:
            async with self.suspended("inference-1", "inference-2"):
                await self.submit_images(load, count)
                await rows.enter_async_context(self.rows_locked(load))
            still_open = "SELECT image_id FROM images WHERE state IN ('QUEUED', 'RUNNING')"
            images = {row["image_id"] for row in await self.backstage.rows(still_open)}
            async with self.nats() as jetstream, asyncio.timeout(60):
                while not images <= await final_outcomes(jetstream) or await pending_outcomes(
                    jetstream
                ):
                    await asyncio.sleep(0.05)
            yield images

    @asynccontextmanager
    async def rows_locked(self, load: Load) -> AsyncIterator[None]:
        """Lock the rows of all jobs, so that neither they nor their images can change."""
        ids = [name.removeprefix("jobs/") for name in load.ledger.promises]
        connection = await asyncpg.connect(self.stack.addresses.database_url)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL ROLE carina_system")
                await connection.execute(
                    "SELECT 1 FROM jobs WHERE job_id = ANY($1::uuid[]) ORDER BY job_id FOR UPDATE",
                    ids,
                )
                yield
        finally:
            await connection.close()

    async def in_stream(self, stream: str, count: int = 1) -> None:
        """Wait until a stream holds at least `count` messages."""
        async with asyncio.timeout(60):
            while (await self.backstage.queued())[stream] < count:
                await asyncio.sleep(0.02)

    async def in_stage(self, stage: str, count: int) -> None:
        """Wait until workers have reported that they started at least `count` images of a stage."""
        async with asyncio.timeout(60):
            while (
                len(
                    await self.backstage.rows(
                        "SELECT 1 FROM images WHERE state = 'RUNNING' AND stage = $1", stage
                    )
                )
                < count
            ):
                await asyncio.sleep(0.05)

    async def caught_up(self, load: Load, fault: str, *, since: float) -> None:
        """Wait until every watcher has received the newest revision of its job."""
        async with asyncio.timeout(60):
            while True:
                rows = await self.backstage.rows("SELECT job_id, revision FROM jobs")
                newest = {f"jobs/{row['job_id']}": row["revision"] for row in rows}
                if all(watcher.reached >= newest[watcher.job] for watcher in load.ledger.watchers):
                    break
                await asyncio.sleep(0.02)
        await self._report(fault, time.monotonic() - since)

    @asynccontextmanager
    async def nats(self) -> AsyncIterator[JetStream]:
        """Connect to the broker directly."""
        async with open_jetstream(self._nats_url, name="chaos") as jetstream:
            await jetstream.opened()
            yield jetstream

    @asynccontextmanager
    async def overheard(self) -> AsyncIterator[Overheard]:
        """Record the acks and outcomes of the workers within the block."""
        async with self.nats() as jetstream, overhear(jetstream) as overheard:
            yield overheard

    def lines(self, service: str, *words: str) -> list[str]:
        """Return the log lines of all replicas of a service that contain these words."""
        return [
            line
            for path in sorted((self.stack.data / "logs").glob(f"{service}-*.log"))
            for line in path.read_text().splitlines()
            if all(word in line for word in words)
        ]

    def services(self) -> list[str]:
        """Return the names of the service processes."""
        return [name for name in self.stack.processes if name.rpartition("-")[0] in _SERVICES]


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


@asynccontextmanager
async def running_stack(
    folder: Path,
    *,
    kind: type[LocalStack] = LocalStack,
    stack_options: Options | None = None,
) -> AsyncIterator[Chaos]:
    """Start a stack; its data folder has a short name because it contains PostgreSQL's socket."""
    async with AsyncExitStack() as clean_up:
        stack = kind(folder / "d", stack_options or options())
        if isinstance(stack, ProxiedStack):
            for proxy in stack.proxies.values():
                await proxy.start()
                clean_up.push_async_callback(proxy.stop)
        # The signing key must exist before the first service reads it.
        DevelopmentIssuer(stack.data / "issuer")
        films = folder / "films"
        films.mkdir()
        await clean_up.enter_async_context(stack)
        yield Chaos(stack, films)
