"""A minute of random faults with a new seed each time; `make chaos SEED=...` repeats a run."""

import random

from tests.chaos.__main__ import run


async def test_a_minute_of_random_faults_loses_nothing() -> None:
    seed = random.SystemRandom().randrange(2**31)
    assert await run(minutes=1, seed=seed, blobs="s3"), f"make chaos SEED={seed}"
