"""Stores that are larger than there is time to fill: the rows of a smaller one, several times over.

Each copy has identifiers, serials and numbers of its own, and lies behind the one before it in every
list. All of them together span as many days as the smaller store does. Only their XML is that of the
smaller store. What a page costs depends on the rows and their indexes, which are those of a store that
was filled record by record.
"""

import sqlite3
from array import array
from contextlib import closing
from pathlib import Path

from tests.benchmarks.records import Stamps


def multiply(smaller: Path, database: Path, times: int) -> None:
    """Make *database*, a file like *smaller*, *times* as large."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS smaller", (f"{smaller}",))
        named = connection.execute(_LAST).fetchone()
        known = dict(zip(("items", "blocks", "serials", "first", "span"), named, strict=True))
        for table in ("item", "block", "record", "placement", "tally"):
            connection.execute(f"DELETE FROM {table}")
        for copy in range(times):
            connection.execute("BEGIN")
            for statement in _COPY:
                connection.execute(statement, known | {"copy": copy, "times": times})
            connection.execute("COMMIT")
        for statement in _COUNT:
            connection.execute(statement)
        connection.execute("UPDATE sets SET members = members * ?", (times,))
        connection.execute("UPDATE repository SET last_serial = last_serial * ?", (times,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def multiplied(stamps: Stamps, times: int) -> Stamps:
    """Return the datestamps of the larger store."""
    first = stamps["all"][0]
    span = stamps["all"][-1] - first + 1
    return {
        name: array(
            "q", (first + (stamp - first + copy * span) // times for copy in range(times) for stamp in each)
        )
        for name, each in stamps.items()
    }


_LAST = """
SELECT (SELECT max(id) FROM smaller.item), (SELECT max(id) FROM smaller.block),
    (SELECT max(id) FROM smaller.record), (SELECT min(datestamp) FROM smaller.record),
    (SELECT max(datestamp) - min(datestamp) + 1 FROM smaller.record)
"""
_STAMP = ":first + ({0} - :first + :copy * :span) / :times"
_COPY = (
    "INSERT INTO item SELECT id + :copy * :items, local || '-' || :copy, deleted FROM smaller.item",
    f"""
    INSERT INTO block SELECT id + :copy * :blocks, format_id,
        {_STAMP.format("first_datestamp")}, first_serial + :copy * :serials,
        {_STAMP.format("datestamp")}, serial + :copy * :serials, records,
        size, crc32, lz4, deflate, zstd
    FROM smaller.block
    """,
    f"""
    INSERT INTO record SELECT id + :copy * :serials, format_id, {_STAMP.format("datestamp")},
        serial + :copy * :serials, item_id + :copy * :items, digest, block_id + :copy * :blocks,
        start, header_size, set_specs_size, size
    FROM smaller.record
    """,
    f"""
    INSERT INTO placement SELECT set_id, format_id, scope, {_STAMP.format("datestamp")},
        serial + :copy * :serials, item_id + :copy * :items, header
    FROM smaller.placement
    """,
)
_COUNT = (
    """
    INSERT INTO tally SELECT 0, format_id, 0, datestamp / 86400, count(*), sum(digest = x''), 0
    FROM record GROUP BY format_id, datestamp / 86400
    """,
    """
    INSERT INTO tally SELECT set_id, format_id, scope, datestamp / 86400, count(*), 0, 0
    FROM placement GROUP BY set_id, format_id, scope, datestamp / 86400
    """,
)
