"""How a command starts: settings, logs, and one sentence for what an operator has to mend."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from chassis.config import ServiceConfig, load_config
from chassis.errors import DomainError
from chassis.logs import configure_logs
from services.jobs.errors import OldDatabaseError

ConfigT = TypeVar("ConfigT", bound=ServiceConfig)


def run_command(
    name: str,
    config_type: type[ConfigT],
    run: Callable[[ConfigT], Awaitable[None]],
    *,
    about: str,
    allowed_keys: Iterable[str],
) -> None:
    """Read the settings, configure the logs and run a command to its end.

    `about` is the docstring of the command, which `--help` shows.
    """
    config = load_config(config_type, about=about)
    configure_logs(name, config.log_level, config.log_format, allowed_keys=allowed_keys)

    async def work() -> None:
        await run(config)

    try:
        asyncio.run(work())
    except (DomainError, OldDatabaseError) as error:
        sys.exit(str(error))
