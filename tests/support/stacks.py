"""Stacks of the fault tests: one with poisoned workers, one with a proxy before each server."""

import sys
from dataclasses import replace
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.program import Program
from deploy.local.settings import Addresses, Options
from deploy.local.stack import LocalStack
from tests.support.proxy import Proxy


class PoisonedStack(LocalStack):
    """A stack whose preprocess workers run out of memory on a film that contains POISON."""

    def _replicas(self, service: str) -> list[Program]:
        programs = super()._replicas(service)
        if service != "preprocess":
            return programs
        command = (sys.executable, "-m", "tests.support.poisoned_preprocess")
        return [replace(program, command=command) for program in programs]


class ProxiedStack(LocalStack):
    """A stack whose services reach each server through a proxy."""

    def __init__(self, data: Path, options: Options) -> None:
        super().__init__(data, options)
        self.proxies = {"nats": Proxy(free_port()), "triton": Proxy(free_port())}
        if options.blobs == "s3":
            self.proxies["s3"] = Proxy(free_port())
        folder = data / "proxy"
        folder.mkdir(parents=True)
        self.proxies["postgres"] = Proxy(folder / ".s.PGSQL.5432")
        self.direct: Addresses

    def _servers(self) -> tuple[list[Program], Addresses]:
        programs, addresses = super()._servers()
        self.direct = addresses
        proxies = self.proxies
        proxies["nats"].far = int(addresses.nats_url.rpartition(":")[2])
        proxies["triton"].far = int(addresses.triton_address.rpartition(":")[2])
        proxies["postgres"].far = self.postgres.socket_folder / ".s.PGSQL.5432"
        database_url = addresses.database_url.partition("host=")[0]
        blob_environment = dict(addresses.blob_environment)
        if "s3" in proxies:
            proxies["s3"].far = int(blob_environment["AWS_ENDPOINT"].rpartition(":")[2])
            blob_environment["AWS_ENDPOINT"] = f"http://127.0.0.1:{proxies['s3'].near}"
        postgres_near = proxies["postgres"].near
        assert isinstance(postgres_near, Path)
        return programs, replace(
            addresses,
            nats_url=f"nats://127.0.0.1:{proxies['nats'].near}",
            triton_address=f"127.0.0.1:{proxies['triton'].near}",
            database_url=f"{database_url}host={postgres_near.parent}",
            blob_environment=blob_environment,
        )
