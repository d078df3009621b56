"""The preprocess worker, with a film that kills it: what a decoder that runs out of memory does."""

import os
import signal

from services.preprocess import main, worker
from services.preprocess.film import Limits
from services.preprocess.pipeline import PipelineSettings, Prepared

POISON = b"POISON"
_prepare = worker.prepare  # type: ignore[attr-defined]


def _deadly(data: bytes, settings: PipelineSettings, limits: Limits) -> Prepared:
    if POISON in data:
        os.kill(os.getpid(), signal.SIGKILL)
    return _prepare(data, settings, limits)


if __name__ == "__main__":
    worker.prepare = _deadly  # type: ignore[attr-defined]
    main.main()
