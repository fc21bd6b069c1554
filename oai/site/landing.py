"""What the page of one item says of it, to people and to the programs that read pages.

The Dublin Core tags are the ones of the item's oai_dc record. Beside them are the citation tags
that Google Scholar and reference managers read, schema.org for search engines, and Signposting
links (https://signposting.org/FAIR/) for those who look at headers only.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from langcodes import Language

from oai.formats import dublin_core
from oai.item import Item, Name, unique
from oai.library import Library
from oai.protocol import syntax

COLLECTIONS = 10
"""Sets of an item that its HTTP headers name: servers on the way refuse very long headers."""

_SUMMARY = 200  # characters of an abstract that search engines show
_EU_REPO = "info:eu-repo/semantics/"
_ACCESS = {
    "openAccess": "Open access",
    "restrictedAccess": "Restricted access",
    "closedAccess": "Closed access",
    "embargoedAccess": "Under embargo",
}
_SCHEMA_TYPES = {
    "annotation": "ScholarlyArticle",
    "article": "ScholarlyArticle",
    "bachelorThesis": "Thesis",
    "book": "Book",
    "bookPart": "Chapter",
    "bookReview": "Review",
    "conferenceItem": "ScholarlyArticle",
    "conferenceObject": "ScholarlyArticle",
    "conferencePaper": "ScholarlyArticle",
    "contributionToPeriodical": "Article",
    "doctoralThesis": "Thesis",
    "masterThesis": "Thesis",
    "other": "CreativeWork",
    "preprint": "ScholarlyArticle",
    "review": "ScholarlyArticle",
    "workingPaper": "ScholarlyArticle",
}
_LANGUAGES = {
    "afr": "Afrikaans", "ara": "Arabic", "ben": "Bengali", "bul": "Bulgarian", "cat": "Catalan",
    "ces": "Czech", "cym": "Welsh", "dan": "Danish", "deu": "German", "ell": "Greek", "eng": "English",
    "est": "Estonian", "eus": "Basque", "fas": "Persian", "fin": "Finnish", "fra": "French", "gle": "Irish",
    "glg": "Galician", "heb": "Hebrew", "hin": "Hindi", "hrv": "Croatian", "hun": "Hungarian",
    "ind": "Indonesian", "isl": "Icelandic", "ita": "Italian", "jpn": "Japanese", "kor": "Korean",
    "lat": "Latin", "lav": "Latvian", "lit": "Lithuanian", "mlt": "Maltese", "nld": "Dutch",
    "nor": "Norwegian", "pol": "Polish", "por": "Portuguese", "ron": "Romanian", "rus": "Russian",
    "slk": "Slovak", "slv": "Slovenian", "spa": "Spanish", "sqi": "Albanian", "srp": "Serbian",
    "swa": "Swahili", "swe": "Swedish", "tha": "Thai", "tur": "Turkish", "ukr": "Ukrainian", "urd": "Urdu",
    "vie": "Vietnamese", "zho": "Chinese",
}  # fmt: skip
# Whose tag the publisher stands in, and the series or journal; an institution issues a report.
_PUBLISHER_TAGS = {
    "ScholarlyArticle": "citation_publisher",
    "Article": "citation_publisher",
    "Review": "citation_publisher",
    "Book": "citation_publisher",
    "Chapter": "citation_publisher",
    "Thesis": "citation_dissertation_institution",
}
_DOI = "https://doi.org/"
_ISBN = "ISBN "
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Value:
    """A word or number on the page, with the address that it leads to, if any."""

    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """An item, and the address of its page."""

    item: Item
    page: str
    library: Library

    @property
    def kind(self) -> str:
        """The type in words: "workingPaper" is "Working paper"."""
        type_ = dublin_core.types(self.item)[0].removeprefix(_EU_REPO)
        if type_ == "other" and self.item.type:
            type_ = self.item.type.removeprefix(_EU_REPO)
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type_)
        return words[:1].upper() + words[1:].lower() if " " in words else words[:1].upper() + words[1:]

    @property
    def language(self) -> str | None:
        """The language as the record names it (ISO 639-3)."""
        return self.item.language or self.library.context.language

    @property
    def lang(self) -> str | None:
        """The language as HTML and search engines name it: "eng" is "en"."""
        return Language.get(self.language).to_tag() if self.language else None

    @property
    def language_name(self) -> str | None:
        """The language in words, or its code where we have no word for it."""
        return _LANGUAGES.get(self.language, self.language) if self.language else None

    @property
    def paragraphs(self) -> Sequence[str]:
        """The paragraphs of the abstract."""
        return [part for part in re.split(r"\n\s*\n", self.item.description or "") if part.strip()]

    @property
    def summary(self) -> str:
        """The beginning of the abstract, or what else tells one item from another, for a search result."""
        text = " ".join((self.item.description or "").split())
        if not text:
            names = "; ".join(name.name for name in self.item.creators)
            text = ". ".join(filter(None, (self.item.title, names, self.item.publisher, self.item.date)))
        if len(text) <= _SUMMARY:
            return text
        return text[:_SUMMARY].rsplit(" ", 1)[0] + "…"

    @property
    def imprint(self) -> str:
        """Place, publisher, date and extent, as a catalogue prints them."""
        item = self.item
        issued = ", ".join(filter(None, (item.publisher, readable_date(item.date))))
        between = ": " if item.publisher else ", "
        where = between.join(filter(None, (item.place, issued)))
        return ". ".join(filter(None, (where, item.extent)))

    @property
    def identifiers(self) -> Sequence[Value]:
        """The item's own addresses and numbers, without its page here."""
        return [_identifier(text) for text in dublin_core.identifiers(self.item, self.page)[1:]]

    @property
    def rights(self) -> Sequence[Value]:
        """What may be done with it; a licence leads to its text."""
        every = unique((*self.library.context.rights, *self.item.rights))
        return [
            Value(
                _ACCESS.get(text.removeprefix(_EU_REPO), text) if text.startswith(_EU_REPO) else text,
                href(text),
            )
            for text in every
        ]

    @property
    def licence(self) -> str | None:
        """The address of the first licence among the rights."""
        return next((value.href for value in self.rights if value.href and syntax.is_uri(value.href)), None)

    @property
    def cite_as(self) -> str:
        """The address to cite: its DOI where it has one, else its page here."""
        found = (value.href for value in self.identifiers if value.href and syntax.is_uri(value.href))
        return next((address for address in found if address.startswith(_DOI)), self.page)

    @property
    def schema_type(self) -> str:
        """The type as schema.org names it."""
        return _SCHEMA_TYPES.get(dublin_core.types(self.item)[0].removeprefix(_EU_REPO), "Report")

    def dublin_core(self) -> Iterator[tuple[str, str]]:
        """Yield element and value of the item's oai_dc record."""
        try:
            root = self.library.formats["oai_dc"].root(self.item, self.page, self.library.context)
        except ValueError:  # a character that no record can carry; then the last good one is served
            return
        for element in root:
            yield str(element.tag).rpartition("}")[2], element.text or ""

    def citation(self) -> Iterator[tuple[str, str]]:
        """Yield name and content of the citation tags."""
        item = self.item
        yield "citation_title", item.title
        for name in item.creators:
            yield "citation_author", name.name
        for name in item.editors:
            yield "citation_editor", name.name
        if item.date:
            yield "citation_publication_date", item.date.replace("-", "/")
        if item.publisher:
            tag = _PUBLISHER_TAGS.get(self.schema_type, "citation_technical_report_institution")
            yield tag, item.publisher
        if item.source:
            journal = dublin_core.types(item)[0] == f"{_EU_REPO}article"
            yield "citation_journal_title" if journal else "citation_series_title", item.source
        if self.lang:
            yield "citation_language", self.lang
        yield from self._numbers()
        for subject in dublin_core.subjects(item):
            yield "citation_keywords", subject
        yield "citation_abstract_html_url", self.page

    def _numbers(self) -> Iterator[tuple[str, str]]:
        for value in self.identifiers:
            if value.href and value.href.startswith(_DOI):
                yield "citation_doi", value.href.removeprefix(_DOI)
            elif value.text.startswith(_ISBN):
                yield "citation_isbn", value.text.removeprefix(_ISBN)

    def schema_org(self) -> dict[str, Any]:
        """Return the item for search engines."""
        item = self.item
        said: dict[str, Any] = {
            "@context": "https://schema.org",
            "@type": self.schema_type,
            "@id": self.page,
            "url": self.page,
            "mainEntityOfPage": self.page,
            "name": item.title,
            "author": [_agent(name) for name in item.creators],
            "editor": [_agent(name) for name in item.editors],
            "contributor": [_agent(name) for name in item.contributors],
            "abstract": item.description,
            "datePublished": item.date,
            "publisher": item.publisher and {"@type": "Organization", "name": item.publisher},
            "isPartOf": item.source and {"@type": "CreativeWork", "name": item.source},
            "inLanguage": self.lang,
            "keywords": list(dublin_core.subjects(item)),
            "license": self.licence,
            "sameAs": [value.href for value in self.identifiers if value.href],
            "identifier": [self.library.identifier(item.id), *(value.text for value in self.identifiers)],
        }
        return {key: value for key, value in said.items() if value}

    def links(self, collections: Sequence[str]) -> Iterator[str]:
        """Yield the values of the Link headers; *collections* are the addresses of the item's sets."""
        yield _link(self.cite_as, "cite-as")
        yield _link("https://schema.org/AboutPage", "type")
        yield _link(f"https://schema.org/{self.schema_type}", "type")
        if self.licence:
            yield _link(self.licence, "license")
        for prefix, known in self.library.formats.items():
            yield _link(self.record_address(prefix), "describedby", type="text/xml", profile=known.namespace)
        for address in collections[:COLLECTIONS]:
            yield _link(address, "collection")

    def record_address(self, prefix: str) -> str:
        """Return the address at which the endpoint gives the item's record in a format."""
        identifier = quote(self.library.identifier(self.item.id), safe=":")
        base_url = self.library.settings.base_url
        return f"{base_url}?verb=GetRecord&metadataPrefix={quote(prefix)}&identifier={identifier}"


def href(text: str) -> str | None:
    """Return *text* as an address that a page may lead to, and None for what is no address of the web."""
    return quote(text, safe="%:/?#[]@!$&'()*+,;=~") if _WEB.fullmatch(text) else None


def readable_date(date: str | None) -> str | None:
    """Return a date of publication in words, as exact as it was: "2024-05" is "May 2024"."""
    if not date:
        return None
    year, *rest = date.split("-")
    words = [_MONTHS[int(rest[0]) - 1], year] if rest else [year]
    return " ".join([str(int(rest[1])), *words] if len(rest) > 1 else words)


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def _identifier(text: str) -> Value:
    if text.startswith("urn:isbn:"):
        return Value(_ISBN + text.removeprefix("urn:isbn:"))
    return Value(text, href(text))


def _agent(name: Name) -> dict[str, str]:
    if name.kind == "corporate":
        return {"@type": "Organization", "name": name.name}
    family, comma, given = name.name.partition(", ")
    if not comma or ", " in given:
        return {"@type": "Person", "name": name.name}
    return {"@type": "Person", "name": f"{given} {family}", "familyName": family, "givenName": given}


def _link(address: str, relation: str, **attributes: str) -> str:
    # Addresses are URIs here, so neither ">" nor a line's end can be in one.
    return "; ".join(
        (f'<{address}>; rel="{relation}"', *(f'{key}="{value}"' for key, value in attributes.items()))
    )
