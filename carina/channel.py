"""Opens gRPC channels to the jobs service."""

import json

import grpc
from grpc.aio import Channel

_SERVICE = "carina.jobs.v1.JobService"
# These have state of their own (an offset, a revision) and are resumed by the caller; a retry from
# the start by the channel would be wrong or wasteful.
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
                    # A stopping server cancels calls; our own cancellations never get here.
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            },
        ],
        # Retries pause while more than half of the recent calls fail, so that a recovering service
        # is not overrun. The bucket holds enough tokens for all the calls that a process has in
        # flight while a replica is replaced; five of them would empty a bucket of ten.
        "retryThrottling": {"maxTokens": 200, "tokenRatio": 0.5},
    }
)

CHANNEL_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", SERVICE_CONFIG),
    # Servers close connections that ping more often than their minimum (10 s here, 5 min by default
    # elsewhere); the gRPC guide recommends at least a minute.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Reconnect to a recovered server within seconds instead of gRPC's two minutes.
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 500),
)


def open_channel(address: str, credentials: grpc.ChannelCredentials | None = None) -> Channel:
    """Open a channel with retries, keepalive and round robin; TLS only with credentials."""
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
