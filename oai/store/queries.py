"""Selections as SELECTs: a stretch of a list from a position on.

Each statement is built and compiled once; what a request asks for are its parameters. A page is
one statement over one stretch of an index, or over two where an item can stand in a list
for two reasons (:class:`oai.store.schema.Scope`), which the database merges in their order.
"""

import enum
from collections.abc import Sequence
from functools import cache, reduce
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    LargeBinary,
    Select,
    SmallInteger,
    SQLColumnExpression,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
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


class Part(enum.Enum):
    """What of each record is wanted."""

    RECORD = enum.auto()
    """The record element."""

    HEADER = enum.auto()
    """The header element."""

    DIGEST = enum.auto()
    """The header element, and in a column of its own the digest."""


_PLACE = (PlacementRow.datestamp.label("datestamp"), PlacementRow.serial.label("serial"))
_Bytes = ColumnElement[bytes]
_Query = TypeVar("_Query", Select[*tuple[Any, ...]], CompoundSelect[*tuple[Any, ...]])


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


@cache
def blocks() -> Prepared:
    """Select at most ``limit`` blocks whose last record is behind (``datestamp``, ``serial``)."""
    query = select(
        BlockRow.first_datestamp,
        BlockRow.first_serial,
        BlockRow.datestamp,
        BlockRow.serial,
        BlockRow.records,
        BlockRow.xml,
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
def page(*, part: Part, backwards: bool = False) -> Prepared:
    """Select at most ``limit`` records behind (``datestamp``, ``serial``), not later than ``until``.

    The columns are datestamp, serial, block_id and what *part* says. With *backwards* they are
    those not behind that position and not earlier than ``from_``, the last one first.
    """
    place = (RecordRow.datestamp, RecordRow.serial)
    query = (
        select(*place, RecordRow.block_id, *_as_sent(part))
        .join(BlockRow, BlockRow.id == RecordRow.block_id)
        .where(RecordRow.format_id == _number("format_id"), _within(RecordRow, backwards=backwards))
    )
    return Prepared(_in_order(query, place, backwards=backwards))


@cache
def page_of_set(scope: Scope, *, part: Part, backwards: bool = False) -> Prepared:
    """Select as :func:`page` does, of the set ``set_id`` as it is seen through *scope*."""
    if scope is Scope.ARGUMENT:
        parts = [_placed(each, _as_sent(part), backwards=backwards) for each in (Scope.BOTH, scope)]
    else:
        parts = [
            _placed(Scope.BOTH, _without_sets(part), backwards=backwards),
            select(*_PLACE, literal(0, BigInteger).label("block_id"), *_departed(part)).where(
                _in_set(scope), _within(PlacementRow, backwards=backwards)
            ),
        ]
    # SQLite merges the two as it reads them. PostgreSQL does so only with what is in order by itself.
    ordered = (
        _in_order(each, _places(each), backwards=backwards).subquery(f"part{n}")
        for n, each in enumerate(parts)
    )
    merged, postgresql = union_all(*parts), union_all(*map(select, ordered))
    return Prepared(
        _in_order(merged, _places(merged), backwards=backwards),
        postgresql=_in_order(postgresql, _places(postgresql), backwards=backwards),
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


def set_specs() -> _Bytes:
    """Return the setSpec elements of a record's header as a column."""
    return _slice(len(b"<record>") + RecordRow.header_size, RecordRow.set_specs_size)


def body() -> _Bytes:
    """Return what follows the header of a record, its metadata and about elements, as a column."""
    before = len(b"<record></header>") + RecordRow.header_size + RecordRow.set_specs_size
    return _slice(before, RecordRow.size - before - len(b"</record>\n"))


def record_element(*, with_sets: bool = True) -> _Bytes:
    """Return the whole record as a column, with the setSpec elements of its header or without them."""
    if with_sets:
        return _slice(0, RecordRow.size)
    opening = len(b"<record>") + RecordRow.header_size
    rest = opening + RecordRow.set_specs_size
    return _joined(_slice(0, opening), _slice(rest, RecordRow.size - rest))


def departed_element() -> _Bytes:
    """Return the deleted record that a placement is by itself as a column."""
    return _joined(_bytes(b"<record>"), PlacementRow.header, _bytes(b"</header></record>\n"))


def _as_sent(part: Part) -> list[_Bytes]:
    if part is Part.RECORD:
        return [record_element().label("xml")]
    size = RecordRow.header_size + RecordRow.set_specs_size + len(b"</header>")
    return _header(part, _slice(len(b"<record>"), size), RecordRow.digest)


def _without_sets(part: Part) -> list[_Bytes]:
    if part is Part.RECORD:
        return [record_element(with_sets=False).label("xml")]
    head = _joined(_slice(len(b"<record>"), RecordRow.header_size), _bytes(b"</header>"))
    return _header(part, head, RecordRow.digest)


def _departed(part: Part) -> list[_Bytes]:
    if part is Part.RECORD:
        return [departed_element().label("xml")]
    return _header(part, _joined(PlacementRow.header, _bytes(b"</header>")), _bytes(b""))


def _header(part: Part, element: _Bytes, digest: Any) -> list[_Bytes]:
    xml = _joined(element, _bytes(b"\n")).label("xml")
    return [xml, digest] if part is Part.DIGEST else [xml]


def _slice(start: int | SQLColumnExpression[int], size: SQLColumnExpression[int]) -> _Bytes:
    return func.substr(BlockRow.xml, RecordRow.start + start + 1, size, type_=LargeBinary)


def _joined(*parts: Any) -> _Bytes:
    # SQLite makes text of joined bytes unless it is told not to.
    joined = reduce(lambda one, other: one.op("||")(other), parts)
    return cast(joined, LargeBinary)


def _bytes(value: bytes) -> _Bytes:
    return literal(value, LargeBinary)


def _placed(scope: Scope, wanted: Sequence[_Bytes], *, backwards: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(*_PLACE, RecordRow.block_id, *wanted)
        .join(RecordRow, RecordRow.id == PlacementRow.serial)
        .join(BlockRow, BlockRow.id == RecordRow.block_id)
        .where(_in_set(scope), _within(PlacementRow, backwards=backwards))
    )


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
