"""Fresh databases on a PostgreSQL server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.postgres import Postgres


@contextmanager
def fresh_database(postgres: Postgres) -> Iterator[str]:
    """Yield the URL of an empty database, owned by a role that is not a superuser."""
    name = f"test_{uuid.uuid4().hex}"
    # One role for all databases, because the roles that a migration creates belong to the server.
    postgres.ensure_database(name, role="carina")
    yield postgres.url(name, role="carina")
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
