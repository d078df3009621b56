"""Whether this worker can prepare films, and if not, what it waits for. Liveness asks for none."""

import asyncio

from chassis.blobs import BlobStore
from chassis.errors import TransientError
from chassis.nats.jetstream import JetStream

_CYCLE_SECONDS = 2.0


class Readiness:
    """Looks now and then, so that asking costs nothing."""

    def __init__(self, jetstream: JetStream, blobs: BlobStore) -> None:
        self._jetstream = jetstream
        self._blobs = blobs
        self._blobs_there = False

    def __call__(self) -> tuple[bool, str]:
        """Return whether films are prepared, and what is missing."""
        there = {"NATS": self._jetstream.connected, "the blob store": self._blobs_there}
        missing = [name for name, is_there in there.items() if not is_there]
        return not missing, ", ".join(missing)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self._blobs.check()
                self._blobs_there = True
            except TransientError:
                self._blobs_there = False
            await asyncio.sleep(_CYCLE_SECONDS)
