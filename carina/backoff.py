"""How long to wait before a broken stream is taken up again."""

import asyncio
import random
from datetime import timedelta

from carina.errors import CarinaError

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 10.0


class Backoff:
    """Waits longer after each failure, and gives up when nothing worked for `reconnect_timeout`.

    Jitter keeps the callers of a replica that went away from coming back in one wave.
    """

    def __init__(self, reconnect_timeout: timedelta) -> None:
        self._reconnect_timeout = reconnect_timeout.total_seconds()
        self._failures = 0
        self._failing_since = 0.0

    def reset(self) -> None:
        """Note that something worked."""
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
        await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - jitter, no secret
