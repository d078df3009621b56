"""The jobs service, which says on SIGUSR1 what it holds, as a line of JSON on standard output."""

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from services.jobs import main
from services.jobs.config import JobsConfig

_PAGE = os.sysconf("SC_PAGE_SIZE")
_run = main.run


async def counted(config: JobsConfig, stop: asyncio.Event) -> None:
    """Run the service."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell)
    await _run(config, stop)


def _tell() -> None:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    objects = len(gc.get_objects())
    tasks = asyncio.all_tasks()
    held = {
        "resident": resident,
        "objects": objects,
        "tasks": len(tasks),
        "where": Counter(_where(task) for task in tasks).most_common(5),
    }
    # Never interleaved with a line of the log, which goes to the standard error.
    sys.stdout.write(json.dumps(held) + "\n")
    sys.stdout.flush()


def _where(task: asyncio.Task[object]) -> str:
    """Describe what a task does, to explain why it still exists."""
    frames = task.get_stack(limit=1)
    return (
        f"{frames[0].f_code.co_qualname}:{frames[0].f_lineno}" if frames else str(task.get_coro())
    )


if __name__ == "__main__":
    main.run = counted
    main.main()
