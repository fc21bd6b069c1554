"""Many rows put into a table at once: the one place through which whatever comes by the thousand goes."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import InstrumentedAttribute

from oai.store.schema import Base


def insert_rows(
    connection: Connection,
    table: type[Base],
    columns: Sequence[InstrumentedAttribute[Any]],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Put *rows* into *table*; each has the values of *columns*, in their order.

    They go to the driver as they are, since building a statement's parameters anew for each row
    takes longer than SQLite takes to store it.
    """
    if rows:
        names = tuple(column.key for column in columns)
        connection.exec_driver_sql(
            _statement(connection.dialect.paramstyle, table.__tablename__, names), list(rows)
        )


@cache
def _statement(paramstyle: str, table: str, columns: tuple[str, ...]) -> str:
    place = "?" if paramstyle == "qmark" else "%s"
    places = ", ".join([place] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - names of our schema
