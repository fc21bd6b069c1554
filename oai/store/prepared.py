"""Statements of the hot path: compiled once, and run by the driver itself.

A page of a list is one search of an index. SQLAlchemy's own execution of a statement, with its
cache key, context and result, takes several times as long as that search does in SQLite, and a
harvest is made of nothing else; so what every request asks goes this way, and only that.
SQLAlchemy still writes the SQL, for every database that it knows.
"""

from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

Row = tuple[Any, ...]


class Prepared:
    """A SELECT whose parameters are integers, text and bytes, and which needs no conversion of results.

    *postgresql* is the same in the way that PostgreSQL takes it, if it has one of its own. Errors
    are the driver's own; :meth:`oai.store.database.Database.reading` knows them.
    """

    def __init__(self, query: Executable, postgresql: Executable | None = None) -> None:
        self._query = query
        self._postgresql = query if postgresql is None else postgresql
        self._written: dict[str, tuple[str, dict[str, Any], list[str] | None]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Row]:
        """Return the rows for these parameters."""
        driver: Any = connection.connection.driver_connection
        bound = self.bound(connection.dialect, values)
        if connection.dialect.name == "sqlite":
            cursor = driver.execute(*bound)
        else:  # psycopg's other way of sending a result writes each byte of XML as two digits
            cursor = driver.execute(*bound, binary=True)
        found: list[Row] = cursor.fetchall()
        return found

    def bound(self, dialect: Dialect, values: dict[str, Any]) -> tuple[str, Any]:
        """Return the statement as *dialect* writes it, and its parameters as the driver takes them."""
        sql, fixed, order = self._written.get(dialect.name) or self._write(dialect)
        if fixed:
            values = fixed | values
        return sql, values if order is None else [values[name] for name in order]

    def _write(self, dialect: Dialect) -> tuple[str, dict[str, Any], list[str] | None]:
        query = self._postgresql if dialect.name == "postgresql" else self._query
        assert isinstance(query, ClauseElement)
        compiled = query.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        written = str(compiled), fixed, compiled.positiontup
        self._written[dialect.name] = written
        return written
