import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import obstore
import pytest
from obstore.store import from_url
from tritonclient.grpc.aio import InferenceServerClient

from deploy.local import processes
from deploy.local.ports import PortTakenError, free_port, require_free
from deploy.local.probes import http_ok
from deploy.local.settings import ROOT, Options
from deploy.local.stack import AlreadyRunningError, LocalStack
from tests.support.servers import tiny_repository

NO_SERVICES = {"jobs": 0, "preprocess": 0, "inference": 0, "gateway": 0}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(repository=tiny_repository(tmp_path), postgres={"fsync": "off"}, **NO_SERVICES)  # type: ignore[arg-type]


def all_processes(stack: LocalStack) -> set[int]:
    return processes.find(stack.mark, [stack.data / "postgres"])


async def assert_running(stack: LocalStack) -> None:
    connection = await asyncpg.connect(stack.addresses.database_url)
    await connection.close()
    client = await nats.connect(stack.addresses.nats_url)
    await client.jetstream().account_info()
    await client.close()
    async with InferenceServerClient(stack.addresses.triton_address) as triton:
        assert await triton.is_model_ready("cxr")


async def wait_until_gone(pids: set[int], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while any(_runs(pid) for pid in pids):
            await asyncio.sleep(0.05)


def _runs(pid: int) -> bool:
    # A zombie has ended; in a container, it may never be reaped.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_all_servers_run_and_none_is_left_behind(tmp_path: Path, options: Options) -> None:
    async with LocalStack(tmp_path / "data", options) as stack:
        await assert_running(stack)
        pids = all_processes(stack)
        # The three servers, PostgreSQL's child processes and Triton's stub.
        assert len(pids) > 5
    await wait_until_gone(pids, 0.1)
    assert not all_processes(stack)


async def test_each_server_restarts_after_it_was_killed(tmp_path: Path, options: Options) -> None:
    async with LocalStack(tmp_path / "data", options) as stack:
        for name in list(stack.processes):
            stack.kill(name)
        await stack.wait_ready()
        await assert_running(stack)
        pids = all_processes(stack)
    await wait_until_gone(pids, 1)
    assert not all_processes(stack)


def consecutive_ports(count: int) -> int:
    """Return the first of some free ports below those that `free_port` hands out."""
    while True:
        first = random.randrange(10_000, 19_000)
        with contextlib.suppress(PortTakenError):
            for port in range(first, first + count):
                require_free(port)
            return first


async def test_every_service_restarts_after_it_was_killed(tmp_path: Path, options: Options) -> None:
    first = consecutive_ports(5)
    whole = Options(
        repository=options.repository, postgres=options.postgres, jobs=2, metrics_port=first
    )
    async with LocalStack(tmp_path / "data", whole) as stack:
        services = [name for name in stack.processes if name[-1].isdigit()]
        assert len(services) == 5
        assert stack.metrics_ports == {name: first + n for n, name in enumerate(services)}
        for port in stack.metrics_ports.values():
            assert await asyncio.to_thread(http_ok, port, "/metrics")
        for name in services:
            stack.kill(name)
        await stack.wait_ready()
        assert all(stack.processes[name].starts == 2 for name in services)
        pids = all_processes(stack)
    await wait_until_gone(pids, 1)


async def test_stored_data_and_logs_survive_a_restart(tmp_path: Path, options: Options) -> None:
    log = tmp_path / "data" / "logs" / "nats.log"
    async with LocalStack(tmp_path / "data", options) as stack:
        connection = await asyncpg.connect(stack.addresses.database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        await connection.close()
        client = await nats.connect(stack.addresses.nats_url)
        await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await client.jetstream().publish("kept", b"payload")
        await client.close()
    lines = log.read_text()
    async with LocalStack(tmp_path / "data", options) as stack:
        connection = await asyncpg.connect(stack.addresses.database_url)
        assert await connection.fetchval("SELECT number FROM kept") == 7
        await connection.close()
        client = await nats.connect(stack.addresses.nats_url)
        assert (await client.jetstream().get_last_msg("KEPT", "kept")).data == b"payload"
        await client.close()
    assert lines
    assert log.read_text().startswith(lines)
    assert log.read_text().count("Server is ready") == 2


async def test_objects_on_s3_survive_a_restart(
    tmp_path: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_s3 = Options(**{**vars(options), "blobs": "s3"})
    for attempt in ("put", "get"):
        async with LocalStack(tmp_path / "data", on_s3) as stack:
            for name, value in stack.addresses.blob_environment.items():
                monkeypatch.setenv(name, value)
            store = from_url(stack.addresses.blob_url)
            if attempt == "put":
                await obstore.put_async(store, "film", b"pixels")
            answer = await obstore.get_async(store, "film")
            assert bytes(await answer.bytes_async()) == b"pixels"


async def test_a_second_stack_on_the_same_folder_names_the_process_of_the_first(
    tmp_path: Path, options: Options
) -> None:
    async with LocalStack(tmp_path / "data", options) as stack:
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
            async with LocalStack(tmp_path / "data", options):
                pass
        await assert_running(stack)


async def test_two_stacks_on_two_folders_do_not_interfere(tmp_path: Path, options: Options) -> None:
    async with (
        LocalStack(tmp_path / "one", options) as one,
        LocalStack(tmp_path / "two", options) as two,
    ):
        await asyncio.gather(assert_running(one), assert_running(two))


async def test_a_port_in_use_is_named_in_the_error(tmp_path: Path, options: Options) -> None:
    port = free_port()
    taken = Options(**{**vars(options), "http_port": port})
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with server:
        with pytest.raises(PortTakenError, match=str(port)):
            async with LocalStack(tmp_path / "data", taken):
                pass


def shared_memory(stack: LocalStack) -> list[Path]:
    return list(Path("/dev/shm").glob(f"carina-{stack.mark}*"))


class Runner:
    """`python -m deploy.local up` as a person runs it."""

    def __init__(self, tmp_path: Path) -> None:
        self.stack = LocalStack(tmp_path / "data")
        self.log = tmp_path / "runner.log"
        arguments = ["--data", str(self.stack.data), "--http-port", "0", "--grpc-port", "0"]
        for service, count in NO_SERVICES.items():
            arguments += [f"--{service}", str(count)]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "up", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                start_new_session=True,
            )

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + 60
        while words not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(tmp_path)
    yield runner
    runner.end()


async def test_no_process_outlives_a_runner_that_was_killed(runner: Runner) -> None:
    runner.wait_for("ready after")
    pids = all_processes(runner.stack)
    assert len(pids) > 5
    runner.process.kill()
    runner.process.wait()
    await wait_until_gone(pids, 15)
    assert not shared_memory(runner.stack)
    # The guard process releases the folder as well.
    async with asyncio.timeout(15):
        while True:
            try:
                async with LocalStack(runner.stack.data, Options(**NO_SERVICES)):  # type: ignore[arg-type]
                    break
            except AlreadyRunningError as error:
                assert "still stopping" in str(error)
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_everything_gracefully(runner: Runner, number: signal.Signals) -> None:
    runner.wait_for("ready after")
    pids = all_processes(runner.stack)
    runner.process.send_signal(number)
    assert runner.process.wait(20) == 0
    await wait_until_gone(pids, 1)
    assert runner.log.read_text().rstrip().endswith("stopped")


async def test_a_signal_during_the_start_stops_all_processes(runner: Runner) -> None:
    runner.wait_for("nats started")
    runner.process.send_signal(signal.SIGINT)
    assert runner.process.wait(20) == 0
    assert not all_processes(runner.stack)


async def test_ctrl_c_after_a_crash_still_stops_all_processes(runner: Runner) -> None:
    runner.wait_for("ready after")
    pids = all_processes(runner.stack)
    for pid in pids:
        processes.send(pid, signal.SIGKILL)
    runner.wait_for("triton       | was ended by SIGKILL; restarting it in 0.5 s")
    runner.process.send_signal(signal.SIGINT)
    assert runner.process.wait(30) == 0
    assert not all_processes(runner.stack)
