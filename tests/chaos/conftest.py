"""One stack for each module, shared by its faults; each has to leave it well."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.chaos import Chaos, running_stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """Two replicas of everything on a folder of blobs."""
    async with running_stack(tmp_path_factory.mktemp("chaos")) as running:
        yield running
