"""Watches of the client, cut and resumed."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from carina.client import Client
from carina.errors import UnavailableError
from carina.jobs.v1 import image_pb2
from carina.results import (
    Change,
    JobState,
    Snapshot,
)
from tests.support.scripted_jobs import (
    JOB,
    Cut,
    ScriptedJobs,
    at,
    change,
    heartbeat,
    serve,
    snapshot,
)


async def test_watch_yields_a_snapshot_and_changes_until_the_end(
    client: Client, jobs: ScriptedJobs
) -> None:
    images = [image_pb2.Image(name=f"{JOB}/images/{n}", ordinal=n) for n in range(3)]
    jobs.watches.append(
        [
            snapshot(4, images[0], images[1], last=False),
            snapshot(4, images[2]),
            heartbeat(4),
            change(5, images[0]),
            change(6, state="SUCCEEDED"),
        ]
    )
    updates = [update async for update in client.watch(JOB)]
    assert [type(update) for update in updates] == [Snapshot, Change, Change]
    assert [update.revision for update in updates] == [4, 5, 6]
    assert len(updates[0].images) == 3
    assert updates[-1].job.state is JobState.SUCCEEDED


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
async def test_watch_goes_on_after_a_cut_without_gap_or_repeat(
    client: Client, jobs: ScriptedJobs, code: grpc.StatusCode
) -> None:
    jobs.watches.extend(
        [
            [snapshot(1, last=False), Cut(code)],
            [snapshot(1), change(2), Cut(code)],
            [Cut(code)],
            [change(2), change(3), change(4), Cut(code)],
            [change(5, state="FAILED")],
        ]
    )
    updates = [update async for update in client.watch(JOB)]
    assert [update.revision for update in updates] == [1, 2, 3, 4, 5]
    assert jobs.watched_after == [0, 0, 2, 2, 4]


async def test_watch_ends_when_the_last_change_was_seen_before_the_cut(
    client: Client, jobs: ScriptedJobs
) -> None:
    jobs.job.CopyFrom(at(3, "SUCCEEDED"))
    jobs.watches.extend([[snapshot(1), change(3, state="SUCCEEDED"), Cut()], []])
    updates = [update async for update in client.watch(JOB)]
    assert [update.revision for update in updates] == [1, 3]


async def test_watch_of_a_job_that_ended_at_the_given_revision_yields_nothing(
    client: Client, jobs: ScriptedJobs
) -> None:
    jobs.job.CopyFrom(at(7, "CANCELLED"))
    jobs.watches.append([])
    assert [update async for update in client.watch(JOB, after_revision=7)] == []


async def test_watch_takes_a_later_snapshot_for_what_it_missed(
    client: Client, jobs: ScriptedJobs
) -> None:
    jobs.watches.extend([[snapshot(1), Cut()], [snapshot(9), change(10, state="SUCCEEDED")]])
    updates = [update async for update in client.watch(JOB)]
    assert [update.revision for update in updates] == [1, 9, 10]


async def test_watch_gives_up_when_the_service_stays_away(
    client: Client, jobs: ScriptedJobs
) -> None:
    jobs.watches.append([Cut()])
    with pytest.raises(UnavailableError):
        async for _ in client.watch(JOB):
            pass
    assert len(jobs.watched_after) > 2


async def test_watch_survives_a_restart_of_the_server(jobs: ScriptedJobs) -> None:
    jobs.watches.append([snapshot(1), change(2), Cut()])
    async with serve(jobs) as address:
        client = Client(address, reconnect_timeout=timedelta(seconds=20))
        updates = client.watch(JOB)
        assert (await anext(updates)).revision == 1
        assert (await anext(updates)).revision == 2
    jobs.watches[0] = [change(3, state="SUCCEEDED")]
    pending = asyncio.create_task(anext(updates))
    await asyncio.sleep(0.2)
    async with serve(jobs, address):
        assert (await pending).revision == 3
        await client.aclose()
