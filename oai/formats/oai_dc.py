"""Unqualified Dublin Core, which every repository must offer (§3.4)."""

from collections.abc import Iterator

from lxml import etree

from oai.formats import XSI, Context, Format, Written, shipped_grammar
from oai.formats.dublin_core import DC, Container, Value, identifiers, subjects, types
from oai.item import Item, unique

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"

_CONTAINER = Container(
    f'<oai_dc:dc xmlns:oai_dc="{OAI_DC}" xmlns:dc="{DC}" xmlns:xsi="{XSI}"'
    f' xsi:schemaLocation="{OAI_DC} {SCHEMA}">',
    "</oai_dc:dc>",
)


def crosswalk(item: Item, page: str, context: Context) -> Written | etree._Element:
    """Return *item* as oai_dc; an element that would be empty is left out."""
    return _CONTAINER.written(_values(item, page, context))


def _values(item: Item, page: str, context: Context) -> Iterator[Value]:
    for name, values in (
        ("dc:title", (item.title,)),
        ("dc:creator", [name.name for name in item.creators]),
        ("dc:contributor", [name.name for name in (*item.editors, *item.contributors)]),
        ("dc:subject", subjects(item)),
        ("dc:description", (item.description,)),
        ("dc:publisher", (item.publisher,)),
        ("dc:date", (item.date,)),
        ("dc:type", types(item)),
        ("dc:format", (item.extent,)),
        ("dc:identifier", identifiers(item, page)),
        ("dc:source", (item.source,)),
        ("dc:language", (item.language or context.language,)),
        ("dc:rights", unique((*context.rights, *item.rights))),
    ):
        for value in values:
            yield name, value, None


FORMAT = Format("oai_dc", SCHEMA, OAI_DC, 1, crosswalk, shipped_grammar("oai_dc.rng"))
