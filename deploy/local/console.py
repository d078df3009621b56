"""Where the output of the parts goes: to a terminal, and to one file for each part."""

import contextlib
import sys
from datetime import datetime
from logging import makeLogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

_LOG_BYTES, _OLD_LOGS = 10_000_000, 3
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
    """Appends each part's lines to its own file; a file of 10 MB is put aside, three are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, RotatingFileHandler] = {}

    def tell(self, part: str, line: str) -> None:
        """Write a line of a part."""
        if part not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files[part] = RotatingFileHandler(
                self._folder / f"{part}.log", maxBytes=_LOG_BYTES, backupCount=_OLD_LOGS
            )
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._files[part].emit(makeLogRecord({"msg": f"{now} {line}"}))

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
