"""Rows to take away and to write, collected so that each statement runs once for many."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, update

from oai.store.rows import insert_rows
from oai.store.schema import ItemRow, PlacementRow, RecordRow

RECORD = (
    RecordRow.id,
    RecordRow.format_id,
    RecordRow.datestamp,
    RecordRow.serial,
    RecordRow.item_id,
    RecordRow.digest,
    RecordRow.block_id,
    RecordRow.start,
    RecordRow.header_size,
    RecordRow.set_specs_size,
    RecordRow.size,
)
"""The columns of a row in :attr:`Batch.records`."""

PLACEMENT = (
    PlacementRow.set_id,
    PlacementRow.format_id,
    PlacementRow.scope,
    PlacementRow.datestamp,
    PlacementRow.serial,
    PlacementRow.item_id,
    PlacementRow.header,
)
"""The columns of a row in :attr:`Batch.placements`."""


@dataclass(slots=True)
class Batch:
    """Rows of ``record``, ``placement`` and ``item``; what is old goes before what is new comes."""

    old_records: list[dict[str, Any]] = field(default_factory=list)
    records: list[tuple[object, ...]] = field(default_factory=list)
    old_placements: list[dict[str, Any]] = field(default_factory=list)
    placements: list[tuple[int, int, int, int, int, int, bytes | None]] = field(default_factory=list)
    deleted_items: list[int] = field(default_factory=list)
    live_items: list[int] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """Write them."""
        if self.old_records:
            connection.execute(_DELETE_RECORD, self.old_records)
        insert_rows(connection, RecordRow, RECORD, self.records)
        if self.old_placements:
            connection.execute(_DELETE_PLACEMENT, self.old_placements)
        # In their own order, for they are clustered by it.
        insert_rows(connection, PlacementRow, PLACEMENT, sorted(self.placements))
        for item_ids, deleted in ((self.deleted_items, True), (self.live_items, False)):
            if item_ids:
                connection.execute(_UPDATE_ITEMS, {"ids": item_ids, "to": deleted})


_DELETE_RECORD = delete(RecordRow).where(RecordRow.id == bindparam("s"))
_DELETE_PLACEMENT = delete(PlacementRow).where(
    PlacementRow.set_id == bindparam("t"),
    PlacementRow.format_id == bindparam("f"),
    PlacementRow.scope == bindparam("c"),
    PlacementRow.datestamp == bindparam("d"),
    PlacementRow.serial == bindparam("s"),
)
_UPDATE_ITEMS = (
    update(ItemRow).where(ItemRow.id.in_(bindparam("ids", expanding=True))).values(deleted=bindparam("to"))
)
