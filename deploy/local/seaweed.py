"""An S3 server for the local stack and for tests: SeaweedFS."""

import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.probes import http_ok
from deploy.local.program import Program

_WEED = Path(sys.executable).parent / "weed"
_SOCKETS = Path("/tmp")  # noqa: S108 - not ours to choose
REGION = "us-east-1"  # the server has none, but signatures contain one


@dataclass(frozen=True)
class Seaweed:
    """An S3 server with one bucket and keys of its own."""

    program: Program
    endpoint: str
    bucket: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings of an S3 client, under the names that obstore and the AWS tools read."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_ENDPOINT": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
        }


def seaweed_server(folder: Path, *, bucket: str, name: str = "s3") -> Seaweed:
    """Return a server that keeps its objects in `folder`."""
    ports = {
        setting: free_port()
        for server in ("master", "volume", "filer", "s3", "admin")
        for setting in (f"{server}.port", f"{server}.port.grpc")
    }
    access_key_id, secret_access_key = "carina", secrets.token_urlsafe(24)
    s3_port = ports["s3.port"]
    program = Program(
        name=name,
        command=(
            *(str(_WEED), "-logtostderr=true", "mini"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", f"-bucket={bucket}"),
            *(f"-{setting}={port}" for setting, port in ports.items()),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"),
            # Sends nothing about this machine to its makers.
            "-master.telemetry=false",
        ),
        is_ready=lambda: http_ok(s3_port, "/status"),
        environment={
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret_access_key,
        },
        prepare=lambda: folder.mkdir(parents=True, exist_ok=True),
        clear_up=lambda: _remove_sockets(ports.values()),
        # It gives its parts 10 s to stop, which those that have just started need, and 2 s more.
        grace=timedelta(seconds=20),
    )
    endpoint = f"http://127.0.0.1:{s3_port}"
    return Seaweed(program, endpoint, bucket, access_key_id, secret_access_key)


def _remove_sockets(ports: Iterable[int]) -> None:
    for port in ports:
        for path in _SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
            path.unlink(missing_ok=True)
