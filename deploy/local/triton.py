"""The Triton server of the local stack: NVIDIA's own binary, on the CPU.

It serves the production repository. Where that names the onnxruntime backend, a derived
configuration runs the same model file through Triton's Python backend and keeps everything else:
names, shapes, versions, batching, queue limits, warm-up.
"""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelInstanceGroup

from deploy.local.probes import http_ok
from deploy.local.processes import clear_shared_memory
from deploy.local.program import Program

_MODEL_SCRIPT = Path(__file__).with_name("triton_model.py")
_ONNX_FILE = "model.onnx"
# After being stopped for seconds, its Python backend has answered with other images' findings, so
# the model reports which image it read. The onnxruntime backend does not need that (decision 13).
_PIXEL_SUM = "pixel_sum"


class TritonSetupError(Exception):
    """The local Triton cannot be started."""


@dataclass(frozen=True)
class TritonEnvironment:
    """The parts of the virtual environment of Triton that the stack needs."""

    binaries: Path
    packages: Path
    python_libraries: Path
    python_version: str

    @property
    def server(self) -> Path:
        """Folder of the server within its wheel."""
        return self.packages / "pytriton" / "tritonserver"


@cache
def triton_environment(folder: Path) -> TritonEnvironment:
    """Inspect the virtual environment made from `requirements/triton.txt`."""
    python = folder / "bin" / "python"
    if not python.exists():
        raise TritonSetupError(f"there is no {python}: run `make setup` first")
    question = (
        "import sys, sysconfig; print(sysconfig.get_path('purelib'),"
        " sysconfig.get_config_var('LIBDIR'), '%d.%d' % sys.version_info[:2], sep='\\n')"
    )
    answer = subprocess.run(
        [python, "-I", "-c", question], check=True, capture_output=True, text=True
    )
    packages, libraries, version = answer.stdout.splitlines()
    environment = TritonEnvironment(python.parent, Path(packages), Path(libraries), version)
    if not environment.server.exists():
        raise TritonSetupError(f"there is no nvidia-pytriton in {folder}: run `make setup` first")
    return environment


@dataclass(frozen=True)
class TritonPorts:
    """Where it listens on 127.0.0.1."""

    grpc: int
    http: int
    metrics: int


def triton_program(
    folder: Path,
    *,
    repository: Path,
    models: Sequence[str],
    environment: Path,
    ports: TritonPorts,
    shared_memory_prefix: str,
    instances: int = 1,
    name: str = "triton",
) -> Program:
    """Return a server of `models` of the production repository; `folder` is for derived files.

    `environment` is the virtual environment with the server.
    """
    found = triton_environment(environment)
    libraries = (found.packages / "nvidia_pytriton.libs", found.python_libraries)
    options = {
        "model-repository": folder / "models",
        "backend-directory": folder / "backends",
        "backend-config": f"python,shm-region-prefix-name={shared_memory_prefix}",
        "disable-auto-complete-config": "",
        # Models cannot be loaded or unloaded at run time: a new model needs a restart.
        "model-control-mode": "none",
        "strict-readiness": "true",
        "grpc-address": "127.0.0.1",
        "http-address": "127.0.0.1",
        "metrics-address": "127.0.0.1",
        "grpc-port": ports.grpc,
        "http-port": ports.http,
        "metrics-port": ports.metrics,
        # There is no GPU, and no memory to pin for one.
        "allow-gpu-metrics": "false",
        "pinned-memory-pool-byte-size": 0,
        # Required by the client in services/inference/triton.py.
        "grpc-http2-min-recv-ping-interval-without-data": 10_000,
        "log-info": "false",
        "log-format": "ISO8601",
    }

    def prepare() -> None:
        _copy_backend(found, folder / "backends" / "python")
        _derive_repository(repository, models, folder / "models", instances)

    return Program(
        name=name,
        command=(
            str(found.server / "bin" / "tritonserver"),
            *(f"--{key}={value}" if value != "" else f"--{key}" for key, value in options.items()),
        ),
        is_ready=lambda: http_ok(ports.http, "/v2/health/ready"),
        environment={
            # The Python inside the backend looks for its environment beside the first `python3`
            # of PATH; it does not read PYTHONPATH.
            "PATH": f"{found.binaries}:/usr/local/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": ":".join(str(path) for path in libraries),
        },
        prepare=prepare,
        clear_up=lambda: clear_shared_memory(shared_memory_prefix),
        # It has no state, its callers have stopped before it, and an orderly exit would take 3 s.
        stop_signal=signal.SIGKILL,
        # At every start it logs that it found no GPU.
        noise=("CudaDriverHelper", "pinned_memory_manager", "Non-graceful termination"),
    )


def _copy_backend(environment: TritonEnvironment, target: Path) -> None:
    """Copy the backend and the stub built for the environment's Python."""
    stub = environment.server / "python_backend_stubs" / environment.python_version
    if not stub.exists():
        raise TritonSetupError(
            f"Triton's Python backend does not support Python {environment.python_version}"
        )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(environment.server / "backends" / "python", target)
    shutil.copy2(stub / "triton_python_backend_stub", target)


def _derive_repository(
    repository: Path, models: Sequence[str], target: Path, instances: int
) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for model, config in _with_members(repository, models).items():
        source, folder = repository / model, target / model
        folder.mkdir(parents=True)
        (folder / "config.pbtxt").write_text(text_format.MessageToString(derive(config, instances)))
        for version in _versions(source, config):
            _link_version(source / version, folder / version)


def _with_members(repository: Path, models: Sequence[str]) -> dict[str, ModelConfig]:
    """Read the requested models, and the members of their ensembles."""
    configs: dict[str, ModelConfig] = {}
    wanted = list(models)
    while wanted:
        model = wanted.pop()
        if model not in configs:
            config = configs[model] = read_config(repository / model)
            wanted += [step.model_name for step in config.ensemble_scheduling.step]
    return configs


def catalogued(repository: Path) -> list[str]:
    """Return the names of the models in the catalogue of a repository."""
    path = repository / "catalogue.yaml"
    if not path.exists():
        raise TritonSetupError(f"there is no {path}")
    return [model["name"] for model in yaml.safe_load(path.read_text())["models"]]


def read_config(model: Path) -> ModelConfig:
    """Read the configuration of a model of the production repository."""
    path = model / "config.pbtxt"
    if not path.exists():
        raise TritonSetupError(f"there is no {path}")
    return text_format.Parse(path.read_text(), ModelConfig())


def derive(production: ModelConfig, instances: int = 1) -> ModelConfig:
    """Return the configuration for a machine without a GPU, `instances` of one thread each."""
    config = ModelConfig()
    config.CopyFrom(production)
    if config.platform == "ensemble":
        return config
    if config.backend == "onnxruntime":
        config.backend = "python"
        file = config.default_model_filename or _ONNX_FILE
        config.parameters["model_file"].string_value = file
        config.ClearField("default_model_filename")
        if _reads_images(config) and _PIXEL_SUM not in (output.name for output in config.output):
            config.output.add(name=_PIXEL_SUM, data_type=DataType.TYPE_INT64, dims=[1])
        config.ClearField("platform")
    elif config.backend != "python":
        raise TritonSetupError(
            f"model {config.name} needs the backend {config.backend or config.platform},"
            " which does not run on a CPU: serve it from a Triton of its own"
        )
    # TensorRT and the like belong to the replaced backend.
    config.ClearField("optimization")
    config.ClearField("instance_group")
    config.instance_group.add(kind=ModelInstanceGroup.KIND_CPU, count=instances)
    return config


def _reads_images(config: ModelConfig) -> bool:
    return [given.name for given in config.input] == ["image"]


def _versions(source: Path, config: ModelConfig) -> list[str]:
    if config.version_policy.HasField("specific"):
        return [str(version) for version in config.version_policy.specific.versions]
    return [entry.name for entry in source.iterdir() if entry.name.isdigit()]


def _link_version(source: Path, target: Path) -> None:
    target.mkdir()
    # The version folder of an ensemble is empty, and git does not track empty folders.
    files = list(source.iterdir()) if source.is_dir() else []
    for file in files:
        (target / file.name).symlink_to(file.resolve())
    if any(file.suffix == ".onnx" for file in files) and not (target / "model.py").exists():
        shutil.copyfile(_MODEL_SCRIPT, target / "model.py")
