import asyncio
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.part import Part, PartFailedError
from deploy.local.program import Program

SERVE = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
WITH_CHILD = (
    "import subprocess, sys, time; subprocess.Popen(['sleep', '60'], start_new_session=True);"
    " exec(sys.argv.pop(1))"
)
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, _part: str, line: str) -> None:
        self.lines.append(line)

    async def wait_for(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in line for line in self.lines):
                await asyncio.sleep(0.01)


def program(tmp_path: Path, *command: str, is_ready: Callable[[], bool] | None = None) -> Program:
    mark = tmp_path / "serves"

    def is_serving() -> bool:
        return mark.exists()

    return Program(
        name="part",
        command=(sys.executable, "-c", *command, str(mark)),
        is_ready=is_ready or is_serving,
        prepare=lambda: mark.unlink(missing_ok=True),
        grace=timedelta(seconds=0.5),
        start_timeout=timedelta(seconds=20),
    )


@asynccontextmanager
async def part_of(program: Program, log: Log | None = None) -> AsyncIterator[tuple[Part, str]]:
    mark = uuid.uuid4().hex
    part = Part(program, mark=mark, tell=log or Log(), record=Log())
    try:
        yield part, mark
    finally:
        await part.stop()
        assert not processes.find(mark)


async def test_a_killed_part_restarts_and_the_reason_is_logged(tmp_path: Path) -> None:
    log = Log()
    async with part_of(program(tmp_path, SERVE), log) as (part, _):
        await part.start()
        first = part.pid
        part.send(signal.SIGKILL)
        await part.wait_ready()
        assert part.pid not in {first, None}
        assert part.starts == 2
    assert log.lines[-1] == "was ended by SIGKILL; restarting it in 0.5 s"


async def test_children_of_a_killed_part_end_before_it_restarts(tmp_path: Path) -> None:
    async with part_of(program(tmp_path, WITH_CHILD, SERVE)) as (part, mark):
        await part.start()
        before = processes.find(mark)
        assert len(before) == 2
        part.send(signal.SIGKILL)
        await part.wait_ready()
        assert not before & processes.find(mark)


async def test_a_part_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    log = Log()
    async with part_of(program(tmp_path, IGNORES_SIGTERM), log) as (part, _):
        await part.start()
    assert part.overstays == 1
    assert log.lines == ["did not stop within 0.5 s: killing it"]


async def test_a_restart_does_not_count_as_a_crash(tmp_path: Path) -> None:
    log = Log()
    async with part_of(program(tmp_path, SERVE), log) as (part, _):
        await part.start()
        start = time.monotonic()
        await part.restart()
        assert part.starts == 2
        assert time.monotonic() - start < 5
    assert not part.overstays
    assert not log.lines


async def test_a_part_that_never_becomes_ready_fails_with_its_last_output(tmp_path: Path) -> None:
    async with part_of(program(tmp_path, "print('no such table'); raise SystemExit(3)")) as (p, _):
        with pytest.raises(PartFailedError, match=r"(?s)ended with code 3.*no such table"):
            await p.start()
        assert p.starts == 3


async def test_wrong_settings_are_not_retried(tmp_path: Path) -> None:
    async with part_of(program(tmp_path, "raise SystemExit(78)")) as (part, _):
        with pytest.raises(PartFailedError):
            await part.start()
        assert part.starts == 1


async def test_a_part_that_is_not_ready_in_time_fails(tmp_path: Path) -> None:
    silent = program(tmp_path, "import time; time.sleep(60)")
    quick = Program(
        name="part",
        command=silent.command,
        is_ready=silent.is_ready,
        start_timeout=timedelta(seconds=0.3),
        grace=timedelta(seconds=1),
    )
    async with part_of(quick) as (part, _):
        with pytest.raises(PartFailedError, match=r"was not ready after 0\.3 s"):
            await part.start()


async def test_a_very_long_line_is_logged(tmp_path: Path) -> None:
    log = Log()
    talk = f"print('x' * 200_000, flush=True); {SERVE}"
    async with part_of(program(tmp_path, talk), log) as (part, _):
        await part.start()
        await log.wait_for("x" * 200_000)
