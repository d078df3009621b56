"""Whether this replica can serve, and if not, what it waits for. Liveness asks for none of it."""

import asyncio

from chassis.blobs import BlobStore
from chassis.errors import TransientError
from chassis.nats.jetstream import JetStream
from services.jobs.storage.database import Database

_CYCLE_SECONDS = 2.0


class Readiness:
    """Looks now and then, so that asking costs nothing."""

    def __init__(self) -> None:
        # What the start waits for.
        self._missing: tuple[str, ...] = ("PostgreSQL",)
        self._jetstream: JetStream | None = None

    def __call__(self) -> tuple[bool, str]:
        """Return whether calls are served, and what is missing."""
        # Without NATS a job is still taken in: its tasks wait in the outbox.
        without_nats = self._jetstream is not None and not self._jetstream.connected
        missing = (*self._missing, "NATS") if without_nats else self._missing
        return not self._missing, ", ".join(missing)

    async def run(self, database: Database, jetstream: JetStream, blobs: BlobStore) -> None:
        """Look for ever."""
        self._jetstream = jetstream
        while True:
            missing = []
            for name, check in (
                ("PostgreSQL", database.check),
                ("the blob store", blobs.check),
            ):
                try:
                    await check()
                except TransientError:
                    missing.append(name)
            self._missing = tuple(missing)
            await asyncio.sleep(_CYCLE_SECONDS)
