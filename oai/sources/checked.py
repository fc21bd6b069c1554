"""The fields of an item as a file names them, checked and made an Item.

The keys are those of JSON Lines, the neutral format: every reader whose files say outright what
is a title and what a date ends here, so that the same mistake gets the same answer in each of
them. What has a wrong type, or lacks id or title, is rejected; a date or a language that is none
is left out and reported; text is cleaned (:mod:`oai.text`).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from langcodes import Language
from langcodes.tag_parser import LanguageTagError

from oai.item import Item, Name, Provenance
from oai.names import name_of
from oai.protocol import datestamp
from oai.protocol.datestamp import Granularity
from oai.protocol.syntax import is_base_url, is_uri
from oai.sources import Entry, Problem
from oai.text import clean

TEXTS = ("title", "description", "publisher", "place", "date", "extent", "source", "language", "type", "url")
LISTS = ("tags", "sections", "rights", "identifiers")
NAMES = ("creators", "editors", "contributors")
KEYS = frozenset({"id", "deleted", "datestamp", *TEXTS, *LISTS, *NAMES})
"""All that may be said of an item, but for the ``provenance`` of one that was harvested."""

LONGEST_CHAIN = 50
"""From so many repositories, one behind the other, an item may have been harvested."""

_PROVENANCE = ("base_url", "identifier", "datestamp", "metadata_namespace", "harvest_date")

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


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
    doubts: list[str] = []
    try:
        identifier = _id(fields)
        item = _item(identifier, fields, doubts)
        stamp = _datestamp(fields)
    except Rejected as error:
        yield Rejected(str(error), identifier).at(line)
        return
    for doubt in doubts:
        reason, _, done = doubt.partition(": ")
        yield Problem(line, reason, done, item.id)
    yield Entry(item, line, stamp)


def _id(fields: Mapping[str, Any]) -> str:
    value = fields.get("id")
    if value is None:
        raise Rejected("id is missing")
    if not isinstance(value, str):
        raise Rejected("id is not a string")
    cleaned = clean(value).text.strip()
    if not cleaned or cleaned != value.strip():
        raise Rejected("id is empty or has characters that no identifier can carry")
    return cleaned


def _item(identifier: str, fields: Mapping[str, Any], doubts: list[str]) -> Item:
    deleted = fields.get("deleted", False)
    if not isinstance(deleted, bool):
        raise Rejected("deleted is neither true nor false")
    lists = {key: _texts(fields, key, doubts) for key in LISTS}
    if deleted:
        return Item(identifier, tags=lists["tags"], sections=lists["sections"], deleted=True)
    texts = {key: _text(fields, key, doubts) for key in TEXTS}
    title = texts.pop("title")
    if title is None:
        raise Rejected("title is missing or empty")
    texts["date"] = _checked_date(texts["date"], doubts)
    texts["language"] = _checked_language(texts["language"], doubts)
    names = {key: _names(fields, key, doubts) for key in NAMES}
    origin = provenance(fields["provenance"]) if "provenance" in fields else None
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


def _cleaned(key: str, value: Any, doubts: list[str]) -> str:
    if not isinstance(value, str):
        raise Rejected(f"{key} is not a string")
    text, mended = clean(value)
    if mended:
        doubts += [f"{key}: {what}" for what in mended]
    return text.strip()


def _text(fields: Mapping[str, Any], key: str, doubts: list[str]) -> str | None:
    return _cleaned(key, fields[key], doubts) or None if key in fields else None


def _texts(fields: Mapping[str, Any], key: str, doubts: list[str]) -> tuple[str, ...]:
    cleaned = [_cleaned(key, value, doubts) for value in _list(fields, key)]
    return tuple(text for text in cleaned if text)


def _names(fields: Mapping[str, Any], key: str, doubts: list[str]) -> tuple[Name, ...]:
    names = []
    for value in _list(fields, key):
        name, kind = (value.get("name"), value.get("kind")) if isinstance(value, dict) else (value, None)
        if kind not in ("personal", "corporate", None):
            raise Rejected(f"{key}: a kind is personal or corporate")
        if text := _cleaned(key, name, doubts):
            names.append(name_of(text, kind))
    return tuple(names)


def _list(fields: Mapping[str, Any], key: str) -> Sequence[Any]:
    values = fields.get(key, ())
    if not isinstance(values, list | tuple):
        raise Rejected(f"{key} is not a list")
    return values


def _checked_date(text: str | None, doubts: list[str]) -> str | None:
    if text is None or _is_date(text):
        return text
    doubts.append(f"date {text!r} is none: left out")
    return None


@lru_cache(maxsize=1 << 12)
def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    try:
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        date(year, month, day)
    except ValueError:
        return False
    return True


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
