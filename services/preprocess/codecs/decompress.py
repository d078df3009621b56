"""Decompresses with gdcm and CharLS in separate processes, which a damaged film may crash.

A process is started when it is first needed and then reused, for one film at a time. There are
never more of them than threads that decode at once. Waiting for a process releases the GIL, which
neither library does.
"""

import atexit
import fcntl
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from services.preprocess.codecs.decompress_child import ANSWER, REQUEST

_PROGRAM = Path(__file__).with_name("decompress_child.py")
_SECONDS = 60  # limit for one film; 64 megapixels of JPEG-LS take 2 s
_PIPE_BYTES = 1 << 20  # the limit for unprivileged users; 64 KiB would cost context switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """One frame, and the properties that gdcm needs; CharLS takes them from the stream."""

    content: bytes
    transfer_syntax: str
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    by_plane: bool


@dataclass(frozen=True, slots=True)
class Decompressed:
    """The frame as bytes, little endian."""

    content: bytearray
    by_plane: bool
    left_over: bool  # whether the data of a JPEG go on behind its picture


_idle: list[subprocess.Popen[bytes]] = []


def decompress(frame: Compressed) -> Decompressed | None:
    """Decompress; None if the library cannot, crashes or hangs.

    Raises:
        MemoryError: The system killed the process, as it does when memory runs out.
    """
    if _idle:
        try:
            return _try(_idle.pop(), frame)
        except _DiedError:
            pass  # it may have died while it was idle, so a new process decides
    try:
        return _try(_start(), frame)
    except _DiedError as death:
        if death.by == signal.SIGKILL:
            raise MemoryError from None
        return None


class _DiedError(Exception):
    def __init__(self, by: int) -> None:
        super().__init__(by)
        self.by = by


def _try(process: subprocess.Popen[bytes], frame: Compressed) -> Decompressed | None:
    try:
        answer = _ask(process, frame)
    except (OSError, EOFError):
        # The process has closed its pipes, so it is about to end.
        code = process.wait(_SECONDS)
        _stop(process)
        raise _DiedError(-code) from None
    except BaseException:
        _stop(process)
        raise
    _idle.append(process)
    return answer


def close() -> None:
    """Stop the idle processes."""
    while _idle:
        _stop(_idle.pop())


atexit.register(close)


def _start() -> subprocess.Popen[bytes]:
    # -P: modules next to the program, such as our queue.py, must not hide those of Python.
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", str(_PROGRAM)],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    for pipe in (process.stdin, process.stdout):
        fcntl.fcntl(cast("IO[bytes]", pipe), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def _ask(process: subprocess.Popen[bytes], frame: Compressed) -> Decompressed | None:
    requests, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    head = REQUEST.pack(
        frame.rows,
        frame.columns,
        frame.samples,
        frame.allocated,
        frame.stored,
        frame.high_bit,
        frame.signed,
        frame.by_plane,
        frame.transfer_syntax.encode(),
        _SECONDS,
        len(frame.content),
    )
    for part in (head, frame.content):
        rest = memoryview(part)
        while rest:
            rest = rest[requests.write(rest) :]
    length, by_plane, left_over = ANSWER.unpack(_read(answers, ANSWER.size))
    return Decompressed(_read(answers, length), by_plane, left_over) if length >= 0 else None


def _read(answers: IO[bytes], length: int) -> bytearray:
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        read = answers.readinto(rest)  # type: ignore[attr-defined]  # unbuffered, so a RawIOBase
        if not read:
            raise EOFError
        rest = rest[read:]
    return content


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with process:  # closes the pipes and waits for the end
        pass
