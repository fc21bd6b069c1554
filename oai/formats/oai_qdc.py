"""Qualified Dublin Core, in the container that aggregators know under this prefix.

DCMI's schema leaves the namespace of the container to the application; this is the one of
CONTENTdm, in which most repositories that offer oai_qdc give it.
"""

from lxml import etree

from oai.formats import SCHEMA_LOCATION, XSI, Context, Format, shipped_grammar
from oai.formats.dublin_core import DC, identifiers, subjects, types
from oai.item import Item, unique
from oai.protocol.syntax import is_uri

OAI_QDC = "http://worldcat.org/xmlschemas/qdc-1.0/"
SCHEMA = "http://worldcat.org/xmlschemas/qdc/1.0/qdc-1.0.xsd"
DCTERMS = "http://purl.org/dc/terms/"

_TYPE = f"{{{XSI}}}type"


def crosswalk(item: Item, page: str, context: Context) -> etree._Element:
    """Return *item* with the refinements and encoding schemes that DCMI has for what it says."""
    root = etree.Element(
        f"{{{OAI_QDC}}}qualifieddc", nsmap={"oai_qdc": OAI_QDC, "dc": DC, "dcterms": DCTERMS, "xsi": XSI}
    )
    root.set(SCHEMA_LOCATION, f"{OAI_QDC} {SCHEMA}")

    def add(name: str, *values: str | None, scheme: str | None = None) -> None:
        prefix, _, element = name.partition(":")
        namespace = DC if prefix == "dc" else DCTERMS
        for value in values:
            if value:
                child = etree.SubElement(root, f"{{{namespace}}}{element}")
                child.text = value
                if scheme:
                    child.set(_TYPE, scheme)

    first_type, *other_types = types(item)
    add("dc:title", item.title)
    add("dc:creator", *(name.name for name in item.creators))
    add("dc:contributor", *(name.name for name in (*item.editors, *item.contributors)))
    add("dc:subject", *subjects(item))
    add("dcterms:abstract", item.description)
    add("dc:publisher", item.publisher)
    add("dcterms:issued", item.date, scheme="dcterms:W3CDTF")
    add("dc:type", first_type)
    for other in other_types:
        add("dc:type", other, scheme="dcterms:DCMIType" if other == "Text" else None)
    add("dcterms:extent", item.extent)
    for identifier in identifiers(item, page):
        add("dc:identifier", identifier, scheme="dcterms:URI" if is_uri(identifier) else None)
    add("dcterms:isPartOf", item.source)
    add("dc:language", item.language or context.language, scheme="dcterms:ISO639-3")
    add("dcterms:accessRights", *context.rights)
    add("dc:rights", *unique(item.rights))
    return root


FORMAT = Format("oai_qdc", SCHEMA, OAI_QDC, 1, crosswalk, shipped_grammar("oai_qdc.rng"))
