"""An imprint: where a thing came out, from whom, when, how long, and in what series.

What stands for itself is taken out first (identifiers, extent, date: :mod:`.figures`). What
remains is cut into sentences. The one that reads "Place: Publisher" is the anchor: what stands
before it is the series, what stands after it belongs to the publisher or is a series as well.
Without such a sentence, a volume, an issue or a range of pages makes it a journal, and all of
it is the source; else the last sentence is the publisher, and one before it is a place if it
is written like one, or the series if it is numbered like one.

What fits none of these is left out and said so in ``doubts``.
"""

import re
from dataclasses import dataclass, field

from oai.item import normalise
from oai.names import BODY_WORDS, TOPIC_WORDS
from oai.sources.pages import figures, places, series

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


@dataclass(slots=True)
class _Parts:
    """What the words of an imprint, without its figures, come to."""

    place: str | None = None
    publisher: str | None = None
    source: str | None = None
    part_of: bool = False  # the source is a journal or a book, and the thing a part of it
    left: list[str] = field(default_factory=list)


_LEAD = re.compile(
    r"^(?:published\s+by\b:?|(?:source|citation|imprint|publisher|published|publication)\s*:)\s+",
    re.IGNORECASE,
)
_IN = re.compile(r"(?:published\s+)?in(?::\s*|\s+)(?=[“\"‘]?[A-ZÀ-Ý])", re.IGNORECASE)
_BRACKETED_PLACE = re.compile(r"[.,]?\s\((?=[^():]{2,40}:\s)")
_BOOKS = re.compile(r"\b(?:Press|Books|Verlag|Publishers|Publishing|Éditions?|Editorial|Edizioni)\b")


def read(text: str, bodies: tuple[str, ...] = ()) -> Imprint:
    """Return what the imprint *text* says; *bodies* are names in the byline, as printed."""
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return Imprint(doubts=(("the imprint is too long to be one", "not read"),))
    found, rest = figures.identifiers(_BRACKETED_PLACE.sub(". ", _LEAD.sub("", text)))
    pages, before, after = figures.extent(rest)
    dated = figures.date(before)
    if dated.date is None and (late := figures.date(after)).date and not series.is_numbered(after):
        dated, after = figures.Dated(late.date, before, ""), late.before + late.after
    parts = _parts(before, dated, bodies)
    doubts = [(dated.doubt, "no date given")] if dated.doubt else []
    tail = after.strip(" .,;:()[]")
    if tail and parts.source is None and series.is_numbered(tail):
        parts.source = tail
    elif tail:
        parts.left.append(tail)
    doubts += [(f"“{words}” in the imprint is not understood", "left out") for words in parts.left]
    kind = "article" if parts.part_of else series.kind(text)
    if kind is None and parts.publisher and _BOOKS.search(parts.publisher):
        kind = "book"
    if dated.date is None and not dated.doubt:
        doubts.append(("no date in the imprint", "no date given"))
    if parts.publisher is None and parts.source is None and not kind:
        doubts.append(("no publisher in the imprint", "no publisher given"))
    return Imprint(parts.place, parts.publisher, dated.date, pages, parts.source, kind, found, tuple(doubts))


def _parts(whole: str, dated: figures.Dated, bodies: tuple[str, ...]) -> _Parts:
    if opening := _IN.match(whole):
        return _Parts(source=_tidy(whole[opening.end() :]), part_of=True)
    sentences = _sentences(dated.before)
    later = _sentences(dated.after)
    if not sentences:
        sentences, later = later, []
    anchors = [anchor for sentence in sentences if (anchor := _anchored(sentence))]
    if anchors:
        parts = _around(anchors[0], sentences)
    elif series.is_journal(whole, len(sentences) + len(later)):
        return _Parts(source=_tidy(whole), part_of=True)
    else:
        parts = _unanchored(sentences, bodies)
    for sentence in later:
        if parts.source is None and series.is_numbered(sentence):
            parts.source = sentence
        elif parts.publisher is None and parts.source is None and not series.is_note(sentence):
            parts.publisher = sentence
        elif not series.is_note(sentence):
            parts.left.append(sentence)
    if parts.publisher and parts.source is None:
        parts.publisher, parts.source = _series_within(parts.publisher)
    parts.place, parts.publisher, parts.source = (
        _tidy(parts.place),
        _tidy(parts.publisher),
        _tidy(parts.source),
    )
    return parts


# ── sentences ─────────────────────────────────────────────────────────────────────────────────

_ABBREVIATED = frozenset(
    "no nos nr vol vols st ft mt inc ltd co corp dept univ jr sr dr ed eds govt assoc ser pp p v prof int natl "
    "ministr div bros comp rev".split()
)


def _sentences(text: str) -> list[str]:
    """Cut *text* at full stops that end something, not at those that abbreviate."""
    sentences: list[str] = []
    current = ""
    for part in re.split(r"(?<=\.)\s+(?=\S)", text.strip()):
        current = f"{current} {part}" if current else part
        if not current.endswith(".") or not _abbreviates(current) or places.is_known(current):
            sentences.append(current)
            current = ""
    if current:
        sentences.append(current)
    bare = [_bare(re.sub(r"[(\[]\s*$", "", sentence)) for sentence in sentences]
    return [sentence for sentence in bare if re.search(r"\w", sentence)]


_OWN_STOP = re.compile(r"\b(?:Inc|Ltd|Co|Corp|[A-Z]\.[A-Z])\.$")


def _bare(text: str) -> str:
    """Strip what only parts *text* from its neighbours, and leave the stop that abbreviates."""
    text = text.strip(" ,;:").lstrip(". ")
    return text if _OWN_STOP.search(text) else text.rstrip(" .,;:")


def _abbreviates(text: str) -> bool:
    """Whether the full stop at the end of *text* belongs to its last word."""
    word = re.split(r"[\s(]", text.rstrip("."))[-1].casefold()
    if len(word) == 1 or "." in word:
        return word[-1:].isalpha()
    return word in _ABBREVIATED


# ── "Place: Publisher" ────────────────────────────────────────────────────────────────────────

_COLON = re.compile(r":(?!//)\s*")


@dataclass(frozen=True, slots=True)
class _Anchor:
    sentence: str
    series: str
    place: str
    publisher: str


def _anchored(sentence: str) -> _Anchor | None:
    """Return the parts of a *sentence* that reads "Place: Publisher", or None."""
    if ":" not in sentence and ";" not in sentence:
        return None
    before = ""
    found: list[str] = []
    publishers: list[str] = []
    for part in filter(None, re.split(r"\s*;\s*", sentence)):
        left, colon, right = _halves(part)
        if colon and places.is_known(right) and not places.is_known(left) and not publishers:
            left, right = right, left
        if colon and not _is_place(left) and not publishers:
            before, left = _series_cut(left)
        if colon and right and _is_place(left):
            found.append(left)
            publishers.append(right)
        elif publishers:
            publishers.append(part)
        elif not colon and found and ":" not in sentence and not places.is_known(part):
            publishers.append(part)  # "Washington, DC; Urban Institute"
        elif not colon and (places.is_known(part) if ":" not in sentence else _is_place(part)):
            found.append(part)
        else:
            return None
    return _Anchor(sentence, before, "; ".join(found), "; ".join(publishers)) if publishers else None


def _halves(part: str) -> tuple[str, bool, str]:
    match = _COLON.search(part)
    if not match:
        return part, False, ""
    return part[: match.start()].strip(), True, part[match.end() :].strip()


def _is_place(text: str) -> bool:
    if places.is_known(text):
        return True
    words = {word.casefold() for word in re.findall(r"\w+", text)}
    return places.has_shape(text) and BODY_WORDS.isdisjoint(words) and not series.has_journal_word(text)


def _series_cut(text: str) -> tuple[str, str]:
    """Part "Research Report 114, London" before its place."""
    for match in re.finditer(r",\s+|(?<=\d)\s+", text):
        head, tail = text[: match.start()], text[match.end() :]
        if re.search(r"\d", head) and _is_place(tail):
            return head, tail
    return "", text


def _around(anchor: _Anchor, sentences: list[str]) -> _Parts:
    """Read the *sentences* on either side of the *anchor*."""
    index = next(index for index, sentence in enumerate(sentences) if sentence is anchor.sentence)
    parts = _Parts(anchor.place, anchor.publisher)
    before = [bare for sentence in sentences[:index] if (bare := series.without_note(sentence))]
    parts.left += [sentence for sentence in before if not series.is_series(sentence)]
    named = [sentence for sentence in before if series.is_series(sentence)]
    parts.source = ". ".join([*named, anchor.series] if anchor.series else named) or None
    for sentence in sentences[index + 1 :]:
        if series.is_numbered(sentence) and parts.source is None:
            parts.source = sentence
        elif not series.is_note(sentence):
            parts.publisher = f"{parts.publisher}. {sentence}"
    return parts


# ── no colon ──────────────────────────────────────────────────────────────────────────────────


def _unanchored(sentences: list[str], bodies: tuple[str, ...]) -> _Parts:
    """Read an imprint in which no colon parts the place from the publisher."""
    whole = ". ".join(sentences)
    if any(normalise(whole) == normalise(body) for body in bodies):
        return _Parts(publisher=whole)
    kept = [bare for sentence in sentences if (bare := series.without_note(sentence))]
    named: list[str] = []
    while kept and series.is_numbered(kept[0]) and (len(kept) > 1 or series.is_only_numbered(kept[0])):
        if len(kept) == 1 and _series_within(kept[0])[1]:
            break
        named.append(kept.pop(0))
    parts = _Parts()
    if kept:
        parts.place, first = _leading_place(kept[0])
        kept = [first, *kept[1:]] if first else kept[1:]
    if parts.place is None and len(kept) == 2 and places.is_known(kept[1]):  # noqa: PLR2004
        parts.place = kept.pop()  # "Harrow Academic. New York"
    if parts.place is None and len(kept) > 1 and not kept[0].isupper():
        words = [word.casefold() for word in re.findall(r"\w+", kept[0])]
        if places.has_shape(kept[0]) and len(words) <= 3 and _is_plain(words):  # noqa: PLR2004
            parts.place = kept.pop(0)
        elif series.is_worded(kept[0]) and not named:
            named.append(kept.pop(0))
    if len(kept) > 1 and not named and series.is_named(kept[-1]):
        named.append(kept.pop())
    parts.publisher = ". ".join(kept) or None
    if parts.publisher and parts.place is None:
        parts.publisher, parts.place = _trailing_place(parts.publisher)
    parts.source = ". ".join(named) or None
    return parts


def _is_plain(words: list[str]) -> bool:
    """Whether none of *words* tells a body, its business or a series."""
    return (
        BODY_WORDS.isdisjoint(words)
        and TOPIC_WORDS.isdisjoint(words)
        and not series.is_worded(" ".join(words))
    )


def _leading_place(sentence: str) -> tuple[str | None, str]:
    """Part "Washington, DC, Department of Justice" after its place."""
    if places.is_known(sentence):
        return sentence, ""
    for match in reversed(list(re.finditer(r",\s+", sentence))):
        if places.is_known(sentence[: match.start()]) and not places.is_known(sentence[match.end() :]):
            return sentence[: match.start()], sentence[match.end() :]
    return None, sentence


def _trailing_place(publisher: str) -> tuple[str, str | None]:
    """Part "Swan Press, Perth, WA" or "Springer Cham" before its place."""
    for match in re.finditer(r",\s+", publisher):
        if places.is_known(publisher[match.end() :]):
            return publisher[: match.start()], publisher[match.end() :]
    if (bracket := re.search(r"\s+\(([^()]+)\)$", publisher)) and places.is_known(bracket[1]):
        return publisher[: bracket.start()], bracket[1]
    words = publisher.split()
    for size in (3, 2, 1):
        head, tail = words[:-size], " ".join(words[-size:])
        if (
            0 < len(head) <= 2
            and tail.casefold() in places.CITIES
            and _is_plain([word.casefold() for word in head])
        ):  # noqa: PLR2004
            return " ".join(head), tail
    return publisher, None


def _series_within(publisher: str) -> tuple[str, str | None]:
    """Part "Home Office, Research Report 114" after its publisher."""
    for match in re.finditer(r"[,.]\s+", publisher):
        tail = publisher[match.end() :]
        if series.is_only_numbered(tail):
            return publisher[: match.start()], tail
    return publisher, None


_NOBODY = frozenset({"s.l", "n.p", "s.n", "n.d", "no publisher", "publisher not identified"})


def _tidy(text: str | None) -> str | None:
    """Strip what only parted this from its neighbours."""
    if text is None:
        return None
    text = _bare(text)
    if text.startswith(("[", "(")) and text.endswith(("]", ")")):
        text = text[1:-1]
    return text if text and text.casefold() not in _NOBODY else None


# ── is it one? ────────────────────────────────────────────────────────────────────────────────

_SMALL = frozenset("of and the for in on to by at an a de la del und der p pp pages no vol".split())


def likeness(text: str) -> float:
    """Return how much *text* looks like an imprint: about −3 to 8."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return -3.0
    found, rest = figures.identifiers(text)
    pages, before, after = figures.extent(rest)
    dated = figures.date(before)
    score = -1.0 + 0.5 * bool(found)
    if found and len(rest) < 30 and not dated.date:  # noqa: PLR2004
        score += 4.0
    if pages:
        score += 2.5 if len(after) < 60 else 0.5  # noqa: PLR2004
    if dated.date or dated.doubt:
        score += 1.5 + (1.0 if pages or len(dated.after.strip(" .,;:()")) < 3 else 0.0)  # noqa: PLR2004
    sentences = _sentences(dated.before)
    if any(_anchored(sentence) for sentence in sentences) or series.is_volume(before):
        score += 2.0
    score += 0.7 * series.is_numbered(before)
    score += 0.7 * bool(series.has_journal_word(before) or _BOOKS.search(before))
    score -= 1.5 * sum(_is_prose(sentence) for sentence in sentences)
    words = [word for word in re.findall(r"[^\W\d_]+", before) if word not in _SMALL]
    small = sum(word[0].islower() for word in words)
    if small > 3 and small / len(words) > 0.4:  # noqa: PLR2004
        score -= 3.0 * small / len(words) + (2.0 if small > 12 else 0.0)  # noqa: PLR2004
    return score


def _is_prose(sentence: str) -> bool:
    words = [word for word in re.findall(r"[^\W\d_]+", sentence) if word not in _SMALL]
    small = sum(word[0].islower() for word in words)
    return small > 0.4 * len(words) and not series.is_numbered(sentence) and not series.is_worded(sentence)


def is_anchored(text: str) -> bool:
    """Whether *text* has a "Place: Publisher"."""
    return any(_anchored(sentence) for sentence in _sentences(text))


def has_prose(text: str) -> bool:
    """Whether a sentence of *text* is one that a person might say."""
    return any(_is_prose(sentence) and len(sentence.split()) >= _PROSE_WORDS for sentence in _sentences(text))


_PROSE_WORDS = 6
