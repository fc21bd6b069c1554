"""Unqualified Dublin Core, which every repository must offer (§3.4)."""

from collections.abc import Iterator

from oai.formats import XSI, Context, Format, Written, shipped_grammar
from oai.formats.dublin_core import DC, container, element, identifiers, subjects, types
from oai.item import Item, unique

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"

_OPENING = (
    f'<oai_dc:dc xmlns:oai_dc="{OAI_DC}" xmlns:dc="{DC}" xmlns:xsi="{XSI}"'
    f' xsi:schemaLocation="{OAI_DC} {SCHEMA}">'
)
_CLOSING = "</oai_dc:dc>"


def crosswalk(item: Item, page: str, context: Context) -> Written:
    """Return *item* as oai_dc; an element that would be empty is left out."""
    return container(_OPENING, _elements(item, page, context), _CLOSING)


def _elements(item: Item, page: str, context: Context) -> Iterator[str]:
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
            if value:
                yield element(name, value)


FORMAT = Format("oai_dc", SCHEMA, OAI_DC, 1, crosswalk, shipped_grammar("oai_dc.rng"))
