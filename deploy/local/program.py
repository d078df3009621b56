"""Describes a process: how to start it, how to see that it serves, how to stop it."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Program:
    """A process to start, with the check that tells whether it serves."""

    name: str
    command: tuple[str, ...]
    # Blocks for at most a second.
    is_ready: Callable[[], bool]
    # Added to the environment of the process that starts it.
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    # Called before each start: creates what it needs.
    prepare: Callable[[], None] = _nothing
    # Called after each end: removes what it may have left outside its folder.
    clear_up: Callable[[], None] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    # How long it may take to end after the signal.
    grace: timedelta = timedelta(seconds=10)
    # How long it may take from start to ready.
    start_timeout: timedelta = timedelta(seconds=60)
    # PostgreSQL refuses to run as root.
    as_nobody: bool = False
    # Processes that run in this folder belong to it too: PostgreSQL's hide their environment.
    owned_folder: Path | None = None
    # Lines that contain one of these are only in the log file, not on the terminal.
    noise: tuple[str, ...] = ()
