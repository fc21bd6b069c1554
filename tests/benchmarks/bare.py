"""The bare work of a sync, to measure a sync against: JSON parsed, XML built, rows written.

It is what nobody can do without, in the libraries that a sync uses, with nothing checked, cleaned,
compared or counted, and no set that could be asked for: one process, one table, one transaction.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from lxml import etree

DC = "http://purl.org/dc/elements/1.1/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ROOTS = (
    ("oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc/", "dc"),
    ("oai_qdc", "http://worldcat.org/xmlschemas/qdc-1.0/", "qualifieddc"),
)
CHUNK = 500


def bare(records: Path, database: Path, formats: int) -> float:
    """Put the JSON Lines of *records* into a new *database* in one or two formats; return the seconds."""
    start = time.perf_counter()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "CREATE TABLE record"
            " (id INTEGER PRIMARY KEY, identifier TEXT, format INTEGER, datestamp INTEGER, body BLOB)"
        )
        with connection, records.open("rb") as lines:
            rows: list[tuple[str, int, int, bytes]] = []
            for line in lines:
                rows += _rows(json.loads(line), formats, int(start))
                if len(rows) >= CHUNK:
                    connection.executemany(_INSERT, rows)
                    rows.clear()
            connection.executemany(_INSERT, rows)
    return time.perf_counter() - start


_INSERT = "INSERT INTO record (identifier, format, datestamp, body) VALUES (?, ?, ?, ?)"


def _rows(said: dict[str, Any], formats: int, datestamp: int) -> Iterator[tuple[str, int, int, bytes]]:
    for number, (prefix, namespace, name) in enumerate(ROOTS[:formats]):
        body = b""
        if not said.get("deleted"):
            root = etree.Element(f"{{{namespace}}}{name}", nsmap={prefix: namespace, "dc": DC, "xsi": XSI})
            root.set(f"{{{XSI}}}schemaLocation", f"{namespace} {namespace}.xsd")
            for element, value in _values(said):
                etree.SubElement(root, f"{{{DC}}}{element}").text = value
            body = etree.tostring(root, encoding="utf-8")
        yield f"oai:bench.example:{said['id']}", number, datestamp, body


def _values(said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "title", said["title"]
    for creator in said["creators"]:
        yield "creator", creator
    for tag in said["tags"]:
        yield "subject", tag
    yield "description", said["description"]
    yield "publisher", said["publisher"]
    yield "date", said["date"]
    yield "type", "info:eu-repo/semantics/report"
    yield "type", "Text"
    yield "format", said["extent"]
    yield "identifier", f"https://bench.example/records/{said['id']}"
    yield "rights", "info:eu-repo/semantics/openAccess"
