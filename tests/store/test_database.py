"""The database: its version, its writers, and what is said when it cannot be used."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, text

from oai.repository import Unavailable
from oai.store.database import Database, StoreError
from oai.store.schema import Base
from tests.stores import Stores, sqlite_only
from tests.workbench import Workbench


def database(path: Path) -> Database:
    """Return the SQLite database at *path*."""
    return Database(f"sqlite:///{path}")


def test_the_migrations_make_the_tables_of_the_models(bench: Workbench) -> None:
    """After all migrations the tables are what schema.py says."""
    with bench.database.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_an_upgrade_is_done_once(tmp_path: Path, stores: Stores) -> None:
    """A new database gets every migration; one that is up to date gets none."""
    url = stores.url(tmp_path / "deep" / "down", upgraded=False)
    store = Database(url)
    pending = store.pending()
    assert pending
    assert store.upgrade() == pending
    assert store.upgrade() == store.pending() == []
    store.dispose()
    stores.drop(url)


def test_a_database_of_a_newer_version(bench: Workbench) -> None:
    """A database that a newer program made is left alone."""
    with bench.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))
    for action in (bench.database.pending, bench.database.upgrade):
        with pytest.raises(StoreError, match="newer version"):
            action()


@sqlite_only
@pytest.mark.usefixtures("stores")
def test_files_that_are_no_database(tmp_path: Path) -> None:
    """A path that cannot hold a database, or holds something else, is named in one line."""
    (tmp_path / "file").write_text("not a database, but long enough to be looked at" * 100)
    for path in (tmp_path / "file", tmp_path / "file" / "oai.sqlite", tmp_path):
        with pytest.raises(StoreError, match=str(tmp_path)) as error:
            database(path).upgrade()
        assert "\n" not in str(error.value)


@sqlite_only
@pytest.mark.usefixtures("stores")
def test_reading_where_there_is_no_file(tmp_path: Path) -> None:
    """Reading never makes a database: where there is none, it is unavailable."""
    store = database(tmp_path / "oai.sqlite")
    with pytest.raises(Unavailable), store.reading():
        pass
    assert not (tmp_path / "oai.sqlite").exists()


def test_readers_cannot_write(bench: Workbench) -> None:
    """A connection for reading changes nothing."""
    with pytest.raises(Unavailable), bench.database.reading() as connection:
        connection.execute(text("DELETE FROM repository"))
    with bench.database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM repository")) == 1


def test_one_writer_at_a_time(bench: Workbench) -> None:
    """A second writer is told that it waits, and goes on when the first has finished."""
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        other = Database(bench.settings.database_url)
        with other.alone(waits.set):
            order.append("second")
        other.dispose()

    thread = threading.Thread(target=second)
    with bench.database.alone():
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_writer_that_fails_leaves_no_trace(bench: Workbench) -> None:
    """What a writer began and did not finish has not happened."""
    with contextlib.suppress(RuntimeError), bench.database.writing() as connection:
        connection.execute(text("UPDATE repository SET last_serial = 99"))
        raise RuntimeError
    with bench.database.reading() as connection:
        assert connection.scalar(text("SELECT last_serial FROM repository")) == 0


def test_a_writer_that_is_interrupted_keeps_nobody_waiting(bench: Workbench) -> None:
    """Ctrl+C within a statement is a rollback at once, though the traceback still has the cursor."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    insert = text("INSERT INTO sets (id, spec, name, members) VALUES (:id, :spec, '', 0)")
    with pytest.raises(KeyboardInterrupt) as caught, bench.database.alone() as connection:  # noqa: PT012
        event.listen(connection, "after_cursor_execute", interrupted)
        connection.execute(insert, [{"id": n, "spec": f"tag:{n}"} for n in range(1, 3)])
    with bench.database.alone() as connection:  # SQLite would give up after 30 seconds
        assert connection.scalar(text("SELECT count(*) FROM sets")) == 0
    assert caught.tb


def test_readers_go_on_while_someone_writes(bench: Workbench) -> None:
    """A long write keeps no reader waiting, and shows none of itself."""
    bench.sync({"id": "a"})
    with bench.database.writing() as connection:
        connection.execute(text("DELETE FROM record"))
        assert set(bench.headers()) == {"a"}


@sqlite_only
def test_a_disk_that_is_full(bench: Workbench) -> None:
    """When the disk is full, the store is as before, and the message says so."""
    bench.sync({"id": "a"})
    before = bench.headers()
    path = bench.database.path
    assert path is not None
    raw = sqlite3.connect(path)
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.close()

    @event.listens_for(bench.database._writer, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    bench.database._writer.dispose()
    with pytest.raises(StoreError, match="full"):
        bench.sync(*({"id": f"i{n}", "description": "x" * 1000} for n in range(100)))
    assert bench.headers() == before
