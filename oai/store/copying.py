"""A store copied into another database, with all that is in it: datestamps, tombstones, keys, sources.

The copy is one transaction, so whoever looks at the target sees an empty store or a whole one,
and whoever is cut off begins again. It is read from one moment of the source, and proved before it is
committed: each block by comparison, and each record by the inventory's digests of days.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, inspect, select

from oai import inventory
from oai.protocol import datestamp
from oai.protocol.datestamp import DAY
from oai.protocol.model import MetadataFormat, Selection
from oai.store.database import Database, StoreError
from oai.store.horizon import Horizon
from oai.store.repository import SqlRepository
from oai.store.rows import insert_rows, know_rows
from oai.store.schema import Base, BlockRow, FormatRow, RepositoryRow, SigningKeyRow

_AT_ONCE = 500  # rows: of blocks some tens of megabytes
_MADE = (RepositoryRow, SigningKeyRow)  # the migrations give them a row each


class Progress(Protocol):
    """Who is told how far it has come."""

    def begin(self, what: str, total: int) -> None:
        """Begin something of so many steps."""

    def advance(self, by: int) -> None:
        """Go on by so many steps."""


def copy(
    source: Database, target: Database, progress: Progress, waiting: Callable[[], None] = lambda: None
) -> int:
    """Copy all of *source* into *target*, which gets tables if it has none, and return the number of rows.

    Raises :class:`oai.store.database.StoreError` where the target has something in it already, or
    what was copied is not what there was; then the target is as before.
    """
    if source.url == target.url:
        raise StoreError(f"{source} cannot be copied into itself")
    source.require()
    if target.is_foreign():
        raise StoreError(f"{target} is not empty: it has tables of something else")
    target.upgrade()
    tables = [mapper.class_ for mapper in Base.registry.mappers]
    tables.sort(key=lambda table: Base.metadata.sorted_tables.index(table.__table__))
    with source.snapshot() as reader, target.alone(waiting) as writer:
        for table in tables:
            if table not in _MADE and writer.execute(select(table).limit(1)).first():
                raise StoreError(f"{target} is not empty: it has rows in {table.__tablename__!r}")
        counts = {table: reader.scalar(select(func.count()).select_from(table)) or 0 for table in tables}
        rows = sum(counts.values())
        progress.begin("Copying", rows)
        for table in tables:
            _copy(table, reader, writer, progress)
            copied = writer.scalar(select(func.count()).select_from(table))
            if copied != counts[table]:
                raise StoreError(
                    f"{target}: {copied} of {counts[table]} rows of {table.__tablename__} came over"
                )
        know_rows(writer)
        _prove(reader, writer, progress)
    target.shrink_log()
    return rows


def _copy(table: type[Base], reader: Connection, writer: Connection, progress: Progress) -> None:
    if table in _MADE:
        writer.execute(delete(table))
    columns = [getattr(table, column.key) for column in table.__table__.columns]
    query = select(*columns).order_by(*inspect(table).primary_key).execution_options(yield_per=_AT_ONCE)
    with reader.execute(query) as found:
        for rows in found.partitions():
            insert_rows(writer, table, columns, [tuple(row) for row in rows])
            progress.advance(len(rows))


def _prove(reader: Connection, writer: Connection, progress: Progress) -> None:
    """Raise StoreError unless blocks are the same, and days have the digests that the source has for them."""
    columns = inspect(BlockRow).columns
    blocks = select(*columns).order_by(BlockRow.id).execution_options(yield_per=_AT_ONCE)
    with reader.execute(blocks) as before_copying, writer.execute(blocks) as copied:
        for block, copy_of_block in zip(before_copying, copied, strict=True):
            if block != copy_of_block:
                raise StoreError(f"block {block.id} is not what it was")
    prefixes = reader.scalars(select(FormatRow.prefix)).all()
    before, after = (_repository(connection, prefixes) for connection in (reader, writer))
    for prefix in prefixes:
        days = before.days(Selection(prefix))
        progress.begin(f"Proving {prefix}", sum(records for _, records, *_ in days))
        found: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for header, digest in after.digests(Selection(prefix)):
            line = inventory.line_of(header, digest)
            stamp, _ = datestamp.read(line.split("\t")[1])
            sums = found[stamp // DAY]
            sums[0] += 1
            sums[1] += not digest
            sums[2] = (sums[2] + inventory.number(line)) % inventory.MODULUS
            progress.advance(1)
        if days != [(day, *found[day]) for day in sorted(found)]:
            raise StoreError(f"the records of {prefix} are not what the inventory of the source says")


def _repository(connection: Connection, prefixes: Any) -> SqlRepository:
    formats = [MetadataFormat(prefix, "", "") for prefix in prefixes]
    return SqlRepository(connection, formats, "", 1, horizon=Horizon(0, 0))
