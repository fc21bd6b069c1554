"""Place, publisher and series: what an imprint says in words, its figures taken out.

The words are cut into sentences. The one that reads "Place: Publisher" is the anchor: what
stands before it is the series, what stands after it belongs to the publisher or is a series as
well. Without such a sentence, a volume, an issue or a range of pages makes it a journal, and
all of it is the source; else the last sentence is the publisher, and one before it is a place
if it is written like one, or the series if it is numbered like one.
"""

import re
from dataclasses import dataclass, field

from oai.item import normalise
from oai.names import BODY_WORDS, TOPIC_WORDS
from oai.sources.pages import places, series
from oai.sources.pages.figures import Dated


@dataclass(slots=True)
class Published:
    """What the words come to; ``left`` is what was not understood."""

    place: str | None = None
    publisher: str | None = None
    source: str | None = None
    part_of: bool = False  # the source is a journal or a book, and the thing a part of it
    left: list[str] = field(default_factory=list)


_IN = re.compile(r"(?:published\s+)?in(?::\s*|\s+)(?=[“\"‘]?[A-ZÀ-Ý])", re.IGNORECASE)


def read(whole: str, dated: Dated, bodies: tuple[str, ...]) -> Published:
    """Read *whole*, which is *dated*; *bodies* are names in the byline, as printed."""
    if opening := _IN.match(whole):
        return Published(source=tidy(whole[opening.end() :]), part_of=True)
    before, after = sentences(dated.before), sentences(dated.after)
    if not before:
        before, after = after, []
    if not any(map(_anchored, before)) and any(map(_anchored, after)):
        before, after = [*before, *after], []  # "Swan Brief, March 2019. The Hague: Swan Centre"
    anchors = [anchor for sentence in before if (anchor := _anchored(sentence))]
    if anchors:
        known = (anchor for anchor in anchors if places.is_known(anchor.place))
        found = _around(next(known, anchors[0]), before)
    elif _is_dated_volume(dated.before, after) or series.is_journal(whole, len(before) + len(after)):
        return Published(source=tidy(whole), part_of=True)
    else:
        found = _unanchored(before, bodies)
    _take_rest(found, after)
    if found.publisher and found.source is None:
        found.publisher, found.source = _series_within(found.publisher)
    found.place, found.publisher = tidy(found.place), tidy(found.publisher)
    found.source = tidy(found.source)
    return found


def _is_dated_volume(before: str, after: list[str]) -> bool:
    """Whether a date stands amid volume and issue.

    So it does in "Swan Advances, 28 Jun 2019: Vol. 5, no. 6" and in "Swans, Vol. 112 (2017), No. 9".
    """
    return bool(after) and (
        series.opens_volume(after[0]) or (series.is_volume(before) and series.opens_issue(after[0]))
    )


def _take_rest(found: Published, after: list[str]) -> None:
    """Add to *found* what the sentences *after* the date say."""
    for sentence in after:
        if found.source is None and series.is_numbered(sentence):
            found.source = sentence
        elif found.publisher is None and found.source is None and not series.is_note(sentence):
            found.publisher = sentence
        elif not series.is_note(sentence):
            found.left.append(sentence)


# ── sentences ─────────────────────────────────────────────────────────────────────────────────

_ABBREVIATED = frozenset(
    """no nos nr vol vols st ft mt inc ltd co corp dept univ jr sr dr ed eds govt assoc ser pp p v art
    prof int natl ministr div bros comp rev chr wm geo thos chas jas jos edw benj robt""".split()
)
_OWN_STOP = re.compile(r"\b(?:Inc|Ltd|Co|Corp|[A-Z]\.[A-Z])\.$")
_NOBODY = frozenset({"s.l", "n.p", "s.n", "n.d", "no publisher", "publisher not identified"})


def sentences(text: str) -> list[str]:
    """Cut *text* at full stops that end something, not at those that abbreviate."""
    found: list[str] = []
    current = ""
    for part in re.split(r"(?<=\.)\s+(?=\S)", text.strip()):
        current = f"{current} {part}" if current else part
        if not current.endswith(".") or not _is_abbreviated(current) or places.is_known(current):
            found.append(current)
            current = ""
    if current:
        found.append(current)
    bare = [_bare(re.sub(r"[(\[]\s*$", "", sentence)) for sentence in found]
    return [sentence for sentence in bare if re.search(r"\w", sentence)]


def _is_abbreviated(text: str) -> bool:
    """Whether the full stop at the end of *text* belongs to its last word."""
    word = re.split(r"[\s(]", text.rstrip("."))[-1].casefold()
    if len(word) == 1 or "." in word:
        return word[-1:].isalpha()
    return word in _ABBREVIATED


def _bare(text: str) -> str:
    """Strip what only parts *text* from its neighbours, and leave the stop that abbreviates."""
    text = text.strip(" ,;:").lstrip(". ")
    return text if _OWN_STOP.search(text) else text.rstrip(" .,;:")


def tidy(text: str | None) -> str | None:
    """Return *text* as a field, or None where it says that there is nothing."""
    bare = _bare(text or "")
    if bare.startswith(("[", "(")) and bare.endswith(("]", ")")):
        bare = bare[1:-1].strip()
    if bare.casefold().strip(".") in _NOBODY:
        return None
    return bare or None


# ── "Place: Publisher" ────────────────────────────────────────────────────────────────────────

_COLON = re.compile(r"\s*:(?!//)\s*")


@dataclass(frozen=True, slots=True)
class _Anchor:
    sentence: str
    series: str
    place: str
    publisher: str


def is_anchored(text: str) -> bool:
    """Whether *text* has a "Place: Publisher"."""
    return any(map(_anchored, sentences(text)))


def _anchored(sentence: str) -> _Anchor | None:
    """Return the parts of a *sentence* that reads "Place: Publisher", or None.

    There may be several ("Halifax: A; Cork: B"), and several places ("Oxford; New York: A").
    """
    has_colon = ":" in sentence
    if not has_colon and ";" not in sentence:
        return None
    before = ""
    found: list[str] = []
    publishers: list[str] = []
    for part in filter(None, re.split(r"\s*;\s*", sentence)):
        left, colon, right = _halves(part)
        if colon and not publishers:
            before, left, right = _sorted(left, right)
        if (
            colon
            and right
            and _is_place(left)
            and not (series.has_journal_word(right) and series.is_volume(right))
        ):
            found.append(left)
            publishers.append(right)
        elif publishers:
            publishers.append(part)
        elif not colon and found and not has_colon and not places.is_known(part):
            publishers.append(part)  # "Washington, DC; Urban Institute"
        elif not colon and (_is_place(part) if has_colon else places.is_known(part)):
            found.append(part)
        else:
            return None
    return _Anchor(sentence, before, "; ".join(found), "; ".join(publishers)) if publishers else None


def _halves(part: str) -> tuple[str, bool, str]:
    match = _COLON.search(part)
    return (part[: match.start()], True, part[match.end() :]) if match else (part, False, "")


def _sorted(left: str, right: str) -> tuple[str, str, str]:
    """Return series, place and publisher of "left: right"."""
    if places.is_known(right) and not places.is_known(left):
        return "", right, left
    if _is_place(left):
        return "", left, right
    for match in re.finditer(r",\s+|(?<=\d)\s+", left):  # "Research Report 114, London"
        head, tail = left[: match.start()], left[match.end() :]
        if (re.search(r"\d", head) or series.is_note(head)) and _is_place(tail):
            return "" if series.is_note(head) else head, tail, right
    return "", left, right


_COUNTING = frozenset({"no", "nr", "vol", "volume", "art", "article", "issue", "number", "part"})


def _is_place(text: str) -> bool:
    if places.is_known(text):
        return True
    words = {word.casefold() for word in re.findall(r"\w+", text)}
    said = BODY_WORDS | TOPIC_WORDS | _COUNTING
    return places.has_shape(text) and said.isdisjoint(words) and not series.has_journal_word(text)


_CODE = re.compile(
    r"[A-Za-z]{1,8}[-/ ]?\d[\w./-]*"
)  # "GAO-19-123": a report's number, and no publisher's name


_TRAILING_CODE = re.compile(r",\s+[A-Z]{1,5}-?\d[\w./-]*$")  # "Swan Service, R47077"


def _around(anchor: _Anchor, found: list[str]) -> Published:
    """Read the sentences *found* on either side of the *anchor*."""
    index = found.index(anchor.sentence)
    before = [bare for sentence in found[:index] if (bare := series.without_note(sentence))]
    named = [sentence for sentence in before if series.is_series(sentence)]
    left = [sentence for sentence in before if not series.is_series(sentence)]
    source = ". ".join([*named, anchor.series] if anchor.series else named) or None
    publisher = series.without_note(anchor.publisher)
    if (code := _TRAILING_CODE.search(publisher)) and code.start():
        left.append(code[0].strip(", "))
        publisher = publisher[: code.start()]
    for sentence in found[index + 1 :]:
        if series.is_numbered(sentence) and source is None:
            source = sentence
        elif _CODE.fullmatch(sentence):
            left.append(sentence)
        elif not series.is_note(sentence):
            publisher = f"{publisher}. {sentence}"
    return Published(anchor.place, publisher, source, left=left)


# ── no colon ──────────────────────────────────────────────────────────────────────────────────

_LONGEST_PLACE = 3  # words of a place that is none of those known


def _unanchored(found: list[str], bodies: tuple[str, ...]) -> Published:
    """Read an imprint in which no colon parts the place from the publisher."""
    whole = ". ".join(found)
    if any(normalise(whole) == normalise(body) for body in bodies):
        return Published(publisher=whole)
    kept = [bare for sentence in found if (bare := series.without_note(sentence))]
    named = _leading_series(kept)
    place = _leading_place(kept)
    if place is None and len(kept) > 1 and not kept[0].isupper() and not named and series.is_worded(kept[0]):
        named.append(kept.pop(0))
    if len(kept) > 1 and not named and series.is_named(kept[-1]):
        named.append(kept.pop())
    if len(kept) == 1 and named and series.is_only_numbered(kept[0]):
        named.append(kept.pop())
    publisher = ". ".join(kept)
    if place is None:
        publisher, place = _trailing_place(publisher)
    return Published(place, publisher or None, ". ".join(named) or None)


def _leading_series(kept: list[str]) -> list[str]:
    """Take the numbered series at the head of *kept*."""
    named: list[str] = []
    while kept and series.is_numbered(kept[0]):
        head, comma, tail = kept[0].partition(", ")
        if comma and series.is_only_numbered(head) and not series.is_only_numbered(tail):
            named.append(head)  # "Working Paper #7, Swan Institute"
            kept[0] = tail
            break
        alone = len(kept) == 1
        if alone and (_series_within(kept[0])[1] or not series.is_only_numbered(kept[0])):
            break
        named.append(kept.pop(0))
    return named


def _leading_place(kept: list[str]) -> str | None:
    """Take the place at the head of *kept*, or the one after the publisher."""
    if not kept:
        return None
    if places.is_known(kept[0]):
        return kept.pop(0)
    for match in reversed(list(re.finditer(r",\s+", kept[0]))):
        head, tail = kept[0][: match.start()], kept[0][match.end() :]
        if places.is_known(head) and not places.is_known(tail):
            kept[0] = tail  # "Washington, DC, Department of Justice"
            return head
    if len(kept) > 1 and places.is_known(kept[-1]):
        return kept.pop()  # "Harrow Academic. New York"
    words = re.findall(r"\w+", kept[0])
    if len(kept) > 1 and not kept[0].isupper() and len(words) <= _LONGEST_PLACE and places.has_shape(kept[0]):
        return kept.pop(0) if _is_plain(kept[0]) else None
    return None


def _trailing_place(publisher: str) -> tuple[str, str | None]:
    """Part "Swan Press, Perth, WA", "Swan Press (Perth)" or "Springer Cham" before its place."""
    for match in re.finditer(r",\s+", publisher):
        if places.is_known(publisher[match.end() :]):
            return publisher[: match.start()], publisher[match.end() :]
    bracket = re.search(r"\s+\(([^()]+)\)$", publisher)
    if bracket and bracket[1].casefold() in places.CITIES:
        return publisher[: bracket.start()], bracket[1]
    words = publisher.split()
    for size in (3, 2, 1):
        head, tail = " ".join(words[:-size]), " ".join(words[-size:])
        if 0 < len(words) - size < _LONGEST_PLACE and tail.casefold() in places.CITIES and _is_plain(head):
            return head, tail
    return publisher, None


def _is_plain(text: str) -> bool:
    """Whether no word of *text* tells a body, its business or a series."""
    words = [word.casefold() for word in re.findall(r"\w+", text)]
    return BODY_WORDS.isdisjoint(words) and TOPIC_WORDS.isdisjoint(words) and not series.is_worded(text)


def _series_within(publisher: str) -> tuple[str, str | None]:
    """Part "Home Office, Research Report 114" after its publisher.

    The last comma counts before which the series still has a name: not the one in "Notes, no. 3".
    """
    bracket = re.search(r"\s+\(([^()]+)\)$", publisher)
    if bracket and series.is_only_numbered(bracket[1]):
        return publisher[: bracket.start()], bracket[1]
    cuts = [
        (publisher[: match.start()], publisher[match.end() :])
        for match in re.finditer(r"[,.]\s+", publisher)
        if series.is_only_numbered(publisher[match.end() :])
    ]
    for head, tail in reversed(cuts):
        if not series.is_bare_number(tail):
            return head, tail
    if cuts:
        return cuts[0]
    return publisher, None
