"""Fixtures that cross a boundary: real NATS, PostgreSQL, Triton and S3."""

from collections.abc import Iterator

import pytest

from deploy.local.nats import nats_program
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres, postgres_server
from deploy.local.seaweed import Seaweed, seaweed_server
from tests.support.databases import fresh_database
from tests.support.servers import running, tiny_repository, triton_of


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
