"""What happens after a transaction has committed a change of a job."""

from collections.abc import Awaitable, Callable

from services.jobs.models import Change

Listener = Callable[[Change], Awaitable[None]]


class Commits:
    """Tells its listeners of each committed change, in the order in which they subscribed."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with each change from now on."""
        self._listeners.append(listener)

    async def publish(self, change: Change) -> None:
        """Tell all listeners, unless nothing was committed."""
        if change.committed:
            for listener in self._listeners:
                await listener(change)
