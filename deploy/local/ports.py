"""Ports that no other run on this machine gets."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path


class PortTakenError(Exception):
    """Another program uses the requested port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is used by another program; choose another port")


_LOWEST = 20000
_ATTEMPTS = 1000
# Each port handed out keeps its lock file open until this process ends, however it ends.
_held: dict[int, int] = {}


def free_port() -> int:
    """Return a free port of 127.0.0.1 and reserve it for this process.

    It is below the range from which the kernel takes ports for outgoing connections, so nobody
    gets it by accident between this call and the start of the server, or during a restart.
    """
    folder = Path(tempfile.gettempdir()) / f"carina-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for _ in range(_ATTEMPTS):
        port = random.randrange(_LOWEST, _highest())  # noqa: S311 - no secret
        if port not in _held and _reserve(folder / str(port), port):
            return port
    raise OSError(f"no free port between {_LOWEST} and {_highest()}")


def require_free(port: int) -> None:
    """Raise PortTakenError if another program listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTakenError(port) from error


def _highest() -> int:
    lowest_outgoing = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    return max(int(lowest_outgoing), _LOWEST + 1000)


def _reserve(lock: Path, port: int) -> bool:
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError(lock)  # `make clean` has removed it since it was opened
        with socket.socket() as probe:
            # Servers set it too: a connection that ended a minute ago does not block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(descriptor)
        return False
    _held[port] = descriptor
    return True
