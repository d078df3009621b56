"""The preprocess worker, with a memory limit and a film that takes all memory it can get.

The limit is kept by a thread that looks at the memory of its own process and ends it by SIGKILL, as
the kernel does to a container: no control group that a test may set can be counted on.
"""

import os
import resource
import signal
import threading
import time
from pathlib import Path

from services.preprocess import main, worker
from services.preprocess.film import Limits
from services.preprocess.pipeline import PipelineSettings, Prepared

POISON = b"POISON"
_LIMIT = 1 << 30
_CHUNK = 1 << 24
_LOOK_SECONDS = 0.005
_prepare = worker.prepare  # type: ignore[attr-defined]


def _greedy(data: bytes, settings: PipelineSettings, limits: Limits) -> Prepared:
    if POISON in data:
        # Written to, so that the pages are there; twice the limit, should nobody keep it.
        taken = [b"\1" * _CHUNK for _ in range(2 * _LIMIT // _CHUNK)]
        raise AssertionError(len(taken))
    return _prepare(data, settings, limits)


def _keep_limit() -> None:
    while _resident_bytes() < _LIMIT:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    worker.prepare = _greedy  # type: ignore[attr-defined]
    threading.Thread(target=_keep_limit, name="memory limit", daemon=True).start()
    main.main()
