"""An imprint: where a thing came out, from whom, when, how long, and in what series.

What stands for itself is taken out first: identifiers, extent, date (:mod:`.figures`). The
words that remain say place, publisher and series (:mod:`.publisher`). What fits nowhere is left
out, and ``doubts`` say so.
"""

import re
from dataclasses import dataclass

from oai.sources.pages import figures, publisher, series

LONGEST = 600
"""An imprint longer than this many characters is something else."""


@dataclass(frozen=True, slots=True)
class Imprint:
    """What an imprint says; ``doubts`` are reasons, and what was done about each."""

    place: str | None = None
    publisher: str | None = None
    date: str | None = None
    extent: str | None = None
    source: str | None = None
    type: str | None = None
    identifiers: tuple[str, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()


_LEAD = re.compile(
    r"^(?:published\s+by\b:?|(?:source|citation|imprint|publisher|published|publication)\s*:)\s+",
    re.IGNORECASE,
)
_BRACKETED_PLACE = re.compile(r"[.,]?\s\((?=[^():]{2,40}:\s)")
_BOOKS = re.compile(r"\b(?:Press|Books|Verlag|Publishers|Publishing|Éditions?|Editorial|Edizioni)\b")


def read(text: str, bodies: tuple[str, ...] = ()) -> Imprint:
    """Return what the imprint *text* says; *bodies* are names in the byline, as printed."""
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return Imprint(doubts=(("the imprint is too long to be one", "not read"),))
    found, rest = figures.identifiers(_BRACKETED_PLACE.sub(". ", _LEAD.sub("", text)))
    extent, before, after = figures.extent(rest)
    dated = figures.date(before)
    if dated.date is None and (late := figures.date(after)).date and not series.is_numbered(after):
        dated, after = figures.Dated(late.date, before, ""), late.before + late.after
    published = publisher.read(before, dated, bodies)
    if (
        published.place is None
        and not extent
        and published.publisher
        and any("doi.org" in one for one in found)
    ):
        # What has a DOI, and neither place nor length, came out in a journal.
        published = publisher.Published(source=publisher.tidy(before), part_of=True)
    tail = after.strip(" .,;:()[]")
    bracketed = after.strip().startswith("(") and series.is_worded(tail) and not series.is_note(tail)
    if tail and published.source is None and (series.is_numbered(tail) or series.is_named(tail) or bracketed):
        published.source = tail
    elif tail:
        published.left.append(tail)
    kind = "article" if published.part_of else series.kind(text)
    if kind is None and published.publisher and _BOOKS.search(published.publisher):
        kind = "book"
    doubts = [(f"“{words}” in the imprint is not understood", "left out") for words in published.left]
    if dated.date is None:
        doubts.append((dated.doubt or "no date in the imprint", "no date given"))
    if published.publisher is None and published.source is None and not kind:
        doubts.append(("no publisher in the imprint", "no publisher given"))
    return Imprint(
        published.place, published.publisher, dated.date, extent, published.source, kind, found, tuple(doubts)
    )


# ── is it one? ────────────────────────────────────────────────────────────────────────────────

_SMALL = frozenset("of and the for in on to by at an a de la del und der p pp pages no vol".split())
_LITTLE = 3  # characters that are as good as none
_SHORT, _BRIEF = 30, 60
_SOME, _MANY = 3, 12  # words without a capital
_MOSTLY = 0.4


def likeness(text: str) -> float:
    """Return how much *text* looks like an imprint: about −3 to 8."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return -3.0
    found, rest = figures.identifiers(text)
    extent, before, after = figures.extent(rest)
    dated = figures.date(before)
    score = -1.0 + 0.5 * bool(found)
    if found and len(rest) < _SHORT and not dated.date:
        score += 4.0
    if extent:
        score += 2.5 if len(after) < _BRIEF else 0.5
    if dated.date or dated.doubt:
        score += 2.5 if extent or len(dated.after.strip(" .,;:()")) < _LITTLE else 1.5
    score += 2.0 * (publisher.is_anchored(dated.before) or series.is_volume(before))
    score += 0.7 * series.is_numbered(before)
    score += 0.7 * bool(series.has_journal_word(before) or _BOOKS.search(before))
    score -= 1.5 * sum(map(_is_prose, publisher.sentences(dated.before)))
    small, words = _small(before)
    if small > max(_SOME, _MOSTLY * words):
        score -= 3.0 * small / words + 2.0 * (small > _MANY)
    return score


def has_prose(text: str) -> bool:
    """Whether a sentence of *text* is one that a person might say."""
    _, words = figures.identifiers(text)
    said = filter(_is_prose, publisher.sentences(words))
    return any(len(sentence.split()) > _SOME for sentence in said)


def _is_prose(sentence: str) -> bool:
    small, words = _small(sentence)
    return small > _MOSTLY * words and not series.is_numbered(sentence) and not series.is_worded(sentence)


def _small(text: str) -> tuple[int, int]:
    """Return how many words of *text* begin small, and how many words there are, small ones apart."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if word not in _SMALL]
    return sum(word[0].islower() for word in words), len(words)
