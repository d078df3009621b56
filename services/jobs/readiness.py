"""Whether this replica can serve, and if not, what it waits for. Liveness asks for none of it."""

import asyncio

from chassis.blobs import BlobStore
from chassis.errors import TransientError
from chassis.jetstream import JetStream
from services.jobs.database import Database

_CYCLE_SECONDS = 2.0


class Readiness:
    """Looks now and then, so that asking costs nothing."""

    def __init__(self, database: Database, jetstream: JetStream, blobs: BlobStore) -> None:
        self._database = database
        self._jetstream = jetstream
        self._blobs = blobs
        self._missing: tuple[str, ...] = ("the first check",)

    def __call__(self) -> tuple[bool, str]:
        """Return whether calls are served, and what is missing."""
        # Without NATS a job is still taken in: its tasks wait in the outbox.
        missing = self._missing if self._jetstream.connected else (*self._missing, "NATS")
        return not self._missing, ", ".join(missing)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            missing = []
            for name, check in (
                ("PostgreSQL", self._database.check),
                ("the blob store", self._blobs.check),
            ):
                try:
                    await check()
                except TransientError:
                    missing.append(name)
            self._missing = tuple(missing)
            await asyncio.sleep(_CYCLE_SECONDS)
