"""Where the store is, how it is opened for reading and for writing, and its version.

Answering a request needs no transaction: what must be of one moment is one statement. Writing is one
transaction at a time in the whole installation, which :meth:`Database.alone` sees to.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, Update, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from oai.repository import Unavailable

LOCK_WAIT = 600
"""Seconds that a writer waits for another one to finish."""

_PAGE = 16_384  # bytes: a whole record fits on a page of the clustered table, and is not spilt
_MAPPED = 1 << 30  # bytes of the database that a reader maps into its memory instead of copying
_CLAIM_WAIT = 0.1  # seconds that a reader waits to claim a responseDate: it can do without
_ADVISORY_LOCK = 0x6F6169  # PostgreSQL: "oai", held by who writes


class StoreError(Exception):
    """The store cannot be used as it is: one line for the operator."""


class Database:
    """The database at *url*; ``sqlite:///PATH`` or ``postgresql+psycopg://…``."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database or "") if self.is_sqlite else None
        self._reader = self._engine(isolation_level="AUTOCOMMIT", pool_pre_ping=not self.is_sqlite)
        self._kept = threading.local()
        self._writer = self._engine()
        self._claimer = self._engine(isolation_level="AUTOCOMMIT", wait=_CLAIM_WAIT)
        if self.is_sqlite:
            event.listen(self._reader, "connect", _prepare_reader)
            event.listen(self._writer, "connect", _prepare_writer)
            event.listen(self._writer, "begin", _begin_immediate)

    def _engine(self, wait: float = 30, **options: Any) -> Engine:
        if self.is_sqlite:
            options["connect_args"] = {"timeout": wait, "check_same_thread": False}
            options["pool_size"] = 0  # as many as there are threads
        try:
            return create_engine(self.url, **options)
        except ImportError as error:
            raise StoreError(f"{self}: the package {error.name} is not installed") from None

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def exists(self) -> bool:
        """Say whether there is a database; PostgreSQL's always is, or cannot be reached."""
        return self.path is None or self.path.exists()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read with; raises :class:`oai.repository.Unavailable` where there is none.

        In SQLite it is one that the thread keeps: to open a connection anew, even one of a pool,
        takes as long as all that a page of records is asked for.
        """
        with self._translating():
            if not self.is_sqlite:
                with self._reader.connect() as connection:
                    yield connection
                return
            kept: Connection | None = getattr(self._kept, "connection", None)
            if kept is None or kept.closed or kept.invalidated:
                kept = self._kept.connection = self._reader.connect()
            yield kept

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that reads all of one moment, however long it takes; raises as reading does."""
        begin = "BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with self._translating(), self._reader.connect() as connection:
            connection.exec_driver_sql(begin)
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    def _translating(self) -> Iterator[None]:
        if not self.exists():
            raise Unavailable(f"there is no database at {self}")
        try:
            yield
        except DBAPIError as error:
            _raise_if_ours(error)
            raise Unavailable(f"{self}: {error.orig}") from error
        except self._reader.dialect.loaded_dbapi.Error as error:  # of oai.store.prepared
            _raise_if_ours(error)
            raise Unavailable(f"{self}: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or else leaves no trace."""
        try:
            with self._writer.begin() as connection:
                yield connection
        except DBAPIError as error:
            _raise_if_ours(error)
            raise StoreError(f"{self} cannot be written: {error.orig}") from error

    def shrink_log(self) -> None:
        """Give back the room of SQLite's log, which a large transaction leaves as large as itself.

        Whoever reads meanwhile is not waited for: then the next writer does it.
        """
        if self.is_sqlite:
            with suppress(DBAPIError), self._claimer.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def write_now(self, statement: Update) -> bool:
        """Run one small update, and say whether it changed anything; it does not wait for anybody."""
        try:
            with self._claimer.connect() as connection:
                return connection.execute(statement).rowcount > 0
        except DBAPIError as error:
            _raise_if_ours(error)
            return False

    @contextmanager
    def alone(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Let one writer in at a time, of all processes; *waiting* is called if another one is there.

        The lock goes with the process that holds it, however it ends.
        """
        if self.path is None:
            with self._advisory_lock(waiting):
                yield
            return
        self._make_directory()
        lock_path = self.path.with_name(self.path.name + ".lock")
        lock = FileLock(lock_path)
        try:
            lock_path.touch()  # the lock itself would try for long where nobody can write
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waiting()
                lock.acquire(timeout=LOCK_WAIT)
        except Timeout:
            raise StoreError(f"{self} is still being written by {self.writer()}") from None
        except OSError as error:
            raise StoreError(f"{self} cannot be written: {error.strerror}: {lock_path}") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _advisory_lock(self, waiting: Callable[[], None]) -> Iterator[None]:
        try:
            with self._writer.connect() as connection:
                taken = connection.scalar(text("SELECT pg_try_advisory_lock(:n)"), {"n": _ADVISORY_LOCK})
                if not taken:
                    waiting()
                    connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": _ADVISORY_LOCK})
                try:
                    yield
                finally:
                    connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": _ADVISORY_LOCK})
        except DBAPIError as error:
            _raise_if_ours(error)
            raise StoreError(f"{self}: {error.orig}") from error

    def writer(self) -> str:
        """Say who is writing, as far as the store knows."""
        try:
            with self.reading() as connection:
                return connection.scalar(text("SELECT writer FROM repository")) or "another process"
        except (Unavailable, SQLAlchemyError):
            return "another process"

    def _make_directory(self) -> None:
        assert self.path is not None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path.parent} cannot be made: {error.strerror}") from None

    def upgrade(self) -> list[str]:
        """Bring the tables up to date and return the revisions that were applied.

        Raises :class:`StoreError` for a database that a newer version of this program made.
        """
        with self.alone():
            if self.path and not os.access(self.path if self.path.exists() else self.path.parent, os.W_OK):
                raise StoreError(f"{self} cannot be written: permission denied")
            pending = self.pending()
            if pending:
                with self.writing() as connection:
                    config = _alembic()
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
            return pending

    def pending(self) -> list[str]:
        """Return the revisions that the tables lack, oldest first.

        Raises :class:`StoreError` for a database that a newer version made, or no database at all.
        """
        scripts = ScriptDirectory.from_config(_alembic())
        current = None
        if self.exists():
            try:
                with self._reader.connect() as connection:
                    current = MigrationContext.configure(connection).get_current_revision()
            except DBAPIError as error:
                _raise_if_ours(error)
                raise StoreError(f"{self} cannot be opened: {error.orig}") from error
        try:
            return [script.revision for script in scripts.iterate_revisions("head", current)][::-1]
        except (CommandError, RevisionError):
            raise StoreError(
                f"{self} was made by a newer version of this program: it does not know revision {current}"
            ) from None

    def require(self) -> None:
        """Raise :class:`StoreError` where there is no database, or one of another version."""
        if not self.exists():
            raise StoreError(f"there is no database at {self}; `oai sync` makes one")
        if self.pending():
            raise StoreError(f"{self} is of an older version; `oai db upgrade` brings it up to date")

    def dispose(self) -> None:
        """Close all connections, but for those that other threads keep."""
        if kept := getattr(self._kept, "connection", None):
            kept.close()
        self._reader.dispose()
        self._claimer.dispose()
        self._writer.dispose()


def _raise_if_ours(error: Exception) -> None:
    """Raise *error* unless it is the machine's: no connection, no room, no database, a lock, a limit."""
    # SQLAlchemy's errors have the names of the driver's. A file that is no database, or a broken one,
    # is a plain DatabaseError.
    names = {each.__name__ for each in type(error).__mro__}
    if not names & {"OperationalError", "InterfaceError"} and type(error).__name__ != "DatabaseError":
        raise error


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", "oai.store:migrations")
    return config


def _prepare_reader(connection: sqlite3.Connection, _: object) -> None:
    connection.execute(f"PRAGMA mmap_size={_MAPPED}")
    connection.execute("PRAGMA query_only=ON")


def _prepare_writer(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late to read what is to be written
    connection.execute(f"PRAGMA page_size={_PAGE}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-65536")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
