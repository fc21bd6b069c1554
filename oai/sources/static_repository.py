"""An OAI-PMH static repository: a whole repository in one XML file, as small libraries once offered it.

The file is described by http://www.openarchives.org/OAI/2.0/guidelines-static-repository.htm. It
has a ``ListRecords`` for each format; that of oai_dc is read (:mod:`oai.sources.dublin_core`), and
the others are counted.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from oai.protocol.syntax import is_namespace, local_part
from oai.sources import Entry, Problem, checked, dublin_core, safe_xml

_ROOT = "{http://www.openarchives.org/OAI/2.0/static-repository}Repository"
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_OAI_DC = "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"


def looks_like(head: bytes) -> bool:
    """Say whether a file that begins with *head* is a static repository: its root says so."""
    root = safe_xml.root(head)
    return root is not None and root.tag == _ROOT


def read(path: Path) -> Iterator[Entry | Problem]:
    """Yield the items of a static repository, and what was doubted or left out, as they stand in it."""
    other_formats: Counter[str] = Counter()
    unread: Counter[str] = Counter()

    def entries(record: etree._Element) -> Iterator[Entry | Problem]:
        records = record.getparent()
        prefix = records.get("metadataPrefix", "") if records is not None else ""
        if prefix == "oai_dc":
            yield from _read_record(record, unread)
        else:
            other_formats[prefix] += 1

    def end() -> Iterator[Problem]:
        for prefix, count in sorted(other_formats.items()):
            yield Problem(1, f"{count} records in {prefix[:40] or 'no format'!r}", "ignored: oai_dc is read")
        for element, count in sorted(unread.items()):
            yield Problem(1, f"{count} dc:{element[:40]}, for which there is no place here", "left out")

    yield from safe_xml.read(path, _OAI + "record", entries, end)


def _read_record(record: etree._Element, unread: Counter[str]) -> Iterator[Entry | Problem]:
    line = safe_xml.line(record)
    header = record.find(_OAI + "header")
    if header is None:
        yield Problem(line, "a record without header", "rejected", rejected=True)
        return
    fields: dict[str, Any] = {
        "id": _local(_text(header, "identifier")),
        "datestamp": _text(header, "datestamp") or None,
    }
    if header.get("status") == "deleted":
        yield from checked.read(fields | {"deleted": True}, line)
        return
    values = dublin_core.values(record.iterfind(f"{_OAI}metadata/{_OAI_DC}"))
    unread.update(dublin_core.unread(values))
    doubts = [Problem(line, reason, done, fields["id"]) for reason, done in dublin_core.doubts(values)]
    *others, last = checked.read(fields | dublin_core.fields(values), line)
    if isinstance(last, Entry):
        yield from doubts
    yield from (*others, last)


def _text(header: etree._Element, name: str) -> str:
    element = header.find(_OAI + name)
    return "" if element is None else safe_xml.text(element)


def _local(identifier: str) -> str | None:
    """Return the local part of an oai-identifier, unescaped, and any other identifier whole."""
    scheme, _, rest = identifier.partition(":")
    namespace = rest.partition(":")[0]
    if scheme == "oai" and is_namespace(namespace):
        return local_part(namespace, identifier) or identifier
    return identifier or None
