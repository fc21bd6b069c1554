"""What the two Dublin Core formats share: the values of each element, and how a record is written.

A record is written as text, as it is sent and in canonical form at once: a tenth of the time in which a
tree of elements is built, validated, and written twice. How elements are written and which of
them are right is asked of lxml once for each shape that records have; text that is not as
plain as nearly all text is goes through the parser.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from xml.sax.saxutils import escape

from lxml import etree
from titlecase import titlecase

from oai.formats import Written, canonical
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

_SCHEMES = {"dcterms:URI": "any:uri", "dcterms:W3CDTF": "2000-01-01", "dcterms:DCMIType": "Text"}
"""Encoding schemes that do not take any text, and an example of what they take."""

# In UTF-8: control characters, of which XML cannot carry most, and the first byte of what else it cannot.
_UNUSUAL = bytes({*range(0x20), 0xEF} - {*b"\t\n"})

_Element = tuple[str, str | None]
Value = tuple[str, str | None, str | None]
"""The name of an element, its text, and the encoding scheme that its xsi:type names."""


class _Shape(NamedTuple):
    """Records of the same elements, to be filled with their texts; ``sample`` is one of them."""

    sent: bytes
    canonical: bytes
    sample: bytes


class Container:
    """The root element of a format: *opening* is its start tag, *closing* its end tag."""

    def __init__(self, opening: str, closing: str) -> None:
        self._opening = opening
        self._closing = closing
        self._shape = lru_cache(maxsize=1000)(self._new_shape)

    def written(self, values: Iterable[Value]) -> Written | etree._Element:
        """Return the record of *values*, but for those without text; of the others there must be one.

        Their texts must be what their schemes take. Raises ValueError where one has what XML cannot carry.
        """
        elements, texts = _elements(values)
        joined = "\0".join(texts).encode()
        if len(joined.translate(None, _UNUSUAL)) + len(texts) - 1 < len(joined):
            return self._parsed(elements, texts)
        escaped = joined.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
        filling = tuple(escaped.split(b"\0"))
        sent, canonical, sample = self._shape(elements)
        return Written(sent % filling, canonical % filling, sample)

    def parsed(self, values: Iterable[Value]) -> etree._Element:
        """Return the same as an element, for texts that may not be what their schemes take."""
        return self._parsed(*_elements(values))

    def _parsed(self, elements: tuple[_Element, ...], texts: Iterable[str]) -> etree._Element:
        # A parser takes a carriage return for the end of a line unless it is escaped.
        filling = tuple([escape(text, {"\r": "&#13;"}).encode() for text in texts])
        try:
            return etree.fromstring(self._shape(elements).sent % filling, _PARSER)
        except etree.XMLSyntaxError as error:
            raise ValueError(error.msg) from None

    def _new_shape(self, elements: tuple[_Element, ...]) -> _Shape:
        tags = [
            (f'<{name} xsi:type="{scheme}">' if scheme else f"<{name}>", f"</{name}>")
            for name, scheme in elements
        ]
        sent = self._document(tags, ["%b"] * len(tags))
        sample = self._document(tags, [_SCHEMES.get(scheme or "", "any text") for _, scheme in elements])
        return _Shape(sent, canonical(sent), sample)

    def _document(self, tags: Iterable[tuple[str, str]], texts: Iterable[str]) -> bytes:
        elements = [begin + text + end for (begin, end), text in zip(tags, texts, strict=True)]
        return f"{self._opening}{''.join(elements)}{self._closing}".encode()


def _elements(values: Iterable[Value]) -> tuple[tuple[_Element, ...], list[str]]:
    """Return the elements of *values*, and their texts; those without text are left out."""
    elements, texts = [], []
    for name, text, scheme in values:
        if text:
            elements.append((name, scheme))
            texts.append(text)
    return tuple(elements), texts


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
