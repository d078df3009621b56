"""The NATS server of the local stack."""

import sys
from pathlib import Path

from deploy.local.probes import http_ok
from deploy.local.program import Program

_SERVER = Path(sys.executable).parent / "nats-server"


def nats_program(folder: Path, *, port: int, monitor_port: int, name: str = "nats") -> Program:
    """Return a server with JetStream that keeps its streams in `folder`."""
    return Program(
        name=name,
        command=(
            str(_SERVER),
            *("--addr", "127.0.0.1", "--port", str(port)),
            *("--http_port", str(monitor_port)),
            *("--jetstream", "--store_dir", str(folder)),
            *("--name", "carina-local"),
        ),
        is_ready=lambda: http_ok(monitor_port, "/healthz?js-enabled-only=true"),
        prepare=lambda: folder.mkdir(parents=True, exist_ok=True),
        noise=("[INF]",),
    )
