"""How anyone who calls the jobs service opens a channel to it."""

import json

import grpc
from grpc.aio import Channel

_SERVICE = "carina.jobs.v1.JobService"
# These carry a state of their own (an offset, a revision), so the caller resumes them itself; a
# repeat from the start by the channel would be wrong or wasteful.
_RESUMED_BY_CALLER = ("UploadImage", "SubmitJob", "WatchJob", "ReadImage")

SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {"name": [{"service": _SERVICE, "method": name} for name in _RESUMED_BY_CALLER]},
            {
                "name": [{"service": _SERVICE}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.5s",
                    "maxBackoff": "10s",
                    "backoffMultiplier": 2,
                    # Cancelled by a server that ends: who cancels here hears of no status.
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            },
        ],
        # Retries pause while more than half of the recent calls failed, so that a service that is
        # coming back is not run over. The bucket is wide enough for all the calls that one process
        # has under way while a replica is replaced; five of them would empty one of ten tokens.
        "retryThrottling": {"maxTokens": 200, "tokenRatio": 0.5},
    }
)

CHANNEL_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", SERVICE_CONFIG),
    # Servers end connections that ping more often than their minimum (30 s here, 5 min by default
    # elsewhere); a minute is what the gRPC guide calls the lower bound.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # A server that comes back is found again within seconds, not after gRPC's two minutes.
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 500),
)


def open_channel(address: str, credentials: grpc.ChannelCredentials | None = None) -> Channel:
    """Open a channel with retries, keepalive and round robin; without TLS if no credentials."""
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
