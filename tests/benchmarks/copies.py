"""Stores that are larger than there is time to fill: the rows of a smaller one, several times over.

Each copy has identifiers, serials and numbers of its own, and lies behind the one before it in every
list, with datestamps that are later by as many days as the first copy spans. Only its XML is that
of the first copy. What a page costs depends on the rows and their indexes, which are those of a
store that was filled record by record.
"""

import sqlite3
from array import array
from contextlib import closing
from pathlib import Path

from oai.protocol.datestamp import DAY
from tests.benchmarks.records import Stamps


def multiply(database: Path, times: int, days: int) -> None:
    """Make the store at *database* *times* as large; it spans *days*."""
    with closing(sqlite3.connect(database)) as connection:
        items, blocks, serials, last_day = connection.execute(_LAST).fetchone()
        for copy in range(1, times):
            named = {
                "copy": copy,
                "items": items,
                "blocks": blocks,
                "serials": serials,
                "last_day": last_day,
                "days": copy * days,
                "seconds": copy * days * DAY,
            }
            for statement in _COPY:
                connection.execute(statement, named)
            connection.commit()
        connection.execute("UPDATE sets SET members = members * ?", (times,))
        connection.execute("UPDATE repository SET last_serial = last_serial * ?", (times,))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


_LAST = """
SELECT (SELECT max(id) FROM item), (SELECT max(id) FROM block), (SELECT max(id) FROM record),
    (SELECT max(day) FROM tally)
"""
_COPY = (
    "INSERT INTO item SELECT id + :copy * :items, local || '-' || :copy, deleted FROM item WHERE id <= :items",
    """
    INSERT INTO block SELECT id + :copy * :blocks, format_id,
        first_datestamp + :seconds, first_serial + :copy * :serials,
        datestamp + :seconds, serial + :copy * :serials, records, xml
    FROM block WHERE id <= :blocks
    """,
    """
    INSERT INTO record SELECT id + :copy * :serials, format_id, datestamp + :seconds,
        serial + :copy * :serials, item_id + :copy * :items, digest, block_id + :copy * :blocks,
        start, header_size, set_specs_size, size
    FROM record WHERE id <= :serials
    """,
    """
    INSERT INTO placement SELECT set_id, format_id, scope, datestamp + :seconds,
        serial + :copy * :serials, item_id + :copy * :items, header
    FROM placement WHERE serial <= :serials
    """,
    """
    INSERT INTO tally SELECT set_id, format_id, scope, day + :days, records, deleted, digest
    FROM tally WHERE day <= :last_day
    """,
)


def multiplied(stamps: Stamps, times: int) -> tuple[Stamps, int]:
    """Return the datestamps of the larger store, and how many days those of the smaller one span."""
    days = stamps["all"][-1] // DAY - stamps["all"][0] // DAY + 1
    return {
        name: array("q", (stamp + copy * days * DAY for copy in range(times) for stamp in each))
        for name, each in stamps.items()
    }, days
