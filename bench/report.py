"""Formats the raw numbers as a page."""

import statistics
from collections.abc import Callable
from typing import Any

_PAGE = """# Measurements

`make bench`, {time}, on {cpus} cores of {processor}, Linux {kernel}, Python {python}.
The raw numbers are in `raw.json`.

## A job of fifty radiographs, 3.6 megapixels each

The bare loop is one process that decodes, enhances, resizes and infers the same files, without
previews (`bench/loop.py`). The system is every process of the stack, including NATS, PostgreSQL and
Triton. Figures are medians of three runs, alternating between loop and system. Efficiency is the
CPU time of the loop divided by the CPU time of the system.

{batches}

CPU time of the system by process, ms per film:

{parts}

## 2 GiB in one form through the gateway

{rate} MB/s, {seconds} s.

{processes}

## {watchers} watchers of one job on one replica

{seen} received the last event; {messages} messages in {watch_seconds} s. Each uses {idle} KiB of
the replica's memory while idle, {end} KiB after the job has run.
"""
Row = dict[str, Any]


def report(raw: Row) -> str:
    """Format the numbers as a Markdown page."""
    upload, watched = raw["upload"], raw["watchers"]
    kinds: dict[str, list[Row]] = {}
    for row in raw["batches"]:
        kinds.setdefault(row["kind"], []).append(row)
    return _PAGE.format(
        **raw["machine"],
        time=raw["time"],
        batches=_table(kinds, _BATCHES),
        parts=_table(kinds, {part: _part(part) for part in raw["batches"][0]["parts"]}),
        rate=upload["mb_per_second"],
        seconds=upload["seconds"],
        processes="\n".join(map(_process, upload["processes"])),
        watchers=watched["watchers"],
        seen=watched["saw_the_last_event"],
        messages=watched["messages"],
        watch_seconds=watched["seconds"],
        idle=watched["kib_each_idle"],
        end=watched["kib_each_at_the_end"],
    )


def _process(row: Row) -> str:
    return (
        f"* {row['process']}: {row['cpu_seconds']} s of CPU, {row['resident_before_mib']} MiB of"
        f" memory before and {row['resident_growth_mib']} MiB more at its peak"
    )


def _table(kinds: dict[str, list[Row]], columns: dict[str, Callable[[Row], float]]) -> str:
    lines = [["films", *columns], ["---"] * (len(columns) + 1)]
    for kind, rows in kinds.items():
        medians = (statistics.median(map(column, rows)) for column in columns.values())
        lines.append([kind, *(f"{median:.3g}" for median in medians)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _part(name: str) -> Callable[[Row], float]:
    return lambda row: row["parts"][name] / row["films"] * 1000


_BATCHES: dict[str, Callable[[Row], float]] = {
    "loop, CPU ms per film": lambda row: row["loop"]["cpu"] / row["films"] * 1000,
    "system, CPU ms per film": lambda row: sum(row["parts"].values()) / row["films"] * 1000,
    "efficiency": lambda row: row["efficiency"],
    "films/s": lambda row: row["films_per_second"],
    "first finding s": lambda row: row["first_finding_seconds"],
    "event p50 ms": lambda row: row["event_p50_ms"],
    "event p99 ms": lambda row: row["event_p99_ms"],
}
