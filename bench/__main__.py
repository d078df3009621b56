"""`make bench`: writes `bench/report.md` and the raw numbers in `bench/raw.json`."""

import asyncio
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import batches, watchers
from bench.report import report
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.scratch import scratch_folder
from deploy.local.settings import Options
from deploy.local.stack import LocalStack

_HERE = Path(__file__).parent
# 2 GiB in total, the limit of a job.
_FILES, _FILE_MIB = 32, 64


async def measure_upload() -> dict[str, Any]:
    """Upload 2 GiB through the gateway in one form."""
    with scratch_folder("bench") as folder:
        data = folder / "data"
        token = DevelopmentIssuer(data / "issuer").mint([Role.DOCTOR])
        # Without workers, because only the upload is measured.
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
    """Measure everything and write the report."""
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


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    asyncio.run(main())
