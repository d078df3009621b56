"""The `carina` command as a process, against the real jobs service."""

import asyncio
import csv
import io
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.issuer import Role
from tests.support.jobs import Jobs, open_jobs, rows


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Cli:
    environment: dict[str, str]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carina", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | self.environment,
        )

    async def __call__(self, *arguments: str) -> Ran:
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), timeout=60)
        assert b"Traceback" not in err
        return Ran(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def jobs(tmp_path: Path, postgres_url: str) -> AsyncIterator[Jobs]:
    async with open_jobs(tmp_path / "service", postgres_url) as service:
        await service.start(image_bytes=1000)
        yield service


@pytest.fixture
def carina(jobs: Jobs) -> Cli:
    return Cli({"CARINA_ADDRESS": jobs.replicas[0].address, "CARINA_TOKEN": jobs.token()})


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a.dcm", "b\x1b[31m.png"):
        (folder / name).write_bytes(name.encode())
    return folder


async def test_the_command_lies_beside_the_python_that_setup_installed() -> None:
    command = Path(sys.executable).with_name("carina")
    process = await asyncio.create_subprocess_exec(
        command, "--help", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"Submit chest radiographs" in out


async def test_a_job_that_succeeds_ends_with_0_and_a_table(
    carina: Cli, jobs: Jobs, films: Path
) -> None:
    running = asyncio.create_task(carina("submit", str(films), "--patient", "P1"))
    await jobs.work(2)
    ran = await running
    assert ran.code == 0, ran.err
    assert "a.dcm" in ran.out
    assert "pneumonia" in ran.out
    assert "0.700" in ran.out
    assert "\x1b" not in ran.out + ran.err
    assert "2/2" in ran.err
    assert "SUCCEEDED" in ran.err


@pytest.mark.parametrize(("failures", "code"), [(1, 3), (2, 4)])
async def test_a_job_with_failures_says_so_by_its_exit_code(
    carina: Cli, jobs: Jobs, films: Path, failures: int, code: int
) -> None:
    running = asyncio.create_task(carina("submit", str(films), "--patient", "P1"))
    await jobs.work(2, fail=lambda number: number < failures)
    ran = await running
    assert ran.code == code
    assert "CORRUPT_IMAGE: The file is damaged." in ran.out


async def test_a_cancelled_job_ends_the_watch_with_5(carina: Cli, films: Path) -> None:
    submitted = await carina("submit", str(films), "--patient", "P1", "--no-watch", "--json")
    assert submitted.code == 0
    name = json.loads(submitted.out)["job"]["name"]
    watching = asyncio.create_task(carina("watch", name))
    await asyncio.sleep(1)
    cancelled = await carina("cancel", name.removeprefix("jobs/"))
    assert (cancelled.code, cancelled.out.strip()) == (0, f"{name} CANCELLED")
    assert (await watching).code == 5


async def test_refused_files_are_named_and_the_others_go_on(
    carina: Cli, jobs: Jobs, films: Path
) -> None:
    (films / "big.png").write_bytes(bytes(2000))
    running = asyncio.create_task(carina("submit", str(films), "--patient", "P1"))
    await jobs.work(2)
    ran = await running
    assert ran.code == 3
    assert "REFUSED" in ran.out
    assert "An image may have at most 1000 bytes" in ran.out


async def test_when_every_file_is_refused_the_exit_code_is_1(carina: Cli, films: Path) -> None:
    for name in ("a.dcm", "b\x1b[31m.png"):
        (films / name).write_bytes(bytes(2000))
    ran = await carina("submit", str(films), "--patient", "P1", "--json")
    assert ran.code == 1
    answer = json.loads(ran.out)
    assert {each["reason"] for each in answer["refused"]} == {"IMAGE_BYTES_EXCEEDED"}
    assert answer["job"]["state"] == "STATE_CANCELLED"


async def test_refused_files_do_not_cancel_what_an_earlier_submission_handed_in(
    carina: Cli, films: Path
) -> None:
    again = ("--patient", "P1", "--json", "--request-id", "6c1f0a52-7a53-4f0e-8f2a-0f6f5b3f6f11")
    first = json.loads((await carina("submit", str(films), "--no-watch", *again)).out)
    for name in ("a.dcm", "b\x1b[31m.png"):
        (films / name).write_bytes(bytes(2000))
    ran = await carina("submit", str(films), *again)
    assert ran.code == 1
    answer = json.loads(ran.out)
    assert answer["job"]["name"] == first["job"]["name"]
    assert answer["job"]["state"] == "STATE_PENDING"


async def test_what_is_passed_over_is_named_in_one_line_and_folders_stay_here(
    carina: Cli, films: Path
) -> None:
    for name in (".DS_Store", "DOE^JANE/.DS_Store", "Thumbs.db", "DICOMDIR"):
        (films / name).parent.mkdir(exist_ok=True)
        (films / name).write_bytes(b"x")
    (films / "DOE^JANE" / "a.dcm").write_bytes(b"another")
    (films / "linked").symlink_to(films / "DOE^JANE", target_is_directory=True)
    ran = await carina("submit", str(films), "--patient", "P1", "--no-watch", "--json")
    assert ran.code == 0, ran.err
    assert "carina: passed over: .DS_Store (2), DICOMDIR, Thumbs.db, linked (hidden " in ran.err
    assert "links to folders and what is no file are not sent)\n" in ran.err
    assert f"carina: 1/ stands for {films / 'DOE^JANE'};" in ran.err
    assert f"carina: 2/ stands for {films};" in ran.err
    assert "DOE" not in ran.out
    names = [image["fileName"] for image in json.loads(ran.out)["images"]]
    assert sorted(names) == ["1/a.dcm", "2/a.dcm", "b\\x1b[31m.png"]


async def test_a_second_submission_says_what_is_already_there(
    carina: Cli, jobs: Jobs, films: Path
) -> None:
    submit = ("submit", str(films), "--patient", "P1")
    running = asyncio.create_task(carina(*submit, "--json"))
    await jobs.work(2)
    first = json.loads((await running).out)
    name = first["job"]["name"]

    second = await carina(*submit, "--json")
    assert second.code == 0
    assert f"carina: 2 of 2 file(s) were already there, in {name} of " in second.err
    assert json.loads(second.out) == first
    told = await carina(*submit)
    assert "(SUCCEEDED); --again submits all as a new job" in told.err
    assert "uploading" not in told.err
    assert "pneumonia" in told.out

    for other in (("--again",), ("--urgent",), ("--patient", "P2")):
        ran = await carina(*submit, *other, "--no-watch")
        assert ran.code == 0
        assert "already there" not in ran.err
        assert ran.out.strip() != name
    (films / "c.png").write_bytes(b"new")
    grown = await carina(*submit, "--no-watch")
    assert grown.out.strip() != name
    assert len(json.loads((await carina("jobs", "--json")).out)) == 5


async def test_a_submission_that_was_cut_off_is_continued_by_its_repetition(
    carina: Cli, jobs: Jobs, films: Path
) -> None:
    submit = ("submit", str(films), "--patient", "P1", "--no-watch")
    process = await carina.start(*submit)
    while not (found := await rows(jobs, "SELECT 1 FROM images")):
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    assert 1 <= len(found) <= 2
    again = await carina(*submit)
    assert again.code == 0, again.err
    assert re.search(r"[12] of 2 file\(s\) were already there", again.err)
    assert len(await rows(jobs, "SELECT 1 FROM jobs")) == 1
    assert len(await rows(jobs, "SELECT 1 FROM images")) == 2


async def test_what_was_cancelled_or_deleted_can_be_submitted_again(
    carina: Cli, jobs: Jobs, films: Path
) -> None:
    submit = ("submit", str(films), "--patient", "P1", "--no-watch")
    names = []
    for _ in range(3):
        ran = await carina(*submit)
        assert ran.code == 0
        assert "already there" not in ran.err
        names.append(ran.out.strip())
        assert (await carina("cancel", names[-1])).code == 0
    assert len(set(names)) == 3
    await carina("delete", names[0], "--token", jobs.token(Role.ADMIN))
    ran = await carina(*submit)
    assert ran.code == 0
    assert ran.out.strip() not in names


async def test_a_file_that_a_closed_job_lacks_is_refused_again_and_no_other(
    carina: Cli, jobs: Jobs, films: Path
) -> None:
    (films / "big.png").write_bytes(bytes(2000))
    submit = ("submit", str(films), "--patient", "P1", "--json")
    running = asyncio.create_task(carina(*submit))
    await jobs.work(2)
    first = await running
    second = await carina(*submit)
    assert first.code == second.code == 3
    assert json.loads(first.out) == json.loads(second.out)
    assert "2 of 3 file(s) were already there" in second.err


async def test_an_argument_that_is_not_utf_8_is_named(carina: Cli, films: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "carina", "submit", str(films), "--patient"),
        "Müller".encode("latin-1"),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | carina.environment,
    )
    _, complaint = await process.communicate()
    assert process.returncode == 2
    assert complaint == b"carina: the argument M\\xfcller is not UTF-8\n"


async def test_a_reader_that_has_read_enough_is_no_error(carina: Cli, films: Path) -> None:
    submitted = await carina("submit", str(films), "--patient", "P1", "--no-watch", "--json")
    name = json.loads(submitted.out)["job"]["name"]
    for form in ("table", "csv", "json"):
        reading, writing = os.pipe()
        os.close(reading)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carina", "results", name, "--format", form),
            stdout=writing,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | carina.environment,
        )
        os.close(writing)
        _, complaint = await process.communicate()
        assert complaint == b""
        assert process.returncode == 141


async def test_results_come_as_json_and_csv(carina: Cli, jobs: Jobs, films: Path) -> None:
    running = asyncio.create_task(carina("submit", str(films), "--patient", "=P1", "--json"))
    await jobs.work(2)
    submitted = json.loads((await running).out)
    name = submitted["job"]["name"]
    assert submitted["refused"] == []

    shown = json.loads((await carina("results", name, "--format", "json")).out)
    assert shown == {key: submitted[key] for key in ("job", "images")}
    rows = list(csv.DictReader(io.StringIO((await carina("results", name, "--format", "csv")).out)))
    assert {row["predicted_label"] for row in rows} == {"pneumonia"}
    assert {row["patient_id"] for row in rows} == {"'=P1"}

    listed = json.loads((await carina("jobs", "--state", "succeeded", "--json")).out)
    assert [job["name"] for job in listed] == [name]
    assert json.loads((await carina("jobs", "--state", "failed", "--json")).out) == []
    assert name.removeprefix("jobs/") in (await carina("jobs")).out

    told = (await carina("watch", name, "--json")).out.splitlines()
    assert json.loads(told[0])["event"] == "snapshot"

    refused = await carina("delete", name)
    assert refused.code == 1
    assert "not allowed" in refused.err
    deleted = await carina("delete", name, "--token", jobs.token(Role.ADMIN), "--json")
    assert json.loads(deleted.out) == {"name": name, "deleted": True}
    assert (await carina("show", name)).code == 1


async def test_failed_images_are_retried(carina: Cli, jobs: Jobs, films: Path) -> None:
    running = asyncio.create_task(carina("submit", str(films), "--patient", "P1", "--json"))
    await jobs.work(2, fail=lambda _: True)
    name = json.loads((await running).out)["job"]["name"]
    nothing = await carina("retry", name, "--only-retryable")
    assert (nothing.code, nothing.out.splitlines()) == (
        0,
        [f"{name} FAILED", "nothing to retry: no error of the 2 failed image(s) is retryable"],
    )
    retried = await carina("retry", name)
    assert retried.code == 0
    assert "2 of 2 failed image(s) queued again" in retried.out
    again = await carina("retry", name)
    assert "nothing to retry: no image has failed" in again.out
    watching = asyncio.create_task(carina("watch", name))
    await jobs.work(2)
    assert (await watching).code == 0


async def test_a_missing_token_is_refused_with_a_way_out(carina: Cli) -> None:
    carina.environment["CARINA_TOKEN"] = ""
    ran = await carina("jobs")
    assert ran.code == 1
    assert "give --token or set CARINA_TOKEN" in ran.err


async def test_an_interrupted_submission_says_how_to_go_on(carina: Cli, films: Path) -> None:
    submit = ("submit", str(films), "--patient", "P1")
    process = await carina.start(*submit)
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(60):
        while "PENDING" not in said:
            line = await process.stderr.readline()
            assert line, said
            said += line.decode()
        process.send_signal(signal.SIGINT)
        said += (await process.stderr.read()).decode()
        assert await process.wait() == 130
    [request_id] = re.findall(r"--request-id (\S+)", said)
    again = await carina(*submit, "--no-watch", "--request-id", request_id)
    assert again.code == 0
    assert again.out.strip() in said


async def test_a_service_that_is_away_gives_6() -> None:
    ran = await Cli({"CARINA_ADDRESS": "127.0.0.1:1", "CARINA_TOKEN": "x"})("jobs")
    assert ran.code == 6


async def test_wrong_use_gives_2(tmp_path: Path) -> None:
    cli = Cli({})
    for arguments in (
        ("submit", str(tmp_path / "nothing"), "--patient", "P1"),
        ("submit", str(tmp_path), "--patient", "P1"),
        ("submit", str(tmp_path)),
        ("results", "x", "--format", "pdf"),
    ):
        assert (await cli(*arguments)).code == 2
