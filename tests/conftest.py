"""Fixtures that cross a boundary: real NATS, PostgreSQL, Triton and S3; which tests are quick."""

import os
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

# A test that asks for one of these, or lies in one of these folders, starts a server. Any other
# test that starts one says so with `pytest.mark.servers`; the rest are quick.
_SERVERS = frozenset({
    "nats_url", "postgres", "s3", "triton_address",
    "bench", "own_triton", "repository_address", "stopped_nats",
})  # fmt: skip
_FOLDERS = (ROOT / "tests" / "chaos", ROOT / "tests" / "local")


def pytest_configure() -> None:
    """Let Ctrl-C reach the commands under test, also where a shell runs us in the background."""
    if getsignal(SIGINT) is SIG_IGN:
        signal(SIGINT, default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a server, so that everything else can be run first."""
    for item in items:
        asks = not _SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
        if asks or any(item.path.is_relative_to(folder) for folder in _FOLDERS):
            item.add_marker("servers")


def pytest_runtest_setup() -> None:
    """Log without local variables: to render them takes a service in the test's process seconds."""
    if not structlog.is_configured():
        *rest, _ = structlog.get_config()["processors"]
        plain = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        structlog.configure(processors=[*rest, plain])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse a server to a test that counts as quick."""

    def refuse(*_: object) -> NoReturn:
        raise RuntimeError("only tests marked with pytest.mark.servers may start a server")

    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("servers") is None:
            patch.setattr(Server, "start", refuse)
            patch.setattr(LocalStack, "__aenter__", refuse)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would be skipped under CI: a test that never runs there guards nothing."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS server with JetStream for the whole run: use names of your own."""
    folder, port = tmp_path_factory.mktemp("nats"), free_port()
    with running(nats_program(folder / "data", port=port, monitor_port=free_port()), folder):
        yield f"nats://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run; it may lose everything when the machine fails."""
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
    """A Triton for the whole run that serves the tiny network as model `cxr`, version 1."""
    folder = tmp_path_factory.mktemp("triton")
    program, address = triton_of(tiny_repository(folder), folder)
    with running(program, folder):
        yield address


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server for the whole run, with one bucket: use a prefix of your own."""
    folder = tmp_path_factory.mktemp("s3")
    server = seaweed_server(folder / "data", bucket="carina")
    with running(server.program, folder):
        yield server
