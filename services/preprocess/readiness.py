"""Readiness of the preprocess worker: NATS and the blob store. Liveness needs neither."""

import asyncio

from chassis.blobs import BlobStore
from chassis.errors import TransientError
from chassis.nats.jetstream import JetStream

_INTERVAL_SECONDS = 2.0


class Readiness:
    """Checks periodically, so that reading the result costs nothing."""

    def __init__(self, jetstream: JetStream, blobs: BlobStore) -> None:
        self._jetstream = jetstream
        self._blobs = blobs
        self._blobs_available = False

    def __call__(self) -> tuple[bool, str]:
        """Return whether films can be processed, and what is missing."""
        available = {"NATS": self._jetstream.connected, "the blob store": self._blobs_available}
        missing = [name for name, is_available in available.items() if not is_available]
        return not missing, ", ".join(missing)

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            try:
                await self._blobs.check()
                self._blobs_available = True
            except TransientError:
                self._blobs_available = False
            await asyncio.sleep(_INTERVAL_SECONDS)
