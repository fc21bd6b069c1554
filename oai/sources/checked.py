"""The fields of an item as a file names them, checked and made an Item.

The keys are those of JSON Lines, the neutral format: every reader whose files say outright what
is a title and what a date ends here, so that the same mistake gets the same answer in each of
them. What has a wrong type, or lacks id or title, is rejected; a date or a language that is none
is left out and reported; text is cleaned (:mod:`oai.text`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from langcodes import Language
from langcodes.tag_parser import LanguageTagError

from oai.item import Item, Name, Provenance, is_date
from oai.names import name_of
from oai.protocol import datestamp
from oai.protocol.datestamp import Granularity
from oai.protocol.syntax import is_base_url, is_uri
from oai.sources import Entry, Problem
from oai.text import are_clean, clean

TEXTS = ("title", "description", "publisher", "place", "date", "extent", "source", "language", "type", "url")
LISTS = ("tags", "sections", "rights", "identifiers")
NAMES = ("creators", "editors", "contributors")
KEYS = frozenset({"id", "deleted", "datestamp", *TEXTS, *LISTS, *NAMES})
"""All that may be said of an item, but for the ``provenance`` of one that was harvested."""

LONGEST_CHAIN = 50
"""From so many repositories, one behind the other, an item may have been harvested."""

_PROVENANCE = ("base_url", "identifier", "datestamp", "metadata_namespace", "harvest_date")


class Rejected(Exception):
    """Why no item comes of something; ``id`` names the item where it is known."""

    def __init__(self, reason: str, id_: str | None = None) -> None:
        super().__init__(reason)
        self.id = id_

    def at(self, line: int) -> Problem:
        """Return it as the problem of *line*."""
        return Problem(line, str(self), "rejected", id=self.id, rejected=True)


def read(fields: Mapping[str, Any], line: int) -> Iterator[Entry | Problem]:
    """Yield the item that *fields* say, after its doubts; or the problem why there is none.

    Keys that are none of :data:`KEYS` are passed over: whoever knows the file names them once.
    """
    identifier: str | None = None
    said = _Said(fields)
    try:
        identifier = said.id()
        item = _item(identifier, said)
        stamp = _datestamp(fields)
    except Rejected as error:
        yield Rejected(str(error), identifier).at(line)
        return
    for doubt in said.doubts:
        reason, _, done = doubt.partition(": ")
        yield Problem(line, reason, done, item.id)
    yield Entry(item, line, stamp)


class _Said:
    """The fields of an item, cleaned as they are taken, and what is doubted of them."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.doubts: list[str] = []
        self._are_clean = are_clean(_all_texts(fields))  # as nearly all are: told at once in half the time

    def id(self) -> str:
        """Return the local identifier."""
        value = self.fields.get("id")
        if value is None:
            raise Rejected("id is missing")
        if not isinstance(value, str):
            raise Rejected("id is not a string")
        cleaned = value if self._are_clean else clean(value).text.strip()
        if not cleaned or cleaned != value.strip():
            raise Rejected("id is empty or has characters that no identifier can carry")
        return cleaned

    def _cleaned(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Rejected(f"{key} is not a string")
        if self._are_clean:
            return value
        text, mended = clean(value)
        if mended:
            self.doubts += [f"{key}: {what}" for what in mended]
        return text.strip()

    def text(self, key: str) -> str | None:
        """Return a text, None where it is empty."""
        if key not in self.fields:
            return None
        value = self.fields[key]
        return (value if self._are_clean and isinstance(value, str) else self._cleaned(key, value)) or None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, without those that are empty."""
        if key not in self.fields:
            return ()
        cleaned = [self._cleaned(key, value) for value in self._list(key)]
        return tuple([text for text in cleaned if text])

    def names(self, key: str) -> tuple[Name, ...]:
        """Return a list of names, without those that are empty."""
        if key not in self.fields:
            return ()
        names = []
        for value in self._list(key):
            name, kind = (value.get("name"), value.get("kind")) if isinstance(value, dict) else (value, None)
            if kind not in ("personal", "corporate", None):
                raise Rejected(f"{key}: a kind is personal or corporate")
            if text := self._cleaned(key, name):
                names.append(name_of(text, kind))
        return tuple(names)

    def _list(self, key: str) -> Sequence[Any]:
        values = self.fields[key]
        if not isinstance(values, list | tuple):
            raise Rejected(f"{key} is not a list")
        return values


def _all_texts(fields: Mapping[str, Any]) -> list[str]:
    """Return every text that is said of an item, in whatever key, and every name."""
    texts: list[str] = []
    for value in fields.values():
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list | tuple):
            each_of = [each.get("name") if isinstance(each, dict) else each for each in value]
            texts += [each for each in each_of if isinstance(each, str)]
    return texts


def _item(identifier: str, said: _Said) -> Item:
    deleted = said.fields.get("deleted", False)
    if not isinstance(deleted, bool):
        raise Rejected("deleted is neither true nor false")
    lists = {key: said.texts(key) for key in LISTS}
    if deleted:
        return Item(identifier, tags=lists["tags"], sections=lists["sections"], deleted=True)
    texts = {key: said.text(key) for key in TEXTS}
    title = texts.pop("title")
    if title is None:
        raise Rejected("title is missing or empty")
    texts["date"] = _checked_date(texts["date"], said.doubts)
    texts["language"] = _checked_language(texts["language"], said.doubts)
    names = {key: said.names(key) for key in NAMES}
    origin = provenance(said.fields["provenance"]) if "provenance" in said.fields else None
    return Item(identifier, title, **names, **lists, **texts, provenance=origin)  # type: ignore[arg-type]


def provenance(said: Any, length: int = 1) -> Provenance:
    """Return a provenance as the keys of JSON Lines say it, whole; raises :class:`Rejected`.

    What it says is sent on as it is, so it must be what the schema of provenance asks for.
    """
    known = {*_PROVENANCE, "altered", "origin"}
    if not isinstance(said, dict) or not said.keys() <= known or length > LONGEST_CHAIN:
        raise Rejected(f"provenance is not an object of {', '.join(_PROVENANCE)}, altered and origin")
    for key, fits in _FITS.items():
        text = said.get(key)
        if not isinstance(text, str) or not fits(text):
            raise Rejected(f"provenance: {key} is {'not right' if text else 'missing'}")
    altered = said.get("altered", True)
    if not isinstance(altered, bool):
        raise Rejected("provenance: altered is neither true nor false")
    origin = said.get("origin")
    return Provenance(
        **{key: said[key] for key in _PROVENANCE},
        altered=altered,
        origin=None if origin is None else provenance(origin, length + 1),
    )


def _is_moment(text: str, *granularities: Granularity) -> bool:
    try:
        return datestamp.read(text)[1] in granularities
    except ValueError:
        return False


_FITS: Mapping[str, Callable[[str], bool]] = {
    "base_url": is_base_url,
    "identifier": is_uri,
    "datestamp": lambda text: _is_moment(text, *Granularity),
    "metadata_namespace": is_uri,
    "harvest_date": lambda text: _is_moment(text, Granularity.SECOND),
}


def _checked_date(text: str | None, doubts: list[str]) -> str | None:
    if text is None or is_date(text):
        return text
    doubts.append(f"date {text!r} is none: left out")
    return None


def _checked_language(text: str | None, doubts: list[str]) -> str | None:
    if text is None:
        return None
    code = _iso_639_3(text)
    if code is None:
        doubts.append(f"language {text!r} is not known: left out")
    return code


@lru_cache(maxsize=1000)
def _iso_639_3(tag: str) -> str | None:
    try:
        return Language.get(tag).to_alpha3()
    except (LanguageTagError, LookupError):
        return None


def _datestamp(fields: Mapping[str, Any]) -> int | None:
    value = fields.get("datestamp")
    if value is None:
        return None
    try:
        return datestamp.read(value)[0]
    except (ValueError, TypeError):
        raise Rejected("datestamp is not YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ") from None
