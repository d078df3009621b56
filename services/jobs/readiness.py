"""Whether this replica can serve, and what it misses. Liveness asks for none of it."""

import asyncio

from chassis.blobs import BlobStore
from chassis.errors import TransientError
from chassis.nats.jetstream import JetStream
from services.jobs.storage.database import Database

_INTERVAL_SECONDS = 2.0


class Readiness:
    """Checks at an interval, so that asking costs nothing.

    Only PostgreSQL is needed to serve. Without NATS a job is still taken in: its tasks wait in the
    outbox. Without the blob store lists and watches still work, and uploads say what is wrong.
    """

    def __init__(self) -> None:
        self._database_ready = False
        self._blobs_ready = True
        self._jetstream: JetStream | None = None

    def __call__(self) -> tuple[bool, str]:
        """Return whether calls are served, and what is missing."""
        missing = {
            "PostgreSQL": not self._database_ready,
            "the blob store": not self._blobs_ready,
            "NATS": self._jetstream is not None and not self._jetstream.connected,
        }
        return self._database_ready, ", ".join(
            name for name, is_missing in missing.items() if is_missing
        )

    async def run(self, database: Database, jetstream: JetStream, blobs: BlobStore) -> None:
        """Check until cancelled."""
        self._jetstream = jetstream
        while True:
            self._database_ready, self._blobs_ready = await asyncio.gather(
                _answers(database), _answers(blobs)
            )
            await asyncio.sleep(_INTERVAL_SECONDS)


async def _answers(store: Database | BlobStore) -> bool:
    try:
        await store.check()
    except TransientError:
        return False
    return True
