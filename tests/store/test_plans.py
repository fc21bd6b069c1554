"""How PostgreSQL reads each page: along an index from its position on, whatever the size of the store.

The plans are in ``plans.txt``, to be read. ``OAI_PLANS=write`` writes that file anew. With
``OAI_PLAN_RECORDS=1000000`` a store of that size is asked; its plans may differ in where a block is
remembered from one record to the next, and in nothing that the tests forbid.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from oai.intake import CHUNK
from oai.protocol.model import Position
from oai.store import contributions, queries
from oai.store.catalogue import SCANNED, Catalogue
from oai.store.database import Database
from oai.store.prepared import Prepared
from oai.store.rows import know_rows
from oai.store.schema import Scope
from tests.stores import PostgreSQL

RECORDS = int(os.environ.get("OAI_PLAN_RECORDS", "50000"))
PLANS = Path(__file__).with_name("plans.txt")
HARMLESS = {
    "Append",
    "Index Only Scan",
    "Index Scan",
    "Limit",
    "Memoize",
    "Merge Append",
    "Nested Loop",
    "Nested Loop Left Join",
    "Result",
    "Subquery Scan",
    "WindowAgg",
}

# Two formats, blocks of twenty, and forty sets of which the first has every second item; a tenth has left it.
FILL = """
INSERT INTO format SELECT n, 'format' || n, '' FROM generate_series(1, 2) n;
INSERT INTO sets SELECT n, 'tag:' || n, 'Tag ' || n, 1 FROM generate_series(1, 40) n;
INSERT INTO item SELECT n, 'item-' || n, false FROM generate_series(1, :records) n;
INSERT INTO block
SELECT f * 1000000 + b, f, b * 20, f * 10000000 + b * 20, b * 20 + 19, f * 10000000 + b * 20 + 19, 20,
       6000, 0, decode(repeat('00', 2000), 'hex'), decode(repeat('00', 1500), 'hex'), decode(repeat('00', 1400), 'hex')
FROM generate_series(1, 2) f, generate_series(0, :records / 20) b;
INSERT INTO record
SELECT f * 10000000 + n, f, n, f * 10000000 + n, n, decode(repeat('00', 32), 'hex'),
       f * 1000000 + n / 20, (n % 20) * 300, 100, 50, 300
FROM generate_series(1, 2) f, generate_series(1, :records) n;
INSERT INTO placement
SELECT s, f, scope, n, f * 10000000 + n, n, CASE scope WHEN 2 THEN decode(repeat('00', 100), 'hex') END
FROM (SELECT n, f, s, CASE WHEN s = 1 AND n % 10 = 0 THEN 1 + f % 2 ELSE 0 END AS scope
      FROM generate_series(1, :records) n, generate_series(1, 2) f,
           LATERAL (VALUES (CASE WHEN n % 2 = 0 THEN 1 ELSE 2 END), (3 + n % 38)) AS of(s)) placed;
INSERT INTO contribution
SELECT 1, n, n, decode(repeat('00', 16), 'hex'), decode(repeat('00', 400), 'hex') FROM generate_series(1, :records) n;
INSERT INTO tally
SELECT set_id, format_id, scope, datestamp / 86400, count(*), 0, 0 FROM placement GROUP BY 1, 2, 3, 4;
"""


@pytest.fixture(scope="module")
def large(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Give a connection to a large store, as it is when it has just been written."""
    url = postgresql.url(tmp_path_factory.mktemp("large"))
    database = Database(url)
    with database.writing() as connection:
        for statement in FILL.split(";\n")[:-1]:
            connection.execute(text(statement), {"records": RECORDS} if ":records" in statement else {})
        know_rows(connection)
    with database.reading() as connection:
        yield connection
    database.dispose()
    postgresql.drop(url)


def statements() -> dict[str, Prepared]:
    """Return the statements that pages of lists are read by."""
    found = {
        "blocks": queries.blocks(),
        "whether more follow": queries.next_record(),
        "where a list ends": queries.last_place(),
    }
    for backwards in (False, True):
        how = ", backwards" if backwards else ""
        found[f"page{how}"] = queries.page(backwards=backwards)
        for scope in (Scope.ARGUMENT, Scope.BASE_URL):
            seen = "set=" if scope is Scope.ARGUMENT else "base URL of a set"
            found[f"page of {seen}{how}"] = queries.page_of_set(scope, backwards=backwards)
    return found


def values(position: int, limit: int) -> dict[str, int]:
    """Return what a page of the largest set, or of all, is asked for with."""
    return {
        "set_id": 1,
        "format_id": 1,
        "datestamp": position,
        "serial": 10_000_000 + position,
        "from_": queries.BEGINNING,
        "until": queries.END,
        "limit": limit,
    }


def plan(connection: Connection, statement: Prepared, position: int) -> list[str]:
    """Return how a statement is run, without figures."""
    written, bound = statement.bound(connection.dialect, values(position, limit=101))
    rows = connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {written}", bound)
    return [line for (line,) in rows]


def nodes(lines: list[str]) -> set[str]:
    """Return the kinds of steps that a plan has, whatever the direction."""
    steps = {line.strip().removeprefix("->  ").partition(" using ")[0].partition(" on ")[0] for line in lines}
    return {step.replace(" Backward", "") for step in steps if ":" not in step}


@pytest.mark.parametrize("set_spec", [None, "tag:1"])
def test_a_shelf_is_read_along_an_index(large: Connection, set_spec: str | None) -> None:
    """What people leaf through is entered at its position, too, and not sorted, unless it is small as a whole."""
    catalogue = Catalogue(large)
    catalogue._format_id = 1
    for position in (25_000, queries.END):
        query = catalogue._places(set_spec, Position(position, 10_000_000 + position)).limit(SCANNED)
        written = query.compile(large, compile_kwargs={"literal_binds": True})
        lines = list(large.exec_driver_sql(f"EXPLAIN (COSTS OFF) {written}").scalars())
        assert nodes(lines) <= HARMLESS, "\n".join(lines)
        assert any("Index Cond" in line and "ROW(datestamp, serial)" in line for line in lines), "\n".join(
            lines
        )


def test_what_is_said_of_some_items_is_looked_up(large: Connection) -> None:
    """A sync asks for so many items at a time, and does not read all that was ever said each time."""
    ids = range(1, RECORDS, RECORDS // CHUNK)
    query = contributions._OF_ITEMS.params(ids=list(ids))
    written = query.compile(large, compile_kwargs={"literal_binds": True, "render_postcompile": True})
    lines = list(large.exec_driver_sql(f"EXPLAIN (COSTS OFF) {written}").scalars())
    assert any("ix_contribution_item_id" in line for line in lines), "\n".join(lines)


def test_the_plans(large: Connection) -> None:
    """Each page is read as plans.txt says: index scans alone, nothing sorted, nothing hashed.

    That is so of 50,000 records and of 1,000,000 (OAI_PLAN_RECORDS); only whether a block that was read for
    one record is remembered for the next is the database's own affair.
    """
    found = []
    for name, statement in statements().items():
        lines = plan(large, statement, 25_000)
        assert nodes(lines) <= HARMLESS, "\n".join(lines)
        large.exec_driver_sql("SET enable_memoize = off")
        lines = plan(large, statement, 25_000)
        large.exec_driver_sql("RESET enable_memoize")
        found.append("\n".join([f"== {name}", *(line for line in lines if "Output" not in line)]) + "\n")
    if os.environ.get("OAI_PLANS") == "write":
        PLANS.write_text("\n".join(found), encoding="utf-8")
    assert "\n".join(found) == PLANS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", statements())
def test_a_page_is_as_cheap_at_any_depth(large: Connection, name: str) -> None:
    """What is read for a page depends on neither its depth nor the size of the store."""
    read = []
    for position in (0, RECORDS // 2, RECORDS - 1000):
        statement = statements()[name]
        written, bound = statement.bound(large.dialect, values(position, limit=10))
        explained = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) {written}"
        (top,) = large.exec_driver_sql(explained, bound).scalars().one()
        read.append(top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"])
    assert max(read) < 400, read
