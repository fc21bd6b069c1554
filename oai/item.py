"""The bibliographic model: what a library says of one thing it offers.

An :class:`Item` is the container that the protocol calls an item (§2.2): all that is
known of a report, from which the crosswalks in :mod:`oai.formats` make its records.
The readers in :mod:`oai.sources` make Items; nothing here knows where they come from
or where they go. What a source does not say is ``None`` or empty, never a guess.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from slugify import slugify

Kind = Literal["personal", "corporate"]

SLUG_LENGTH = 60
"""Longest slug of a title within a local identifier, in characters."""


@dataclass(frozen=True, slots=True)
class Name:
    """A person or a body, in the form a catalogue prints.

    ``name`` is "Family, Given" for a person whose parts are known, and for a body what
    the source prints.
    """

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a record was harvested (guidelines for provenance, §2).

    ``harvest_date`` is the responseDate of the response that brought it, ``datestamp`` is written
    as that repository writes it. ``altered`` says that the metadata is not passed on as it came,
    which is so for all of ours: they come out of our own crosswalk. ``origin`` is where that
    repository had harvested it in turn.
    """

    base_url: str
    identifier: str
    datestamp: str
    metadata_namespace: str
    harvest_date: str
    altered: bool = True
    origin: "Provenance | None" = None

    def chain(self) -> "Iterator[Provenance]":
        """Yield this one, and those that stand behind it, the latest first."""
        step: Provenance | None = self
        while step is not None:
            yield step
            step = step.origin


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the library offers.

    ``id`` is the local part of its identifier, before escaping; it is unique within the
    repository. ``description`` keeps paragraphs apart by a blank line. ``date`` is the
    date of publication: YYYY, YYYY-MM or YYYY-MM-DD. ``source`` is the series or journal
    with its number, as printed. ``deleted`` says that a source names the item as gone: a
    tombstone needs only its ``id``, and keeps the ``tags`` and ``sections`` it had.
    ``provenance`` is that of an item that was harvested from another repository.
    """

    id: str
    title: str = ""
    creators: tuple[Name, ...] = ()
    editors: tuple[Name, ...] = ()
    contributors: tuple[Name, ...] = ()
    description: str | None = None
    publisher: str | None = None
    place: str | None = None
    date: str | None = None
    extent: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    language: str | None = None
    type: str | None = None
    rights: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    url: str | None = None
    provenance: Provenance | None = None
    deleted: bool = False


_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)

_FOLDED = str.maketrans(
    dict.fromkeys("‘’‚‛`´′", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)


@lru_cache(maxsize=1 << 12)
def normalise(text: str) -> str:
    """Return *text* as two printings of it compare: case, quotes, dashes and spaces folded."""
    folded = unicodedata.normalize("NFKC", text).translate(_FOLDED).casefold()
    return " ".join(folded.split())


def derived_id(title: str, first_creator: str | None, date: str | None) -> str:
    """Return the local identifier of an item whose source gives it none.

    A slug for the reader's eye, then eight hexadecimal digits of a hash of what makes it
    this item: its normalised title, its first creator and its year. Neither the file, nor
    its place in it, nor the host has a part in it, so the same post read from two pages is
    one item. *first_creator* may be "Given Family" or "Family, Given": the words count.
    """
    words = sorted(re.findall(r"\w+", normalise(first_creator or "")))
    identity = "\n".join((normalise(title), " ".join(words), (date or "")[:4]))
    digits = hashlib.sha256(identity.encode()).hexdigest()[:8]
    slug = slugify(normalise(title), max_length=SLUG_LENGTH, word_boundary=True, save_order=True)
    return f"{slug}-{digits}" if slug else digits


@lru_cache(maxsize=1 << 14)
def is_date(text: str) -> bool:
    """Say whether *text* is a date as an Item has it: YYYY, YYYY-MM or YYYY-MM-DD, of the calendar."""
    match = _DATE.fullmatch(text)
    try:
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        date(year, month, day)
    except ValueError:
        return False
    return True


def unique(values: Iterable[str]) -> tuple[str, ...]:
    """Return *values* in order, without those that compare equal to an earlier one."""
    given = tuple(values)
    if len(given) < 2:  # noqa: PLR2004 - one cannot equal another
        return given
    first: dict[str, str] = {}
    for value in given:
        first.setdefault(normalise(value), value)
    return tuple(first.values())


def merged(said: Sequence[Item]) -> Item:
    """Return the one item of which several files speak.

    The first of them is believed, later ones fill what it leaves open, and tags, sections,
    identifiers and rights are those of all. It is deleted if all of them say so.
    """
    live = [item for item in said if not item.deleted]
    first, *others = live or said
    changes: dict[str, Any] = {}
    for name in _FILLED if others else ():
        if not getattr(first, name):
            changes[name] = next(
                (value for item in others if (value := getattr(item, name))), getattr(first, name)
            )
    for name in _UNITED:
        own = getattr(first, name)
        if not others and len(own) < 2:  # noqa: PLR2004 - as in most: one cannot equal another
            continue
        united = unique((*own, *(value for item in others for value in getattr(item, name))))
        if united != own:
            changes[name] = united
    return replace(first, **changes) if changes else first


_FILLED = (
    "creators", "editors", "contributors", "description", "publisher", "place", "date", "extent", "source",
    "language", "type", "url", "provenance",
)  # fmt: skip
_UNITED = ("tags", "sections", "rights", "identifiers")
