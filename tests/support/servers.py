"""Real servers for tests, each on free ports and in its own folder.

The fixtures are in `tests/conftest.py`. A test that needs to kill a server uses `Server` directly.
"""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType

from deploy.local import processes
from deploy.local.launch import launched
from deploy.local.ports import free_port
from deploy.local.program import Program
from deploy.local.settings import ROOT
from deploy.local.triton import TritonPorts, read_config, triton_program
from tests.support.tiny_model import HEATMAP, tiny_digest, write_tiny_model

TINY_CATALOGUE = """
default: cxr
models:
  - name: cxr
    version: "1"
    digest: {digest}
    input: {{width: 224, height: 224}}
    max_batch_size: 16
    labels: [normal, pneumonia, covid19]
    thresholds: {{normal: 0.4, pneumonia: 0.4, covid19: 0.4}}
    gate: {{output: frontal_score, threshold: 0.5}}
    card: tests/support/tiny_model.py
"""
_ORPHAN_GRACE = timedelta(seconds=2)


class Server:
    """Starts, stops, kills and restarts one program of the local stack."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self._mark = f"test-{uuid.uuid4()}/"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise RuntimeError(f"{self.program.name} is not running")
        return self._process.pid

    def children(self) -> set[int]:
        """Return the ids of the processes that the server has started."""
        return processes.find(self._mark) - {self.pid}

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        program = self.program
        program.prepare()
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(
            launched(program.command, stop_signal=program.stop_signal, as_nobody=program.as_nobody),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=program.folder,
            env={**os.environ, **program.environment, processes.MARK: self._mark},
            start_new_session=True,
        )
        deadline = time.monotonic() + program.start_timeout.total_seconds()
        while not program.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{program.name} did not become ready:\n{self._log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server gracefully."""
        self._end(self.program.stop_signal)

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(self.program.grace.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        owned = [folder] if (folder := self.program.owned_folder) else []
        processes.end_all(self._mark, owned, grace=_ORPHAN_GRACE)
        self.program.clear_up()
        self._process = None
        if self._output is not None:
            self._output.close()


@contextmanager
def running(program: Program, folder: Path) -> Iterator[Server]:
    """Run a program within the block; its output goes to a file in `folder`."""
    server = Server(program, folder / f"{program.name}.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def tiny_repository(folder: Path, *, blind: bool = False) -> Path:
    """Make a model repository with the tiny network and the production configuration of `cxr`.

    Only what depends on the trained network is changed: the size of the heatmap and the label file.
    A blind network reports an empty image, whatever image it is given.
    """
    repository = folder / "models"
    model = repository / "cxr"
    write_tiny_model(model / "1" / "model.onnx", blind=blind)
    config = read_config(ROOT / "models" / "cxr")
    if blind:
        config.output.add(name="pixel_sum", data_type=DataType.TYPE_INT64, dims=[1])
    for output in config.output:
        output.ClearField("label_filename")
        if output.name == "heatmap":
            output.dims[:] = HEATMAP
    (model / "config.pbtxt").write_text(text_format.MessageToString(config))
    (repository / "catalogue.yaml").write_text(TINY_CATALOGUE.format(digest=tiny_digest()))
    return repository


def triton_of(
    repository: Path, folder: Path, *, models: Sequence[str] = ("cxr",)
) -> tuple[Program, str]:
    """Return a Triton program that serves `models` of a repository, and its address."""
    ports = TritonPorts(free_port(), free_port(), free_port())
    program = triton_program(
        folder / "triton",
        repository=repository,
        models=models,
        environment=Path(os.environ.get("CARINA_TRITON_ENVIRONMENT", ROOT / ".venv-triton")),
        ports=ports,
        shared_memory_prefix=f"carina-test-{uuid.uuid4().hex[:12]}-",
    )
    return program, f"127.0.0.1:{ports.grpc}"
