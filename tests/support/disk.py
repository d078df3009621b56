"""A small file system of its own, which a test can fill to the last byte."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CHUNK = 1 << 16
_PAGE = 4096


class Disk:
    """A file system of limited size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Fill the file system up to `leave` free bytes."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (_CHUNK, _PAGE):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
            file.truncate(file.tell() - leave)

    def clear(self) -> None:
        """Free the space again."""
        self._ballast.unlink(missing_ok=True)

    def unfinished(self) -> list[str]:
        """Return the temporary files that obstore has not renamed to their final names."""
        return [path.name for path in self._folder.rglob("*#*")]


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Disk]:
    """Mount a file system of `mib` MiB on a folder; skip the test if that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "carina-test", str(folder)]
    mounting = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounting.returncode:
        pytest.skip(f"cannot mount a file system: {mounting.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        # Lazily, because a killed process may not have exited yet.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
