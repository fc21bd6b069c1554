"""What the two Dublin Core formats share: the values of each element, and how a record is written.

It is written as text and parsed, which takes half the time of building it element by element, and
is no less safe: what the parser does not take is no record.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from lxml import etree
from titlecase import titlecase

from oai.formats import Written
from oai.item import Item, unique

DC = "http://purl.org/dc/elements/1.1/"

_EU_REPO = "info:eu-repo/semantics/"
_TYPES = {
    "annotation", "article", "bachelorThesis", "book", "bookPart", "bookReview", "conferenceItem",
    "conferenceObject", "conferencePaper", "conferencePoster", "contributionToPeriodical", "doctoralThesis",
    "lecture", "masterThesis", "other", "patent", "preprint", "report", "reportPart", "review",
    "technicalDocumentation", "workingPaper",
}  # fmt: skip
_DOI = re.compile(r"(?:(?:https?://)?(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ISBN = re.compile(
    r"(?:urn:isbn:|isbn(?:-1[03])?:?\s*)?((?:97[89][- ]?)?(?:\d[- ]?){9}[\dXx])", re.IGNORECASE
)

# Without its limits, which are meant for documents of others: a long text is no attack here.
_PARSER = etree.XMLParser(resolve_entities=False, huge_tree=True)


def element(name: str, text: str, scheme: str | None = None) -> str:
    """Return an element that holds *text*, in the encoding *scheme* that its xsi:type names."""
    # A parser takes a carriage return for the end of a line unless it is written like this.
    written = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if scheme:
        return f'<{name} xsi:type="{scheme}">{written}</{name}>'
    return f"<{name}>{written}</{name}>"


def container(opening: str, elements: Iterable[str], closing: str) -> Written:
    """Return a record; raises ValueError where a text has what XML cannot carry.

    There must be an element, and none without text: lxml would write them in another way.
    """
    xml = f"{opening}{''.join(elements)}{closing}".encode()
    try:
        return Written(etree.fromstring(xml, _PARSER), xml)
    except etree.XMLSyntaxError as error:
        raise ValueError(error.msg) from None


def types(item: Item) -> tuple[str, ...]:
    """Return the info:eu-repo type, "report" where the item names none, and the DCMI type Text."""
    if not item.type:
        return (_EU_REPO + "report", "Text")
    named = item.type.removeprefix(_EU_REPO)
    if named in _TYPES:
        return (_EU_REPO + named, "Text")
    return (_EU_REPO + "other", *unique((item.type, "Text")))


def subjects(item: Item) -> tuple[str, ...]:
    """Return the tags as printed, and the section headings in title case."""
    return unique((*item.tags, *map(heading, item.sections)))


@lru_cache(maxsize=10_000)
def heading(section: str) -> str:
    """Return a section heading in title case: "DRINK AND DRUGS" is "Drink and Drugs"."""
    return str(titlecase(section))


def identifiers(item: Item, page: str) -> tuple[str, ...]:
    """Return the item's page with us, then its own addresses and numbers, each written as a URI."""
    own = (item.url, *item.identifiers)
    return unique((page, *(as_uri(value) for value in own if value)))


def as_uri(identifier: str) -> str:
    """Return a DOI, an ISBN or a bare web address as a URI, and anything else as it is."""
    text = identifier.strip()
    if doi := _DOI.fullmatch(text):
        return f"https://doi.org/{doi[1]}"
    if isbn := _ISBN.fullmatch(text):
        return "urn:isbn:" + isbn[1].replace(" ", "-").upper()
    return f"http://{text}" if text.lower().startswith("www.") else text
