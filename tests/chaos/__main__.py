"""`python -m tests.chaos --minutes 2`: random faults under load, with a check of the ledger."""

import argparse
import asyncio
import random
import shutil
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import timedelta

from chassis.errors import DomainError
from chassis.logs import configure_logs
from deploy.local.scratch import scratch_folder
from tests.support.chaos import ACK_WAIT, Chaos, options, running_stack
from tests.support.load import Load
from tests.support.stacks import ProxiedStack

# Until the broker notices that the connection to a worker was unplugged, it keeps delivering tasks
# to it. An immediate redelivery would be lost in the same way.
_SLOW_REDELIVERY = {"CARINA_JOBS_REDELIVERY_DELAY": "60"}
_IDLE_TIMEOUT = 300.0
# Images accepted per minute; ten times as many are usual.
_MIN_RATE = 30

SERVICES = (
    *("jobs-1", "jobs-2", "preprocess-1", "preprocess-2"),
    *("inference-1", "inference-2", "gateway-1"),
)


class Faults:
    """All kinds of faults, chosen at random from one seed."""

    def __init__(self, chaos: Chaos, dice: random.Random) -> None:
        assert isinstance(chaos.stack, ProxiedStack)
        self._chaos = chaos
        self._dice = dice
        self._proxies = chaos.stack.proxies
        self._parts = sorted(chaos.stack.processes)
        self._choices: tuple[tuple[int, Callable[[], Awaitable[str]]], ...] = (
            (6, self._kill),
            (2, self._kill_two),
            (4, self._suspend),
            (3, self._restart),
            (3, self._cut),
            (3, self._freeze),
            (2, self._slow),
            (2, self._unplug),
            (1, self._delete_streams),
            (1, self._wipe),
        )

    async def next(self) -> str:
        """Inject one fault, end it, and return its description."""
        weights = [weight for weight, _ in self._choices]
        (_, fault), *_ = self._dice.choices(self._choices, weights)
        return await fault()

    async def _kill(self) -> str:
        name = self._dice.choice(self._parts)
        self._chaos.kill(name)
        return f"SIGKILL {name}"

    async def _kill_two(self) -> str:
        names = self._dice.sample(self._parts, 2)
        for name in names:
            self._chaos.kill(name)
        return f"SIGKILL {' and '.join(names)}"

    async def _suspend(self) -> str:
        name = self._dice.choice(self._parts)
        seconds = self._dice.uniform(1.1, 2) * ACK_WAIT.total_seconds()
        async with self._chaos.suspended(name):
            await asyncio.sleep(seconds)
        return f"SIGSTOP {name} for {seconds:.1f} s"

    async def _restart(self) -> str:
        name = self._dice.choice(SERVICES)
        await self._chaos.stack.wait_ready(name)
        await self._chaos.stack.restart(name)
        return f"restart of {name}"

    async def _cut(self) -> str:
        name, seconds = self._connection()
        self._proxies[name].cut()
        await asyncio.sleep(seconds)
        self._proxies[name].heal()
        return f"connection to {name} cut for {seconds:.1f} s"

    async def _freeze(self) -> str:
        name, seconds = self._connection()
        self._proxies[name].freeze()
        await asyncio.sleep(seconds)
        self._proxies[name].heal()
        return f"connection to {name} silent for {seconds:.1f} s"

    async def _slow(self) -> str:
        name, seconds = self._connection()
        self._proxies[name].latency = timedelta(milliseconds=40)
        await asyncio.sleep(seconds)
        self._proxies[name].heal()
        return f"connection to {name} slow for {seconds:.1f} s"

    async def _unplug(self) -> str:
        name, _ = self._connection()
        self._proxies[name].abandon()
        return f"connection to {name} unplugged"

    async def _delete_streams(self) -> str:
        try:
            async with asyncio.timeout(20), self._chaos.nats() as jetstream:
                for stream in ("TASKS", "RESULTS", "DEAD"):
                    await jetstream.api(f"STREAM.DELETE.{stream}")
        except (TimeoutError, DomainError):
            return "streams deleted, as far as they existed"
        return "streams deleted"

    async def _wipe(self) -> str:
        self._chaos.suspend("nats")
        shutil.rmtree(self._chaos.stack.data / "nats", ignore_errors=True)
        self._chaos.kill("nats")
        return "NATS killed and its data wiped"

    def _connection(self) -> tuple[str, float]:
        return self._dice.choice(sorted(self._proxies)), self._dice.uniform(1, 4)


async def _inject_faults(chaos: Chaos, load: Load, minutes: float, seed: int) -> None:
    dice = random.Random(seed)
    faults = Faults(chaos, dice)
    start = time.monotonic()
    async with load.steady(callers=4, fickle=True):
        while time.monotonic() - start < 60 * minutes:
            await asyncio.sleep(dice.uniform(0.5, 4))
            fault = await faults.next()
            _log(f"{time.monotonic() - start:6.1f} s  {load.ledger.accepted:5d} accepted  {fault}")


async def run(minutes: float, seed: int, blobs: str) -> bool:
    """Return whether every promise was kept."""
    _log(f"seed {seed}: python -m tests.chaos --minutes {minutes:g} --seed {seed} --blobs {blobs}")
    random.seed(seed)
    with scratch_folder("chaos") as folder:
        async with running_stack(
            folder, kind=ProxiedStack, stack_options=options(_SLOW_REDELIVERY, blobs=blobs)
        ) as chaos:
            _log(f"{len(chaos.stack.processes)} processes are running")
            ledger = None
            try:
                async with chaos.load(f"seed {seed}") as load:
                    ledger = load.ledger
                    await _inject_faults(chaos, load, minutes, seed)
                    start = time.monotonic()
                    await chaos.idle(_IDLE_TIMEOUT)
                    # A stack that hangs is idle, too.
                    assert ledger.accepted > _MIN_RATE * minutes, f"{ledger.accepted} accepted"
                    _log(f"idle {time.monotonic() - start:.1f} s after the last fault")
            except Exception as broken:  # noqa: BLE001 - any error is a finding
                _log("".join(traceback.format_exception(broken)))
                return False
            finally:
                if ledger is not None:
                    _log(
                        f"{ledger.accepted} images accepted in {len(ledger.promises)} jobs,"
                        f" {len(ledger.watchers)} watchers, {ledger.orphans} orphaned blobs swept"
                    )
                    _log(f"calls repeated: {dict(ledger.retried)}")
    _log("every promise was kept")
    return True


def _log(line: str) -> None:
    print(f"chaos: {line}", flush=True)  # noqa: T201


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="how long to inject faults")
    parser.add_argument("--seed", type=int, help="repeat the faults of an earlier run")
    parser.add_argument("--blobs", choices=("folder", "s3"), default="s3")
    arguments = parser.parse_args()
    configure_logs("chaos", "ERROR", "console")
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    return 0 if asyncio.run(run(arguments.minutes, seed, arguments.blobs)) else 1


if __name__ == "__main__":
    sys.exit(main())
