"""Blocks written: where the XML of records is put, and taken out again.

The records of a block stand beside each other in the list of their format
(:class:`oai.store.schema.BlockRow`). What is published comes to the end of that list, so it is
put into the last block until that is full. What is published anew, or gone, is cut out of its
block, which is written again without it: some tens of kilobytes for a record that changes, and
nothing to be tidied up later.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from oai.protocol.model import Position, Record
from oai.store.forms import Forms, Press, unpacked
from oai.store.rows import insert_rows
from oai.store.schema import BYTES_OF_BLOCK, RECORDS_OF_BLOCK, BlockRow, RecordRow

_AT_ONCE = 100  # blocks that are read to be cut: a few megabytes


@dataclass(slots=True)
class _Block:
    """A block that takes more records. ``stored``: it has a row already."""

    id: int
    first: Position
    last: Position
    records: int
    xml: bytearray
    stored: bool
    written: bool = False

    @property
    def is_full(self) -> bool:
        return self.records >= RECORDS_OF_BLOCK or len(self.xml) >= BYTES_OF_BLOCK


class Blocks:
    """The blocks of one publication; whoever puts records in writes them before anybody reads them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: dict[int, _Block] = {}
        self._full: list[tuple[int, _Block]] = []
        self._press = Press()
        self._last_id = connection.scalar(select(func.max(BlockRow.id))) or 0

    def put(self, format_id: int, place: Position, record: Record) -> tuple[int, int]:
        """Put a record behind all others of its format, and return its block's number and its start there."""
        block = self._open.get(format_id) or self._last(format_id)
        if block and block.is_full:
            self._full.append((format_id, block))
            block = None
        if block is None:
            self._last_id += 1
            block = _Block(self._last_id, place, place, 0, bytearray(), stored=False)
        assert block.records == 0 or block.last < place, (block.last, place)
        self._open[format_id] = block
        start = len(block.xml)
        block.xml += record
        block.last = place
        block.records += 1
        block.written = False
        return block.id, start

    def _last(self, format_id: int) -> _Block | None:
        """Return the last block of a format, to go on with."""
        query = select(BlockRow).where(BlockRow.format_id == format_id)
        row = self._connection.execute(
            query.order_by(BlockRow.datestamp.desc(), BlockRow.serial.desc()).limit(1)
        ).one_or_none()
        if row is None:
            return None
        first = Position(row.first_datestamp, row.first_serial)
        last = Position(row.datestamp, row.serial)
        xml = bytearray(unpacked(row.lz4, row.size))
        return _Block(row.id, first, last, row.records, xml, stored=True, written=True)

    def write(self) -> None:
        """Write what was put in."""
        changed = [(key, block) for key, block in [*self._full, *self._open.items()] if not block.written]
        new = [
            (block.id, format_id, *block.first, *block.last, block.records, *self._press.forms(block.xml))
            for format_id, block in changed
            if not block.stored
        ]
        insert_rows(self._connection, BlockRow, _COLUMNS, new)
        longer = [
            {
                "b": block.id,
                "datestamp": block.last.datestamp,
                "serial": block.last.serial,
                "records": block.records,
                **self._press.forms(block.xml)._asdict(),
            }
            for _, block in changed
            if block.stored
        ]
        if longer:
            self._connection.execute(_LENGTHEN, longer)
        for _, block in changed:
            block.stored = block.written = True
        self._full.clear()

    def take_out(self, gone: Mapping[int, Collection[int]]) -> None:
        """Cut records out; *gone* are their serials, by block. Their rows are the caller's."""
        assert not self._full, "what is put in has to be written first"
        self._open = {key: block for key, block in self._open.items() if block.id not in gone}
        ids = sorted(gone)
        for first in range(0, len(ids), _AT_ONCE):
            self._cut(ids[first : first + _AT_ONCE], gone)

    def _cut(self, ids: list[int], gone: Mapping[int, Collection[int]]) -> None:
        texts = dict(read(self._connection, ids))
        staying: dict[int, list[Any]] = {id_: [] for id_ in ids}
        columns = (RecordRow.block_id, RecordRow.datestamp, RecordRow.serial, RecordRow.start, RecordRow.size)
        rows = (
            select(*columns).where(RecordRow.block_id.in_(ids)).order_by(RecordRow.block_id, RecordRow.start)
        )
        for row in self._connection.execute(rows):
            if row.serial not in gone[row.block_id]:
                staying[row.block_id].append(row)
        moved: list[dict[str, Any]] = []
        shorter: list[dict[str, Any]] = []
        for id_, records in staying.items():
            if not records:
                continue
            xml = bytearray()
            for row in records:
                if row.start != len(xml):
                    moved.append({"s": row.serial, "start": len(xml)})
                xml += texts[id_][row.start : row.start + row.size]
            shorter.append(
                {
                    "b": id_,
                    "first_datestamp": records[0].datestamp,
                    "first_serial": records[0].serial,
                    "datestamp": records[-1].datestamp,
                    "serial": records[-1].serial,
                    "records": len(records),
                    **self._press.forms(xml)._asdict(),
                }
            )
        emptied = [id_ for id_, records in staying.items() if not records]
        if emptied:
            self._connection.execute(delete(BlockRow).where(BlockRow.id.in_(emptied)))
        if shorter:
            self._connection.execute(_SHORTEN, shorter)
        if moved:
            self._connection.execute(_MOVE, moved)


def read(connection: Connection, ids: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield number and XML of blocks."""
    found = select(BlockRow.id, BlockRow.lz4, BlockRow.size).where(BlockRow.id.in_(ids))
    for id_, lz4, size in connection.execute(found):
        yield id_, unpacked(lz4, size)


_FORMS = tuple(getattr(BlockRow, name) for name in Forms._fields)
_COLUMNS = (
    BlockRow.id,
    BlockRow.format_id,
    BlockRow.first_datestamp,
    BlockRow.first_serial,
    BlockRow.datestamp,
    BlockRow.serial,
    BlockRow.records,
    *_FORMS,
)
_LENGTHEN = (
    update(BlockRow)
    .where(BlockRow.id == bindparam("b"))
    .values({name: bindparam(name) for name in ("datestamp", "serial", "records", *Forms._fields)})
)
_SHORTEN = (
    update(BlockRow)
    .where(BlockRow.id == bindparam("b"))
    .values(
        {
            name: bindparam(name)
            for name in ("first_datestamp", "first_serial", "datestamp", "serial", "records", *Forms._fields)
        }
    )
)
_MOVE = update(RecordRow).where(RecordRow.id == bindparam("s")).values(start=bindparam("start"))
