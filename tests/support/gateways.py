"""A gateway with a real port, in the test process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from deploy.local.issuer import AUDIENCE, ISSUER, DevelopmentIssuer, Role
from deploy.local.ports import free_port
from services.gateway.config import GatewayConfig
from services.gateway.main import run

Form = list[tuple[str, tuple[str | None, bytes]]]


@asynccontextmanager
async def serving(
    jobs_address: str, issuer: DevelopmentIssuer, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Run a gateway on a free port and yield an HTTP client with a doctor's token."""
    address = f"127.0.0.1:{free_port()}"
    config = GatewayConfig(
        listen_address=address,
        jobs_address=jobs_address,
        jwks_url=issuer.jwks_path.as_uri(),
        issuer=ISSUER,
        audience=AUDIENCE,
        insecure_development_issuer=True,
        metrics_address="",
        shutdown_grace=timedelta(seconds=2),
        **settings,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(run(config, stop))
    headers = {"Authorization": f"Bearer {issuer.mint([Role.DOCTOR])}"}
    async with httpx.AsyncClient(
        base_url=f"http://{address}", headers=headers, timeout=20
    ) as client:
        for _ in range(200):
            try:
                await client.get("/livez")
                break
            except httpx.ConnectError:
                if task.done():
                    task.result()
                await asyncio.sleep(0.02)
        yield client
    stop.set()
    await task


def form(*files: tuple[str, bytes], **fields: str) -> Form:
    """Return the parts of a form: fields, then files."""
    parts: Form = [(name, (None, value.encode())) for name, value in fields.items()]
    return parts + [("files", file) for file in files]


async def submit(gateway: httpx.AsyncClient, *files: tuple[str, bytes], **fields: str) -> Any:
    """Submit a job as a form and return the response body."""
    answer = await gateway.post("/v1/jobs:submit", files=form(*files, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()
