"""The options of the stack, and the settings of each service in it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from deploy.local.issuer import AUDIENCE, ISSUER
from deploy.local.probes import http_ok
from deploy.local.program import Program

ROOT = Path(__file__).resolve().parents[2]
# A service finds the programs of our environment (dbmate) even if it was not activated.
_PYTHON = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    "PYTHONUNBUFFERED": "1",
}
_SERVICE_GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Options:
    """Options of a stack. A port of None means a free one; a count of 0 leaves a service out."""

    http_port: int | None = None
    grpc_port: int | None = None
    # Of the first replica of a service; the others get the ports that follow.
    metrics_port: int | None = None
    jobs: int = 1
    preprocess: int = 1
    inference: int = 1
    gateway: int = 1
    blobs: Literal["folder", "s3"] = "folder"
    # Contains the models and their catalogue; every model of the catalogue is served.
    repository: Path = ROOT / "models"
    triton_environment: Path = ROOT / ".venv-triton"
    # Each instance of a model keeps one core busy; half of the cores are for everything else.
    triton_instances: int = max(1, (os.cpu_count() or 1) // 2)
    log_format: Literal["json", "console"] = "json"
    # Further settings of the services, by their full names; they override ours.
    environment: Mapping[str, str] = field(default_factory=dict)
    # Settings of PostgreSQL, as in postgresql.conf.
    postgres: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Addresses:
    """The addresses of a running stack."""

    nats_url: str
    database_url: str
    blob_url: str
    blob_environment: Mapping[str, str]
    triton_address: str
    http_port: int
    grpc_ports: tuple[int, ...]
    data: Path

    @property
    def jobs_address(self) -> str:
        """All replicas of `jobs`, as a gRPC target."""
        return "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in self.grpc_ports)


@dataclass(frozen=True)
class Step:
    """A command that runs once, after the servers and before the services."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def service_program(
    service: str, number: int, metrics_port: int, addresses: Addresses, options: Options
) -> Program:
    """Return one replica of a service; replicas are numbered from 1."""
    settings = {
        **_settings(service, number, addresses, options),
        "METRICS_ADDRESS": f"127.0.0.1:{metrics_port}",
        "LOG_FORMAT": options.log_format,
        "SHUTDOWN_GRACE": str(_SERVICE_GRACE.total_seconds()),
    }
    return Program(
        name=f"{service}-{number}",
        command=(sys.executable, "-m", f"services.{service}.main"),
        # The gateway serves its health check on its public port.
        is_ready=lambda: http_ok(
            addresses.http_port if service == "gateway" else metrics_port, "/readyz"
        ),
        environment={
            **_prefixed(service, settings),
            **addresses.blob_environment,
            **_PYTHON,
            **options.environment,
        },
        folder=ROOT,
        grace=_SERVICE_GRACE + timedelta(seconds=5),
    )


def setup_steps(addresses: Addresses, options: Options) -> tuple[Step, ...]:
    """Return the steps to run before the services start, in order."""
    if not options.jobs:
        return ()
    environment = {**_prefixed("jobs", _settings("jobs", 1, addresses, options)), **_PYTHON}
    return (Step("migrate", (sys.executable, "-m", "services.jobs.commands.migrate"), environment),)


def _settings(service: str, number: int, addresses: Addresses, options: Options) -> dict[str, str]:
    queue = {"NATS_URL": addresses.nats_url}
    blobs = {"BLOB_URL": addresses.blob_url}
    tokens = {
        "JWKS_URL": (addresses.data / "issuer" / "jwks.json").as_uri(),
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "INSECURE_DEVELOPMENT_ISSUER": "true",
    }
    match service:
        case "jobs":
            return {
                **queue,
                **blobs,
                **tokens,
                "DATABASE_URL": addresses.database_url,
                "LISTEN_ADDRESS": f"127.0.0.1:{addresses.grpc_ports[number - 1]}",
                "CATALOGUE": str(options.repository / "catalogue.yaml"),
            }
        case "preprocess":
            return {**queue, **blobs}
        case "inference":
            return {
                **queue,
                "TRITON_ADDRESS": addresses.triton_address,
                # One batch for each instance, and one in transit.
                "CONCURRENT_CALLS": str(options.triton_instances + 1),
            }
        case "gateway":
            return {
                **tokens,
                "LISTEN_ADDRESS": f"127.0.0.1:{addresses.http_port}",
                "JOBS_ADDRESS": addresses.jobs_address,
            }
        case _:
            raise ValueError(service)


def _prefixed(service: str, settings: Mapping[str, str]) -> dict[str, str]:
    return {f"CARINA_{service.upper()}_{name}": value for name, value in settings.items()}
