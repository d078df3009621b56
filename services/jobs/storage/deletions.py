"""Records which blobs are to be deleted, in the transaction that deletes their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.jobs.storage.database import QUERIES


@dataclass(frozen=True)
class Deletion:
    """All blobs below a prefix."""

    site: str
    job_id: UUID
    prefix: str


async def record_deletions(connection: Any, deletions: Sequence[Deletion]) -> None:
    """Record blobs for the sweeper."""
    if deletions:
        await QUERIES.record_deletions(
            connection,
            sites=[deletion.site for deletion in deletions],
            job_ids=[deletion.job_id for deletion in deletions],
            prefixes=[deletion.prefix for deletion in deletions],
        )
