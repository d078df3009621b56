"""Settings every service has, read from the environment only where a main asks for them."""

import sys
from datetime import timedelta
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ConfigT = TypeVar("ConfigT", bound=BaseSettings)
_EXIT_CODE = 78  # EX_CONFIG of sysexits.h: the supervisor sees that a restart alone will not help


def _seconds(value: Any) -> Any:
    """Let `25` in the environment mean 25 seconds; ISO 8601 (`PT25S`) works as well."""
    try:
        return timedelta(seconds=float(value)) if isinstance(value, str | int | float) else value
    except ValueError:
        return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]
"""A setting in seconds or ISO 8601."""


class ServiceConfig(BaseSettings):
    """What every service has; a subclass sets its `env_prefix` and adds its own."""

    # A field that has an alias loses the prefix, so only the standard OTEL name is one.
    model_config = SettingsConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", title="Log level", description="Lines below this level are not written"
    )
    log_format: Literal["json", "console"] = Field(
        default="json", title="Log format", description="json for machines, console for a developer"
    )
    metrics_address: str = Field(
        default="127.0.0.1:0",
        title="Metrics address",
        description="host:port of /metrics, /livez and /readyz; port 0 picks one; empty: off",
    )
    shutdown_grace: Duration = Field(
        default=timedelta(seconds=25),
        title="Shutdown grace",
        description="How long work in flight may take to finish after SIGTERM",
    )
    otlp_endpoint: str = Field(
        default="",
        title="OTLP endpoint",
        description="Where traces go (gRPC, http://host:4317); empty: no traces",
        validation_alias=AliasChoices("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )


class NatsConfig(BaseSettings):
    """A mixin for the services that use NATS."""

    nats_url: str = Field(
        default="nats://127.0.0.1:4222",
        title="NATS",
        description="Addresses of the NATS servers, separated by commas",
    )


def load_config(config_type: type[ConfigT]) -> ConfigT:
    """Read the settings, or end the process with one clear sentence for each that is wrong."""
    try:
        return config_type()
    except ValidationError as error:
        _fail(config_type, error)


def _fail(config_type: type[BaseSettings], error: ValidationError) -> NoReturn:
    prefix = config_type.model_config.get("env_prefix", "")
    for problem in error.errors(include_url=False, include_input=False):
        name = "_".join(str(part) for part in problem["loc"])
        # The value is left out on purpose: a setting may be a secret.
        print(f"{prefix}{name}".upper() + f": {problem['msg']}", file=sys.stderr)  # noqa: T201
    raise SystemExit(_EXIT_CODE)
