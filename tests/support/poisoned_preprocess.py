"""A preprocess worker with a memory limit, in which a certain film uses unlimited memory.

A thread enforces the limit: it watches the memory of its own process and sends SIGKILL, as the
kernel does to a container. A test cannot rely on being allowed to create a control group.
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
_POLL_SECONDS = 0.005
_prepare = worker.prepare  # type: ignore[attr-defined]


def _greedy(data: bytes, settings: PipelineSettings, limits: Limits) -> Prepared:
    if POISON in data:
        # Non-zero, so that the pages are resident; ends at twice the limit if it is not enforced.
        buffers = [b"\1" * _CHUNK for _ in range(2 * _LIMIT // _CHUNK)]
        raise AssertionError(len(buffers))
    return _prepare(data, settings, limits)


def _enforce_limit() -> None:
    while _resident_bytes() < _LIMIT:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    worker.prepare = _greedy  # type: ignore[attr-defined]
    threading.Thread(target=_enforce_limit, name="memory limit", daemon=True).start()
    main.main()
