"""`python -m deploy.local up`: the whole system in the foreground, until Ctrl-C."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.console import STACK, Console
from deploy.local.demo import demonstrate
from deploy.local.part import PartFailedError
from deploy.local.ports import PortTakenError
from deploy.local.postgres import PostgresSetupError
from deploy.local.settings import ROOT, Options
from deploy.local.stack import AlreadyRunningError, LocalStack, StepFailedError
from deploy.local.triton import TritonSetupError

# What a person can do something about; anything else is a fault of ours and shows its trace.
_REASONS = (
    AlreadyRunningError,
    PartFailedError,
    PortTakenError,
    PostgresSetupError,
    StepFailedError,
    TritonSetupError,
)
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _arguments(values: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything, stop everything on Ctrl-C")
    up.add_argument("--data", type=Path, default=ROOT / ".carina", help="folder that keeps it all")
    up.add_argument("--http-port", type=int, default=8080, help="of the gateway; 0: a free one")
    up.add_argument("--grpc-port", type=int, default=50051, help="of jobs; 0: a free one")
    for service in ("jobs", "preprocess", "inference", "gateway"):
        up.add_argument(f"--{service}", type=int, default=1, metavar="N", help="how many of it")
    up.add_argument("--blobs", choices=("folder", "s3"), default="folder", help="where files go")
    up.add_argument("--log-format", choices=("console", "json"), default="console")
    commands.add_parser("demo", help="submit a batch of real films to a fresh stack, and check it")
    return parser.parse_args(values)


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        http_port=arguments.http_port or None,
        grpc_port=arguments.grpc_port or None,
        jobs=arguments.jobs,
        preprocess=arguments.preprocess,
        inference=arguments.inference,
        gateway=arguments.gateway,
        blobs=arguments.blobs,
        log_format=arguments.log_format,
    )


async def _up(stack: LocalStack, console: Console) -> None:
    """Run until a signal; the second one ends everything at once."""
    stop = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are a coroutine

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            console.tell(STACK, f"{number.name} again: ending everything at once")
            stack.kill_all()
            return
        console.tell(STACK, f"{number.name}: stopping")
        stop.set()
        if not up:
            task.cancel()

    up = False
    loop = asyncio.get_running_loop()
    for number in _STOPS:
        loop.add_signal_handler(number, on_signal, number)
    with contextlib.suppress(asyncio.CancelledError):
        async with stack:
            up = True
            for line in _ready_lines(stack):
                console.tell(STACK, line)
            await stop.wait()
    console.tell(STACK, "stopped")


def _ready_lines(stack: LocalStack) -> list[str]:
    seconds = stack.start_times["all"].total_seconds()
    lines = [f"ready after {seconds:.1f} s, data in {stack.data}; Ctrl-C stops it"]
    if stack.options.gateway:
        lines.append(f"HTTP API                {stack.http_url}")
    if stack.options.jobs:
        lines.append(f"gRPC                    {stack.grpc_address}")
        folder = stack.issuer.jwks_path.parent
        command = os.path.relpath(Path(sys.executable).with_name("carina"))
        lines.append(f"a token to use them     {command} token --role doctor --folder {folder}")
    return lines


def _demo(console: Console) -> int:
    try:
        return 0 if asyncio.run(demonstrate()) else 1
    except _REASONS as error:
        console.tell(STACK, str(error))
        return 1


def main(values: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = _arguments(values)
    console = Console()
    if arguments.command == "demo":
        return _demo(console)
    stack = LocalStack(arguments.data, _options(arguments), tell=console.tell)
    try:
        asyncio.run(_up(stack, console))
    except _REASONS as error:
        console.tell(STACK, str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
