"""Crosswalks: one module for each metadataPrefix, each making of an Item the XML of a record.

A format is a :class:`Format` registered under the entry point group ``oai.formats``, so another
package adds one by naming it there. It is rendered once, when an item is synced; reading
never comes here. What a crosswalk writes is checked before it is stored: a record that is not
right is one rejected item and not a broken page.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import entry_points
from importlib.resources import files
from typing import NamedTuple

from lxml import etree

from oai.item import Item
from oai.protocol.model import MetadataFormat

XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA_LOCATION = f"{{{XSI}}}schemaLocation"


@dataclass(frozen=True, slots=True)
class Context:
    """What a crosswalk knows besides the item and its page: the library's own settings.

    ``site_url`` is the address of the pages for people, without a slash at its end. ``rights``
    go into every record, ``language`` (ISO 639-3) into those whose source names none.
    """

    site_url: str
    rights: tuple[str, ...] = ()
    language: str | None = None


class InvalidRecord(Exception):
    """A crosswalk's output is not what its format promises."""


class Written(NamedTuple):
    """Metadata written as XML, and the same in exclusive canonical form.

    ``sample`` is a record of the same elements, but with texts that are the same for all such records:
    this one is right if that one is, so that a grammar need not be asked of each.
    """

    xml: bytes
    canonical: bytes
    sample: bytes


@dataclass(frozen=True, slots=True)
class Format:
    """A metadata format (§3.4) and the crosswalk into it.

    ``crosswalk`` gets the item, its page and the context, and returns the root element of the
    metadata, or what it has written. ``version`` is raised whenever its output changes for
    any item: the next sync then renders all records of this format anew and moves the datestamps of
    those that differ.
    ``grammar`` is a RELAX NG grammar that every record must match.
    """

    prefix: str
    schema: str
    namespace: str
    version: int
    crosswalk: Callable[[Item, str, Context], etree._Element | Written]
    grammar: Callable[[], etree.RelaxNG] | None = None

    def metadata_format(self) -> MetadataFormat:
        """Return what ListMetadataFormats says of it."""
        return MetadataFormat(self.prefix, self.schema, self.namespace)

    def fingerprint(self, *settings: object) -> str:
        """Return what changes when, with the same items but other *settings*, other records may come out."""
        return hashlib.sha256(repr((self.version, *settings)).encode()).hexdigest()[:16]

    def root(self, item: Item, page: str, context: Context) -> etree._Element:
        """Return *item* in this format, not checked; raises ValueError for what XML cannot carry."""
        return _root_of(self.crosswalk(item, page, context))

    def render(self, item: Item, page: str, context: Context) -> tuple[bytes, bytes]:
        """Return *item* in this format, checked: its XML, and the same in exclusive canonical form.

        *page* is the item's page for people. Raises :class:`InvalidRecord` with the reason.
        """
        try:
            made = self.crosswalk(item, page, context)
        except ValueError as error:  # lxml's, for a character that XML cannot carry
            raise InvalidRecord(f"{self.prefix}: {error}") from error
        if isinstance(made, Written) and _takes(self, made.sample):
            return made.xml, made.canonical
        root = _root_of(made)
        self.check(root)
        return etree.tostring(root, encoding="utf-8"), etree.tostring(root, method="c14n", exclusive=True)

    def check(self, root: etree._Element) -> None:
        """Raise :class:`InvalidRecord` where *root* is not what the format promises."""
        if not root.tag.startswith(f"{{{self.namespace}}}"):
            raise InvalidRecord(f"{self.prefix}: the root is not in the namespace {self.namespace}")
        if self.schema not in root.get(SCHEMA_LOCATION, "").split():
            raise InvalidRecord(f"{self.prefix}: the root's schemaLocation does not name {self.schema}")
        grammar = self.grammar and self.grammar()
        if grammar is not None and not grammar.validate(root):
            raise InvalidRecord(f"{self.prefix}: {grammar.error_log.last_error.message}")


@lru_cache(maxsize=1000)
def _takes(format_: Format, sample: bytes) -> bool:
    try:
        format_.check(etree.fromstring(sample))
    except InvalidRecord:
        return False
    return True


def _root_of(made: etree._Element | Written) -> etree._Element:
    return etree.fromstring(made.xml) if isinstance(made, Written) else made


def canonical(xml: bytes) -> bytes:
    """Return *xml* in exclusive canonical form, without comments."""
    return etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True, with_comments=False)


def shipped_grammar(name: str) -> Callable[[], etree.RelaxNG]:
    """Return a function that gives the grammar *name* of this package, compiled once a process."""

    @cache
    def compiled() -> etree.RelaxNG:
        return etree.RelaxNG(etree.fromstring(files(__name__).joinpath(name).read_bytes()))

    return compiled


def installed() -> Mapping[str, Format]:
    """Return the formats of this package and of every other that registers one, by prefix."""
    return {entry.name: entry.load() for entry in entry_points(group="oai.formats")}


def enabled(prefixes: Iterable[str] | None) -> Mapping[str, Format]:
    """Return the formats named by *prefixes*, or all that are installed; raises KeyError for others."""
    known = installed()
    return known if prefixes is None else {prefix: known[prefix] for prefix in prefixes}
