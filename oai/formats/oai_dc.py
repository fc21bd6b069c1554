"""Unqualified Dublin Core, which every repository must offer (§3.4)."""

from lxml import etree

from oai.formats import SCHEMA_LOCATION, XSI, Context, Format, shipped_grammar
from oai.formats.dublin_core import DC, identifiers, subjects, types
from oai.item import Item, unique

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"


def crosswalk(item: Item, page: str, context: Context) -> etree._Element:
    """Return *item* as oai_dc; an element that would be empty is left out."""
    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": DC, "xsi": XSI})
    root.set(SCHEMA_LOCATION, f"{OAI_DC} {SCHEMA}")
    contributors = (name.name for name in (*item.editors, *item.contributors))
    for element, values in (
        ("title", (item.title,)),
        ("creator", [name.name for name in item.creators]),
        ("contributor", contributors),
        ("subject", subjects(item)),
        ("description", (item.description,)),
        ("publisher", (item.publisher,)),
        ("date", (item.date,)),
        ("type", types(item)),
        ("format", (item.extent,)),
        ("identifier", identifiers(item, page)),
        ("source", (item.source,)),
        ("language", (item.language or context.language,)),
        ("rights", unique((*context.rights, *item.rights))),
    ):
        for value in values:
            if value:
                etree.SubElement(root, f"{{{DC}}}{element}").text = value
    return root


FORMAT = Format("oai_dc", SCHEMA, OAI_DC, 1, crosswalk, shipped_grammar("oai_dc.rng"))
