"""Selections as SELECTs: a stretch of a list from a position on.

Each statement is built and compiled once; what a request asks for are its parameters. A page is
one statement over one stretch of an index, or over two where an item can stand in a list
for two reasons (:class:`oai.store.schema.Scope`), which the database merges in their order.
"""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Executable,
    LargeBinary,
    Select,
    SmallInteger,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    tuple_,
    union_all,
)

from oai.store.prepared import Prepared
from oai.store.schema import BlockRow, PlacementRow, RecordRow, Scope, TallyRow
from oai.store.tallies import total

BEGINNING = -(1 << 62)
"""Earlier than every datestamp."""

END = 1 << 62
"""Later than every datestamp."""

_PLACE = (PlacementRow.datestamp.label("datestamp"), PlacementRow.serial.label("serial"))
_NO_HEADER = cast(null(), LargeBinary).label("header")
_Query = TypeVar("_Query", Select[*tuple[Any, ...]], CompoundSelect[*tuple[Any, ...]])

LIES = (RecordRow.start, RecordRow.header_size, RecordRow.set_specs_size, RecordRow.size)
"""Where a record lies in its block (:class:`oai.store.cutting.Place`)."""

PACKED = (BlockRow.size.label("block_size"), BlockRow.crc32, BlockRow.lz4)
"""What the records of a block are unpacked from (:func:`oai.store.cutting.unpacked`)."""

_RECORD = (RecordRow.block_id, *LIES, RecordRow.digest)

CODED = {"gzip": BlockRow.deflate, "zstd": BlockRow.zstd}
"""The columns of ``block`` that are copied into responses, by the name of the content coding."""


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


@cache
def blocks(coding: str | None = None) -> Prepared:
    """Select at most ``limit`` blocks whose last record is behind (``datestamp``, ``serial``).

    The last column has the records, in *coding* or as LZ4.
    """
    query = select(
        BlockRow.first_datestamp,
        BlockRow.first_serial,
        BlockRow.datestamp,
        BlockRow.serial,
        BlockRow.records,
        BlockRow.size,
        BlockRow.crc32,
        BlockRow.lz4 if coding is None else CODED[coding],
    ).where(
        BlockRow.format_id == _number("format_id"),
        tuple_(BlockRow.datestamp, BlockRow.serial) > _position(),
    )
    return Prepared(query.order_by(BlockRow.datestamp, BlockRow.serial).limit(_number("limit")))


@cache
def next_record() -> Prepared:
    """Select the serial of the first record behind (``datestamp``, ``serial``), not later than ``until``."""
    place = (RecordRow.datestamp, RecordRow.serial)
    query = select(RecordRow.serial).where(
        RecordRow.format_id == _number("format_id"), _within(RecordRow, backwards=False)
    )
    return Prepared(query.order_by(*place).limit(1))


@cache
def last_place() -> Prepared:
    """Select datestamp and serial of the last record."""
    place = (RecordRow.datestamp, RecordRow.serial)
    query = select(*place).where(RecordRow.format_id == _number("format_id"))
    return Prepared(query.order_by(*(column.desc() for column in place)).limit(1))


@cache
def page(*, backwards: bool = False) -> Prepared:
    """Select at most ``limit`` records behind (``datestamp``, ``serial``), not later than ``until``.

    The columns are datestamp, serial and block_id, the place in the block
    (:class:`oai.store.cutting.Place`), the digest, and the header of one that is a deleted record
    by itself and in no block; then size, checksum and LZ4 of the block, with one of its records at
    least. With *backwards* they are those not behind that position and not earlier than ``from_``.
    The rows may come in any order.
    """
    place = (RecordRow.datestamp, RecordRow.serial)
    query = select(*place, *_RECORD, _NO_HEADER).where(
        RecordRow.format_id == _number("format_id"), _within(RecordRow, backwards=backwards)
    )
    return Prepared(_with_blocks(_in_order(query, place, backwards=backwards)))


@cache
def page_of_set(scope: Scope, *, backwards: bool = False) -> Prepared:
    """Select as :func:`page` does, of the set ``set_id`` as it is seen through *scope*."""
    if scope is Scope.ARGUMENT:
        parts = [_placed(each, backwards=backwards) for each in (Scope.BOTH, scope)]
    else:
        parts = [_placed(Scope.BOTH, backwards=backwards), _departed(backwards=backwards)]
    # SQLite merges the two as it reads them. PostgreSQL does so only with what is in order by itself.
    ordered = (
        _in_order(each, _places(each), backwards=backwards).subquery(f"part{n}")
        for n, each in enumerate(parts)
    )
    merged, postgresql = union_all(*parts), union_all(*map(select, ordered))
    return Prepared(
        _with_blocks(_in_order(merged, _places(merged), backwards=backwards)),
        postgresql=_with_blocks(_in_order(postgresql, _places(postgresql), backwards=backwards)),
    )


@cache
def tallied(scopes: tuple[Scope, ...]) -> Prepared:
    """Select how many records the set ``set_id`` has on the days from ``first_day`` to ``last_day``."""
    return Prepared(
        select(total(TallyRow.records)).where(
            TallyRow.set_id == _number("set_id"),
            TallyRow.format_id == _number("format_id"),
            TallyRow.scope.in_(map(_literal, scopes)),
            TallyRow.day >= _number("first_day"),
            TallyRow.day <= _number("last_day"),
        )
    )


@cache
def counted(scopes: tuple[Scope, ...] | None) -> Prepared:
    """Select how many records there are from ``from_`` to ``until``, of all or of the set ``set_id``."""
    table = RecordRow if scopes is None else PlacementRow
    query = select(func.count()).where(
        table.format_id == _number("format_id"),
        table.datestamp >= _number("from_"),
        table.datestamp <= _number("until"),
    )
    if scopes is not None:
        query = query.where(
            PlacementRow.set_id == _number("set_id"), PlacementRow.scope.in_(map(_literal, scopes))
        )
    return Prepared(query)


def _literal(scope: Scope) -> ColumnElement[int]:
    return literal_column(str(int(scope)), SmallInteger)


def _placed(scope: Scope, *, backwards: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(*_PLACE, *_RECORD, _NO_HEADER)
        .join(RecordRow, RecordRow.id == PlacementRow.serial)
        .where(_in_set(scope), _within(PlacementRow, backwards=backwards))
    )


def _departed(*, backwards: bool) -> Select[*tuple[Any, ...]]:
    nowhere = [literal(0, column.type).label(column.key) for column in _RECORD[:-1]]
    return select(*_PLACE, *nowhere, literal(b"", LargeBinary).label("digest"), PlacementRow.header).where(
        _in_set(Scope.BASE_URL), _within(PlacementRow, backwards=backwards)
    )


def _with_blocks(query: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]) -> Executable:
    """Select what *query* does, and with the first record of each block, or more of them, that block.

    So a block that many records of a page are cut from is read once, and in the same statement:
    between two of them, records may leave it.
    """
    page = query.subquery("page")
    before = func.lag(page.c.block_id).over()  # in whatever order: each block comes once, or more often
    records = select(page, before.label("before")).subquery("records")
    is_first = records.c.before.is_distinct_from(records.c.block_id)
    columns = [column for column in records.c if column.key != "before"]
    return select(*columns, *PACKED).outerjoin(BlockRow, and_(BlockRow.id == records.c.block_id, is_first))


def _in_set(scope: Scope) -> ColumnElement[bool]:
    return and_(
        PlacementRow.set_id == _number("set_id"),
        PlacementRow.format_id == _number("format_id"),
        PlacementRow.scope == _literal(scope),
    )


def _position() -> ColumnElement[Any]:
    return tuple_(_number("datestamp"), _number("serial"))


def _within(table: type[RecordRow | PlacementRow], *, backwards: bool) -> ColumnElement[bool]:
    # The comparison of rows, not of the two columns apart, is what an index can be entered by.
    place = tuple_(table.datestamp, table.serial)
    if backwards:
        return and_(place <= _position(), table.datestamp >= _number("from_"))
    return and_(place > _position(), table.datestamp <= _number("until"))


def _places(query: _Query) -> tuple[Any, Any]:
    datestamp, serial, *_ = query.selected_columns
    return datestamp, serial


def _in_order(query: _Query, place: tuple[Any, Any], *, backwards: bool) -> _Query:
    ordered = query.order_by(*(column.desc() for column in place)) if backwards else query.order_by(*place)
    return ordered.limit(_number("limit"))
