"""An OAI-PMH static repository: a whole repository in one XML file, as small libraries once offered it.

The file is described by http://www.openarchives.org/OAI/2.0/guidelines-static-repository.htm. It
has a ``ListRecords`` for each format; that of oai_dc is read, and the others are counted. Dublin
Core is coarser than an Item, so where it repeats what we have one of, the values are joined if
they may stand side by side, else the first is taken; each time a problem says so.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from oai.protocol.syntax import is_namespace, local_part
from oai.sources import Entry, Problem, checked, safe_xml

_ROOT = "{http://www.openarchives.org/OAI/2.0/static-repository}Repository"
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_OAI_DC = "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
_DC = "{http://purl.org/dc/elements/1.1/}"

_LISTS = {
    "creator": "creators",
    "contributor": "contributors",
    "subject": "tags",
    "identifier": "identifiers",
    "rights": "rights",
}
_JOINED = {"description": "\n\n", "publisher": "; ", "source": "; "}
_FIRST = {"title": "title", "language": "language", "type": "type", "format": "extent"}
_READ = frozenset({*_LISTS, *_JOINED, *_FIRST, "date"})

# https://www.w3.org/TR/NOTE-datetime: a year, a month, a day, or a moment, of which we keep the day.
_W3C_DATE = re.compile(r"(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:T\d\d:\d\d\S*)?", re.ASCII)
_MIME = re.compile(r"[a-z]+/[\w.+-]+")
_EU_REPO = "info:eu-repo/semantics/"


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
    values = _elements(record)
    unread.update(name for name in values for _ in values[name] if name not in _READ)
    doubts = [Problem(line, reason, done, fields["id"]) for reason, done in _doubts(values)]
    *others, last = checked.read(fields | _fields(values), line)
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


def _elements(record: etree._Element) -> dict[str, list[str]]:
    """Return the Dublin Core of *record*: for each element its values, empty ones left out."""
    values: dict[str, list[str]] = {}
    for element in record.iterfind(f"{_OAI}metadata/{_OAI_DC}/{_DC}*"):
        if value := safe_xml.text(element):
            values.setdefault(etree.QName(element).localname, []).append(value)
    return values


def _fields(values: dict[str, list[str]]) -> dict[str, Any]:
    """Return what *values* say, under the keys of JSON Lines."""
    fields: dict[str, Any] = {_LISTS[name]: said for name, said in values.items() if name in _LISTS}
    fields |= {name: _JOINED[name].join(said) for name, said in values.items() if name in _JOINED}
    fields |= {_FIRST[name]: _best(name, said)[0] for name, said in values.items() if name in _FIRST}
    if dates := _dates(values):
        fields["date"] = dates[0]
    return fields


def _best(name: str, said: list[str]) -> list[str]:
    """Return the values of an element of which we have one, the best first.

    A format may be an extent, which says more than a media type; a type may be one of
    info:eu-repo, beside which the "Text" of Dublin Core says nothing.
    """
    if name == "format":
        return sorted(said, key=lambda value: bool(_MIME.fullmatch(value)))
    if name == "type":
        ranked = sorted(said, key=lambda value: not value.startswith(_EU_REPO))
        return [value.removeprefix(_EU_REPO) for value in ranked if value != "Text"] or said
    return said


def _dates(values: dict[str, list[str]]) -> list[str]:
    return [match[1] for value in values.get("date", ()) if (match := _W3C_DATE.fullmatch(value))]


def _doubts(values: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    for name, said in values.items():
        if name in _FIRST and (others := _best(name, said)[1:]):
            yield f"{len(others)} more dc:{name}, such as “{others[0][:80]}”", "left out"
    if len(values.get("publisher", ())) > 1 or len(values.get("source", ())) > 1:
        yield "more than one publisher or source", "joined by semicolons"
    if printed := values.get("date"):
        if not _dates(values):
            yield f"date “{printed[0][:80]}” is none", "left out"
        elif len(printed) > 1:
            yield f"{len(printed)} dc:date, where an item has one", "the first that is a date is taken"
