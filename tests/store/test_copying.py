"""A store copied into another database: all of it or nothing, and proved."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, select, text

from oai.store import copying
from oai.store.copying import copy
from oai.store.database import Database, StoreError
from oai.store.rows import insert_rows
from oai.store.schema import Base, BlockRow
from tests.stores import SQLITE, PostgreSQL, Stores
from tests.workbench import START, Quiet, Workbench


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    with database.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def full(bench: Workbench) -> Workbench:
    """Return a library with something in every corner: tombstones, former members, problems, a dictionary."""
    bench.sync(
        *({"id": f"i{n:03}", "tags": ["T", "U"], "description": f"Words {n} " * 9} for n in range(250)),
        {"id": "untitled", "title": ""},
    )
    bench.sync(
        *({"id": f"i{n:03}", "tags": ["T", *("U" * (n % 2))]} for n in range(5, 250)),
        {"id": "untitled", "title": ""},
    )
    bench.ask("Identify", at=START + 1000)
    return bench


@pytest.fixture
def target(full: Workbench, tmp_path: Path, postgresql: PostgreSQL) -> Iterator[Database]:
    """Return an empty database of the other kind."""
    (tmp_path / "target").mkdir()
    others: Stores = postgresql if full.database.is_sqlite else SQLITE
    url = others.url(tmp_path / "target", upgraded=False)
    database = Database(url)
    yield database
    database.dispose()
    others.drop(url)


def test_a_copy_is_the_same(full: Workbench, target: Database) -> None:
    """All rows of all tables are in the copy, which goes on as the source would; and so back again."""
    before = content(full.database)
    assert [name for name, rows in before.items() if not rows] == ["harvest"]
    assert copy(full.database, target, Quiet()) == sum(map(len, before.values()))
    assert content(target) == before
    bench = full.again(database_url=target.url.render_as_string(hide_password=False))
    assert bench.headers() == full.headers()
    assert bench.headers("tag:u") == full.headers("tag:u")
    same = ({"id": f"i{n:03}", "tags": ["T", *("U" * (n % 2))]} for n in range(5, 250))
    assert bench.sync(*same).changed == 0
    with pytest.raises(StoreError, match="not empty"):
        copy(target, full.database, Quiet())
    with pytest.raises(StoreError, match="itself"):
        copy(target, target, Quiet())
    assert content(full.database) == before


class Fatal(Quiet):
    """Dies after some steps."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def advance(self, by: int) -> None:
        """Die, if it is time."""
        self._steps -= by
        if self._steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _die_while_copying(source: str, target: str, steps: int) -> None:
    with patch.object(copying, "_AT_ONCE", 20):
        copy(Database(source), Database(target), Fatal(steps))


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_copy_that_is_killed(full: Workbench, target: Database, part: float) -> None:
    """A copy that is cut off leaves an empty store, and can be done again."""
    before = content(full.database)
    steps = int(part * sum(map(len, before.values())))
    urls = (full.settings.database_url, target.url.render_as_string(hide_password=False))
    process = multiprocessing.get_context("spawn").Process(target=_die_while_copying, args=(*urls, steps))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert {name for name, rows in content(target).items() if rows} == {"repository", "signing_key"}
    copy(full.database, target, Quiet())
    assert content(target) == before


def test_a_copy_of_what_is_broken(full: Workbench, target: Database) -> None:
    """What does not agree with the inventory is not passed on."""
    with full.database.writing() as connection:
        connection.execute(text("UPDATE record SET digest = (SELECT max(digest) FROM record)"))
    with pytest.raises(StoreError, match="inventory"):
        copy(full.database, target, Quiet())
    assert not content(target)["item"]


def test_a_copy_that_is_another(full: Workbench, target: Database) -> None:
    """A copy that has other bytes in a block is not committed."""

    def spoilt(connection: Connection, table: type[Base], columns: Any, rows: list[tuple[Any, ...]]) -> None:
        if table is BlockRow:
            rows = [(*others, zstd[:-1] + bytes([zstd[-1] ^ 1])) for *others, zstd in rows]
        insert_rows(connection, table, columns, rows)

    with patch("oai.store.copying.insert_rows", spoilt), pytest.raises(StoreError, match="block"):
        copy(full.database, target, Quiet())
    assert not content(target)["item"]


def test_a_target_of_something_else(full: Workbench, target: Database) -> None:
    """A database that has other tables is left alone."""
    with target.alone() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(StoreError, match="something else"):
        copy(full.database, target, Quiet())
    assert target.pending()
