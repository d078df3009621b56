"""Cleans up after the runner of a stack if the runner is killed.

It reads its standard input, whose other end only the runner holds: the input ends when the runner
does. If `GOOD_BYE` came first, the runner has cleaned up by itself. Started as

    python -m deploy.local.guard MARK SHARED_MEMORY_PREFIX [POSTGRESQL_FOLDER]
"""

import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from deploy.local import processes

GOOD_BYE = b"good bye"
# The kernel has already sent each child its stop signal; this is how long they may take.
_GRACE = timedelta(seconds=5)


def _main(mark: str, prefix: str, folders: Sequence[str]) -> None:
    # A signal to the whole process group is meant for the runner, which then tells the guard.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == GOOD_BYE:
        return
    processes.end_all(mark, [Path(folder) for folder in folders], grace=_GRACE)
    processes.clear_shared_memory(prefix)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3:])
