"""Wait between the attempts to resume a broken stream."""

import asyncio
import random
from datetime import timedelta

from carina.errors import CarinaError

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 10.0


class Backoff:
    """Waits longer after each failure, and gives up after `reconnect_timeout` without success.

    Jitter keeps the callers of a replica that stopped from returning all at once.
    """

    def __init__(self, reconnect_timeout: timedelta) -> None:
        self._reconnect_timeout = reconnect_timeout.total_seconds()
        self._failures = 0
        self._failing_since = 0.0

    def reset(self) -> None:
        """Start over after a success."""
        self._failures = 0

    async def wait(self, error: CarinaError) -> None:
        """Sleep longer after each failure in a row; raise `error` once the timeout has passed."""
        now = asyncio.get_running_loop().time()
        if self._failures == 0:
            self._failing_since = now
        elif now - self._failing_since > self._reconnect_timeout:
            raise error
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret
