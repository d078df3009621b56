"""Temporary folders that `make clean` recognizes once nobody uses them any more.

`python -m deploy.local.scratch` removes what killed processes have left. It needs only the standard
library, as the environment may be gone already.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "carina-"
# Lock files of `ports.py`, one folder for each user.
_PORTS = "carina-ports-"


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Make a temporary folder for the length of a block; a killed process leaves it unlocked."""
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{purpose}-") as name:
        lock = lock_folder(Path(name))
        try:
            yield Path(name)
        finally:
            if lock is not None:
                os.close(lock)


def lock_folder(folder: Path) -> int | None:
    """Lock a folder or file until the descriptor is closed; None if another process uses it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove_leftovers() -> list[Path]:
    """Remove what this user's processes have left behind; return what was removed."""
    removed = []
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if path.is_symlink() or not path.is_dir() or path.stat().st_uid != os.getuid():
            continue
        if path.name.startswith(_PORTS):
            for lock_file in path.iterdir():
                _remove_unused(lock_file)
            with contextlib.suppress(OSError):
                path.rmdir()  # fails while a stack holds ports
                removed.append(path)
        elif _remove_unused(path):
            removed.append(path)
    return removed


def _remove_unused(path: Path) -> bool:
    try:
        lock = lock_folder(path)
    except OSError:
        return False
    if lock is None:
        return False
    try:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    finally:
        os.close(lock)
    return True


if __name__ == "__main__":
    for each in remove_leftovers():
        sys.stdout.write(f"removed {each}\n")
