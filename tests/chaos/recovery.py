"""`python -m tests.chaos.recovery`: measures recovery times with the default settings.

The tests in this folder shorten every wait. Here the defaults apply: an ack wait of 20 s, images
stalled after 30 s, a reconciler every 10 s. Each measurement is compared with its target.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from chassis.logs import configure_logs
from deploy.local.scratch import scratch_folder
from services.jobs.config import JobsConfig
from tests.support.chaos import Chaos, options, running_stack
from tests.support.load import Load

# The defaults, except that the rate limit per caller is lifted and preprocess has two slots.
_SETTINGS = {"CARINA_JOBS_JOBS_PER_MINUTE": "100000", "CARINA_PREPROCESS_SLOTS": "2"}
_ACK_WAIT: timedelta = JobsConfig.model_fields["ack_wait"].default
_WORKER = _ACK_WAIT.total_seconds() + 10
_WATCHERS = 3.0
_SERVER = 10.0
Measure = Callable[[Chaos, Load], Awaitable[float]]


async def worker(chaos: Chaos, load: Load, stage: str) -> float:
    """Kill a worker that holds images; measure until all accepted images have ended."""
    async with chaos.holding(load, stage, f"{stage}-1"):
        chaos.kill(f"{stage}-1")
        start = time.monotonic()
    return await chaos.recovered(f"production: SIGKILL {stage}", since=start)


async def replica(chaos: Chaos, load: Load) -> float:
    """Kill a replica of jobs while it streams; measure until all watchers have caught up."""
    promise = await load.create()
    for _ in range(4):
        load.follow(promise.name, "grpc")
        load.follow(promise.name, "http")
    await load.upload(promise, load.films.next())
    chaos.kill("jobs-1")
    start = time.monotonic()
    for film in load.films.take(3):
        await load.upload(promise, film)
    await load.close(promise)
    seconds = await _watchers_caught_up(chaos, load, promise.name, since=start)
    await chaos.recovered("production: SIGKILL jobs-1", since=start)
    return seconds


async def _watchers_caught_up(chaos: Chaos, load: Load, job: str, *, since: float) -> float:
    """Return the seconds until the last watcher had received the changes after the fault."""
    (row,) = await chaos.backstage.rows(
        "SELECT revision FROM jobs WHERE job_id = $1::uuid", job.removeprefix("jobs/")
    )
    async with asyncio.timeout(60):
        while not all(
            watcher.reached >= row["revision"]
            for watcher in load.ledger.watchers
            if watcher.job == job
        ):
            await asyncio.sleep(0.02)
    return time.monotonic() - since


async def server(chaos: Chaos, load: Load, name: str) -> float:
    """Kill a server under load; measure until a job submitted afterwards has ended."""
    starts = {part: each.starts for part, each in chaos.stack.processes.items() if part != name}
    async with load.steady(callers=2):
        await chaos.submit_images(load, 6)
        chaos.kill(name)
        start = time.monotonic()
        promise = await load.submit(3)
        async with asyncio.timeout(120):
            while not (await load.client.get(promise.name)).state.terminal:
                await asyncio.sleep(0.05)
        seconds = time.monotonic() - start
    await chaos.recovered(f"production: SIGKILL {name}", since=start)
    # No other part had to be restarted.
    assert starts == {part: chaos.stack.processes[part].starts for part in starts}
    return seconds


MEASURES: dict[str, tuple[float, Measure]] = {
    "a killed preprocess worker's images have ended": (
        _WORKER,
        lambda chaos, load: worker(chaos, load, "preprocess"),
    ),
    "a killed inference worker's images have ended": (
        _WORKER,
        lambda chaos, load: worker(chaos, load, "inference"),
    ),
    "a killed jobs replica's watchers are up to date again": (_WATCHERS, replica),
    "after SIGKILL of NATS, a new job has ended": (
        _SERVER,
        lambda chaos, load: server(chaos, load, "nats"),
    ),
    "after SIGKILL of PostgreSQL, a new job has ended": (
        _SERVER,
        lambda chaos, load: server(chaos, load, "postgres"),
    ),
}


async def run(repeats: int) -> bool:
    """Return whether every target was met."""
    met = True
    with scratch_folder("recovery") as folder:
        async with running_stack(
            folder, stack_options=replace(options(), environment=_SETTINGS)
        ) as chaos:
            for what, (target, measure) in MEASURES.items():
                times = []
                for _ in range(repeats):
                    async with chaos.load(what) as load:
                        times.append(await measure(chaos, load))
                met = met and max(times) <= target
                shown = ", ".join(f"{seconds:.1f}" for seconds in times)
                print(f"{what}: {shown} s (target {target:g} s)", flush=True)  # noqa: T201
    return met


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.recovery", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each")
    configure_logs("recovery", "ERROR", "console")
    return 0 if asyncio.run(run(parser.parse_args().repeats)) else 1


if __name__ == "__main__":
    sys.exit(main())
