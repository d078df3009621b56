"""Fixtures for real NATS, PostgreSQL, Triton and S3 servers, and the `servers` marker."""

import os
import sys
from collections.abc import Generator, Iterator
from signal import SIG_IGN, SIGINT, default_int_handler, getsignal, signal
from typing import NoReturn

import pytest
import structlog

from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres, postgres_server
from deploy.local.seaweed import Seaweed, seaweed_server
from deploy.local.settings import ROOT
from deploy.local.stack import LocalStack
from tests.support.databases import fresh_database
from tests.support.servers import Server, running, tiny_repository, triton_of

# A test that uses one of these fixtures or is in one of these folders starts a server. Any other
# test that starts one is marked with `pytest.mark.servers`. All remaining tests are quick.
_SERVERS = frozenset({
    "nats_url", "postgres", "s3", "triton_address",
    "bench", "own_triton", "repository_address", "stopped_nats",
})  # fmt: skip
_SHOWN_LINES = 15
_FOLDERS = (ROOT / "tests" / "chaos", ROOT / "tests" / "local")


def pytest_configure() -> None:
    """Let Ctrl-C reach the commands under test, even if a shell runs pytest in the background."""
    if getsignal(SIGINT) is SIG_IGN:
        signal(SIGINT, default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start a server, so that all others can run first."""
    for item in items:
        uses_server = not _SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
        if uses_server or any(item.path.is_relative_to(folder) for folder in _FOLDERS):
            item.add_marker("servers")


def pytest_runtest_setup() -> None:
    """Log tracebacks without local variables, which take seconds to render for a whole service."""
    if not structlog.is_configured():
        *rest, _ = structlog.get_config()["processors"]
        plain = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        structlog.configure(processors=[*rest, plain])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Prevent quick tests from starting a server."""

    def refuse(*_: object) -> NoReturn:
        raise RuntimeError("only tests marked with pytest.mark.servers may start a server")

    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("servers") is None:
            patch.setattr(Server, "start", refuse)
            patch.setattr(LocalStack, "__aenter__", refuse)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, fail tests that would be skipped: a test that never runs protects nothing."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is not allowed in CI: {report.longrepr}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Show the end of a failure at once; the whole of it follows when all tests have run."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        lines = report.longreprtext.splitlines()[-_SHOWN_LINES:]
        print(f"\n{report.nodeid} failed:", *lines, sep="\n    ", file=sys.stderr, flush=True)  # noqa: T201


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS server with JetStream for the whole run: use unique names."""
    folder, port = tmp_path_factory.mktemp("nats"), free_port()
    with running(nats_program(folder / "data", port=port, monitor_port=free_port()), folder):
        yield f"nats://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run; without fsync, it is not crash-safe."""
    folder = tmp_path_factory.mktemp("postgres")
    quick = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    server = postgres_server(folder / "data", settings=quick)
    with running(server.program, folder):
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, empty database, owned by a role that is not a superuser."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def triton_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Triton server for the whole run, with the tiny network as version 1 of the model `cxr`."""
    folder = tmp_path_factory.mktemp("triton")
    program, address = triton_of(tiny_repository(folder), folder)
    with running(program, folder):
        yield address


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server with one bucket for the whole run: use a unique prefix."""
    folder = tmp_path_factory.mktemp("s3")
    server = seaweed_server(folder / "data", bucket="carina")
    with running(server.program, folder):
        yield server
