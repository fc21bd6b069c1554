"""Selections as SELECTs: a stretch of a list from a position on.

Each statement is built and compiled once; what a request asks for are its parameters. A page is
one statement over one stretch of an index, or over two where an item can stand in a list
for two reasons (:class:`oai.store.schema.Scope`), which the database merges in their order.
"""

import enum
from functools import cache
from typing import Any

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
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)

from oai.store.prepared import Prepared
from oai.store.schema import PlacementRow, RecordRow, Scope

BEGINNING = -(1 << 62)
"""Earlier than every datestamp."""

END = 1 << 62
"""Later than every datestamp."""


class Part(enum.Enum):
    """What of each record is wanted, besides its header."""

    BODY = enum.auto()
    DIGEST = enum.auto()
    NOTHING = enum.auto()


_Records = Select[int, int, bytes, bytes, bytes]
_NOTHING = literal(b"", LargeBinary)
_PLACE = (PlacementRow.datestamp.label("datestamp"), PlacementRow.serial.label("serial"))


def _last(part: Part) -> SQLColumnExpression[bytes]:
    return {Part.BODY: RecordRow.body, Part.DIGEST: RecordRow.digest, Part.NOTHING: _NOTHING}[part]


def _number(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger)


@cache
def page(*, part: Part, backwards: bool = False) -> Prepared:
    """Select at most ``limit`` records behind (``datestamp``, ``serial``), not later than ``until``.

    The columns are datestamp, serial, header, set_specs and *part*. With *backwards* they are
    those not behind that position and not earlier than ``from_``, the last one first.
    """
    place = (RecordRow.datestamp, RecordRow.serial)
    query = select(*place, RecordRow.header, RecordRow.set_specs, _last(part)).where(
        RecordRow.format_id == _number("format_id"), _within(RecordRow, backwards=backwards)
    )
    return _in_order(query, place, backwards=backwards)


@cache
def page_of_set(scope: Scope, *, part: Part, backwards: bool = False) -> Prepared:
    """Select as :func:`page` does, of the set ``set_id`` as it is seen through *scope*."""
    if scope is Scope.ARGUMENT:
        query = union_all(*(_records(each, part=part, backwards=backwards) for each in (Scope.BOTH, scope)))
    else:
        query = union_all(
            _records(Scope.BOTH, part=part, backwards=backwards, with_sets=False),
            _departures(backwards=backwards),
        )
    datestamp, serial, *_ = query.selected_columns
    return _in_order(query, (datestamp, serial), backwards=backwards)


def _records(scope: Scope, *, part: Part, backwards: bool, with_sets: bool = True) -> _Records:
    return (
        select(
            *_PLACE,
            RecordRow.header,
            RecordRow.set_specs if with_sets else _NOTHING,
            _last(part),
        )
        .join(RecordRow, RecordRow.id == PlacementRow.serial)
        .where(_in_set(scope), _within(PlacementRow, backwards=backwards))
    )


def _departures(*, backwards: bool) -> Select[int, int, bytes | None, bytes, bytes]:
    return select(*_PLACE, PlacementRow.header, _NOTHING, _NOTHING).where(
        _in_set(Scope.BASE_URL), _within(PlacementRow, backwards=backwards)
    )


def _in_set(scope: Scope) -> ColumnElement[bool]:
    return and_(
        PlacementRow.set_id == _number("set_id"),
        PlacementRow.format_id == _number("format_id"),
        PlacementRow.scope == literal_column(str(int(scope)), SmallInteger),
    )


def _within(table: type[RecordRow | PlacementRow], *, backwards: bool) -> ColumnElement[bool]:
    # The comparison of rows, not of the two columns apart, is what an index can be entered by.
    place = tuple_(table.datestamp, table.serial)
    position = tuple_(_number("datestamp"), _number("serial"))
    if backwards:
        return and_(place <= position, table.datestamp >= _number("from_"))
    return and_(place > position, table.datestamp <= _number("until"))


def _in_order(
    query: _Records | CompoundSelect[*tuple[Any, ...]], place: tuple[Any, Any], *, backwards: bool
) -> Prepared:
    ordered = query.order_by(*(column.desc() for column in place)) if backwards else query.order_by(*place)
    return Prepared(ordered.limit(_number("limit")))
