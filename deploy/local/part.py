"""One supervised process of the stack: started, watched, restarted, stopped."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from deploy.local import processes
from deploy.local.launch import launched
from deploy.local.program import Program

# Prints a line on behalf of a part: (part, line).
Tell = Callable[[str, str], None]

_FIRST_PAUSE = timedelta(milliseconds=500)
_LONGEST_PAUSE = timedelta(seconds=30)
# A part that ran this long restarts with the shortest pause again.
_STEADY = timedelta(seconds=60)
# A part that ended this often without ever serving is not restarted.
_FIRST_ATTEMPTS = 3
# EX_CONFIG of sysexits.h: the settings of a service are wrong, so a restart would not help.
_EXIT_CONFIG = 78
_PROBE_PAUSE = 0.05
# How long the children of a dead part get to end by themselves.
_ORPHAN_GRACE = timedelta(seconds=2)
_REMEMBERED_LINES = 12


class PartFailedError(Exception):
    """A part did not come up."""

    def __init__(self, name: str, reason: str, lines: list[str]) -> None:
        said = "".join(f"\n    {line}" for line in lines)
        super().__init__(f"{name} {reason}" + (f"; its last output:{said}" if said else ""))


class Part:
    """A process that is kept running until it is stopped."""

    def __init__(self, program: Program, *, mark: str, tell: Tell, record: Tell) -> None:
        self.name = program.name
        self.program = program
        self.starts = 0
        # How often it had to be killed because it did not stop within its grace period.
        self.overstays = 0
        self._mark = f"{mark}/{program.name}/"
        self._folders = [program.owned_folder] if program.owned_folder else []
        # The terminal shows what matters, the record has every line.
        self._tell = partial(tell, program.name)
        self._record = partial(record, program.name)
        self._lines: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._process: Process | None = None
        self._ready = asyncio.Event()
        self._ends_by_itself = True
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id, or None while there is no process."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def is_ready(self) -> bool:
        """Whether it has answered since its last start."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Start and wait until it serves; raises PartFailedError."""
        self._task = asyncio.create_task(self._keep_running(), name=f"keep {self.name}")
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until it serves; raises PartFailedError if it fails or takes too long."""
        if self._task is None:
            raise PartFailedError(self.name, "was never started", [])
        ready = asyncio.create_task(self._ready.wait())
        start_timeout = self.program.start_timeout.total_seconds()
        try:
            await asyncio.wait(
                {ready, self._task}, timeout=start_timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if self._ready.is_set():
            return
        if self._task.done():
            await self._task
            raise PartFailedError(self.name, "was stopped", [])
        raise PartFailedError(self.name, f"was not ready after {start_timeout:g} s", self._said())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, as an operator or a fault would."""
        if (pid := self.pid) is None:
            return
        if number in {signal.SIGKILL, self.program.stop_signal}:
            # It is about to end; callers of wait_ready must not see its previous state.
            self._ready.clear()
        processes.send(pid, number)

    async def restart(self) -> None:
        """Stop it in order, start it again and wait until it serves."""
        self._ends_by_itself = False
        await self._end_process()
        await self.wait_ready()

    async def stop(self) -> None:
        """Stop it and everything it has started."""
        self._stopping.set()
        await self._end_process()
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # start has already raised it

    async def _end_process(self) -> None:
        self._ready.clear()
        process = self._process
        if process is None or process.returncode is not None:
            return
        processes.send(process.pid, self.program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.program.grace.total_seconds())
        except TimeoutError:
            self.overstays += 1
            grace = self.program.grace.total_seconds()
            self._announce(f"did not stop within {grace:g} s: killing it")
            processes.send(process.pid, signal.SIGKILL)
            await process.wait()

    async def _keep_running(self) -> None:
        pause = _FIRST_PAUSE
        served = False
        while not self._stopping.is_set():
            self._ends_by_itself = True
            begun = time.monotonic()
            try:
                code = await self._run_once()
                how = _how_it_ended(code)
            except Exception as error:
                if not served:
                    raise
                code, how = 0, f"cannot be started: {error}"
            served = served or self._served
            if self._stopping.is_set():
                return
            if not self._ends_by_itself:
                continue
            if code == _EXIT_CONFIG or (not served and self.starts >= _FIRST_ATTEMPTS):
                self._announce(f"{how}; not restarting it")
                raise PartFailedError(self.name, how, self._said())
            if time.monotonic() - begun > _STEADY.total_seconds():
                pause = _FIRST_PAUSE
            self._announce(f"{how}; restarting it in {pause.total_seconds():g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause.total_seconds())
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _run_once(self) -> int:
        self._served = False
        await asyncio.to_thread(self.program.prepare)
        if self._stopping.is_set():
            return 0
        self.starts += 1
        # Our own pipe: with asyncio's, `wait` would last until the last orphan has closed it.
        reading, writing = os.pipe()
        try:
            process = self._process = await self._spawn(writing)
        finally:
            os.close(writing)
        speaker = asyncio.create_task(self._pass_on(reading), name=f"read {self.name}")
        prober = asyncio.create_task(self._probe(), name=f"probe {self.name}")
        try:
            code = await process.wait()
        finally:
            self._ready.clear()
            prober.cancel()
        await self._clear_up()
        await speaker
        return code

    async def _spawn(self, output: int) -> Process:
        program = self.program
        command = launched(
            program.command, stop_signal=program.stop_signal, as_nobody=program.as_nobody
        )
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            cwd=program.folder,
            env={**os.environ, **program.environment, processes.MARK: self._mark},
            # Ctrl-C in a terminal reaches only the runner, which stops the parts in order.
            start_new_session=True,
        )

    async def _probe(self) -> None:
        while not await asyncio.to_thread(self.program.is_ready):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(_PROBE_PAUSE)
        self._served = True
        self._ready.set()

    async def _pass_on(self, reading: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        rest = b""
        while chunk := await reader.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._say(line)
        if rest:
            self._say(rest)
        transport.close()

    def _announce(self, line: str) -> None:
        self._record(line)
        self._tell(line)

    def _say(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip()
        self._lines.append(line)
        self._record(line)
        if not any(noise in line for noise in self.program.noise):
            self._tell(line)

    def _said(self) -> list[str]:
        return [line for line in self._lines if line]

    async def _clear_up(self) -> None:
        """End the processes that a part has left behind."""
        await asyncio.to_thread(processes.end_all, self._mark, self._folders, grace=_ORPHAN_GRACE)
        await asyncio.to_thread(self.program.clear_up)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
