"""Backs up and restores PostgreSQL with its own tools."""

import signal
import subprocess
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from deploy.local.launch import launched
from deploy.local.postgres import Postgres, postgres_server, postgres_tool
from tests.support.servers import running


class BackupMethod(Protocol):
    """A method to back up and restore a database."""

    url: str

    def back_up(self) -> None:
        """Make the current moment the one to restore to."""

    def restore(self) -> None:
        """Restore to that moment; `url` then points to the restored database."""


def _tool(name: str, *arguments: str) -> None:
    command = launched(
        [postgres_tool(name), *arguments], stop_signal=signal.SIGTERM, as_nobody=True
    )
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


class Dump:
    """`pg_dump`, restored into a new database."""

    def __init__(self, stack: ExitStack, folder: Path, postgres: Postgres) -> None:
        self._stack = stack
        self._postgres = postgres
        self._file = folder / "carina.dump"
        self.url = self._new_database()

    def back_up(self) -> None:
        _tool("pg_dump", "--format=custom", f"--file={self._file}", self.url)

    def restore(self) -> None:
        self.url = self._new_database()
        _tool("pg_restore", "--exit-on-error", f"--dbname={self.url}", str(self._file))

    def _new_database(self) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._postgres.ensure_database(name, role="carina")
        self._stack.callback(self._postgres.execute, f'DROP DATABASE "{name}" WITH (FORCE)')
        return self._postgres.url(name, role="carina")


class PointInTime:
    """A base backup and the archived write-ahead log since then."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._archive = folder / "archive"
        self._archive.mkdir()
        self._first = stack.enter_context(ExitStack())
        self._postgres = self._started(
            self._first,
            "first",
            archive_mode="on",
            archive_command=f"test ! -f {self._archive}/%f && cp %p {self._archive}/%f",
        )
        self._postgres.ensure_database("carina", role="carina")
        self.url = self._postgres.url("carina", role="carina")
        _tool(
            "pg_basebackup",
            *(f"--pgdata={folder / 'restored'}", "--checkpoint=fast", "--wal-method=none"),
            f"--dbname={self._postgres.url('postgres')}",
        )

    def back_up(self) -> None:
        self._postgres.execute("SELECT pg_create_restore_point('noon')")

    def restore(self) -> None:
        # On a graceful shutdown, a server first archives the last segment of its log.
        self._first.close()
        (self._folder / "restored" / "recovery.signal").touch()
        postgres = self._started(
            self._stack,
            "restored",
            restore_command=f"cp {self._archive}/%f %p",
            recovery_target_name="noon",
            recovery_target_action="promote",
        )
        self.url = postgres.url("carina", role="carina")

    def _started(self, stack: ExitStack, name: str, **settings: str) -> Postgres:
        server = postgres_server(self._folder / name, name=name, settings=settings)
        stack.enter_context(running(server.program, self._folder))
        return server
