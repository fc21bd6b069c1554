"""Rows to take away and to write, collected so that each statement runs once for many."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from oai.store.schema import ItemRow, PlacementRow, RecordRow


@dataclass(slots=True)
class Batch:
    """Rows of ``record``, ``placement`` and ``item``; what is old goes before what is new comes."""

    old_records: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    old_placements: list[dict[str, Any]] = field(default_factory=list)
    placements: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """Write them."""
        for statement, rows in (
            (_DELETE_RECORD, self.old_records),
            (insert(RecordRow), self.records),
            (_DELETE_PLACEMENT, self.old_placements),
            (insert(PlacementRow), self.placements),
            (_UPDATE_ITEM, self.items),
        ):
            if rows:
                connection.execute(statement, rows)


_DELETE_RECORD = delete(RecordRow).where(RecordRow.id == bindparam("s"))
_DELETE_PLACEMENT = delete(PlacementRow).where(
    PlacementRow.set_id == bindparam("t"),
    PlacementRow.format_id == bindparam("f"),
    PlacementRow.scope == bindparam("c"),
    PlacementRow.datestamp == bindparam("d"),
    PlacementRow.serial == bindparam("s"),
)
_UPDATE_ITEM = update(ItemRow).where(ItemRow.id == bindparam("i")).values(deleted=bindparam("deleted"))
