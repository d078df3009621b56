"""What `make clean` removes from the temporary folder, and what it keeps."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.scratch import remove_leftovers
from deploy.local.settings import ROOT

USES_ALL = """
import time
from pathlib import Path
from deploy.local.ports import free_port
from deploy.local.postgres import postgres_server
from deploy.local.scratch import scratch_folder
with scratch_folder("demo") as folder:
    (folder / "films").mkdir()
    free_port()
    postgres_server(folder / ("long" * 30))
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Not tmp_path: its name can be too long for a socket, which would then be created elsewhere.
    with tempfile.TemporaryDirectory(prefix="scratch-", dir="/tmp") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


@contextmanager
def user_of(temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that creates everything that a stack, a demo or a test puts there."""
    process = subprocess.Popen(
        [sys.executable, "-c", USES_ALL],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def kinds(temporary: Path) -> set[str]:
    return {path.name.split("-")[1] for path in temporary.glob("carina-*")}


def test_leftovers_of_a_killed_process_are_removed(temporary: Path) -> None:
    with user_of(temporary):
        pass
    assert kinds(temporary) == {"demo", "ports", "sockets"}
    assert len(remove_leftovers()) == 3
    assert not list(temporary.iterdir())


def test_folders_in_use_are_kept(temporary: Path) -> None:
    with user_of(temporary):
        before = set(temporary.rglob("*"))
        assert remove_leftovers() == []
        assert set(temporary.rglob("*")) == before


def test_files_of_others_are_kept(temporary: Path) -> None:
    (temporary / "other-demo-1").mkdir()
    (temporary / "carina-notes.txt").touch()
    (temporary / "carina-demo-2").symlink_to(ROOT)
    assert remove_leftovers() == []
    assert len(list(temporary.iterdir())) == 3
