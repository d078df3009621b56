"""One stack per module, shared by its tests; each test must leave it in a working state."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.chaos import Chaos, running_stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chaos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chaos]:
    """A stack with two replicas of each service and its blobs in a folder."""
    async with running_stack(tmp_path_factory.mktemp("chaos")) as running:
        yield running
