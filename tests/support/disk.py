"""A small disk of its own: a real file system that can be filled to the last byte."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CHUNK = 1 << 16
_PAGE = 4096


class Disk:
    """A folder with an end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave room for so many bytes."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (_CHUNK, _PAGE):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
            file.truncate(file.tell() - leave)

    def clear(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def unfinished(self) -> list[str]:
        """Return the files that obstore has begun and not renamed into place."""
        return [path.name for path in self._folder.rglob("*#*")]


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Disk]:
    """Mount one on a folder; where that is not allowed, the test is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "carina-test", str(folder)]
    mounting = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounting.returncode:
        pytest.skip(f"no file system can be mounted here: {mounting.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        # Lazily: a process that was killed may still be on its way out.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
