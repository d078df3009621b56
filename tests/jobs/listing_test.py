"""Listing jobs costs the same whether a site has a thousand jobs or a million."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from carina.files import FileUpload
from carina.results import JobSpec, Priority
from deploy.local.issuer import Role
from deploy.local.postgres import Postgres
from services.jobs.commands.migrate import migrate
from services.jobs.models import JobFilter, JobState, Scope
from services.jobs.models import Priority as Rank
from services.jobs.storage.database import QUERIES, open_database
from services.jobs.storage.lists import list_query
from services.jobs.storage.store import JobStore
from tests.support.databases import fresh_database
from tests.support.jobs import Jobs
from tests.support.many_jobs import fill_with_jobs

JOBS = 20_000
PAGE = 51
NOON = datetime.now(UTC) - timedelta(days=3)
FILTERS = {
    "none": JobFilter(),
    "state": JobFilter(states=(JobState.RUNNING,)),
    "states": JobFilter(states=(JobState.FAILED, JobState.PARTIALLY_SUCCEEDED)),
    "patient": JobFilter(patient_id="P7"),
    "priority": JobFilter(priority=Rank.URGENT),
    "creator": JobFilter(creator="doctor-3"),
    "time": JobFilter(created_before=NOON, created_after=NOON - timedelta(days=1)),
    "state+priority": JobFilter(states=(JobState.FAILED,), priority=Rank.URGENT),
    "state+creator": JobFilter(states=(JobState.SUCCEEDED,), creator="doctor-3"),
    "state+patient": JobFilter(states=(JobState.SUCCEEDED,), patient_id="P7"),
    "state+time": JobFilter(states=(JobState.FAILED,), created_before=NOON),
    "priority+creator": JobFilter(priority=Rank.URGENT, creator="doctor-3"),
    "priority+time": JobFilter(priority=Rank.URGENT, created_before=NOON),
    "creator+time": JobFilter(creator="doctor-3", created_before=NOON),
    "patient+time": JobFilter(patient_id="P7", created_before=NOON),
}


class Explaining:
    """A connection that explains each query instead of returning its rows."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.plan: dict[str, Any] = {}

    async def fetch(self, sql: str, *arguments: object) -> list[Any]:
        (row,) = await self._connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
        self.plan = json.loads(row[0])[0]["Plan"]
        return []


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows_read(node: dict[str, Any]) -> float:
    """Return the number of rows that a plan node read."""
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return float(rows) * float(node["Actual Loops"])


@pytest.fixture(scope="module")
def filled(postgres: Postgres) -> Iterator[str]:
    """A database with many jobs, shared by the module."""
    with fresh_database(postgres) as url:
        asyncio.run(migrate(url))
        asyncio.run(fill_with_jobs(url, JOBS))
        yield url


@pytest.fixture
async def connection(filled: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(
        filled,
        server_settings={"role": "carina_caller"},
    )
    async with opened.transaction():
        await QUERIES.set_scope(opened, site="demo", patient="")
        await QUERIES.plan_each_query(opened)
        yield opened
    await opened.close()


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS.keys())
@pytest.mark.parametrize("page", ["first", "later"])
async def test_a_page_is_read_from_an_index_with_few_extra_rows(
    connection: asyncpg.Connection, wanted: JobFilter, page: str
) -> None:
    query, parameters = list_query(Scope("demo"), wanted)
    explaining = Explaining(connection)
    async for _ in query(
        explaining,
        site="demo",
        created_after=wanted.created_after,
        created_before=wanted.created_before,
        after_time=None if page == "first" else NOON,
        after_id=None if page == "first" else UUID(int=0),
        page_size=PAGE,
        **parameters,
    ):
        pass
    scans = [node for node in nodes(explaining.plan) if node.get("Relation Name")]
    assert scans
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
    # Each of the 14 pairs of state and priority may read a full page before the merge.
    assert sum(rows_read(node) for node in scans) <= 16 * PAGE


async def test_every_filter_returns_the_same_jobs_as_a_full_scan(filled: str) -> None:
    async with open_database(filled, connections=1) as database:
        store, scope = JobStore(database), Scope("demo")
        everything = await store.list_jobs(scope, JobFilter(), None, JOBS)
        assert len(everything) == JOBS
        for wanted in FILTERS.values():
            expected = [
                job.job_id
                for job in everything
                if (not wanted.states or job.state in wanted.states)
                and wanted.priority in (None, job.spec.priority)
                and wanted.creator in ("", job.creator)
                and wanted.patient_id in ("", job.spec.patient_id)
                and (wanted.created_after is None or job.create_time >= wanted.created_after)
                and (wanted.created_before is None or job.create_time < wanted.created_before)
            ]
            assert expected
            found = await store.list_jobs(scope, wanted, None, JOBS)
            assert [job.job_id for job in found] == expected


async def test_a_list_by_patient_includes_jobs_with_an_image_of_the_patient(
    jobs: Jobs, tmp_path: Any
) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"film")
    async with jobs.client() as client:
        own = await client.create(JobSpec(patient_id="P1", priority=Priority.URGENT))
        mixed = await client.create(JobSpec(patient_id="P2"))
        await client.upload(mixed, replace(FileUpload.from_path(path), patient_id="P1"))
        assert [job.name async for job in client.list(patient_id="P1")] == [mixed.name, own.name]
        assert [job.name async for job in client.list(patient_id="P2")] == [mixed.name]
        urgent = [job.name async for job in client.list(patient_id="P1", priority=Priority.URGENT)]
        assert urgent == [own.name]
    async with jobs.client(Role.PATIENT, patient_id="P2") as patient:
        assert [job.name async for job in patient.list()] == [mixed.name]
        assert [job.name async for job in patient.list(patient_id="P1")] == []
