"""A grpc.aio server with health, reflection, limits and graceful shutdown."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis import tracing
from chassis.grpc_calls import CallInterceptor
from chassis.grpc_messages import MessageInterceptor
from chassis.grpc_reflection import add_reflection
from chassis.logs import get_logger
from chassis.metrics import ReadinessCheck, always_ready
from chassis.stopping import cancel_and_wait

logger = get_logger(__name__)

MESSAGE_BYTES = 4 * 1024 * 1024
UNARY_TIMEOUT = timedelta(seconds=30)
# Callers may ping every 10 s, the shortest interval that the clients of Go and Java allow. Half of
# it is enforced, because the time between two pings varies on the way.
PING_INTERVAL = timedelta(seconds=5)
_READINESS_PERIOD = timedelta(seconds=1)
# A plain health check asks for "". Others ask for the service that they want to call.
_READINESS = ("readiness", "")
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True)
class GrpcServer:
    """A server that is not started yet; servicers are added to `server`."""

    server: grpc.aio.Server
    health: Any
    calls: CallInterceptor
    port: int
    service_names: tuple[str, ...]


def build_server(
    address: str,
    *,
    domain: str,
    service_names: Sequence[str] = (),
    interceptors: Sequence[Any] = (),
    unary_timeout: timedelta = UNARY_TIMEOUT,
    timeouts: Mapping[str, timedelta | None] | None = None,
    max_connection_age: timedelta = timedelta(minutes=10),
    max_connection_grace: timedelta = timedelta(minutes=5),
    ping_interval: timedelta = PING_INTERVAL,
    credentials: grpc.ServerCredentials | None = None,
) -> GrpcServer:
    """Build a server on host:port (port 0: any free port).

    `domain` is the domain of each ErrorInfo. `timeouts` (by `pkg.Service/Method`) overrides the
    deadline of calls that have none: `unary_timeout` for unary calls, no deadline for streams. A
    client that pings more often than every `ping_interval` loses its connection.
    """
    calls = CallInterceptor(domain=domain, unary_timeout=unary_timeout, timeouts=timeouts or {})
    server = grpc.aio.server(
        interceptors=[
            *tracing.server_interceptors(),
            calls,
            *interceptors,
            MessageInterceptor(domain=domain),
        ],
        options=_options(max_connection_age, max_connection_grace, ping_interval),
    )
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    add_reflection(server, (*service_names, health.SERVICE_NAME))
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    return GrpcServer(server, servicer, calls, port, tuple(service_names))


async def serve_until_stopped(
    built: GrpcServer,
    stop: asyncio.Event,
    *,
    grace: timedelta,
    readiness: ReadinessCheck = always_ready,
    settle: timedelta = timedelta(seconds=1),
) -> None:
    """Serve until `stop` is set; then report not ready, settle, end watches, finish calls.

    `settle` gives load balancers time to see that we are not ready before calls are refused.
    """
    await built.health.set("liveness", _SERVING)
    await _set_ready(built, ready=readiness()[0])
    await built.server.start()
    logger.info("serving", port=built.port)
    watching = asyncio.create_task(_keep_readiness(built, readiness))
    try:
        await stop.wait()
    finally:
        await cancel_and_wait([watching])
        await _end(built, grace=grace, settle=settle)


async def _end(built: GrpcServer, *, grace: timedelta, settle: timedelta) -> None:
    await _set_ready(built, ready=False)
    await asyncio.sleep(settle.total_seconds())
    built.calls.end_watches()
    await built.server.stop(grace.total_seconds())
    logger.info("stopped")


async def _keep_readiness(built: GrpcServer, readiness: ReadinessCheck) -> None:
    previous: bool | None = None
    while True:
        ready, _ = readiness()
        if ready != previous:
            await _set_ready(built, ready=ready)
            previous = ready
        await asyncio.sleep(_READINESS_PERIOD.total_seconds())


async def _set_ready(built: GrpcServer, *, ready: bool) -> None:
    for name in (*_READINESS, *built.service_names):
        await built.health.set(name, _SERVING if ready else _NOT_SERVING)


def _options(
    age: timedelta, age_grace: timedelta, ping_interval: timedelta
) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        (
            "grpc.http2.min_ping_interval_without_data_ms",
            int(ping_interval.total_seconds() * 1000),
        ),
        # Also while no call is open.
        ("grpc.keepalive_permit_without_calls", 1),
        # Only new connections find new replicas; streams must tolerate being resumed.
        ("grpc.max_connection_age_ms", int(age.total_seconds() * 1000)),
        ("grpc.max_connection_age_grace_ms", int(age_grace.total_seconds() * 1000)),
        # Otherwise two processes could share one port unnoticed.
        ("grpc.so_reuseport", 0),
    ]
