"""The jobs service; on SIGUSR1 it prints its resource usage as JSON on standard output."""

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
    """Run the service with the signal handler installed."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _print_usage)
    await _run(config, stop)


def _print_usage() -> None:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    objects = len(gc.get_objects())
    tasks = asyncio.all_tasks()
    usage = {
        "resident": resident,
        "objects": objects,
        "tasks": len(tasks),
        "where": Counter(_where(task) for task in tasks).most_common(5),
    }
    # The log goes to standard error, so lines cannot interleave.
    sys.stdout.write(json.dumps(usage) + "\n")
    sys.stdout.flush()


def _where(task: asyncio.Task[object]) -> str:
    """Describe where a task is suspended, to explain why it still exists."""
    frames = task.get_stack(limit=1)
    return (
        f"{frames[0].f_code.co_qualname}:{frames[0].f_lineno}" if frames else str(task.get_coro())
    )


if __name__ == "__main__":
    main.run = counted
    main.main()
