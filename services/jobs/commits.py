"""What is called after a transaction has committed a change of a job."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from services.jobs.models import Change

Clock = Callable[[], datetime]
Committed = Callable[[Change], Awaitable[None]]
"""Tells watchers that a change was committed."""
