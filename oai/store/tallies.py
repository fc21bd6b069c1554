"""The counters of lists: how many records of each day, how many deleted, and a digest of their lines."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, SQLColumnExpression, cast, func
from sqlalchemy.dialects import postgresql, sqlite

from oai import inventory
from oai.protocol.datestamp import DAY
from oai.store.schema import TallyRow


class Line(NamedTuple):
    """A record's line in the inventory, as far as it is counted."""

    datestamp: int
    deleted: bool
    number: int

    @classmethod
    def of(cls, identifier: str, stamp: int, digest: bytes) -> "Line":
        """Return the line of a record; *digest* is empty for a deleted one."""
        return cls(stamp, not digest, inventory.number(inventory.line(identifier, stamp, digest)))


def total(numbers: SQLColumnExpression[int]) -> ColumnElement[int]:
    """Return the sum of *numbers* as a column, 0 where there are none."""
    # PostgreSQL makes a decimal number of it.
    return cast(func.coalesce(func.sum(numbers), 0), BigInteger)


class Tallies:
    """What is to be added to the table ``tally``, summed up until it is written."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])

    def count(self, set_ids: Iterable[int], format_id: int, scope: int, by: int, line: Line) -> None:
        """Add a record to the lists of sets, or with *by* -1 take it away."""
        day = line.datestamp // DAY
        number = by * line.number
        for set_id in set_ids:
            sums = self._sums[set_id, format_id, scope, day]
            sums[0] += by
            sums[1] += by if line.deleted else 0
            sums[2] += number

    def write(self, connection: Connection) -> None:
        """Add the sums to the table."""
        columns = ("set_id", "format_id", "scope", "day", "records", "deleted", "digest")
        counted = [
            (*key, records, deleted, digest % inventory.MODULUS)
            for key, (records, deleted, digest) in self._sums.items()
        ]
        rows = [dict(zip(columns, values, strict=True)) for values in counted if any(values[4:])]
        if not rows:
            return
        dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
        adding = dialect.insert(TallyRow)
        adding = adding.on_conflict_do_update(
            index_elements=["set_id", "format_id", "scope", "day"],
            set_={
                "records": TallyRow.records + adding.excluded.records,
                "deleted": TallyRow.deleted + adding.excluded.deleted,
                "digest": (TallyRow.digest + adding.excluded.digest) % inventory.MODULUS,
            },
        )
        connection.execute(adding, rows)
