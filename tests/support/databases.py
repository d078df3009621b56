"""Fresh databases on a PostgreSQL server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.postgres import Postgres


@contextmanager
def fresh_database(postgres: Postgres) -> Iterator[str]:
    """Yield the URL of an empty database, owned by a role that is not a superuser."""
    name = f"test_{uuid.uuid4().hex}"
    # One role for all: what a migration grants belongs to the server, not to a database.
    postgres.ensure_database(name, role="carina")
    yield postgres.url(name, role="carina")
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
