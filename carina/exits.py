"""Runs a command, and turns failures into a message and an exit code."""

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
from carina.rendering import os_error_text
from carina.results import JobState


class Exit(IntEnum):
    """The exit codes of the command."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    PARTLY = 3
    FAILED = 4
    CANCELLED = 5
    UNAVAILABLE = 6
    INTERRUPTED = 130
    # Like a program that was ended by SIGPIPE.
    CLOSED_PIPE = 141


EPILOG = (
    "Exit codes: 0 done, and every image succeeded; 1 the service refused the call or every file; "
    "2 the command was used wrongly; 3 some images failed, or some files were refused; 4 no image "
    "succeeded; 5 the job was cancelled; 6 the service is unavailable or at fault; 130 interrupted "
    "(the job continues). Only `submit --watch` and `watch` return 3 to 5."
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
    """Run a command with a client, and exit with a message if it fails."""

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
    except UnicodeEncodeError as error:
        # Python keeps bytes of an argument that are not UTF-8 as surrogates; no message takes them.
        if not any("\udc80" <= char <= "\udcff" for char in error.object):
            raise
        complain(f"the argument {error.object} is not UTF-8")
        code = Exit.USAGE
    except BrokenPipeError:
        # The reader has closed the pipe. Python must not flush what is left in the buffer when it
        # exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.CLOSED_PIPE
    except OSError as error:
        complain(os_error_text(error))
        code = Exit.USAGE
    except KeyboardInterrupt:
        complain("interrupted; images that the service has accepted are still processed")
        code = Exit.INTERRUPTED
    raise typer.Exit(code)


def complain(sentence: str) -> None:
    """Print a message on standard error."""
    typer.echo(f"carina: {printable(sentence)}", err=True)
