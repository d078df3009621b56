"""Entry point of the gateway, the HTTP front end of the jobs service."""

import asyncio

import uvicorn
import uvloop

from carina.channel import open_channel
from chassis import tracing
from chassis.auth import TokenVerifier
from chassis.config import load_config
from chassis.logs import configure_logs, get_logger
from chassis.memory import keep_freed_memory
from chassis.metrics import serve_metrics
from chassis.stopping import stop_on_signals
from services.gateway.app import Lingering, build_app
from services.gateway.config import GatewayConfig
from services.gateway.handlers.translate import State
from services.gateway.jobs_client import JobsClient
from services.gateway.server import HalfClosable, Server

logger = get_logger(__name__)


async def run(config: GatewayConfig, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    async with open_channel(config.jobs_address) as channel:
        jobs = JobsClient(
            channel,
            call_timeout=config.call_timeout,
            upload_timeout=config.upload_timeout,
            reconnect_timeout=config.reconnect_timeout,
        )
        state = State(config=config, jobs=jobs, verifier=TokenVerifier(config), stopping=stop)
        server = build_server(config, state)

        def readiness() -> tuple[bool, str]:
            ready = jobs.reachable() and not stop.is_set()
            return ready, "" if ready else "the jobs service"

        async with serve_metrics(config.metrics_address, readiness):
            serving = asyncio.create_task(server.serve())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            # Event streams end on the same event; other requests get the grace period.
            server.should_exit = True
            await serving
            stopping.cancel()
            logger.info("stopped")


def build_server(config: GatewayConfig, state: State) -> uvicorn.Server:
    """Build the HTTP server."""
    host, _, port = config.listen_address.rpartition(":")
    return Server(
        uvicorn.Config(
            Lingering(build_app(state)),
            host=host.strip("[]"),
            port=int(port),
            http=HalfClosable,
            lifespan="on",
            ws="none",
            # `app.Measured` logs one line per request, without paths and queries.
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(config.shutdown_grace.total_seconds()),
        )
    )


def main() -> None:
    """Read the settings and serve."""
    keep_freed_memory()
    config = load_config(GatewayConfig, about=__doc__)
    configure_logs("gateway", config.log_level, config.log_format)

    async def until_signalled() -> None:
        await run(config, stop_on_signals())

    with tracing.open_tracing("gateway", config.otlp_endpoint):
        uvloop.run(until_signalled())


if __name__ == "__main__":
    main()
