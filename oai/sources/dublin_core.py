"""Dublin Core, qualified or not, as the fields of an item.

Dublin Core is coarser than an Item, so where it repeats what we have one of, the values are joined
if they may stand side by side, else the first is taken; each time there is a doubt that says so.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from oai.formats.dublin_core import DC
from oai.formats.oai_qdc import DCTERMS
from oai.sources import safe_xml

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

# https://www.dublincore.org/specifications/dublin-core/dcmi-terms/: what each of them refines. A
# series, which refines dc:relation, is what an item has as its source.
_REFINED = {
    "abstract": "description",
    "tableOfContents": "description",
    "issued": "date",
    "created": "date",
    "available": "date",
    "extent": "format",
    "isPartOf": "source",
    "accessRights": "rights",
    "license": "rights",
}

# https://www.w3.org/TR/NOTE-datetime: a year, a month, a day, or a moment, of which we keep the day.
_W3C_DATE = re.compile(r"(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:T\d\d:\d\d\S*)?", re.ASCII)
_MIME = re.compile(r"[a-z]+/[\w.+-]+")
_EU_REPO = "info:eu-repo/semantics/"
_OTHER = _EU_REPO + "other"


def values(containers: Iterable[etree._Element]) -> dict[str, list[str]]:
    """Return the Dublin Core in *containers*: for each element its values, empty ones left out.

    A refinement is read as the element that it refines.
    """
    found: dict[str, list[str]] = {}
    for container in containers:
        for element in container.iterchildren(f"{{{DC}}}*", f"{{{DCTERMS}}}*"):
            name = safe_xml.name(element)[1]
            if value := safe_xml.text(element):
                found.setdefault(_REFINED.get(name, name), []).append(value)
    return found


def unread(values: dict[str, list[str]]) -> Counter[str]:
    """Return how many values there is no place for, by the name of the element."""
    return Counter({name: len(said) for name, said in values.items() if name not in _READ})


def fields(values: dict[str, list[str]]) -> dict[str, Any]:
    """Return what *values* say, under the keys of JSON Lines."""
    found: dict[str, Any] = {_LISTS[name]: said for name, said in values.items() if name in _LISTS}
    found |= {name: _JOINED[name].join(said) for name, said in values.items() if name in _JOINED}
    found |= {_FIRST[name]: _best(name, said)[0] for name, said in values.items() if name in _FIRST}
    if dates := _dates(values):
        found["date"] = dates[0]
    return found


def _best(name: str, said: list[str]) -> list[str]:
    """Return the values of an element of which we have one, the best first.

    A format may be an extent, which says more than a media type; a type may be one of
    info:eu-repo, beside which the "Text" of Dublin Core says nothing. "other" says less than any.
    """
    if name == "format":
        return sorted(said, key=lambda value: bool(_MIME.fullmatch(value)))
    if name == "type":
        telling = [value for value in said if value not in ("Text", _OTHER)]
        ranked = sorted(telling, key=lambda value: not value.startswith(_EU_REPO))
        return [value.removeprefix(_EU_REPO) for value in ranked or sorted(said, key="Text".__eq__)]
    return said


def _dates(values: dict[str, list[str]]) -> list[str]:
    return [match[1] for value in values.get("date", ()) if (match := _W3C_DATE.fullmatch(value))]


def doubts(values: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Yield what is lost of *values*, and what was done about it."""
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
