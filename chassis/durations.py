"""Durations as people write them, in settings and on command lines."""

import re
from datetime import timedelta

from pydantic import TypeAdapter

EXPECTED = "expected a duration, such as 20s, 1.5h, 30d, 1h30m or PT20S"

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_ISO_8601 = TypeAdapter(timedelta)
# Weeks would be read as a rounded number of days.
_SHOWN = ("d", "h", "m", "s", "ms")


def read_duration(text: str) -> timedelta:
    """Read a number of seconds, numbers with units (`1h30m`), or ISO 8601 (`PT20S`).

    Raises:
        ValueError: It is none of these, or negative.
    """
    try:
        duration = _parsed(text.strip().lower())
    except (ValueError, OverflowError):
        raise ValueError(EXPECTED) from None
    if duration < timedelta(0):
        raise ValueError(EXPECTED)
    return duration


def write_duration(duration: timedelta) -> str:
    """Write a duration in its largest whole unit, so that `read_duration` reads the same."""
    for unit in _SHOWN:
        if duration and duration % _UNITS[unit] == timedelta(0):
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{duration / _UNITS['s']:g}s"


def _parsed(text: str) -> timedelta:
    if text.startswith("p"):
        return _ISO_8601.validate_python(text.upper())
    parts = _PART.findall(text)
    if parts and not _PART.sub("", text):
        return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())
    return timedelta(seconds=float(text))
