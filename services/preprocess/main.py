"""The preprocess worker: reads its settings, builds its objects, runs, stops."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import uvloop

from chassis.blobs import open_blobs
from chassis.config import load_config
from chassis.logs import configure_logs
from chassis.memory import keep_freed_memory
from chassis.metrics import serve_metrics
from chassis.nats.consume import consume
from chassis.nats.jetstream import open_jetstream
from chassis.stopping import background_tasks, stop_on_signals
from chassis.tracing import open_tracing
from services.preprocess.config import PreprocessConfig
from services.preprocess.pipeline import PipelineSettings
from services.preprocess.queue import SOURCES, term_reason
from services.preprocess.readiness import Readiness
from services.preprocess.worker import Worker

_LOG_KEYS = ("image",)


async def run(config: PreprocessConfig, stop: asyncio.Event) -> None:
    """Process tasks until `stop` is set, then finish those in progress."""
    async with AsyncExitStack() as stack:
        stack.enter_context(open_tracing("preprocess", config.otlp_endpoint))
        jetstream = await stack.enter_async_context(
            open_jetstream(config.nats_url, name="preprocess")
        )

        blobs = open_blobs(config.blob_url)
        readiness = Readiness(jetstream, blobs)
        await stack.enter_async_context(serve_metrics(config.metrics_address, readiness))
        executor = stack.enter_context(ThreadPoolExecutor(config.slots, "film"))
        worker = Worker(
            blobs=blobs,
            jetstream=jetstream,
            executor=executor,
            settings=PipelineSettings(
                width=0,
                height=0,
                clahe=True,
                clip_limit=config.clip_limit,
                tile_grid=config.tile_grid,
                preview_side=config.preview_side,
            ),
            limits=config.limits(),
        )
        background = await stack.enter_async_context(background_tasks(stop))
        background.start("readiness", readiness.run())
        await consume(
            jetstream,
            SOURCES,
            worker.handle,
            slots=config.slots,
            stop=stop,
            grace=config.shutdown_grace,
            term_reason=term_reason,
        )


async def _run_until_signal(config: PreprocessConfig) -> None:
    await run(config, stop_on_signals())


def main() -> None:
    """Run the worker."""
    keep_freed_memory()
    config = load_config(PreprocessConfig, about=__doc__)
    configure_logs("preprocess", config.log_level, config.log_format, allowed_keys=_LOG_KEYS)
    uvloop.run(_run_until_signal(config))


if __name__ == "__main__":
    main()
