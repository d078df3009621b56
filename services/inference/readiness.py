"""Readiness of the inference worker: NATS and Triton. Liveness depends on neither."""

import asyncio
from datetime import timedelta

from chassis.nats.jetstream import JetStream
from services.inference.triton import TritonClient

_INTERVAL = timedelta(seconds=2)
_FIRST_INTERVAL = timedelta(milliseconds=250)


class Readiness:
    """Checks periodically, so that reading the result costs nothing."""

    def __init__(self, jetstream: JetStream, triton: TritonClient) -> None:
        self._jetstream = jetstream
        self._triton = triton
        self._triton_seen = asyncio.Event()
        self._triton_ready = False

    def __call__(self) -> tuple[bool, str]:
        """Return whether images can be processed, and what is missing."""
        missing = [
            name
            for name, available in (
                ("NATS", self._jetstream.connected),
                ("Triton", self._triton_ready),
            )
            if not available
        ]
        return not missing, ", ".join(missing)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            self._triton_ready = await self._triton.is_ready()
            if self._triton_ready:
                self._triton_seen.set()
            interval = _INTERVAL if self._triton_seen.is_set() else _FIRST_INTERVAL
            await asyncio.sleep(interval.total_seconds())

    async def wait_for_triton(self, stop: asyncio.Event) -> None:
        """Wait until Triton was ready once, or `stop`: without a model, no images are taken."""
        waits = {asyncio.create_task(event.wait()) for event in (self._triton_seen, stop)}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
