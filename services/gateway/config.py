"""Settings of the gateway, all of them with the prefix `CARINA_GATEWAY_`."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.auth import AuthConfig
from chassis.config import Duration, ServiceConfig


class GatewayConfig(ServiceConfig, AuthConfig):
    """What the gateway needs."""

    model_config = SettingsConfigDict(env_prefix="CARINA_GATEWAY_")

    listen_address: str = Field(
        "0.0.0.0:8080", title="HTTP address", description="host:port; port 0 picks one"
    )
    jobs_address: str = Field(
        "localhost:50051",
        title="Jobs service",
        description="gRPC target; dns:///name:port spreads calls over all replicas behind a name",
    )
    call_timeout: Duration = Field(
        timedelta(seconds=20), title="Call timeout", description="Deadline of each short call"
    )
    upload_timeout: Duration = Field(
        timedelta(hours=1), title="Upload timeout", description="Longest time one image may take"
    )
    idle_timeout: Duration = Field(
        timedelta(seconds=30),
        title="Idle timeout",
        description="A request body that brings nothing for so long is given up",
    )
    heartbeat: Duration = Field(
        timedelta(seconds=15), title="Heartbeat", description="Sign of life on a quiet event stream"
    )
    reconnect_timeout: Duration = Field(
        timedelta(seconds=30),
        title="Reconnect timeout",
        description="How long an event stream keeps trying to reach the jobs service",
    )
