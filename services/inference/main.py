"""The inference worker: reads its settings, builds its objects, runs, stops."""

import asyncio
from contextlib import AsyncExitStack

import uvloop

from chassis.config import load_config
from chassis.logs import configure_logs
from chassis.metrics import serve_metrics
from chassis.nats.consume import consume
from chassis.nats.jetstream import open_jetstream
from chassis.stopping import background_tasks, stop_on_signals
from chassis.tracing import open_tracing
from services.inference.batcher import Batcher
from services.inference.config import InferenceConfig
from services.inference.queue import SOURCES, term_reason
from services.inference.readiness import Readiness
from services.inference.triton import open_triton
from services.inference.worker import Worker

_LOG_KEYS = ("image",)


async def run(config: InferenceConfig, stop: asyncio.Event) -> None:
    """Process tasks until `stop` is set, then finish those in progress."""
    async with AsyncExitStack() as stack:
        stack.enter_context(open_tracing("inference", config.otlp_endpoint))
        jetstream = await stack.enter_async_context(
            open_jetstream(config.nats_url, name="inference")
        )
        triton = await stack.enter_async_context(
            open_triton(config.triton_address, deadline=config.deadline)
        )
        readiness = Readiness(jetstream, triton)
        await stack.enter_async_context(serve_metrics(config.metrics_address, readiness))
        batcher = Batcher(
            triton, max_batch_delay=config.max_batch_delay, concurrent_calls=config.concurrent_calls
        )
        stack.push_async_callback(batcher.close)
        worker = Worker(batcher=batcher, jetstream=jetstream)
        background = await stack.enter_async_context(background_tasks(stop))
        background.start("readiness", readiness.run())
        await readiness.wait_for_triton(stop)
        await consume(
            jetstream,
            SOURCES,
            worker.handle,
            slots=config.slots,
            stop=stop,
            grace=config.shutdown_grace,
            term_reason=term_reason,
        )


async def _run_until_signal(config: InferenceConfig) -> None:
    await run(config, stop_on_signals())


def main() -> None:
    """Run the worker."""
    config = load_config(InferenceConfig, about=__doc__)
    configure_logs("inference", config.log_level, config.log_format, allowed_keys=_LOG_KEYS)
    uvloop.run(_run_until_signal(config))


if __name__ == "__main__":
    main()
