"""CPU and memory usage of the processes of a stack, read from /proc (Linux only)."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds of each part, including running and ended children."""
    return {name: sum(_cpu(each) for each in family(pid)) for name, pid in pids.items()}


def resident_mib(pid: int) -> float:
    """Return the resident memory of one process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KIB / 1024


def family(pid: int) -> Iterable[int]:
    """Return a process and all its running descendants."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime and stime, of the process and of the children it has waited for.
    return sum(int(field) for field in fields[11:15]) / _TICKS
