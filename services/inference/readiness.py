"""Whether this worker can read images, and if not, what it waits for. Liveness asks for none."""

import asyncio
from datetime import timedelta

from chassis.nats.jetstream import JetStream
from services.inference.triton import TritonClient

_CYCLE = timedelta(seconds=2)
_FIRST_CYCLE = timedelta(milliseconds=250)


class Readiness:
    """Looks now and then, so that asking costs nothing."""

    def __init__(self, jetstream: JetStream, triton: TritonClient) -> None:
        self._jetstream = jetstream
        self._triton = triton
        self._seen = asyncio.Event()
        self._triton_ready = False

    def __call__(self) -> tuple[bool, str]:
        """Return whether images are read, and what is missing."""
        missing = [
            name
            for name, there in (
                ("NATS", self._jetstream.connected),
                ("Triton", self._triton_ready),
            )
            if not there
        ]
        return not missing, ", ".join(missing)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._triton_ready = await self._triton.is_ready()
            if self._triton_ready:
                self._seen.set()
            cycle = _CYCLE if self._seen.is_set() else _FIRST_CYCLE
            await asyncio.sleep(cycle.total_seconds())

    async def wait_for_triton(self, stop: asyncio.Event) -> None:
        """Wait until Triton was there once, or `stop`: a worker without a model holds no images."""
        waits = {asyncio.create_task(event.wait()) for event in (self._seen, stop)}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
