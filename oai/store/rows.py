"""Many rows put into a table at once: the one place through which whatever comes by the thousand goes."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.orm import InstrumentedAttribute

from oai.store.schema import Base

_AT_ONCE = 100
"""So many rows are in one statement of SQLite: each statement takes a while to begin and to end."""


def insert_rows(
    connection: Connection,
    table: type[Base],
    columns: Sequence[InstrumentedAttribute[Any]],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Put *rows* into *table*; each has the values of *columns*, in their order.

    They go to the driver as they are, since building a statement's parameters anew for each row
    takes longer than SQLite takes to store it; and to PostgreSQL through COPY, its way for many rows.
    Errors are those that :meth:`oai.store.database.Database.writing` knows.
    """
    if not rows:
        return
    names = ", ".join(column.key for column in columns)
    if connection.dialect.name == "sqlite":
        values = f"({', '.join(['?'] * len(columns))})"
        full = len(rows) - len(rows) % _AT_ONCE
        for rows_, size in ((rows[:full], _AT_ONCE), (rows[full:], 1)):
            if rows_:
                statement = f"INSERT INTO {table.__tablename__} ({names}) VALUES {', '.join([values] * size)}"  # noqa: S608 - names of our schema
                parts = [rows_[n : n + size] for n in range(0, len(rows_), size)]
                connection.exec_driver_sql(statement, [tuple(chain.from_iterable(part)) for part in parts])
        return
    driver: Any = connection.connection.driver_connection
    types = [_type(column, connection.dialect) for column in columns]
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table.__tablename__} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def know_rows(connection: Connection) -> None:
    """Let PostgreSQL count what a large change has brought, in its transaction.

    Without that it takes what has just come for little: it sorts a whole list for each page, and
    looks through all contributions for those of a few items, until it looks by itself, which is a minute
    after the change is committed, or never.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE record, block, placement, tally, item, contribution")


def _type(column: InstrumentedAttribute[Any], dialect: Dialect) -> str:
    """Return PostgreSQL's name of a column's type."""
    written: str = column.type.compile(dialect)
    return written.partition(" ")[0].lower()
