"""The jobs service: reads its settings, builds its objects, serves, stops."""

import asyncio
import sys
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import uvloop

from carina.jobs.v1 import job_service_pb2
from carina.jobs.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from chassis.auth import TokenVerifier
from chassis.blobs import open_blobs
from chassis.config import load_config
from chassis.errors import DomainError
from chassis.grpc_auth import AuthInterceptor
from chassis.grpc_server import build_server, serve_until_stopped
from chassis.logs import configure_logs, get_logger
from chassis.metrics import serve_metrics
from chassis.nats.jetstream import open_jetstream
from chassis.stopping import StoppedError, background_tasks, stop_on_signals, unless_stopped
from chassis.tracing import open_tracing
from services.jobs.api.handlers import JobHandlers
from services.jobs.api.service import JobService
from services.jobs.catalogue import read_catalogue
from services.jobs.commits import Commits
from services.jobs.config import JobsConfig
from services.jobs.errors import OldDatabaseError
from services.jobs.progress.feed import Feed
from services.jobs.readiness import Readiness
from services.jobs.storage.database import open_database, require_current_schema
from services.jobs.storage.store import JobStore
from services.jobs.storage.sweeper import Sweeper
from services.jobs.storage.system_store import SystemStore
from services.jobs.tasks.queue import TaskQueue, streams
from services.jobs.tasks.reconciler import Reconciler
from services.jobs.tasks.relay import Relay
from services.jobs.tasks.results import Results
from services.jobs.uploads.service import Uploads

_SERVICE = job_service_pb2.DESCRIPTOR.services_by_name["JobService"].full_name
_CONNECT_SECONDS = 1.0
_log = get_logger(__name__)
_LOG_KEYS = ("job", "image", "step", "state", "count", "expired", "orphans")


async def run(config: JobsConfig, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    catalogue = read_catalogue(config.catalogue)
    async with AsyncExitStack() as stack:
        stack.enter_context(open_tracing("jobs", config.otlp_endpoint))
        readiness = Readiness()
        # Before anything that may have to be waited for, so that the wait is visible.
        await stack.enter_async_context(serve_metrics(config.metrics_address, readiness))
        opening = open_database(config.database_url, connections=config.database_connections)
        database = await unless_stopped(stop, stack.enter_async_context(opening))
        await require_current_schema(database)
        jetstream = await stack.enter_async_context(open_jetstream(config.nats_url, name="jobs"))
        # If it is unavailable the service starts all the same: tasks wait in the outbox.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                await jetstream.opened()
        blobs = open_blobs(config.blob_url)
        store, system_store = JobStore(database), SystemStore(database)
        specs = streams(
            replicas=config.stream_replicas,
            max_bytes=config.stream_max_bytes,
            ack_wait=config.ack_wait,
        )
        queue = TaskQueue(jetstream, specs, catalogue.models)
        feed = Feed(store, system_store, queue, max_watchers=config.max_watchers)
        commits = Commits()
        results = Results(system_store, queue, commits, redelivery_delay=config.redelivery_delay)
        relay = Relay(system_store, queue, results)
        commits.subscribe(relay.committed)
        commits.subscribe(feed.committed)
        reconciler = Reconciler(
            store=store,
            system_store=system_store,
            queue=queue,
            results=results,
            commits=commits,
            settings=config.reconciler(),
        )
        service = JobService(
            store=store,
            blobs=blobs,
            queue=queue,
            catalogue=catalogue,
            limits=config.limits(),
            commits=commits,
        )
        uploads = Uploads(store=store, blobs=blobs, limits=config.limits(), commits=commits)
        # A broker that is connected, for the first time or again, may have lost everything.
        jetstream.connection_callbacks.append(lambda _connected: reconciler.wake())
        server = build_server(
            config.listen_address,
            domain="carina",
            service_names=[_SERVICE],
            interceptors=[AuthInterceptor(TokenVerifier(config))],
        )
        handlers = JobHandlers(service, uploads, feed, heartbeat=config.heartbeat)
        add_JobServiceServicer_to_server(handlers, server.server)
        background = await stack.enter_async_context(background_tasks(stop))
        background.start("readiness", readiness.run(database, jetstream, blobs))
        background.start("changes", queue.follow_changes(feed.wake))
        background.start("feed", feed.run())
        background.start("relay", relay.run())
        background.start("reconciler", reconciler.run())
        background.start("sweeper", _sweep(Sweeper(system_store, blobs), config.sweep_interval))
        background.start("results", results.consume(jetstream, stop))
        background.start("dead", results.consume_dead(jetstream, stop))
        await serve_until_stopped(server, stop, grace=config.shutdown_grace, readiness=readiness)
        await uploads.settle()


async def _sweep(sweeper: Sweeper, interval: timedelta) -> None:
    """Delete expired jobs and blobs until cancelled: a slow blob store delays nothing else."""
    while True:
        try:
            if expired := await sweeper.expire():
                _log.info("expired jobs deleted", expired=expired)
            await sweeper.sweep()
        except DomainError as error:
            _log.warning("deleting jobs or blobs failed", reason=error.reason)
        await asyncio.sleep(interval.total_seconds())


async def _run_until_signal(config: JobsConfig) -> None:
    with suppress(StoppedError):
        await run(config, stop_on_signals())


def main() -> None:
    """Run the service."""
    config = load_config(JobsConfig, about=__doc__)
    configure_logs("jobs", config.log_level, config.log_format, allowed_keys=_LOG_KEYS)
    try:
        uvloop.run(_run_until_signal(config))
    except (OldDatabaseError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
