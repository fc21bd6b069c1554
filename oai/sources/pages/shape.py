# ruff: noqa: PLR2004  (the figures are the model; a name for each would hide it)
"""How much each line of a page looks like each part of a post.

A line's shape is what it shows by itself: length, capitals, how it ends, how much it is like a
byline or an imprint. A line in its place knows its neighbours as well. For each part of a post
there is a list of cues, each a weight and a test; a line's score is the sum of the weights of
the cues it shows. The scores are rough on purpose: what decides is the page as a whole
(:mod:`.segment`).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from oai.sources.pages import byline, imprint, publisher, series
from oai.sources.pages.blocks import Line

_LOOKED_AT = 1200  # characters of a long line that are looked at; the rest is more of the same

_NOTICE = re.compile(
    r"guest\s+user.*|\S.{0,80}\.(?:jpe?g|png|gif|webp)"
    r"|(?:read\s*[/&]?\s*)?(?:download|view|read|open|buy|order)(?:\s+(?:here|more|now|online|pdf|fullsize|part\s+\w+"
    r"|report|book|the\s+(?:full\s+)?(?:report|book|paper|article|document)|full\s+(?:text|report)|free|file|link))*"
    r"|[\w-]+\.(?:org|com|net)(?:[^\s.]+(?:,\s.*)?)?"
    r"|share(?:\s+this)?|tweet|like|\d+\s+likes?|comments?(?:\s*\(?\d+\)?)?|\d+\s+comments?"
    r"|(?:facebook|twitter|linkedin|pinterest|reddit|tumblr|e-?mail|[\s,|/·0-9])+|print|menu|search|back|previous|next"
    r"|(?:newer|older)(?:\s+posts?)?|continue\s+reading|©.*|copyright\s+(?:©|\(c\)|\d{4}).*|powered\s+by\s.*",
    re.IGNORECASE,
)
_FILING = re.compile(
    r"posted\s+(?:by|in|on)\s.*|(?:tags?|categor(?:y|ies)):.*|filed\s+under.*", re.IGNORECASE
)
_HEADING = re.compile(
    r"(?:(?:key|main|summary\s+of)\s+(?:findings|points|messages|facts|takeaways|results|recommendations)"
    r"|abstract|introduction|(?:executive\s+)?summary|conclusions?|background|methods?|methodology|results|findings"
    r"|discussion|recommendations|(?:table\s+of\s+)?contents|overview|objectives?|aims?|purpose|highlights|references"
    r"|(?:policy\s+)?implications|notes?|about\s+(?:the|this)\s+(?:report|study|paper|book|authors?|series)"
    r"|(?:chapter|part|section|volume|appendix)\s+(?:\d+|[ivxlc]+|one|two|three|four|five)\b.*)\W{0,2}",
    re.IGNORECASE,
)
_BULLET = re.compile(r"[•●▪◦‣∙·–—*-]\s|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*$")
_NAME_END = re.compile(r"(?:\b[A-Z]|\b[JS]r|\bal|\b[Ee]ds?|\b(?:Inc|Ltd))\.\)?$")
_WORD = re.compile(r"[^\W\d_][\w’'-]*")
_SMALL = frozenset(
    "a an and as at but by for from in into is nor of off on or over per the to up via vs with".split()
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a line shows by itself; ``byline`` and ``imprint`` say how much it is like one."""

    text: str
    length: int
    capitals: float  # the share of its words, but for small ones, that begin with a capital
    ends: bool  # with the end of a sentence
    prose: bool
    byline: float
    imprint: float
    notice: bool  # known to belong to the site and not to a post
    heading: bool  # known to stand within abstracts
    bullet: bool

    @classmethod
    def of(cls, line: str) -> "Shape":
        """Return the shape of *line*."""
        length, text = len(line), line[:_LOOKED_AT]
        words = [word for word in _WORD.findall(text) if word not in _SMALL]
        capitals = sum(word[0].isupper() for word in words) / len(words) if words else 0.0
        ends = bool(_SENTENCE_END.search(line[-8:]))
        prose = capitals < 0.4 and len(words) > 8 and (ends or length > 300)
        printed = imprint.likeness(line) if length <= imprint.LONGEST else -3.0
        return cls(
            text,
            length,
            capitals,
            ends,
            prose,
            _byline(text, length, ends=ends, prose=prose),
            printed,
            length < 120 and printed < 2 and bool(_NOTICE.fullmatch(text)),
            bool(_HEADING.fullmatch(text)),
            bool(_BULLET.match(text)),
        )


def is_notice(text: str) -> bool:
    """Whether *text* is known to belong to the site and not to a post."""
    return bool(_NOTICE.fullmatch(text) or _FILING.fullmatch(text))


def _byline(text: str, length: int, *, ends: bool, prose: bool) -> float:
    if length > byline.LONGEST or (prose and length > 300):
        return -4.0
    if opening := byline.OPENING.match(text):
        rest = text[opening.end() :]
        if rest[:1].islower() and " " not in rest.removeprefix("the "):
            score = 2.0  # "By the Numbers" is none
        elif byline.likeness(rest) > 0:
            score = 6.0
        else:
            score = 4.0 if length < 300 else 2.0  # "By Europol" is one, though it shows no name
    elif (role := byline.ROLE.match(text)) and role.start() == 0:
        score = 5.0
    elif ends and not _NAME_END.search(text):
        score = byline.likeness(text.rstrip(".")) - 2.5
    else:
        score = byline.likeness(text) - 1.0
    return score - 5.0 * prose


class Place:
    """A line in its place on the page."""

    def __init__(
        self, lines: Sequence[Line], shapes: Sequence[Shape], index: int, often: Counter[str]
    ) -> None:
        self.line, self.shape = lines[index], shapes[index]
        self.before = shapes[index - 1] if index else None
        last = index + 1 == len(lines)
        self.after = None if last else shapes[index + 1]
        self.gap_after = 1 if last else lines[index + 1].gap
        self._often = often

    @cached_property
    def short(self) -> bool:
        """Whether it is short and its words have capitals, as names, titles and imprints do."""
        return self.shape.length < 80 and self.shape.capitals > 0.6

    @cached_property
    def above_imprint(self) -> bool:
        """Whether an imprint follows of which this may be the first line."""
        return self.after is not None and self.after.imprint >= 3 and self.shape.length < 150

    @cached_property
    def repeated(self) -> bool:
        """Whether it stands close above one post after another: who put them there, perhaps."""
        shape = self.shape
        return (
            shape.length < 30
            and self.gap_after == 0
            and self._often[shape.text.casefold()] > 1
            and shape.byline < 4
        )


Cue = tuple[float, Callable[[Place], object]]

_KNOWN_NOTICE = (-6.0, lambda at: at.shape.notice)

TITLE: tuple[Cue, ...] = (
    (1.0, lambda at: 10 <= at.shape.length <= 220),
    (-1.0, lambda at: at.shape.length < 10 or at.shape.length > 220),
    (-3.0, lambda at: at.shape.length > 400),
    (1.0, lambda at: at.shape.capitals > 0.6),
    (-1.5, lambda at: at.shape.text.endswith((",", ";", ":"))),
    (-1.5, lambda at: at.shape.text.endswith(".") and not _NAME_END.search(at.shape.text)),
    (-2.0, lambda at: at.shape.text[:1].islower()),
    (-5.0, lambda at: at.shape.bullet),
    (-3.0, lambda at: at.shape.heading),
    (-3.0, lambda at: at.shape.prose),
    (-1.0, lambda at: at.shape.imprint >= 2),
    (-2.0, lambda at: at.shape.imprint >= 3),
    (-0.3, lambda at: at.line.gap == 0),
    (3.0, lambda at: at.after and at.after.byline >= 4),
    (-4.0, lambda at: at.shape.byline >= 4),
    _KNOWN_NOTICE,
)
BYLINE: tuple[Cue, ...] = (  # added to how much it looks like one
    # Close below a byline: more names, or where they work.
    (1.5, lambda at: at.line.gap == 0 and at.before and at.before.byline >= 4 and at.shape.byline >= 0),
)
MORE_TITLE: tuple[Cue, ...] = ((-2.0, lambda at: at.line.gap > 0),)  # added to the title's
ABSTRACT: tuple[Cue, ...] = (
    (-0.5, lambda at: at.shape.length <= 100),
    (1.0, lambda at: at.shape.length > 100),
    (1.0, lambda at: at.shape.length > 200),
    (1.0, lambda at: at.shape.prose),
    (3.0, lambda at: at.shape.bullet),
    (1.5, lambda at: at.shape.heading),
    (0.5, lambda at: at.shape.ends),
    (0.3, lambda at: at.line.gap == 0),
    (-3.0, lambda at: at.shape.imprint >= 3),
    # A page that ends without a sentence's end was cut in an imprint rather than in prose.
    (-1.5, lambda at: at.after is None and at.shape.length < 80 and not at.shape.ends),
    (-2.5, lambda at: at.shape.byline >= 4),  # "By the Numbers" may be a heading
    _KNOWN_NOTICE,
)
IMPRINT: tuple[Cue, ...] = (  # added to how much it looks like one
    (-1.0, lambda _: True),
    # The first of two lines: a series with its number, a place with its publisher, a body close above.
    (4.0, lambda at: at.above_imprint and series.is_only_numbered(at.shape.text)),
    (2.0, lambda at: at.above_imprint and at.shape.imprint >= 1 and publisher.is_anchored(at.shape.text)),
    (3.0, lambda at: at.above_imprint and at.short and at.gap_after == 0 < at.line.gap),
    (1.0, lambda at: at.above_imprint and at.gap_after == 0),
    (1.5, lambda at: at.after is None and at.short),
)
NOTICE: tuple[Cue, ...] = (
    (-4.0, lambda _: True),
    (11.0, lambda at: at.shape.notice),
    (6.5, lambda at: _FILING.fullmatch(at.shape.text)),
    (4.5, lambda at: at.repeated),
)


def score(cues: Sequence[Cue], at: Place) -> float:
    """Return the sum of the weights of the *cues* that the line *at* its place shows."""
    return sum(weight for weight, test in cues if test(at))


def places(lines: Sequence[Line]) -> list[Place]:
    """Return *lines* in their places."""
    shapes = [Shape.of(line.text) for line in lines]
    often = Counter(line.text.casefold() for line in lines if len(line.text) < 60)
    return [Place(lines, shapes, index, often) for index in range(len(lines))]
