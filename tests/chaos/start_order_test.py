"""Each service, started alone, reports what it waits for and continues once that is there."""

import asyncio
import http.client
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx

from carina.client import Client
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.nats import nats_program
from deploy.local.part import Part
from deploy.local.ports import free_port
from deploy.local.postgres import postgres_server
from deploy.local.program import Program
from deploy.local.seaweed import seaweed_server
from deploy.local.settings import Addresses, Options, service_program
from services.jobs.commands.migrate import migrate
from tests.support.servers import Server, tiny_repository, triton_of
from tests.support.small_films import Films

WAITS_FOR = {
    "jobs-1": "PostgreSQL",
    "preprocess-1": "NATS, the blob store",
    "inference-1": "NATS, Triton",
    "gateway-1": "the jobs service",
}
# Four services and four servers start one after the other while the first of them waits.
_TIMEOUT = timedelta(minutes=4)


def readiness(port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


async def wait_for_readiness(port: int, word: str, status: int = 503) -> None:
    async with asyncio.timeout(60):
        while True:
            found, text = await asyncio.to_thread(readiness, port)
            if found == status and word in text:
                return
            await asyncio.sleep(0.1)


async def reports_waiting(port: int, log: "Log", part: str, word: str, status: int = 503) -> None:
    """Wait until a service reports what it waits for, in its readiness and in its log."""
    await wait_for_readiness(port, word, status)
    async with asyncio.timeout(10):
        while not log.reports(part, word):
            await asyncio.sleep(0.1)


async def test_services_that_start_before_their_servers_wait_for_them(tmp_path: Path) -> None:
    nats_port = free_port()
    postgres = postgres_server(tmp_path / "pg")
    triton, triton_address = triton_of(tiny_repository(tmp_path), tmp_path)
    first = Server(postgres.program, tmp_path / "first.log")
    await asyncio.to_thread(first.start)
    postgres.ensure_database("carina", role="carina")
    database_url = postgres.url("carina", role="carina")
    await migrate(database_url)
    await asyncio.to_thread(first.stop)

    s3 = seaweed_server(tmp_path / "s3", bucket="carina")
    issuer = DevelopmentIssuer(tmp_path / "issuer")
    path = tmp_path / "film.png"
    path.write_bytes(Films(broken=False).next().data)
    addresses = Addresses(
        nats_url=f"nats://127.0.0.1:{nats_port}",
        database_url=database_url,
        blob_url=f"s3://{s3.bucket}/",
        blob_environment=s3.environment,
        triton_address=triton_address,
        http_port=free_port(),
        grpc_ports=(free_port(),),
        data=tmp_path,
    )
    options = Options(repository=tmp_path / "models")
    ports = {name: free_port() for name in WAITS_FOR}
    async with AsyncExitStack() as stack:

        def part(program: Program) -> Part:
            started = Part(
                program, mark=f"order-{tmp_path.name}", tell=lambda *_: None, record=log.write
            )
            stack.push_async_callback(started.stop)
            return started

        log = Log(tmp_path / "parts.log")
        services = {
            name: part(
                replace(
                    service_program(name[:-2], 1, port, addresses, options), start_timeout=_TIMEOUT
                )
            )
            for name, port in ports.items()
        }
        starting = [asyncio.create_task(each.start()) for each in services.values()]
        for name, port in ports.items():
            await reports_waiting(port, log, name, WAITS_FOR[name])
        # Each server that starts leaves one fewer to wait for.
        await part(postgres.program).start()
        await reports_waiting(ports["jobs-1"], log, "jobs-1", "the blob store, NATS", status=200)
        await part(s3.program).start()
        # The jobs service now accepts films; their tasks wait for the broker.
        await reports_waiting(ports["jobs-1"], log, "jobs-1", "NATS", status=200)
        client = Client(f"127.0.0.1:{addresses.grpc_ports[0]}", issuer.mint([Role.DOCTOR]))
        await stack.enter_async_context(client)
        submission = await client.submit([path])
        await part(
            nats_program(tmp_path / "nats", port=nats_port, monitor_port=free_port())
        ).start()
        await reports_waiting(ports["inference-1"], log, "inference-1", "Triton")
        await part(triton).start()
        await asyncio.gather(*starting)
        # No service had to be started twice.
        assert {name: each.starts for name, each in services.items()} == dict.fromkeys(services, 1)

        async with asyncio.timeout(60):
            async for update in client.watch(submission.job):
                last = update.job.state
        assert last == "SUCCEEDED"
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(f"http://127.0.0.1:{addresses.http_port}/readyz")
        assert answer.status_code == 200


class Log:
    """The log lines of the parts, also written to a file for the analysis of failures."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[tuple[str, str]] = []

    def reports(self, part: str, word: str) -> bool:
        """Return whether a part has logged that it waits for exactly this."""
        wanted = f'"waiting_for": "{word}"'
        return any(name == part and wanted in line for name, line in self._lines)

    def write(self, part: str, line: str) -> None:
        """Add a line."""
        self._lines.append((part, line))
        with self._path.open("a") as file:
            file.write(f"{part}: {line}\n")
