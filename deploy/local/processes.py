"""Finds and ends every process of a stack, including grandchildren and orphans.

Each process of a stack has MARK in its environment and passes it on to its children. Parent ids
would not do: when a parent is killed, its children get another parent.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

MARK = "CARINA_STACK_PART"
_PROC = Path("/proc")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX puts it


def find(mark: str, folders: Iterable[Path] = ()) -> set[int]:
    """Return the ids of all processes whose mark begins with `mark` or that work in a folder.

    The folders are for PostgreSQL, whose processes overwrite their environment with their titles.
    """
    wanted = f"{MARK}={mark}".encode()
    working = {str(folder) for folder in folders}
    return {
        int(entry.name)
        for entry in _PROC.iterdir()
        if entry.name.isdigit()
        and int(entry.name) != os.getpid()
        and (_is_marked(entry, wanted) or (working and _is_postgres_in(entry, working)))
    }


def _is_marked(entry: Path, wanted: bytes) -> bool:
    try:
        environment = (entry / "environ").read_bytes()
    except OSError:
        return False
    return environment.startswith(wanted) or b"\0" + wanted in environment


def _is_postgres_in(entry: Path, folders: set[str]) -> bool:
    # By name as well: somebody's shell may be in that folder.
    try:
        name = (entry / "comm").read_text().strip()
        return name == "postgres" and str((entry / "cwd").readlink()) in folders
    except OSError:
        return False


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal, unless the process has already ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def end_all(mark: str, folders: Iterable[Path] = (), *, grace: timedelta) -> set[int]:
    """Wait for processes to end, kill those that do not, return the ids of the killed ones."""
    folders = tuple(folders)
    deadline = time.monotonic() + grace.total_seconds()
    killed: set[int] = set()
    while found := find(mark, folders):
        if time.monotonic() >= deadline:
            for pid in found - killed:
                send(pid, signal.SIGKILL)
            killed |= found
        time.sleep(0.02)
    return killed


def clear_shared_memory(prefix: str) -> None:
    """Remove the regions that Triton leaves behind when it is killed."""
    for region in _SHARED_MEMORY.glob(f"{prefix}*"):
        with contextlib.suppress(FileNotFoundError):
            region.unlink()
