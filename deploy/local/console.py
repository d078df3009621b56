"""Where the output of the parts goes: to a terminal, and to one file for each part."""

import contextlib
import sys
from datetime import datetime
from pathlib import Path
from typing import TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

STACK = "carina"  # the name of the runner itself


class Console:
    """Prints each line with its time and its part, each part in its own colour."""

    def __init__(self, output: TextIO | None = None, *, width: int = 12) -> None:
        self._printer = Printer(output or sys.stdout, width=width)
        self._next_colour = get_colours()
        self._colours: dict[str, str | None] = {STACK: None}

    def tell(self, part: str, line: str) -> None:
        """Print a line of a part."""
        if part not in self._colours:
            self._colours[part] = next(self._next_colour)
        now = datetime.now().astimezone()
        # A closed terminal must not prevent an orderly stop.
        with contextlib.suppress(OSError):
            self._printer.write(Message("line", line, now, part, self._colours[part]))


class LogFiles:
    """Writes each part's lines to its own file, which a new stack overwrites."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, TextIO] = {}

    def tell(self, part: str, line: str) -> None:
        """Write a line of a part."""
        if part not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files[part] = (self._folder / f"{part}.log").open("w", buffering=1)
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._files[part].write(f"{now} {line}\n")

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
