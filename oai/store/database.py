"""Where the store is, how it is opened for reading and for writing, and its version.

Answering a request needs no transaction: what must be of one moment is one statement. Writing is one
transaction at a time in the whole installation, which :meth:`Database.alone` sees to.

A PostgreSQL store may lie behind pgbouncer in transaction mode, where a connection to the server is
ours for a transaction only. So nothing that must hold is left to a session: no prepared statements,
locks that belong to the transaction, and limits set within it. What readers are given when they
connect, a time limit and no right to write, only guards against what should not happen.
"""

import os
import socket
import sqlite3
import threading
import weakref
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
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    Select,
    Update,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneLeft

from oai.repository import Unavailable
from oai.store.claims import Claims

LOCK_WAIT = 600
"""Seconds that a writer waits for another one to finish."""

CLAIM_WAIT = 0.1
"""Seconds that a reader waits to claim a responseDate: it can do without."""

_PAGE = 16_384  # bytes: a whole record fits on a page of the clustered table, and is not spilt
_MAPPED = 1 << 30  # bytes of the database that a reader maps into its memory instead of copying
_POOL_WAIT = 10  # seconds that a request waits for a connection that others have
_SHORT_POOL_WAIT = 1  # the same where another server can be asked
_SHORT_CONNECT_WAIT = 2  # seconds to connect, where another server can be asked
_ADVISORY_LOCK = 0x6F6169  # PostgreSQL: "oai", held by who writes

_CONNECTING: dict[str, Any] = {
    "prepare_threshold": None,  # behind pgbouncer, the next statement may go to another server process
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds; else a machine that is gone is waited for much longer
    "fallback_application_name": "oai",
}
# The server, too, is to notice within a minute that a machine is gone, since its locks go only then.
_KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}


class StoreError(Exception):
    """The store cannot be used as it is: one line for the operator."""


class Unreachable(StoreError, Unavailable):
    """The store cannot be asked now, and so not be used either."""


class Busy(Unavailable):
    """All connections are in use: nothing is said about the server."""


class Database:
    """The database at *url*; ``sqlite:///PATH`` or ``postgresql+psycopg://…``.

    Of PostgreSQL only: at most *connections* are open for reading, and no statement of a reader may
    take more than *timeout* seconds. With *replicated* it is one of several servers
    (:mod:`oai.store.servers`), and with *is_replica* one that is not written to.
    """

    claims: Claims | None = None
    """What is known of the claims on it, where requests are answered from replicas of it."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        timeout: int = 30,
        replicated: bool = False,
        is_replica: bool = False,
    ) -> None:
        self.url = make_url(url)
        self._is_one_of_many = replicated or is_replica
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._opening = threading.Lock()
        if replicated:
            self.claims = Claims()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database or "") if self.is_sqlite else None
        self._kept = threading.local()
        if self.is_sqlite:
            self._reader = self._sqlite(isolation_level="AUTOCOMMIT")
            self._writer = self._sqlite()
            self._claimer = self._sqlite(isolation_level="AUTOCOMMIT", wait=CLAIM_WAIT)
            event.listen(self._reader, "connect", _prepare_reader)
            event.listen(self._writer, "connect", _prepare_writer)
            event.listen(self._writer, "begin", _begin_immediate)
            event.listen(self._writer, "handle_error", _still_connected)
        else:
            guards = {
                "default_transaction_read_only": "on",
                "statement_timeout": f"{timeout}s",
                # A page is a stretch of an index: a second process would take longer to start than it saves.
                "max_parallel_workers_per_gather": "0",
            }
            self._reader = self._postgresql(
                guards,
                isolation_level="AUTOCOMMIT",
                pool_size=connections,
                pool_timeout=_SHORT_POOL_WAIT if is_replica else _POOL_WAIT,
            )
            self._writer = self._postgresql({})
            self._claimer = self._postgresql({}, pool_size=1, pool_timeout=CLAIM_WAIT)
            event.listen(self._writer, "begin", _lift_limits)
            for engine in (self._reader, self._claimer):
                event.listen(engine, "connect", self._note)

    def _sqlite(self, wait: float = 30, **options: Any) -> Engine:
        arguments = {"timeout": wait, "check_same_thread": False}
        return create_engine(self.url, connect_args=arguments, pool_size=0, **options)

    def _arguments(self, parameters: dict[str, str]) -> dict[str, Any]:
        """Return how a server is connected to, with these parameters for the session."""
        arguments: dict[str, Any] = _CONNECTING | {
            "options": " ".join(f"-c {name}={value}" for name, value in (parameters | _KEEPALIVE).items())
        }
        if self._is_one_of_many:
            arguments["connect_timeout"] = _SHORT_CONNECT_WAIT
        for name in self.url.query:  # what the operator writes goes first
            arguments.pop(name, None)
        if "default_transaction_read_only" in parameters and _asks_for_a_primary(self.url):
            # A session that gives up its right to write is no read-write one, on whatever server.
            arguments["target_session_attrs"] = "primary"
        return arguments

    def _postgresql(self, parameters: dict[str, str], **options: Any) -> Engine:
        arguments = self._arguments(parameters)
        try:
            return create_engine(
                self.url, connect_args=arguments, max_overflow=0, pool_pre_ping=True, **options
            )
        except ImportError:
            raise StoreError(
                f"{self}: psycopg is not installed; `pip install 'oai[postgresql]'` does that"
            ) from None

    def __str__(self) -> str:
        return self.url.difference_update_query(["password"]).render_as_string(hide_password=True)

    def connect_alone(self, seconds: int) -> Any:
        """Return a driver's connection to PostgreSQL that belongs to no pool, made within *seconds* a host.

        Raises the driver's errors.
        """
        dialect = self._reader.dialect
        positional, named = dialect.create_connect_args(self.url)
        own = self._arguments({"statement_timeout": f"{seconds}s"})
        return dialect.connect(
            *positional, **{**named, **own, "connect_timeout": seconds, "autocommit": True}
        )

    def is_of(self, connection: Connection) -> bool:
        """Say whether *connection* is one that this database gave to read with."""
        return connection.engine is self._reader

    def cut(self) -> None:
        """Break the connections of requests to a server that does not answer; else they would wait."""
        with self._opening:
            connections = list(self._open)
        for connection in connections:
            with (
                suppress(OSError, self._reader.dialect.loaded_dbapi.Error),
                socket.socket(fileno=os.dup(connection.fileno())) as used,
            ):
                used.shutdown(socket.SHUT_RDWR)

    def _note(self, connection: Any, _: object) -> None:
        with self._opening:
            self._open.add(connection)

    def connect_anew(self) -> None:
        """Let requests use new connections from now on: the URL may lead to another server than before."""
        self._reader.dispose()
        self._claimer.dispose()

    def exists(self) -> bool:
        """Say whether there is a database; PostgreSQL's always is, or cannot be reached."""
        return self.path is None or os.path.exists(self.path)  # noqa: PTH110 - asked with every request

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read with; raises :class:`oai.repository.Unavailable` where there is none.

        In SQLite it is one that the thread keeps: to open a connection anew, even one of a pool,
        takes as long as all that a page of records is asked for.
        """
        try:
            if self.is_sqlite:
                kept = self._keep()
                try:
                    yield kept
                except (DBAPIError, self._reader.dialect.loaded_dbapi.Error):
                    kept.invalidate()  # it may be of a file that was in the place of this one
                    raise
            else:
                with self._reader.connect() as connection, _thrown_away_if_lost(connection):
                    yield connection
        except (NoneLeft, DBAPIError, self._reader.dialect.loaded_dbapi.Error) as error:
            raise self._unavailable(error) from error

    def _keep(self) -> Connection:
        """Return the connection of this thread."""
        self._require_file()
        kept: Connection | None = getattr(self._kept, "connection", None)
        if kept is None or kept.closed or kept.invalidated:
            kept = self._kept.connection = self._reader.connect()
        return kept

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that reads all of one moment, however long it takes; raises as reading does."""
        begin = "BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self._require_file()
        try:
            with self._reader.connect() as connection:
                connection.exec_driver_sql(begin)
                try:
                    if not self.is_sqlite:
                        _lift_limits(connection)
                    yield connection
                finally:
                    connection.exec_driver_sql("ROLLBACK")
        except (NoneLeft, DBAPIError, self._reader.dialect.loaded_dbapi.Error) as error:
            raise self._unavailable(error) from error

    def _require_file(self) -> None:
        if not self.exists():  # SQLite would make one
            raise Unavailable(f"there is no database at {self}")

    def _unavailable(self, error: Exception) -> Unavailable:
        if isinstance(error, NoneLeft):
            return Busy(f"{self}: all connections are in use")
        return Unavailable(f"{self}: {_reason(error)}")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or else leaves no trace."""
        try:
            with self._writer.begin() as connection:
                yield connection
        except (DBAPIError, self._writer.dialect.loaded_dbapi.Error) as error:
            raise StoreError(f"{self} cannot be written: {_reason(error)}") from error

    def shrink_log(self) -> None:
        """Give back the room of SQLite's log, which a large transaction leaves as large as itself.

        Whoever reads meanwhile is not waited for: then the next writer does it.
        """
        if self.is_sqlite:
            with suppress(DBAPIError), self._claimer.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def write_now(self, statement: Update) -> bool:
        """Run one small update, and say whether it changed anything; it does not wait for a writer."""
        try:
            with self._claimer.begin() as connection:
                if not self.is_sqlite:
                    _limit(connection, lock_timeout=CLAIM_WAIT, statement_timeout=_POOL_WAIT)
                return connection.execute(statement).rowcount > 0
        except NoneLeft:
            return False
        except DBAPIError as error:
            _reason(error)
            return False

    def read_now(self, query: Select[int]) -> int | None:
        """Return the number that a query gives, asked where :meth:`write_now` writes; None without one."""
        try:
            with self._claimer.begin() as connection:
                if not self.is_sqlite:
                    _limit(connection, statement_timeout=_POOL_WAIT)
                return connection.scalar(query)
        except NoneLeft:
            return None
        except DBAPIError as error:
            _reason(error)
            return None

    @contextmanager
    def alone(self, waiting: Callable[[], None] = lambda: None) -> Iterator[Connection]:
        """Give a connection in a transaction, as :meth:`writing` does, beside which there is no other.

        That holds for all processes on all machines; *waiting* is called if there is one. What keeps
        others out ends with the transaction, and so with its process and with its connection.
        """
        if self.path is None:
            with self.writing() as connection:
                self._lock(connection, waiting)
                yield connection
        else:
            with self._locked_file(self.path, waiting), self.writing() as connection:
                yield connection

    @contextmanager
    def _locked_file(self, path: Path, waiting: Callable[[], None]) -> Iterator[None]:
        self._make_directory()
        lock_path = path.with_name(path.name + ".lock")
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

    def _lock(self, connection: Connection, waiting: Callable[[], None]) -> None:
        if connection.scalar(select(func.pg_try_advisory_xact_lock(_ADVISORY_LOCK))):
            return
        waiting()
        _limit(connection, lock_timeout=LOCK_WAIT)
        try:
            connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        except DBAPIError as error:
            if type(error.orig).__name__ != "LockNotAvailable":
                raise
            raise StoreError(f"{self} is still being written by {self.writer()}") from None
        _limit(connection, lock_timeout=0)

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

        Of several processes that do so at once, one does it and the others wait. Where there is nothing
        to be done nobody waits, not even for a writer.
        Raises :class:`StoreError` for a database that a newer version of this program made.
        """
        if self.path and self.path.exists() and not os.access(self.path, os.W_OK):
            raise StoreError(f"{self} cannot be written: permission denied")
        if self.exists() and not self.pending():
            return []
        with self.alone() as connection:
            pending = self.pending()
            if pending:
                config = _alembic()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return pending

    def pending(self) -> list[str]:
        """Return the revisions that the tables lack, oldest first.

        Raises :class:`StoreError` for a database that a newer version made, or no database at all.
        """
        scripts = ScriptDirectory.from_config(_alembic())
        current = self._revision()
        try:
            return [script.revision for script in scripts.iterate_revisions("head", current)][::-1]
        except (CommandError, RevisionError):
            raise StoreError(
                f"{self} was made by a newer version of this program: it does not know revision {current}"
            ) from None

    def _revision(self) -> str | None:
        if not self.exists():
            return None
        try:
            with self._reader.connect() as connection:
                return MigrationContext.configure(connection).get_current_revision()
        except NoneLeft as error:
            raise Unreachable(f"{self}: all connections are in use") from error
        except DBAPIError as error:
            raise Unreachable(f"{self} cannot be opened: {_reason(error)}") from error

    def is_new(self) -> bool:
        """Say whether no store was made here yet; raises StoreError as :meth:`pending`."""
        return self._revision() is None

    def is_foreign(self) -> bool:
        """Say whether there are tables, and no store's among them; raises StoreError as :meth:`pending`."""
        if not self.exists() or not self.pending():
            return False
        with self.reading() as connection:
            tables = inspect(connection).get_table_names()
        return bool(tables) and "repository" not in tables

    def require(self) -> None:
        """Raise :class:`StoreError` where there is no store, or one of another version."""
        if self.is_new():
            raise StoreError(f"there is no store at {self}; `oai sync` makes one")
        if self.pending():
            raise StoreError(f"{self} is of an older version; `oai db upgrade` brings it up to date")

    def dispose(self) -> None:
        """Close all connections, but for those that other threads keep."""
        if kept := getattr(self._kept, "connection", None):
            kept.close()
        self._reader.dispose()
        self._claimer.dispose()
        self._writer.dispose()


@contextmanager
def _thrown_away_if_lost(connection: Connection) -> Iterator[None]:
    """Let no connection that is lost go back to the pool, which would find that out loudly."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        driver: Any = connection.connection.driver_connection
        if driver.closed:  # by a prepared statement, which SQLAlchemy does not see
            connection.invalidate(error)
        raise


_THE_OPERATORS = {
    "OperationalError",
    "InterfaceError",
    # PostgreSQL: what the role may not do, a replica, and tables that are not there yet.
    "InsufficientPrivilege",
    "ReadOnlySqlTransaction",
    "UndefinedColumn",
    "UndefinedTable",
}


def _reason(error: Exception) -> str:
    """Return what the driver says of *error*; raise it if it is ours and not the machine's or its operator's.

    Theirs are: no connection, no room, no database, a lock, a limit.
    """
    origin = error.orig if isinstance(error, DBAPIError) else error
    names = {each.__name__ for each in type(origin).__mro__}
    # SQLite: a file that is no database, or a broken one, is a plain DatabaseError.
    is_no_database = type(origin).__name__ == "DatabaseError"
    # psycopg: what the URL asks for when it connects, and there is no such thing.
    is_in_url = "ProgrammingError" in names and isinstance(error, DBAPIError) and error.statement is None
    if not (names & _THE_OPERATORS or is_no_database or is_in_url):
        raise error
    return str(origin)


def _asks_for_a_primary(url: URL) -> bool:
    return url.query.get("target_session_attrs") == "read-write"


def _limit(connection: Connection, **seconds: float) -> None:
    """Set PostgreSQL's limits of these names until the end of the transaction; 0 is none."""
    settings = (func.set_config(name, f"{int(value * 1000)}ms", True) for name, value in seconds.items())  # noqa: FBT003 - that is its third argument
    connection.execute(select(*settings))


def _lift_limits(connection: Connection) -> None:
    # Whoever writes or reads much may take long, and is not to be cut off while it thinks.
    _limit(connection, statement_timeout=0, idle_in_transaction_session_timeout=0)


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


def _still_connected(context: ExceptionContext) -> None:
    # Who is interrupted within a statement would have the connection closed, not rolled back; and SQLite
    # does not close it, nor let go of its lock, as long as a cursor is there: the traceback has one.
    if not isinstance(context.original_exception, Exception):
        context.is_disconnect = False
