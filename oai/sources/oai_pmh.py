"""Records of another repository, as OAI-PMH lists them (§2.5, §4.5), read as items.

An item is known by the whole identifier that it has there, so that those of two repositories never
clash. Its sets become tags, and it says where it came from (guidelines for provenance).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from oai.item import Provenance, unique
from oai.protocol import datestamp
from oai.protocol.syntax import is_uri
from oai.sources import Entry, Problem, checked, dublin_core, jsonl, safe_xml
from oai.sources.checked import Rejected

OAI = "{http://www.openarchives.org/OAI/2.0/}"
_PROVENANCE = "{http://www.openarchives.org/OAI/2.0/provenance}"
_NO_LINE = 0


class NotAResponse(Exception):
    """Something is no response of the protocol."""


@dataclass(frozen=True, slots=True)
class Page:
    """A response to ListRecords.

    ``read`` holds what was read of each record: an entry, or the problem why there is none, and
    the doubts about it. ``token`` asks for the next page; ``size`` is the completeListSize and
    ``cursor`` the records before this page, where they are told.
    """

    response_date: int
    read: list[Entry | Problem] = field(default_factory=list)
    token: str | None = None
    size: int | None = None
    cursor: int | None = None


def response_date(root: etree._Element) -> int:
    """Return the responseDate of a response; raises :class:`NotAResponse` where it has none."""
    stamp = moment(text_of(root, "responseDate"))
    if stamp is None:
        raise NotAResponse("its answer has no responseDate")
    return datestamp.read(stamp)[0]


def read_page(root: etree._Element, base_url: str, name_of_set: Callable[[str], str]) -> Page:
    """Return what a response to ListRecords, harvested at *base_url*, says."""
    listed = root.find(OAI + "ListRecords")
    if listed is None:
        raise NotAResponse("its answer is no list of records")
    date = response_date(root)
    read = [
        found
        for record in listed.iterchildren(OAI + "record")
        for found in _read_record(record, base_url, datestamp.write(date), name_of_set)
    ]
    token = listed.find(OAI + "resumptionToken")
    if token is None:
        return Page(date, read)
    return Page(
        date, read, safe_xml.text(token) or None, _number(token, "completeListSize"), _number(token, "cursor")
    )


def text_of(parent: etree._Element, name: str) -> str:
    """Return the text of the child *name* of the protocol, empty where there is none."""
    element = parent.find(OAI + name)
    return "" if element is None else safe_xml.text(element)


def moment(text: str) -> str | None:
    """Return a date as the protocol writes it (§3.3), and None for what is none.

    Fractions and offsets, which it does not allow and repositories write, are understood.
    """
    try:
        datestamp.read(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
            text = datestamp.write(int(found.timestamp()))
            datestamp.read(text)
        except ValueError:
            return None
    return text


def _number(element: etree._Element, attribute: str) -> int | None:
    said = element.get(attribute, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else None  # noqa: PLR2004


def _read_record(
    record: etree._Element, base_url: str, harvest_date: str, name_of_set: Callable[[str], str]
) -> Iterator[Entry | Problem]:
    header = record.find(OAI + "header")
    if header is None:
        yield _rejected("a record without header")
        return
    identifier = text_of(header, "identifier")
    if not is_uri(identifier):
        yield _rejected(f"its identifier {identifier[:200]!r} is no URI", identifier[:200] or None)
        return
    sets = [safe_xml.text(element) for element in header.iterchildren(OAI + "setSpec")]
    tags = [name_of_set(spec) for spec in sets if spec]
    fields: dict[str, Any] = {"id": identifier, "tags": tags}
    if header.get("status") == "deleted":
        yield from checked.read(fields | {"deleted": True}, _NO_LINE)
        return
    values = dublin_core.values(record.iterfind(f"{OAI}metadata/*"))
    root = next(record.iterfind(f"{OAI}metadata/*"), None)
    if not values or root is None:
        yield _rejected("there is no Dublin Core in its metadata", identifier)
        return
    fields |= dublin_core.fields(values)
    fields["tags"] = list(unique((*fields.get("tags", ()), *tags)))
    doubts = [Problem(_NO_LINE, reason, done, identifier) for reason, done in dublin_core.doubts(values)]
    doubts += [
        Problem(_NO_LINE, f"{count} dc:{name[:40]}", "left out: there is no place for it", identifier)
        for name, count in dublin_core.unread(values).items()
    ]
    fields["provenance"] = {
        "base_url": base_url,
        "identifier": identifier,
        "datestamp": moment(text_of(header, "datestamp")),
        "metadata_namespace": etree.QName(root).namespace,
        "harvest_date": harvest_date,
    }
    try:
        origin = _origin(record)
    except Rejected as error:
        doubts.append(Problem(_NO_LINE, f"the provenance that it had: {error}", "left out", identifier))
    else:
        fields["provenance"]["origin"] = jsonl.provenance_fields(origin) if origin else None
    *others, last = checked.read(fields, _NO_LINE)
    if isinstance(last, Entry):
        yield from doubts
    yield from (*others, last)


def _origin(record: etree._Element) -> Provenance | None:
    """Return the provenance that a record has already; raises Rejected for one that is not right."""
    element = record.find(f"{OAI}about/{_PROVENANCE}provenance/{_PROVENANCE}originDescription")
    steps = []
    while element is not None:
        said = {
            key: "" if (child := element.find(_PROVENANCE + name)) is None else safe_xml.text(child)
            for key, name in (
                ("base_url", "baseURL"),
                ("identifier", "identifier"),
                ("datestamp", "datestamp"),
                ("metadata_namespace", "metadataNamespace"),
            )
        }
        said["harvest_date"] = moment(element.get("harvestDate", "")) or ""
        said["datestamp"] = moment(said["datestamp"]) or ""
        steps.append(said | {"altered": element.get("altered", "").strip() in ("true", "1")})
        element = element.find(_PROVENANCE + "originDescription")
    nested: dict[str, Any] | None = None
    for step in reversed(steps):
        nested = step | {"origin": nested}
    # One step less than may stand in ours, which has one more.
    return checked.provenance(nested, 2) if nested else None


def _rejected(reason: str, identifier: str | None = None) -> Problem:
    return Problem(_NO_LINE, reason, "rejected", identifier, rejected=True)
