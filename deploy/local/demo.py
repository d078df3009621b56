"""`make demo`: a batch of real films through a whole stack, checked at the end."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from deploy.local.films import Expectation, write_batch
from deploy.local.issuer import DevelopmentIssuer, Role
from deploy.local.scratch import scratch_folder
from deploy.local.settings import Options
from deploy.local.stack import LocalStack

# The exit code of `carina submit` when some images failed.
_PARTIALLY = 3


async def demonstrate() -> bool:
    """Start a fresh stack, submit the batch, follow it, check it; return whether it went well."""
    begun = time.monotonic()
    with scratch_folder("demo") as folder:
        films = folder / "films"
        expected = await asyncio.to_thread(write_batch, films)
        _say(f"{len(expected)} files: one real chest film in {len(expected) - 3} encodings, a leg,")
        _say("a truncated JPEG, and a PDF named .png")
        _say("starting NATS, PostgreSQL, Triton and the four services ...")
        data = folder / "data"
        token = DevelopmentIssuer(data / "issuer").mint([Role.DOCTOR])
        async with LocalStack(data, Options()) as stack:
            _say(f"ready after {time.monotonic() - begun:.1f} s at {stack.http_url}")
            carina = Carina(stack.grpc_address, token)
            code = await carina.show("submit", str(films), "--patient", "DEMO-1")
            (job,) = json.loads(await carina.read("jobs"))
            results = json.loads(await carina.read("results", job["name"]))
        problems = _problems(expected, results, code)
    for problem in problems:
        _say(f"WRONG: {problem}")
    if not problems:
        _say(f"every image ended as expected, after {time.monotonic() - begun:.1f} s in all")
    return not problems


class Carina:
    """The `carina` command, run as a user would."""

    def __init__(self, address: str, token: str) -> None:
        self._environment = {**os.environ, "CARINA_ADDRESS": address, "CARINA_TOKEN": token}

    async def show(self, *arguments: str) -> int:
        """Run it with our own output; return its exit code."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carina", *arguments), env=self._environment
        )
        return await process.wait()

    async def read(self, *arguments: str) -> bytes:
        """Run it with --json and return its output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carina", *arguments, "--json"),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        return output


def _problems(
    expected: Mapping[str, Expectation], results: Mapping[str, Any], code: int
) -> list[str]:
    """Compare how each image ended with what is expected of its file."""
    problems = []
    if code != _PARTIALLY:
        problems.append(f"carina submit ended with {code} instead of {_PARTIALLY}")
    if results["job"]["state"] != "STATE_PARTIALLY_SUCCEEDED":
        problems.append(f"the job ended {results['job']['state']}")
    images = {image["fileName"]: image for image in results["images"]}
    odd = expected.keys() ^ images.keys()
    problems += [f"{name} is missing, or was not submitted" for name in odd]
    for name in expected.keys() & images.keys():
        image, must = images[name], expected[name]
        code_found = image.get("error", {}).get("code", "")
        if (image["state"], code_found) != (f"STATE_{must.state}", must.error_code):
            problems.append(f"{name} ended {image['state']} {code_found}")
        elif must.note and not any(
            note.startswith(f"{must.note}: ") for note in image.get("notes", ())
        ):
            problems.append(f"{name} lacks the note {must.note}")
        elif not must.error_code and not must.note and not image.get("predictedLabel"):
            problems.append(f"{name} has no predicted label")
    return problems


def _say(line: str) -> None:
    print(f"demo: {line}", flush=True)
