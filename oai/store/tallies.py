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


MANY = 50_000
"""So many sums are some ten megabytes: a past of thousands of days, times its sets, would be a gigabyte."""

_AT_ONCE = 1_000  # rows that are written together


class Tallies:
    """What is to be added to the table ``tally``, summed up until it is written."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[int, int, int], defaultdict[int, list[int]]] = defaultdict(_no_sums)

    def count(self, set_ids: Iterable[int], format_id: int, scope: int, by: int, line: Line) -> None:
        """Add a record to the lists of sets, or with *by* -1 take it away."""
        of_sets = self._sums[format_id, scope, line.datestamp // DAY]
        deleted = by if line.deleted else 0
        number = by * line.number
        for set_id in set_ids:
            sums = of_sets[set_id]
            sums[0] += by
            sums[1] += deleted
            sums[2] += number

    @property
    def are_many(self) -> bool:
        """Whether they should be written before there are more."""
        return sum(map(len, self._sums.values())) > MANY

    def write(self, connection: Connection) -> None:
        """Add the sums to the table, and begin anew."""
        columns = ("set_id", "format_id", "scope", "day", "records", "deleted", "digest")
        counted = [
            (set_id, *list_, records, deleted, digest % inventory.MODULUS)
            for list_, of_sets in self._sums.items()
            for set_id, (records, deleted, digest) in of_sets.items()
        ]
        self._sums.clear()
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
        for first in range(0, len(counted), _AT_ONCE):
            at_once = counted[first : first + _AT_ONCE]
            rows = [dict(zip(columns, values, strict=True)) for values in at_once if any(values[4:])]
            if rows:
                connection.execute(adding, rows)


def _no_sums() -> defaultdict[int, list[int]]:
    return defaultdict(lambda: [0, 0, 0])
