"""Both distributions, built and installed outside the checkout and without a network."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import free_port
from deploy.local.probes import http_ok
from deploy.local.settings import ROOT

CLIENT, SERVICES = ROOT / "carina" / "pyproject.toml", ROOT / "pyproject.toml"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "carina", "chassis", "services")
# Maps an import name to the distributions that provide it.
PROVIDED = {**metadata.packages_distributions(), "google": ["protobuf", "googleapis-common-protos"]}


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, **options
    )


def output_of(*command: str | Path, **options: Any) -> str:
    ran = run(*command, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def build(project: Path, out: Path) -> Path:
    """Build a wheel from the source distribution, as a release does."""
    script = "import sys; from setuptools import build_meta as b; print(b.build_sdist(sys.argv[1]))"
    name = output_of(sys.executable, "-c", script, out, cwd=project).splitlines()[-1]
    shutil.unpack_archive(out / name, out, filter="data")
    source = out / name.removesuffix(".tar.gz")
    script = "import sys; from setuptools import build_meta as b; print(b.build_wheel(sys.argv[1]))"
    return out / output_of(sys.executable, "-c", script, out, cwd=source).splitlines()[-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored, symlinks=True)
        else:
            shutil.copy2(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def client_wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout / "carina", tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def services_wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, tmp_path_factory.mktemp("services"))


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_client_contains_the_contract_and_nothing_of_the_services(client_wheel: Path) -> None:
    assert client_wheel.name == "carina-0.1.0-py3-none-any.whl"
    files = files_of(client_wheel)
    assert {name.split("/")[0] for name in files} == {"carina", "carina-0.1.0.dist-info"}
    folders = {name.rpartition("/")[0] for name in files if name.startswith("carina/")}
    assert folders == {"carina", "carina/jobs", "carina/jobs/v1"}
    assert {"carina/py.typed", "carina/client.py", "carina/jobs/v1/job_pb2.pyi"} <= files
    assert "carina-0.1.0.dist-info/licenses/LICENSE" in files
    assert not any("issuer" in name for name in files)


def test_the_services_contain_their_sql_and_nothing_of_the_client(services_wheel: Path) -> None:
    assert services_wheel.name == "carina_services-0.1.0-py3-none-any.whl"
    files = files_of(services_wheel)
    assert {name.split("/")[0] for name in files} == {
        *("carina", "chassis", "services"),
        "carina_services-0.1.0.dist-info",
    }
    shared = {name.split("/")[1] for name in files if name.startswith("carina/")}
    assert shared == {"tasks", "events"}
    sql_files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "services").rglob("*.sql")}
    assert sql_files
    assert {name for name in files if name.endswith(".sql")} == sql_files
    sources = {
        path.relative_to(ROOT).as_posix()
        for folder in ("services", "chassis", "carina/tasks", "carina/events")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name for name in files if name.endswith(".py")} == sources
    assert "carina_services-0.1.0.dist-info/licenses/LICENSE" in files


def project_of(pyproject: Path) -> Mapping[str, Any]:
    project: Mapping[str, Any] = tomllib.loads(pyproject.read_text())["project"]
    return project


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements: list[str]) -> set[str]:
    return {normalized(re.split(r"[^\w.-]", each)[0]) for each in requirements}


def test_both_have_the_same_version_and_the_services_require_exactly_that_client() -> None:
    client, services = project_of(CLIENT), project_of(SERVICES)
    assert client["version"] == services["version"]
    assert f"carina=={client['version']}" in services["dependencies"]


def imported(*sources: Path) -> set[str]:
    """Return the third-party top-level names that modules import."""
    tops: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                tops |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                tops.add(node.module.split(".")[0])
    return tops - {"carina", "chassis", "services"} - sys.stdlib_module_names


def without_provider(tops: set[str], required: set[str]) -> set[str]:
    return {top for top in tops if required.isdisjoint(map(normalized, PROVIDED.get(top, ())))}


def test_the_client_requires_exactly_what_it_imports() -> None:
    sources = [*(ROOT / "carina").glob("*.py"), *(ROOT / "carina" / "jobs").rglob("*.py")]
    required = names_of(project_of(CLIENT)["dependencies"])
    assert not without_provider(imported(*sources), required)
    provided = {normalized(name) for top in imported(*sources) for name in PROVIDED[top]}
    assert required <= provided


@pytest.mark.parametrize("service", ["gateway", "inference", "jobs", "preprocess"])
def test_the_extra_of_a_service_covers_its_imports(service: str) -> None:
    project = project_of(SERVICES)
    required = names_of(project["dependencies"] + project["optional-dependencies"][service])
    sources = [*(ROOT / "chassis").rglob("*.py"), *(ROOT / "services" / service).rglob("*.py")]
    assert not without_provider(imported(*sources), required)


@pytest.fixture(scope="module")
def python(client_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the client, and access to the libraries of the current one."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    install(python, client_wheel)
    # As a plain path, so that its own .pth files, which point to the checkout, are not read.
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python


def install(python: Path, wheel: Path) -> None:
    output_of(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--no-deps", "--no-index", "--disable-pip-version-check", wheel),
    )


def test_the_installed_client_runs_on_its_own(python: Path, tmp_path: Path) -> None:
    stdout = output_of(python.with_name("carina"), "--help", cwd=tmp_path)
    assert "submit" in stdout
    every_module = (
        "import carina, importlib, pkgutil\n"
        "from carina import Client, JobSpec\n"
        "for each in pkgutil.walk_packages(carina.__path__, 'carina.'):\n"
        "    if each.name != 'carina.__main__': importlib.import_module(each.name)\n"
        "    print(each.name)\n"
        "print(carina.__file__)"
    )
    *modules, file = output_of(python, "-c", every_module, cwd=tmp_path).split()
    assert Path(file).is_relative_to(python.parents[1])
    assert "carina.jobs.v1.job_service_pb2_grpc" in modules
    assert not {name for name in modules if name.startswith(("carina.tasks", "carina.events"))}
    ran = run(python, "-c", "import services", cwd=tmp_path)
    assert "No module named 'services'" in ran.stderr


def test_the_installed_jobs_service_migrates_and_serves(
    python: Path, services_wheel: Path, postgres_url: str, nats_url: str, tmp_path: Path
) -> None:
    install(python, services_wheel)
    # The only program among its requirements; it is installed next to the Python executable.
    python.with_name("dbmate").symlink_to(Path(sys.executable).with_name("dbmate"))
    metrics_port = free_port()
    settings = {
        "DATABASE_URL": postgres_url,
        "NATS_URL": nats_url,
        "BLOB_URL": tmp_path.as_uri(),
        "CATALOGUE": str(ROOT / "models" / "catalogue.yaml"),
        "LISTEN_ADDRESS": f"127.0.0.1:{free_port()}",
        "METRICS_ADDRESS": f"127.0.0.1:{metrics_port}",
        "JWKS_URL": "https://issuer.example/jwks.json",
        "ISSUER": "https://issuer.example",
    }
    environment = os.environ | {f"CARINA_JOBS_{name}": value for name, value in settings.items()}
    main = (str(python), "-m", "services.jobs.main")

    ran = run(*main, cwd=tmp_path, env=environment)
    assert ran.returncode == 1
    assert "services.jobs.commands.migrate" in ran.stderr

    output_of(python, "-m", "services.jobs.commands.migrate", cwd=tmp_path, env=environment)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(main, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not http_ok(metrics_port, "/readyz"):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
