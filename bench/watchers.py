"""Five hundred watchers of one job on one replica: completeness and memory per watcher."""

import asyncio
import time
from typing import Any

from bench.films import write_films
from bench.processes import resident_mib
from carina.client import Client
from carina.files import FileUpload
from carina.results import JobSpec
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.scratch import scratch_folder
from deploy.local.settings import Options
from deploy.local.stack import LocalStack

_WATCHERS = 500
_CONNECTIONS = 10


async def measure() -> dict[str, Any]:
    """Measure the memory of `jobs` with and without watchers."""
    with scratch_folder("bench") as folder:
        data = folder / "data"
        films = await asyncio.to_thread(write_films, folder / "films", "jpeg", 20)
        token = DevelopmentIssuer(data / "issuer").mint([Role.DOCTOR])
        async with LocalStack(data, Options()) as stack:
            pid = stack.processes["jobs-1"].pid or 0
            clients = [Client(stack.grpc_address, token) for _ in range(_CONNECTIONS)]
            warm = await clients[0].submit(films[:1], JobSpec())
            async for _ in clients[0].watch(warm.job):
                pass
            before = resident_mib(pid)
            job = await clients[0].create(JobSpec())
            last: list[int] = []
            received = 0

            async def watch(client: Client) -> None:
                nonlocal received
                revision = 0
                async for update in client.watch(job):
                    received += 1
                    revision = update.revision
                last.append(revision)

            watching = [
                asyncio.create_task(watch(clients[number % _CONNECTIONS]))
                for number in range(_WATCHERS)
            ]
            while received < _WATCHERS:  # until each has its snapshot
                await asyncio.sleep(0.1)
            watched = resident_mib(pid)
            start = time.monotonic()
            await clients[0].upload_all(job, [FileUpload.from_path(path) for path in films])
            await clients[0].close(job)
            await asyncio.gather(*watching)
            seconds = time.monotonic() - start
            final = (await clients[0].get(job)).revision
            after = resident_mib(pid)
            for client in clients:
                await client.aclose()
    return {
        "watchers": _WATCHERS,
        "saw_the_last_event": sum(revision == final for revision in last),
        "messages": received,
        "seconds": round(seconds, 2),
        "before_mib": round(before, 1),
        "watched_mib": round(watched, 1),
        "after_mib": round(after, 1),
        "kib_each_idle": round(1024 * (watched - before) / _WATCHERS, 1),
        "kib_each_at_the_end": round(1024 * (after - before) / _WATCHERS, 1),
    }
