"""`python -m deploy.local up`: the whole system in the foreground, until Ctrl-C.

`demo` checks a fresh one with a batch of real films; `token` signs a token for one that runs.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from chassis.durations import read_duration
from deploy.local.console import STACK, Console
from deploy.local.demo import demonstrate
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.part import PartFailedError
from deploy.local.ports import PortTakenError
from deploy.local.postgres import PostgresSetupError
from deploy.local.settings import ROOT, Options
from deploy.local.stack import AlreadyRunningError, LocalStack, StepFailedError
from deploy.local.triton import TritonSetupError

# Errors that a person can act on; anything else is a bug and shows its traceback.
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
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local", description="The whole of Carina on one machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything; Ctrl-C stops everything")
    _data_option(up)
    up.add_argument("--http-port", type=int, default=8080, help="of the gateway; 0 for a free one")
    up.add_argument("--grpc-port", type=int, default=50051, help="of jobs; 0 for a free one")
    up.add_argument(
        "--metrics-port",
        type=int,
        default=0,
        help="of the first replica, the others follow; 0 for free ones",
    )
    for service in ("jobs", "preprocess", "inference", "gateway"):
        up.add_argument(f"--{service}", type=int, default=1, metavar="N", help="replicas of it")
    up.add_argument("--blobs", choices=("folder", "s3"), default="folder", help="blob store")
    up.add_argument("--log-format", choices=("console", "json"), default="console")
    commands.add_parser("demo", help="submit a batch of real films to a fresh stack and check it")
    token = commands.add_parser("token", help="sign a token that a local stack accepts")
    _data_option(token)
    token.add_argument(
        "--role", action="append", required=True, type=Role, choices=list(Role), help="repeatable"
    )
    token.add_argument("--site", default="demo", help="the hospital")
    token.add_argument("--subject", default="", help="who it is for; ROLE@SITE by default")
    token.add_argument("--patient", default="", help="whose jobs the role patient sees")
    token.add_argument(
        "--lifetime", type=_lifetime, default="12h", metavar="TIME", help="such as 30m or 12h"
    )
    arguments = parser.parse_args(values)
    if arguments.command == "token" and Role.PATIENT in arguments.role and not arguments.patient:
        token.error("the role patient needs --patient")
    return arguments


def _data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        # As for `make up`.
        default=os.environ.get("DATA") or ROOT / ".carina",
        help="folder that holds all data; by default the variable DATA, or .carina",
    )


def _lifetime(text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        http_port=arguments.http_port or None,
        grpc_port=arguments.grpc_port or None,
        metrics_port=arguments.metrics_port or None,
        jobs=arguments.jobs,
        preprocess=arguments.preprocess,
        inference=arguments.inference,
        gateway=arguments.gateway,
        blobs=arguments.blobs,
        log_format=arguments.log_format,
    )


async def _up(stack: LocalStack, console: Console) -> None:
    """Run until a signal; a second one kills everything."""
    stop = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are a coroutine

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            console.tell(STACK, f"{number.name} again: killing everything")
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
        command = f"{os.path.relpath(sys.executable)} -m deploy.local token --role doctor"
        data = "" if stack.data == ROOT / ".carina" else f" --data {stack.data}"
        lines.append(f"a token for both        {command}{data}")
    for name, port in stack.metrics_ports.items():
        lines.append(f"{f'metrics of {name}':23} http://127.0.0.1:{port}/metrics")
    return lines


def _demo(console: Console) -> int:
    try:
        return 0 if asyncio.run(demonstrate()) else 1
    except _REASONS as error:
        console.tell(STACK, str(error))
        return 1


def _token(arguments: argparse.Namespace) -> int:
    try:
        if not (arguments.data / "issuer" / "key.pem").exists():
            print(
                f"{arguments.data} has no key yet, so it gets a new one; "
                "if a stack runs with its data elsewhere, give --data or set DATA",
                file=sys.stderr,
            )
        issuer = DevelopmentIssuer(arguments.data / "issuer")
    except OSError as error:
        print(f"cannot use {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print("for development only; production must never trust this key", file=sys.stderr)
    print(
        issuer.mint(
            arguments.role,
            site=arguments.site,
            subject=arguments.subject,
            lifetime=arguments.lifetime,
            patient_id=arguments.patient,
        )
    )
    return 0


def main(values: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = _arguments(values)
    console = Console()
    if arguments.command == "demo":
        return _demo(console)
    if arguments.command == "token":
        return _token(arguments)
    stack = LocalStack(arguments.data, _options(arguments), tell=console.tell)
    try:
        asyncio.run(_up(stack, console))
    except _REASONS as error:
        console.tell(STACK, str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
