"""Says in one sentence why the local stack cannot run here, before anything is installed.

`make setup` runs it with the system's Python: it starts on any Python 3 and needs only the
standard library.
"""

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

# numpy 1, which the Python backend of the Triton binary needs, has no wheels for newer ones.
OLDEST, NEWEST = (3, 11), (3, 12)
# Both environments, measured, with room for the demo's data.
_DISK_BYTES = 1800 * 10**6
_ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Exit with a sentence if the stack cannot run on this machine."""
    # No f-strings: an old Python has to get as far as its sentence.
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            "The local stack needs Python 3.11 or 3.12, because of the Triton binary that it"
            " starts; this is %d.%d. Name another one: make PYTHON=python3.12 ..."
            % sys.version_info[:2]
        )
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        sys.exit(
            "The local stack needs Linux on x86-64, because of the Triton binary that it starts;"
            " this is %s on %s." % (platform.system(), platform.machine())
        )
    if platform.libc_ver()[0] != "glibc":
        sys.exit("The local stack needs a Linux with glibc; its servers have no builds for musl.")
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "This Python cannot create virtual environments: install its venv package, on Debian"
            " and Ubuntu python%d.%d-venv." % sys.version_info[:2]
        )
    free = shutil.disk_usage(_ROOT).free
    if free < _DISK_BYTES and not (_ROOT / ".venv" / ".done").exists():
        sys.exit(
            "The environments need %.1f GB of disk in %s, where %.1f GB are free."
            % (_DISK_BYTES / 1e9, _ROOT, free / 1e9)
        )
    if os.geteuid() == 0 and not _nobody_reaches(_ROOT):
        sys.exit(
            "PostgreSQL refuses to run as root, and its user here, nobody, cannot reach %s: run"
            " make as an ordinary user, or give root the capabilities CAP_SETPCAP and"
            " CAP_DAC_OVERRIDE." % _ROOT
        )


def _nobody_reaches(folder: Path) -> bool:
    """Tell whether PostgreSQL, run as `nobody`, gets at its programs and at its data."""
    # Imported here because it does not start on an old Python.
    from deploy.local.launch import become_nobody  # noqa: PLC0415

    # The data is below folders of mode 700, wherever the checkout is.
    with tempfile.TemporaryDirectory(prefix="carina-preflight-") as closed:
        data = Path(closed, "data")
        data.mkdir()
        child = os.fork()
        if child == 0:
            reached = False
            try:
                become_nobody()
                # initdb looks for programs with access(2), and opens the data with open(2).
                reached = os.access(folder, os.R_OK | os.X_OK) and not list(data.iterdir())
            finally:
                os._exit(0 if reached else 1)
        return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main()
