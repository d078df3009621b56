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


# A module runs on one worker from beginning to end, so a long one that starts last is waited for.
_LONGEST_FIRST = ("lines", "killed", "broker", "random", "cluster", "stopped", "rolling")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take minutes."""
    ranks = {f"{name}_test": rank for rank, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
