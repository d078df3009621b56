"""Settings of the gateway; environment variables have the prefix `CARINA_GATEWAY_`."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.auth import AuthConfig
from chassis.config import Duration, ServiceConfig


class GatewayConfig(ServiceConfig, AuthConfig):
    """Settings of the gateway."""

    model_config = SettingsConfigDict(env_prefix="CARINA_GATEWAY_")

    listen_address: str = Field(
        "0.0.0.0:8080",
        title="HTTP address",
        description="host:port to listen on; port 0 selects a free port",
    )
    jobs_address: str = Field(
        "localhost:50051",
        title="Jobs service",
        description="gRPC target; dns:///name:port balances calls over all replicas of a name",
    )
    call_timeout: Duration = Field(
        timedelta(seconds=20), title="Call timeout", description="Deadline of each unary call"
    )
    upload_timeout: Duration = Field(
        timedelta(hours=1),
        title="Upload timeout",
        description="Time limit for the upload or download of one image",
    )
    idle_timeout: Duration = Field(
        timedelta(seconds=30),
        title="Idle timeout",
        description="A request whose body makes no progress for this long is aborted",
    )
    heartbeat: Duration = Field(
        timedelta(seconds=15),
        title="Heartbeat",
        description="Interval of heartbeats on an idle event stream",
    )
    reconnect_timeout: Duration = Field(
        timedelta(seconds=30),
        title="Reconnect timeout",
        description="How long an event stream tries to reach the jobs service again",
    )
