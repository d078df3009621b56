"""How a command ends: a sentence where it failed, and an exit code in any case."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from enum import IntEnum
from typing import Any

import grpc
import typer

from carina.client import Client
from carina.errors import CarinaError, RefusedError
from carina.files import printable
from carina.rendering import os_error_words
from carina.results import JobState


class Exit(IntEnum):
    """What a script learns from the exit code."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    PARTLY = 3
    FAILED = 4
    CANCELLED = 5
    UNAVAILABLE = 6
    INTERRUPTED = 130
    # As of a program that SIGPIPE has ended.
    CLOSED_PIPE = 141


EPILOG = (
    "Exit codes: 0 done, and every image succeeded; 1 the service refused the call or every file; "
    "2 wrong use of the command; 3 some images failed, or some files were refused; 4 no image "
    "succeeded; 5 the job was cancelled; 6 the service is unavailable or at fault; 130 interrupted "
    "(the job goes on). 3 to 5 come from `submit --watch` and `watch`."
)
EXIT_OF = {
    JobState.SUCCEEDED: Exit.OK,
    JobState.PARTIALLY_SUCCEEDED: Exit.PARTLY,
    JobState.FAILED: Exit.FAILED,
    JobState.CANCELLED: Exit.CANCELLED,
}


def run_command(
    act: Callable[[Client], Coroutine[Any, Any, Exit]], address: str, token: str
) -> None:
    """Run what a command does, and turn every failure into a sentence and an exit code."""

    async def with_client() -> Exit:
        async with Client(address, token) as client:
            return await act(client)

    try:
        code = asyncio.run(with_client())
    except RefusedError as error:
        complain(str(error))
        if error.code is grpc.StatusCode.UNAUTHENTICATED and not token:
            complain("give --token or set CARINA_TOKEN")
        code = Exit.REFUSED
    except CarinaError as error:
        complain(f"{address}: {error}")
        code = Exit.UNAVAILABLE
    except BrokenPipeError:
        # Whoever read our answer has read enough. What is still in the buffer must not be tried
        # again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.CLOSED_PIPE
    except OSError as error:
        complain(os_error_words(error))
        code = Exit.USAGE
    except KeyboardInterrupt:
        complain("interrupted; what the service has accepted goes on")
        code = Exit.INTERRUPTED
    raise typer.Exit(code)


def complain(sentence: str) -> None:
    """Say on standard error what went wrong."""
    typer.echo(f"carina: {printable(sentence)}", err=True)
