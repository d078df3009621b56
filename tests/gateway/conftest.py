"""Gateways in front of a real jobs service, and of one that fails on cue."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local.issuer import DevelopmentIssuer
from tests.support.gateways import serving
from tests.support.jobs import Jobs, open_jobs
from tests.support.scripted_jobs import ScriptedJobs, serve


@pytest.fixture
async def jobs(tmp_path: Path, postgres_url: str) -> AsyncIterator[Jobs]:
    """One replica of the real jobs service."""
    async with open_jobs(tmp_path, postgres_url) as service:
        await service.start()
        yield service


@pytest.fixture
async def gateway(jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway in front of the real jobs service."""
    async with serving(jobs.replicas[0].address, jobs.issuer) as client:
        yield client


@pytest.fixture
async def scripted() -> ScriptedJobs:
    """A jobs service that fails on cue."""
    return ScriptedJobs()


@pytest.fixture
async def fragile(scripted: ScriptedJobs, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway in front of a jobs service that fails on cue."""
    async with (
        serve(scripted) as address,
        serving(
            address,
            DevelopmentIssuer(tmp_path / "issuer"),
            heartbeat=timedelta(milliseconds=200),
            idle_timeout=timedelta(milliseconds=500),
            reconnect_timeout=timedelta(seconds=2),
        ) as client,
    ):
        yield client
