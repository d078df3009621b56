"""`make bench`: measure, and write `bench/report.md` beside the raw numbers in `bench/raw.json`."""

import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import batches, watchers
from carina.issuer import DevelopmentIssuer, Role
from deploy.local.settings import Options
from deploy.local.stack import LocalStack

_HERE = Path(__file__).parent
_FILES, _FILE_MIB = 32, 64


async def measure_upload() -> dict[str, Any]:
    """Send 2 GiB through the gateway in one form."""
    with tempfile.TemporaryDirectory(prefix="carina-bench-") as folder:
        data = Path(folder, "data")
        token = DevelopmentIssuer(data / "issuer").mint([Role.DOCTOR])
        # Nobody reads these files: what is measured is the way in.
        async with LocalStack(data, Options(preprocess=0, inference=0)) as stack:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "bench/upload.py", stack.http_url, "--token", token),
                *("--files", str(_FILES), "--mib", str(_FILE_MIB)),
                *("--process", f"gateway={stack.processes['gateway-1'].pid}"),
                *("--process", f"jobs={stack.processes['jobs-1'].pid}"),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
    answer: dict[str, Any] = json.loads(output)
    return answer


async def main() -> None:
    """Measure everything and write it down."""
    raw = {
        "machine": {
            "cpus": os.cpu_count(),
            "processor": _processor(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "time": datetime.now(UTC).isoformat(timespec="minutes"),
        "batches": await batches.measure(),
        "upload": await measure_upload(),
        "watchers": await watchers.measure(),
    }
    (_HERE / "raw.json").write_text(json.dumps(raw, indent=1) + "\n")
    (_HERE / "report.md").write_text(report(raw))
    print((_HERE / "report.md").read_text())


def report(raw: dict[str, Any]) -> str:
    """Write the numbers as a page."""
    machine, upload, watched = raw["machine"], raw["upload"], raw["watchers"]
    lines = [
        "# Measured",
        "",
        f"`make bench`, {raw['time']}, on {machine['cpus']} cores of {machine['processor']}, "
        f"Linux {machine['kernel']}, Python {machine['python']}. Raw numbers: `raw.json`.",
        "",
        "## A job of fifty radiographs, 3.6 megapixels each",
        "",
        "The bare loop is one process that decodes, enhances, resizes and infers the same files",
        "(`bench/loop.py`), without a preview. The system is every process of the stack. Medians of",
        "three runs, loop and system in turn; efficiency is CPU of the loop over CPU of the system.",
        "",
        "| films | loop, CPU ms a film | system, CPU ms a film | efficiency | films/s | first finding s "
        "| event p50 ms | event p99 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(row["kind"] for row in raw["batches"]):
        rows = [row for row in raw["batches"] if row["kind"] == kind]
        films = rows[0]["films"]
        loop = statistics.median(row["loop"]["cpu"] for row in rows) / films * 1000
        system = statistics.median(sum(row["parts"].values()) for row in rows) / films * 1000
        cells = [kind, f"{loop:.1f}", f"{system:.1f}", f"{_median(rows, 'efficiency'):.2f}"]
        cells += [f"{_median(rows, key):.1f}" for key in ("films_per_second",)]
        cells += [f"{_median(rows, 'first_finding_seconds'):.2f}"]
        cells += [f"{_median(rows, key):.0f}" for key in ("event_p50_ms", "event_p99_ms")]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Where the system's CPU goes, ms a film:", ""]
    parts = list(raw["batches"][0]["parts"])
    lines += [f"| films | {' | '.join(parts)} |", "|---" * (len(parts) + 1) + "|"]
    for kind in dict.fromkeys(row["kind"] for row in raw["batches"]):
        rows = [row for row in raw["batches"] if row["kind"] == kind]
        cells = [
            f"{statistics.median(row['parts'][part] for row in rows) / rows[0]['films'] * 1000:.1f}"
            for part in parts
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += [
        "",
        f"## {_FILES * _FILE_MIB / 1024:g} GiB in one form through the gateway",
        "",
        f"{upload['mb_per_second']} MB/s, {upload['seconds']} s.",
        "",
        *(f"* {each}" for each in upload["processes"]),
        "",
        f"## {watched['watchers']} watchers of one job on one replica",
        "",
        f"{watched['saw_the_last_event']} saw the last event; {watched['messages']} messages in "
        f"{watched['seconds']} s. Each costs {watched['kib_each_idle']} KiB of the replica's memory",
        f"while nothing happens, {watched['kib_each_at_the_end']} KiB after the job has run.",
        "",
    ]
    return "\n".join(lines)


def _median(rows: list[dict[str, Any]], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    asyncio.run(main())
