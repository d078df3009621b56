"""The whole system as one object: starts servers, migrations and services, and stops them."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Coroutine, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TextIO

from deploy.local import processes
from deploy.local.console import STACK, LogFiles
from deploy.local.guard import GOOD_BYE
from deploy.local.issuer import DevelopmentIssuer
from deploy.local.nats import nats_program
from deploy.local.part import Part, Tell
from deploy.local.ports import free_port, require_free
from deploy.local.postgres import postgres_server
from deploy.local.program import Program
from deploy.local.seaweed import seaweed_server
from deploy.local.settings import (
    ROOT,
    Addresses,
    Options,
    Step,
    service_program,
    setup_steps,
)
from deploy.local.triton import TritonPorts, catalogued, triton_program

_DATABASE = "carina"
_ROLE = "carina"
_BUCKET = "carina"
# Replicas of a service stop together; services stop in the reverse order.
_SERVICES = ("jobs", "inference", "preprocess", "gateway")
_LEFTOVER_GRACE = timedelta(seconds=5)
_GUARD_TIMEOUT = timedelta(seconds=15)


class AlreadyRunningError(Exception):
    """Another stack uses the data folder."""

    def __init__(self, data: Path, pid: str) -> None:
        if pid and Path("/proc", pid).exists():
            super().__init__(f"a stack is already running on {data} (process {pid})")
        else:
            super().__init__(f"a stack on {data} is still stopping: try again in a few seconds")


class StepFailedError(Exception):
    """A step of the set-up failed."""

    def __init__(self, name: str, code: int, said: str) -> None:
        super().__init__(f"{name} ended with code {code}; its output:\n{said}")


async def _together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all; if one fails, cancel the others and raise its error, not a group."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _to_nobody(_part: str, _line: str) -> None:
    pass


class LocalStack:
    """Servers and services on one data folder: `async with LocalStack(data, options) as stack`.

    Inside the block everything answers its health check. At its end all processes stop; if this
    process is killed, a guard stops them.
    """

    def __init__(
        self, data: Path, options: Options | None = None, *, tell: Tell | None = None
    ) -> None:
        self.data = data.resolve()
        self.options = options or Options()
        self.processes: Mapping[str, Part] = MappingProxyType({})
        self.start_times: dict[str, timedelta] = {}
        # Of each replica of a service, by its name.
        self.metrics_ports: dict[str, int] = {}
        self._tell = tell or _to_nobody
        self._logs = LogFiles(self.data / "logs")
        self.mark = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        self._prefix = f"carina-{self.mark}-"
        self._groups: list[list[Part]] = []
        self._clean_up = contextlib.AsyncExitStack()

    @property
    def http_url(self) -> str:
        """URL of the HTTP API."""
        return f"http://127.0.0.1:{self.addresses.http_port}"

    @property
    def grpc_address(self) -> str:
        """Address of `JobService`."""
        return f"127.0.0.1:{self.addresses.grpc_ports[0]}"

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a part; if that ends it, it is restarted after a pause."""
        self.processes[name].send(number)

    async def restart(self, name: str) -> None:
        """Restart a part in order and wait until it serves."""
        await self.processes[name].restart()

    async def wait_ready(self, *names: str) -> None:
        """Wait until the named parts serve, or all of them."""
        parts = [self.processes[name] for name in names] or self.processes.values()
        await asyncio.gather(*(part.wait_ready() for part in parts))

    async def __aenter__(self) -> Self:
        """Start everything; if one part does not start, stop everything again."""
        try:
            await self._come_up()
        except BaseException:
            await self._go_down()
            raise
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        await self._go_down()

    def kill_all(self) -> None:
        """Kill everything, for a user who does not want to wait for an orderly stop."""
        for part in self.processes.values():
            part.send(signal.SIGKILL)

    async def _come_up(self) -> None:
        lock = self._lock()
        self._clean_up.callback(self._logs.close)
        self.issuer = DevelopmentIssuer(self.data / "issuer")
        # Left by a run whose runner and guard were both killed.
        self.postgres = postgres_server(self.data / "postgres", settings=self.options.postgres)
        await self._end_leftovers()
        await self._start_guard(lock)

        for port in (self.options.http_port, self.options.grpc_port):
            if port:
                require_free(port)
        begun = time.monotonic()
        servers, self.addresses = self._servers()
        await self._start(self._group(servers))
        await asyncio.to_thread(self.postgres.ensure_database, _DATABASE, role=_ROLE)
        # Each service waits for what it needs, so the order does not matter.
        await _together(self._start_service(service) for service in _SERVICES)
        self.start_times["all"] = timedelta(seconds=time.monotonic() - begun)

    async def _go_down(self) -> None:
        for group in reversed(self._groups):
            await asyncio.gather(*(part.stop() for part in group))
        await self._clean_up.aclose()

    def _say(self, part: str, line: str) -> None:
        self._tell(part, line)
        self._logs.tell(part, line)

    def _lock(self) -> TextIO:
        # It contains patients' films.
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.data / "lock").open("a+")
        self._clean_up.callback(lock.close)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunningError(self.data, lock.read().strip()) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    async def _end_leftovers(self) -> None:
        folders = [folder] if (folder := self.postgres.program.owned_folder) else []
        await asyncio.to_thread(processes.end_all, f"{self.mark}/", folders, grace=_LEFTOVER_GRACE)
        processes.clear_shared_memory(self._prefix)

    async def _start_guard(self, lock: TextIO) -> None:
        """Start the process that cleans up if this one is killed; it holds the lock as well."""
        guard = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.local.guard"),
            *(f"{self.mark}/", self._prefix, str(self.postgres.program.owned_folder)),
            stdin=PIPE,
            cwd=ROOT,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )

        async def dismiss() -> None:
            await self._end_leftovers()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(guard.communicate(GOOD_BYE), _GUARD_TIMEOUT.total_seconds())

        self._clean_up.push_async_callback(dismiss)

    def _servers(self) -> tuple[list[Program], Addresses]:
        options = self.options
        nats_port = free_port()
        ports = TritonPorts(grpc=free_port(), http=free_port(), metrics=free_port())
        programs = [
            nats_program(self.data / "nats", port=nats_port, monitor_port=free_port()),
            self.postgres.program,
            triton_program(
                self.data / "triton",
                repository=options.repository,
                models=catalogued(options.repository),
                environment=options.triton_environment,
                ports=ports,
                shared_memory_prefix=self._prefix,
                instances=options.triton_instances,
            ),
        ]
        blobs = self.data / "blobs"
        blob_url, blob_environment = blobs.as_uri(), {}
        if options.blobs == "s3":
            s3 = seaweed_server(self.data / "s3", bucket=_BUCKET)
            programs.append(s3.program)
            blob_url, blob_environment = f"s3://{s3.bucket}", dict(s3.environment)
        else:
            blobs.mkdir(exist_ok=True)
        return programs, Addresses(
            nats_url=f"nats://127.0.0.1:{nats_port}",
            database_url=self.postgres.url(_DATABASE, role=_ROLE),
            blob_url=blob_url,
            blob_environment=blob_environment,
            triton_address=f"127.0.0.1:{ports.grpc}",
            http_port=options.http_port or free_port(),
            grpc_ports=self._grpc_ports(),
            data=self.data,
        )

    def _grpc_ports(self) -> tuple[int, ...]:
        count = max(self.options.jobs, 1)
        first = self.options.grpc_port or free_port()
        return (first, *(free_port() for _ in range(count - 1)))

    def _replicas(self, service: str) -> list[Program]:
        count: int = getattr(self.options, service)
        return [
            service_program(
                service,
                number,
                self._metrics_port(f"{service}-{number}"),
                self.addresses,
                self.options,
            )
            for number in range(1, count + 1)
        ]

    def _metrics_port(self, name: str) -> int:
        port = self.options.metrics_port
        if port is None:
            port = free_port()
        else:
            port += len(self.metrics_ports)
            require_free(port)
        self.metrics_ports[name] = port
        return port

    async def _start_service(self, service: str) -> None:
        group = self._group(self._replicas(service))
        if service == "jobs":
            for step in setup_steps(self.addresses, self.options):
                await self._run_step(step)
        await self._start(group)

    def _group(self, programs: Iterable[Program]) -> list[Part]:
        group = [
            Part(program, mark=self.mark, tell=self._tell, record=self._logs.tell)
            for program in programs
        ]
        # Recorded before they start, so that an interrupted start stops them as well.
        self._groups.append(group)
        self.processes = MappingProxyType(
            {part.name: part for group in self._groups for part in group}
        )
        return group

    async def _start(self, group: Iterable[Part]) -> None:
        await _together(self._start_part(part) for part in group)

    async def _start_part(self, part: Part) -> None:
        begun = time.monotonic()
        await part.start()
        self.start_times[part.name] = timedelta(seconds=time.monotonic() - begun)
        self._say(STACK, f"{part.name} started in {time.monotonic() - begun:.1f} s")

    async def _run_step(self, step: Step) -> None:
        process = await asyncio.create_subprocess_exec(
            *step.command,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=ROOT,
            env={**os.environ, **step.environment, processes.MARK: f"{self.mark}/{step.name}/"},
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        said = output.decode(errors="replace")
        for line in said.splitlines():
            self._say(step.name, line)
        if process.returncode:
            raise StepFailedError(step.name, process.returncode, said)
