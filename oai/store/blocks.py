"""Blocks written: where the XML of records is put, and taken out again.

The records of a block stand beside each other in the list of their format
(:class:`oai.store.schema.BlockRow`). What is published comes to the end of that list, so it is
put into the last block until that is full. What is published anew, or gone, is cut out of its
block, which is written again without it: some tens of kilobytes for a record that changes, and
nothing to be tidied up later.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from oai.protocol.model import Position, Record
from oai.store.cutting import unpacked
from oai.store.forms import Forms
from oai.store.press import Press
from oai.store.rows import insert_rows
from oai.store.schema import BYTES_OF_BLOCK, RECORDS_OF_BLOCK, BlockRow, RecordRow

_AT_ONCE = 100  # blocks that are read or written together: a few megabytes


@dataclass(slots=True)
class _Block:
    """A block that takes more records.

    ``stored``: it has a row already, or one under way; ``written``: which has all that is in it.
    """

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
    """The blocks of one publication. Who reads blocks in the meantime flushes them first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: dict[int, _Block] = {}
        self._press = Press[tuple[int, _Block]]()
        self._rows: list[tuple[object, ...]] = []
        self._last_id = connection.scalar(select(func.max(BlockRow.id))) or 0

    def put(self, format_id: int, place: Position, record: Record) -> tuple[int, int]:
        """Put a record behind all others of its format, and return its block's number and its start there."""
        block = self._open.get(format_id) or self._last(format_id)
        if block and block.is_full:
            self._close(format_id, block)
            block.xml = bytearray()  # for many may be under way
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

    def _close(self, format_id: int, block: _Block) -> None:
        """Begin to write a block that takes no more records for now."""
        if not block.written:
            self._press.begin((format_id, block), bytes(block.xml))
            block.written = True
            self._write(self._press.done())

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
        xml = bytearray(unpacked(row.size, row.crc32, row.lz4))
        return _Block(row.id, first, last, row.records, xml, stored=True, written=True)

    def _write(self, done: Iterable[tuple[tuple[int, _Block], Forms]], at_once: int = _AT_ONCE) -> None:
        """Write what is done, as soon as there are *at_once* new blocks.

        Nothing has been put into them since it was begun.
        """
        for (format_id, block), made in done:
            if block.stored:
                row = {name: getattr(block.last, name) for name in Position._fields}
                longer = {"b": block.id, "records": block.records, **row, **made._asdict()}
                self._connection.execute(_LENGTHEN, longer)
            else:
                self._rows.append((block.id, format_id, *block.first, *block.last, block.records, *made))
                block.stored = True
        if len(self._rows) >= at_once:
            insert_rows(self._connection, BlockRow, _COLUMNS, self._rows)
            self._rows = []

    def flush(self) -> None:
        """Write all that was put in."""
        for format_id, block in self._open.items():
            self._close(format_id, block)
        self._write(self._press.done(wait=True), at_once=1)

    def of(self, rows: Sequence[Any]) -> Iterator[tuple[Any, bytes]]:
        """Yield each of *rows*, which have a block_id, with the XML of that block."""
        self.flush()
        for first in range(0, len(rows), _AT_ONCE):
            part = rows[first : first + _AT_ONCE]
            texts = dict(_read(self._connection, {row.block_id for row in part}))
            yield from ((row, texts[row.block_id]) for row in part)

    def end(self) -> None:
        """Let go of what works for them; what was not flushed is dropped."""
        self._press.end()

    def take_out(self, gone: Mapping[int, Collection[int]]) -> None:
        """Cut records out; *gone* are their serials, by block. Their rows are the caller's."""
        if not gone:
            return
        self.flush()
        self._open = {key: block for key, block in self._open.items() if block.id not in gone}
        ids = sorted(gone)
        for first in range(0, len(ids), _AT_ONCE):
            self._cut(ids[first : first + _AT_ONCE], gone)

    def _cut(self, ids: list[int], gone: Mapping[int, Collection[int]]) -> None:
        texts = dict(_read(self._connection, ids))
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
                    **self._press.forms(bytes(xml))._asdict(),
                }
            )
        emptied = [id_ for id_, records in staying.items() if not records]
        if emptied:
            self._connection.execute(delete(BlockRow).where(BlockRow.id.in_(emptied)))
        if shorter:
            self._connection.execute(_SHORTEN, shorter)
        if moved:
            self._connection.execute(_MOVE, moved)


def _read(connection: Connection, ids: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield number and XML of blocks."""
    found = select(BlockRow.id, BlockRow.size, BlockRow.crc32, BlockRow.lz4).where(BlockRow.id.in_(ids))
    for id_, size, crc32, lz4 in connection.execute(found):
        yield id_, unpacked(size, crc32, lz4)


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
