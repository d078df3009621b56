"""A running jobs service for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.jobs import Jobs, open_jobs


@pytest.fixture
async def jobs(tmp_path: Path, postgres_url: str) -> AsyncIterator[Jobs]:
    """The service with one replica."""
    async with open_jobs(tmp_path, postgres_url) as service:
        await service.start()
        yield service
