"""Qualified Dublin Core, in the container that aggregators know under this prefix.

DCMI's schema leaves the namespace of the container to the application; this is the one of
CONTENTdm, in which most repositories that offer oai_qdc give it.
"""

from collections.abc import Iterator

from lxml import etree

from oai.formats import XSI, Context, Format, Written, shipped_grammar
from oai.formats.dublin_core import DC, Container, Value, identifiers, subjects, types
from oai.item import Item, is_date, unique
from oai.protocol.syntax import is_uri

OAI_QDC = "http://worldcat.org/xmlschemas/qdc-1.0/"
SCHEMA = "http://worldcat.org/xmlschemas/qdc/1.0/qdc-1.0.xsd"
DCTERMS = "http://purl.org/dc/terms/"

_CONTAINER = Container(
    f'<oai_qdc:qualifieddc xmlns:oai_qdc="{OAI_QDC}" xmlns:dc="{DC}" xmlns:dcterms="{DCTERMS}"'
    f' xmlns:xsi="{XSI}" xsi:schemaLocation="{OAI_QDC} {SCHEMA}">',
    "</oai_qdc:qualifieddc>",
)


def crosswalk(item: Item, page: str, context: Context) -> Written | etree._Element:
    """Return *item* with the refinements and encoding schemes that DCMI has for what it says."""
    values = _values(item, page, context)
    return (
        _CONTAINER.written(values) if item.date is None or is_date(item.date) else _CONTAINER.parsed(values)
    )


def _values(item: Item, page: str, context: Context) -> Iterator[Value]:
    first_type, *other_types = types(item)
    yield "dc:title", item.title, None
    for creator in item.creators:
        yield "dc:creator", creator.name, None
    for contributor in (*item.editors, *item.contributors):
        yield "dc:contributor", contributor.name, None
    for subject in subjects(item):
        yield "dc:subject", subject, None
    yield "dcterms:abstract", item.description, None
    yield "dc:publisher", item.publisher, None
    yield "dcterms:issued", item.date, "dcterms:W3CDTF"
    yield "dc:type", first_type, None
    for other in other_types:
        yield "dc:type", other, "dcterms:DCMIType" if other == "Text" else None
    yield "dcterms:extent", item.extent, None
    for identifier in identifiers(item, page):
        yield "dc:identifier", identifier, "dcterms:URI" if is_uri(identifier) else None
    yield "dcterms:isPartOf", item.source, None
    yield "dc:language", item.language or context.language, "dcterms:ISO639-3"
    for right in context.rights:
        yield "dcterms:accessRights", right, None
    for right in unique(item.rights):
        yield "dc:rights", right, None


FORMAT = Format("oai_qdc", SCHEMA, OAI_QDC, 1, crosswalk, shipped_grammar("oai_qdc.rng"))
