"""Which line of a page is what: title, byline, abstract, imprint, or nothing of a post.

No line says so by itself. "Key findings" has the shape of a title, "Report on Crews. May 1999"
ends like an imprint, and a byline need not begin with "By". So the page is decided as a whole:
every line is scored for each role by its shape and its neighbours (:mod:`.shape`), every step
from one role to the next has a price (:data:`_STEPS`), and of all ways to label the page the
best one is found with the Viterbi algorithm, in time linear in the lines.

What stands glued together on one line is parted before (:mod:`.glued`).

It gives up, rather than guess, here: a post with no byline that follows a post with no imprint
is taken for a part of that post's abstract, since nothing tells it from a heading in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from oai.sources.pages import shape
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
            if not shape.is_notice(line.text):
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
    _A: {_A: 0.0, _I: 1.0, _T: -3.0, _N: -1.0, _B: -10.0},
    _I: {_I: -1.5, _T: 0.5, _N: 0.0, _A: -4.0, _B: -5.0},
    _E: {_E: -1.5, _A: 0.0, _T: 0.3, _N: 0.0},
    _N: {_T: 0.3, _A: -2.0, _I: -2.0, _N: 0.0, _B: -4.0},
}
_END: dict[Role | None, float] = {
    None: 0.0,
    _T: -4.0,
    _U: -4.0,
    _B: -2.0,
    _A: -1.0,
    _I: 0.0,
    _E: -0.5,
    _N: 0.0,
}


_STRONGEST_IMPRINT = 5.0  # beyond this, more of it says no more


def _scores(at: shape.Place) -> dict[Role, float]:
    """Return how well each role suits the line *at* its place."""
    title = shape.score(shape.TITLE, at)
    imprint = min(at.shape.imprint, _STRONGEST_IMPRINT) + shape.score(shape.IMPRINT, at)
    return {
        _T: title,
        _U: title + shape.score(shape.MORE_TITLE, at),
        _B: at.shape.byline + shape.score(shape.BYLINE, at),
        _A: shape.score(shape.ABSTRACT, at),
        _I: imprint,
        _E: imprint,
        _N: shape.score(shape.NOTICE, at),
    }


def roles(lines: Sequence[Line]) -> list[Role]:
    """Return the role of each of *lines* in the best labelling of them all."""
    best: dict[Role | None, float] = {None: 0.0}
    back: list[dict[Role, Role | None]] = []
    for at in shape.places(lines):
        scores = _scores(at)
        step: dict[Role | None, float] = {}
        origin: dict[Role, Role | None] = {}
        for before, total in best.items():
            for role, price in _STEPS[before].items():
                score = total + price + scores[role]
                if role not in step or score > step[role]:
                    step[role], origin[role] = score, before
        best = step
        back.append(origin)
    last = max(best, key=lambda role: best[role] + _END[role])
    found: list[Role] = []
    for origin in reversed(back):
        assert last is not None  # only before the first line is there no role
        found.append(last)
        last = origin[last]
    return found[::-1]
