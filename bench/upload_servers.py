"""Compares HTTP servers and multipart parsers by uploading 2 GiB through the gateway.

    python bench/upload_servers.py [--mib 64] [--files 32]

Every pair runs in a separate process, in front of a jobs service that discards the bytes, so that
only the gateway is measured. Requires granian, httptools and streaming-form-data in addition to our
own requirements. The results are in docs/decisions.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.upload import MIB, Watched, measure
from carina.channel import open_channel
from carina.jobs.v1 import image_pb2, job_pb2
from chassis.auth import TokenVerifier
from chassis.memory import keep_freed_memory
from deploy.local.issuer import ISSUER, DevelopmentIssuer, Role
from deploy.local.ports import free_port
from deploy.local.scratch import scratch_folder
from services.gateway import multipart
from services.gateway.app import Lingering, build_app
from services.gateway.config import GatewayConfig
from services.gateway.handlers import uploads
from services.gateway.handlers.translate import State
from services.gateway.jobs_client import JobsClient
from tests.support.scripted_jobs import JOB, ScriptedJobs, serve

SERVERS = ("uvicorn-h11", "uvicorn-httptools", "granian")
PARSERS = ("python-multipart", "streaming-form-data")


class Discard(ScriptedJobs):
    """Counts the bytes of uploads and discards them."""

    async def UploadImage(self, request_iterator: Any, context: Any) -> image_pb2.Image:  # noqa: N802
        """Receive an upload."""
        del context
        size = 0
        async for message in request_iterator:
            size += len(message.chunk)
        return image_pb2.Image(name=f"{JOB}/images/x", size_bytes=size)

    async def CloseJob(self, request: Any, context: Any) -> job_pb2.Job:  # noqa: N802
        """Close a job."""
        del request, context
        return self.job


async def read_form_streaming(
    content_type: str, chunks: AsyncIterator[bytes]
) -> AsyncGenerator[multipart.Event, None]:
    """Yield the events of our parser from streaming-form-data, for parts named `files`."""
    from streaming_form_data import StreamingFormDataParser  # noqa: PLC0415 - only compared
    from streaming_form_data.targets import BaseTarget  # noqa: PLC0415 - only compared

    events: list[multipart.Event] = []

    class Target(BaseTarget):  # type: ignore[misc, no-any-unimported, unused-ignore]
        def on_start(self) -> None:
            events.append(multipart.PartBegin("files", self.multipart_filename))

        def on_data_received(self, chunk: bytes) -> None:
            events.append(multipart.PartData(chunk))

        def on_finish(self) -> None:
            events.append(multipart.PartEnd())

    class Many(Target):  # type: ignore[misc, no-any-unimported, unused-ignore]
        """A target for several parts with the same name."""

    parser = StreamingFormDataParser(headers={"Content-Type": content_type})
    parser.register("files", Many())
    async for chunk in chunks:
        parser.data_received(chunk)
        parsed, events[:] = list(events), []
        for event in parsed:
            yield event


async def serve_gateway(server: str, parser: str, port: int, jobs: str, folder: Path) -> None:
    """Run a gateway with one pair until the process is killed."""
    if parser == "streaming-form-data":
        uploads.read_form = read_form_streaming  # type: ignore[attr-defined]
    issuer = DevelopmentIssuer(folder)
    config = GatewayConfig(  # type: ignore[call-arg] # all other settings have defaults
        jwks_url=issuer.jwks_path.resolve().as_uri(),
        issuer=ISSUER,
        insecure_development_issuer=True,
    )
    async with open_channel(jobs) as channel:
        client = JobsClient(
            channel,
            call_timeout=timedelta(seconds=20),
            upload_timeout=timedelta(hours=1),
            reconnect_timeout=timedelta(seconds=5),
        )
        verifier = TokenVerifier(config)
        state = State(config=config, jobs=client, verifier=verifier, stopping=asyncio.Event())
        app = Lingering(build_app(state))
        if server == "granian":
            from granian.server.embed import Server  # noqa: PLC0415 - only compared

            await Server(app, address="127.0.0.1", port=port, interface="asgi").serve()
            return
        http = server.removeprefix("uvicorn-")
        options = uvicorn.Config(app, port=port, http=http, log_config=None, access_log=False)
        await uvicorn.Server(options).serve()


async def serve_sink(port: int) -> None:
    """Run a jobs service that discards uploads."""
    async with serve(Discard(), f"127.0.0.1:{port}"):
        await asyncio.Event().wait()


def compare(files: int, file_bytes: int) -> None:
    """Measure every pair and print a line for each."""
    with scratch_folder("bench") as folder:
        token = DevelopmentIssuer(folder).mint([Role.DOCTOR])
        for server in SERVERS:
            for parser in PARSERS:
                jobs_port, port = free_port(), free_port()
                sink = _start("sink", str(jobs_port))
                gateway = _start("gateway", server, parser, str(port), str(jobs_port), str(folder))
                try:
                    url = f"http://127.0.0.1:{port}"
                    _wait_for(url)
                    measure(url, token, [], files=1, file_bytes=MIB)
                    watched = [Watched("gateway", gateway.pid), Watched("sink", sink.pid)]
                    numbers = measure(url, token, watched, files=files, file_bytes=file_bytes)
                    print(json.dumps({"server": server, "parser": parser, **numbers}), flush=True)
                finally:
                    for process in (gateway, sink):
                        process.kill()
                        process.wait()


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stderr=None if "CARINA_BENCH_LOGS" in os.environ else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:  # noqa: PLR2004 - ready
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the gateway did not become ready")


def main() -> None:
    """Run the comparison, or one of its processes."""
    match sys.argv[1:]:
        case ["sink", port]:
            uvloop.run(serve_sink(int(port)))
        case ["gateway", server, parser, port, jobs_port, folder]:
            keep_freed_memory()
            address = f"127.0.0.1:{jobs_port}"
            uvloop.run(serve_gateway(server, parser, int(port), address, Path(folder)))
        case _:
            parser_ = argparse.ArgumentParser(description=__doc__)
            parser_.add_argument("--files", type=int, default=32)
            parser_.add_argument("--mib", type=int, default=64)
            arguments = parser_.parse_args()
            compare(arguments.files, arguments.mib * MIB)


if __name__ == "__main__":
    main()
