"""Settings that every service has; only a main reads them from the environment."""

import argparse
import sys
from datetime import timedelta
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.durations import read_duration
from chassis.settings import settings_of

ConfigT = TypeVar("ConfigT", bound=BaseSettings)
_EXIT_CODE = 78  # EX_CONFIG of sysexits.h: a restart alone will not help


def _duration(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else read_duration(str(value))


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A setting such as `20` or `20s` (seconds), `500ms`, `1h30m`, `30d`, or ISO 8601 (`PT20S`)."""


class ServiceConfig(BaseSettings):
    """Settings of every service; a subclass sets its `env_prefix` and adds its own."""

    # A field with an alias loses the prefix, so only the standard OTEL name is an alias.
    model_config = SettingsConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", title="Log level", description="Lowest level that is written"
    )
    log_format: Literal["json", "console"] = Field(
        default="json", title="Log format", description="json, or console for a developer"
    )
    metrics_address: str = Field(
        default="127.0.0.1:0",
        title="Metrics address",
        description="host:port of /metrics, /livez and /readyz; port 0: any free port; empty: off",
    )
    shutdown_grace: Duration = Field(
        default=timedelta(seconds=25),
        title="Shutdown grace",
        description="Time that work in flight may take to finish after SIGTERM",
    )
    otlp_endpoint: str = Field(
        default="",
        title="OTLP endpoint",
        description="Receiver of traces (gRPC, http://host:4317); empty: no traces",
        validation_alias=AliasChoices("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )


class NatsConfig(BaseSettings):
    """Mixin for services that use NATS."""

    nats_url: str = Field(
        default="nats://127.0.0.1:4222",
        title="NATS",
        description="Addresses of the NATS servers, separated by commas",
    )


def load_config(config_type: type[ConfigT], *, about: str = "") -> ConfigT:
    """Read the settings, or exit with one line for each invalid setting.

    With `about`, the docstring of a program, its command line is read: `--help` lists the settings.
    """
    if about:
        _read_command_line(config_type, about)
    try:
        return config_type()
    except ValidationError as error:
        _fail(config_type, error)


def _read_command_line(config_type: type[BaseSettings], about: str) -> None:
    lines = ["settings, which are environment variables:"]
    for setting in settings_of(config_type):
        lines += ["", f"  {' or '.join(setting.names)}"]
        lines += [f"      {setting.meaning}", f"      {setting.kind}, {setting.default_in_words}"]
    spec = sys.modules["__main__"].__spec__
    argparse.ArgumentParser(
        prog=f"python -m {spec.name}" if spec else None,
        description=about,
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()


def _fail(config_type: type[BaseSettings], error: ValidationError) -> NoReturn:
    prefix = config_type.model_config.get("env_prefix", "")
    for problem in error.errors(include_url=False, include_input=False):
        name = "_".join(str(part) for part in problem["loc"])
        # Without the value: it may be a secret.
        missing = problem["type"] == "missing"
        sentence = "required" if missing else problem["msg"].removeprefix("Value error, ")
        print(f"{prefix}{name}".upper() + f": {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(_EXIT_CODE)
