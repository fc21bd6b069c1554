"""Which line of a page is what: title, byline, abstract, imprint, or nothing of a post.

No line says so by itself. "Key findings" has the shape of a title, "Report on Crews. May 1999"
ends like an imprint, and a byline need not begin with "By". So the page is decided as a whole:
every line is scored for each role by its shape and its neighbours (:func:`_scores`), every step
from one role to the next has a price (:data:`_STEPS`), and of all ways to label the page the
best one is found with the Viterbi algorithm, in time linear in the lines.

What stands glued together on one line is parted before (:mod:`.glued`).

It gives up, rather than guess, here: a post with no byline that follows a post with no imprint
is taken for a part of that post's abstract, since nothing tells it from a heading in it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from oai.sources.pages import byline, imprint, series
from oai.sources.pages.blocks import Line


class Role(Enum):
    """What a line is to its post."""

    TITLE = "title"
    MORE_TITLE = "title, continued"
    BYLINE = "byline"
    ABSTRACT = "abstract"
    IMPRINT = "imprint"
    EARLY_IMPRINT = "imprint before the abstract"
    NOTICE = "notice"


@dataclass(slots=True)
class Post:
    """The lines of one post, each kind in order."""

    title: list[Line] = field(default_factory=list)
    byline: list[Line] = field(default_factory=list)
    abstract: list[Line] = field(default_factory=list)
    imprint: list[Line] = field(default_factory=list)

    @property
    def line(self) -> int:
        """The number of the line at which the post begins."""
        return min(
            line.number for part in (self.title, self.byline, self.abstract, self.imprint) for line in part
        )

    def part(self, role: Role) -> list[Line]:
        """Return the lines that have the *role*."""
        if role in {Role.TITLE, Role.MORE_TITLE}:
            return self.title
        if role is Role.BYLINE:
            return self.byline
        return self.abstract if role is Role.ABSTRACT else self.imprint


@dataclass(frozen=True, slots=True)
class Segments:
    """The posts of a page, and the lines that belong to none and are no known notice either."""

    posts: tuple[Post, ...]
    dropped: tuple[Line, ...]


def posts(lines: Sequence[Line]) -> Segments:
    """Return what *lines*, without the head of the page, hold."""
    found: list[Post] = []
    dropped: list[Line] = []
    before = None
    for line, role in zip(lines, roles(lines), strict=True):
        if role is Role.NOTICE:
            if not _NOTICE.fullmatch(line.text):
                dropped.append(line)
            continue
        untitled = role is not Role.IMPRINT and before is Role.IMPRINT
        if not found or role is Role.TITLE or untitled:
            found.append(Post())
        found[-1].part(role).append(line)
        before = role
    return Segments(tuple(found), tuple(dropped))


# ── the best labelling of the page ────────────────────────────────────────────────────────────

_T, _U, _B, _A, _I, _E, _N = Role
_STEPS: dict[Role | None, dict[Role, float]] = {
    None: {_T: 0.0, _N: -1.0, _B: -4.0, _A: -4.0, _I: -6.0},
    _T: {_U: -1.5, _B: 1.0, _A: -1.0, _E: -2.0, _T: -5.0, _N: -2.0},
    _U: {_U: -1.5, _B: 1.0, _A: -1.0, _E: -2.0, _T: -5.0, _N: -2.0},
    _B: {_B: -1.0, _A: 0.5, _E: -1.0, _T: -5.0, _N: -1.0},
    _A: {_A: 0.0, _I: 1.0, _T: -3.0, _N: -1.0, _B: -5.0},
    _I: {_I: -1.5, _T: 0.5, _N: 0.0, _A: -4.0, _B: -5.0},
    _E: {_E: -1.5, _A: 0.0, _T: -0.5, _N: -1.0},
    _N: {_T: 0.3, _A: -2.0, _I: -2.0, _N: 0.0, _B: -4.0},
}
_END: dict[Role, float] = {_T: -4.0, _U: -4.0, _B: -2.0, _A: -1.0, _I: 0.0, _E: -0.5, _N: 0.0}


def roles(lines: Sequence[Line]) -> list[Role]:
    """Return the role of each of *lines* in the best labelling of them all."""
    if not lines:
        return []
    seen = _Page(lines)
    best: dict[Role, float] = {}
    back: list[dict[Role, Role | None]] = []
    for index in range(len(lines)):
        scores = _scores(seen, index)
        step: dict[Role, float] = {}
        origin: dict[Role, Role | None] = {}
        so_far: dict[Role | None, float] = {**best} if index else {None: 0.0}
        for before, total in so_far.items():
            for role, price in _STEPS[before].items():
                score = total + price + scores[role]
                if role not in step or score > step[role]:
                    step[role], origin[role] = score, before
        best = step
        back.append(origin)
    last: Role | None = max(best, key=lambda role: best[role] + _END[role])
    found: list[Role] = []
    for origin in reversed(back):
        assert last is not None
        found.append(last)
        last = origin[last]
    return found[::-1]


# ── what a line looks like by itself and beside its neighbours ────────────────────────────────

_NOTICE = re.compile(
    r"guest\s+user.*|(?:read\s*[/&]?\s*)?(?:download|view|read|open|buy|order)(?:\s+(?:here|more|now|online|pdf|fullsize|part\s+\w+|report"
    r"|book|the\s+(?:full\s+)?(?:report|book|paper|article|document)|full\s+(?:text|report)|free|file|link))*"
    r"|read\s*/\s*download(?:\s.{0,20})?|[\w-]+\.(?:org|com|net)\b.{0,60}|share(?:\s+this)?|tweet|like|comments?(?:\s*\(?\d+\)?)?|\d+\s+comments?"
    r"|facebook|twitter|linkedin|pinterest|reddit|tumblr|e-?mail|print|newer(?:\s+posts?)?|older(?:\s+posts?)?|previous|next|back|menu|search"
    r"|continue\s+reading|posted\s+(?:by|in|on)\s.*|tags?:.*|categor(?:y|ies):.*|filed\s+under.*|\d+\s+likes?|©.*|copyright\s.*"
    r"|(?:facebook|twitter|linkedin|pinterest|reddit|tumblr|\s|[,|/·0-9])+",
    re.IGNORECASE,
)
_HEADINGS = re.compile(
    r"(?:key\s+(?:findings|points|messages|facts|takeaways|results|recommendations)|abstract|introduction|summary|executive\s+summary"
    r"|conclusions?|background|methods?|methodology|results|findings|main\s+findings|discussion|recommendations|contents|overview"
    r"|objectives?|aims?|purpose|highlights|about\s+.*|references|implications|policy\s+implications|table\s+of\s+contents|notes?"
    r"|(?:chapter|part|section|volume|appendix)\s+(?:\d+|[ivxlc]+|one|two|three|four|five)\b.*)\W{0,2}",
    re.IGNORECASE,
)
_BULLET = re.compile(r"[•●▪◦‣∙·–—*-]\s|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*$")
_WORDS = re.compile(r"[^\W\d_][\w’'-]*")
_SMALL = frozenset(
    "a an and as at but by for from in into is nor of off on or over per the to up via vs with".split()
)
_LOOKED_AT = 1200  # characters of a long line that are looked at; the rest is more of the same


@dataclass(frozen=True, slots=True)
class _Shape:
    text: str
    length: int
    byline: float
    imprint: float
    notice: bool
    capitals: float  # share of words, other than small ones, with a capital
    prose: bool


class _Page:
    """The shapes of a page's lines, and how often each short line occurs."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.shapes = [_shape(line.text) for line in lines]
        self.often = Counter(line.text.casefold() for line in lines if len(line.text) < 60)  # noqa: PLR2004


def _shape(text: str) -> _Shape:
    length = len(text)
    text = text[:_LOOKED_AT]
    words = [word for word in _WORDS.findall(text) if word not in _SMALL]
    capitals = sum(word[0].isupper() for word in words) / len(words) if words else 0.0
    prose = capitals < 0.4 and len(words) > 8 and bool(_SENTENCE_END.search(text) or length > 300)  # noqa: PLR2004
    return _Shape(
        text,
        length,
        _byline(text, length, prose=prose),
        imprint.likeness(text) if length <= imprint.LONGEST else -3.0,
        length < 120 and bool(_NOTICE.fullmatch(text)) and imprint.likeness(text) < 2,  # noqa: PLR2004
        capitals,
        prose,
    )


def _byline(text: str, length: int, *, prose: bool) -> float:
    if length > byline.LONGEST or (prose and length > 300):  # noqa: PLR2004
        return -4.0
    if opening := byline.OPENING.match(text):
        rest = byline.likeness(text[opening.end() :])
        score = 6.0 if rest > 0 else 4.0 if length < 300 else 2.0  # noqa: PLR2004
    elif (role := byline.ROLE.match(text)) and role.start() == 0:
        score = 5.0
    elif _SENTENCE_END.search(text) and not re.search(r"(?:\b[A-Z]|[JS]r|al|[Ee]ds?)\.\)?$", text):
        score = byline.likeness(text.rstrip(".")) - 2.5
    else:
        score = byline.likeness(text) - 1.0
    return score - 5.0 * prose


def _scores(page: _Page, index: int) -> dict[Role, float]:
    """Return how well each role suits the line at *index*."""
    shape, line = page.shapes[index], page.lines[index]
    after = page.shapes[index + 1] if index + 1 < len(page.shapes) else None
    last = after is None
    title = _title(shape, line, after)
    more = title - (2.0 if line.gap else 0.0)
    own_imprint = _imprint(shape, line, page, index)
    return {
        _T: title,
        _U: more,
        _B: shape.byline,
        _A: _abstract(shape, line, last=last),
        _I: own_imprint,
        _E: own_imprint,
        _N: _notice(page, index),
    }


def _notice(page: _Page, index: int) -> float:
    shape = page.shapes[index]
    if shape.notice:
        return 7.0
    # What stands close above one post after another is part of none: who put it there, perhaps.
    close = index + 1 < len(page.lines) and page.lines[index + 1].gap == 0
    often = page.often[shape.text.casefold()] > 1
    return 0.5 if close and often and shape.length < 30 and shape.byline < 4 else -4.0  # noqa: PLR2004


def _title(shape: _Shape, line: Line, after: _Shape | None) -> float:
    text, length = shape.text, shape.length
    score = 1.0 if 10 <= length <= 220 else -4.0 if length > 400 else -1.0  # noqa: PLR2004
    if text.endswith((",", ";", ":")) or (
        text.endswith(".") and not re.search(r"\b(?:[A-Z]|etc|Jr|Inc|al)\.$", text)
    ):
        score -= 1.5
    score += 1.0 if shape.capitals > 0.6 else 0.0  # noqa: PLR2004
    score -= (
        2.0 * text[:1].islower() + 5.0 * bool(_BULLET.match(text)) + 3.0 * bool(_HEADINGS.fullmatch(text))
    )
    score -= 3.0 * shape.prose + 6.0 * shape.notice
    score -= 3.0 if shape.imprint >= 3 else 1.0 if shape.imprint >= 2 else 0.0  # noqa: PLR2004
    score -= 4.0 if shape.byline >= 4 else 0.0  # noqa: PLR2004
    if after and after.byline >= 4:  # noqa: PLR2004
        score += 3.0
    return score - (0.3 if line.gap == 0 else 0.0)


def _abstract(shape: _Shape, line: Line, *, last: bool) -> float:
    score = 2.0 if shape.length > 200 else 1.0 if shape.length > 100 else -0.5  # noqa: PLR2004
    score += (
        1.0 * shape.prose
        + 3.0 * bool(_BULLET.match(shape.text))
        + 1.5 * bool(_HEADINGS.fullmatch(shape.text))
    )
    score += 0.5 * bool(_SENTENCE_END.search(shape.text)) + 0.3 * (line.gap == 0)
    score -= 4.0 if shape.byline >= 4 else 0.0  # noqa: PLR2004
    score -= 6.0 * shape.notice + (3.0 if shape.imprint >= 3 else 0.0)  # noqa: PLR2004
    # A page that ends without a sentence's end was cut in an imprint rather than in prose.
    return score - (1.5 if last and shape.length < 80 and not _SENTENCE_END.search(shape.text) else 0.0)  # noqa: PLR2004


def _imprint(shape: _Shape, line: Line, page: _Page, index: int) -> float:
    score = min(shape.imprint, 5.0) - 1.0
    following = page.shapes[index + 1] if index + 1 < len(page.shapes) else None
    if following and following.imprint >= 3 and shape.length < 150:  # noqa: PLR2004
        # The first of two lines: a series and its number, or a place and its publisher.
        score += 4.0 * series.is_only_numbered(shape.text) + 1.0 * (page.lines[index + 1].gap == 0)
        score += 2.0 * (shape.imprint >= 1 and imprint.is_anchored(shape.text))
    if following is None and shape.length < 80 and shape.capitals > 0.6:  # noqa: PLR2004
        score += 1.5
    return score
