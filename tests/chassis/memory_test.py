"""Freed memory is kept for reuse."""

import subprocess
import sys

import pytest

ROUNDS = """
import resource, sys
from chassis.memory import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    held = [bytearray(1_500_000) for _ in range(4)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """Count page faults in a separate process, because the setting cannot be undone."""
    command = [sys.executable, "-c", ROUNDS, *arguments]
    return int(subprocess.check_output(command, text=True))


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_large_buffers_are_reused() -> None:
    assert faults("keep") * 10 < faults()
