"""Uploads a large job through the gateway; measures MB/s, CPU and memory of the processes.

    python bench/upload.py URL --token TOKEN --process gateway=PID --process jobs=PID

Sends one form with many files to `POST /v1/jobs:submit` over a plain socket, so that the sender
uses almost no CPU. Linux only, because the usage of processes is read from /proc.
"""

import argparse
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MIB = 1024 * 1024
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_BOUNDARY = "carina-bench"


@dataclass
class Watched:
    """A process whose memory is sampled while the upload runs."""

    name: str
    pid: int
    resident_before: int = 0
    resident_peak: int = 0
    cpu_before: float = 0.0

    def start(self) -> None:
        """Record the initial values."""
        self.resident_before = self.resident_peak = self.resident()
        self.cpu_before = self.cpu()

    def sample(self) -> None:
        """Update the peak."""
        self.resident_peak = max(self.resident_peak, self.resident())

    def resident(self) -> int:
        """Return the resident memory in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE

    def cpu(self) -> float:
        """Return the CPU seconds of the process itself."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def report(self) -> dict[str, float | int | str]:
        """Return the CPU and memory that the upload used."""
        return {
            "process": self.name,
            "cpu_seconds": round(self.cpu() - self.cpu_before, 2),
            "resident_before_mib": round(self.resident_before / MIB, 1),
            "resident_growth_mib": round((self.resident_peak - self.resident_before) / MIB, 1),
        }


def send_form(url: str, token: str, *, files: int, file_bytes: int) -> tuple[int, bytes, float]:
    """Send a form with random files; return the status, body and seconds."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    # Random bytes cannot be compressed on the way; the same MiB is sent repeatedly.
    block = os.urandom(MIB)
    heads = [
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name=files; filename=film-{number}.bin"
        "\r\n\r\n".encode()
        for number in range(files)
    ]
    end = f"--{_BOUNDARY}--\r\n".encode()
    length = sum(len(head) + file_bytes + 2 for head in heads) + len(end)
    head = (
        f"POST /v1/jobs:submit HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nContent-Length: {length}\r\n"
        "Connection: close\r\n\r\n"
    )

    def parts() -> Iterator[bytes]:
        for each in heads:
            yield each
            for start in range(0, file_bytes, MIB):
                yield block[: min(MIB, file_bytes - start)]
            yield b"\r\n"
        yield end

    started = time.perf_counter()
    with socket.create_connection((host, port)) as connection:
        connection.sendall(head.encode())
        try:
            for part in parts():
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server answered early; its answer says why
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    elapsed = time.perf_counter() - started
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2], elapsed


def measure(
    url: str, token: str, processes: list[Watched], *, files: int, file_bytes: int
) -> dict[str, object]:
    """Upload once and return the measurements."""
    for process in processes:
        process.start()
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            for process in processes:
                process.sample()

    sampler = threading.Thread(target=sample)
    sampler.start()
    status, body, seconds = send_form(url, token, files=files, file_bytes=file_bytes)
    done.set()
    sampler.join()
    return {
        "status": status,
        "bytes": files * file_bytes,
        "seconds": round(seconds, 2),
        "mb_per_second": round(files * file_bytes / seconds / 1e6, 1),
        "processes": [process.report() for process in processes],
        "answer": "" if status == 201 else body.decode("utf-8", "replace")[:500],  # noqa: PLR2004 - created
    }


def main() -> None:
    """Parse the arguments, upload and print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="such as http://localhost:8080")
    parser.add_argument("--token", required=True)
    parser.add_argument("--process", action="append", default=[], metavar="NAME=PID")
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--mib", type=int, default=64, help="size of each file")
    arguments = parser.parse_args()
    processes = [
        Watched(name, int(pid))
        for name, _, pid in (each.partition("=") for each in arguments.process)
    ]
    numbers = measure(
        arguments.url,
        arguments.token,
        processes,
        files=arguments.files,
        file_bytes=arguments.mib * MIB,
    )
    print(json.dumps(numbers, indent=2))


if __name__ == "__main__":
    main()
