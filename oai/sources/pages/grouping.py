"""Which commas and which "and" part names, and which belong to one.

A list of names is first cut at every comma and "and", and then put together again: of all ways
to group the pieces, the one is taken whose groups look most like names. "Ministry of Justice
and Security" stays whole because "Security" alone is nobody; "Ministry of Justice and Home
Office" is parted because both halves are bodies. Initials printed at the end settle what they stand for:
"Office on Drugs and Crime (ODC)" is one. The time is linear in the pieces.

Afterwards a body and the one it is a part of, with a mere comma between, are joined.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from oai.names import (
    BODY_WORDS,
    COUNTRIES,
    PARTICLES,
    TITLES,
    TOPIC_WORDS,
    is_corporate,
    is_degree,
    is_generation,
)

_AND = r"(?:and|AND|And|&|with|und|och|en(?=\s[A-Z]\.)|y|e|et(?!\.?\s*al\b))"
_CUT = re.compile(rf"(\s*,\s*{_AND}\s+|\s*,\s*|\s+{_AND}\s+|\s+&\s*|&\s+)")
_BRACKET = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_COMPANY = re.compile(r"(?:Inc|Ltd|LLC|LLP|PLC|plc|Co|GmbH|SA|AG)\.?")
_COMPANY_END = re.compile(r"\b(?:Inc|Ltd|LLC|LLP|PLC|plc|GmbH)\.?$")
_CALLING = re.compile(
    r"(?:(?:executive|deputy|associate|assistant|senior|junior|research|policy|managing|visiting|legal|emeritus"
    r"|principal|vice-?|co-)\s*)*(?:director|professor|fellow|analyst|counsel|chair(?:man|woman|person)?|president"
    r"|lecturer|researcher|associate|officer|manager|coordinator|scientist|scholar|consultant|attorney"
    r"|secretary|advocate|barrister|solicitor|surgeon|physician|journalist)"
    r"(?:\s+emerit(?:us|a))?",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"(?:et\.?\s*al|and\s+others|various\s+authors|(?:(?:\d+|several|many)\s+)?(?:others|more)|colleagues)\.?",
    re.IGNORECASE,
)
_AND_OTHERS = re.compile(r",?\s+et\.?\s+al\.?$")
_SHORT_DEGREE = 4  # "M.A." may be initials; a longer one may not


@dataclass(frozen=True, slots=True)
class Piece:
    """A name or a part of one, and the comma or "and" before it."""

    text: str
    before: str = ""

    @property
    def listed(self) -> bool:
        """Whether a mere comma stands before it."""
        return self.before.strip() == ","


def is_list(text: str) -> bool:
    """Whether *text* holds a comma or "and" at all."""
    return bool(_CUT.search(text))


_MOST = 12  # pieces that one name may be put together from


def grouped(text: str) -> list[Piece]:
    """Return the names that *text* most likely lists, in order."""
    pieces = _pieces(text)
    shouted = _CUT.sub("", text).isupper()
    best: list[tuple[float, int]] = [(0.0, 0)]  # the score up to here, and where the last group begins
    for end in range(1, len(pieces) + 1):
        starts = range(max(0, end - _MOST), end)
        best.append(max((best[start][0] + _score(pieces[start:end], shouted), -start) for start in starts))
        best[end] = (best[end][0], -best[end][1])
    groups: list[Piece] = []
    end = len(pieces)
    while end:
        start = best[end][1]
        groups.append(Piece(_printed(pieces[start:end]), pieces[start].before))
        end = start
    return _hierarchies(groups[::-1])


def _pieces(text: str) -> list[Piece]:
    """Cut *text* at commas and "and" outside brackets; degrees go, "Jr." stays with its name."""
    held = _BRACKET.sub(lambda match: match[0].replace(",", "\x00").replace(" ", "\x01"), text)
    parts = _CUT.split(held)
    pieces: list[Piece] = []
    titled = False
    for index in range(0, len(parts), 2):
        part = _AND_OTHERS.sub("", parts[index].replace("\x00", ",").replace("\x01", " ").strip())
        if not part or _OTHERS.fullmatch(part):
            continue
        last = pieces[-1] if pieces else None
        if last and _is_postnominal(part, last.text, titled=titled):
            titled = True
            continue
        titled = False
        if last and _CALLING.fullmatch(part) and is_person(last.text):
            continue
        if last and (is_generation(part) or _COMPANY.fullmatch(part)):
            pieces[-1] = Piece(f"{last.text}, {part}", last.before)
        elif not (last and _AFFILIATION.match(part) and is_person(last.text)):
            pieces.append(Piece(part, parts[index - 1] if index else ""))
    return pieces


_AFFILIATION = re.compile(r"(?:for|of|from|at)\s")
_LETTERS = re.compile(r"[A-Z]{2,6}(?:-[A-Z]{1,3})?|(?:[A-Z]\.){2,4}")


def _is_postnominal(part: str, name: str, *, titled: bool) -> bool:
    """Whether *part* is a degree or an order after *name*, which may have been *titled* already."""
    if is_degree(_BRACKET.sub("", part)):
        return " " in name or len(part) > _SHORT_DEGREE
    return bool(_LETTERS.fullmatch(part)) and is_person(name) and (titled or "." in part)


def _printed(pieces: list[Piece]) -> str:
    return pieces[0].text + "".join(piece.before + piece.text for piece in pieces[1:])


# ── how much pieces look like one name ────────────────────────────────────────────────────────

_NEVER = -9.0
_OPEN = re.compile(r"\s(?:of|for|on|against)\s")
_ARTICLE = re.compile(r"[Tt]he\s")


def _score(pieces: list[Piece], shouted: bool) -> float:  # noqa: FBT001
    """Return how much *pieces* together look like one name; where all is *shouted*, capitals say nothing."""
    if len(pieces) == 1:
        return -1.0 if shouted and " " not in pieces[0].text else _alone(pieces[0].text)
    first, last = pieces[0], pieces[-1]
    if _is_summed_up(pieces):
        return 5.0
    if len(pieces) > 2 and not any(has_body(piece.text) for piece in pieces):  # noqa: PLR2004
        return _NEVER
    printed = _printed(pieces)
    if len(pieces) == 2:  # noqa: PLR2004
        if _inverts(first, last):
            return 1.2
        if last.before.strip() in {"y", "e"} and " " not in last.text and is_person(printed):
            return 2.2  # "Ortega y Prado"
    if any(is_person(piece.text) for piece in pieces) or not is_corporate(printed):
        return _NEVER
    if len(pieces) == 2 and _abbreviates(last.text, first.text):  # noqa: PLR2004
        return 3.5
    return _body_score(pieces, printed)


_SUM = re.compile(r"\(([A-Z][A-Za-z-]*[A-Z]s?)\)$")


def _is_summed_up(pieces: list[Piece]) -> bool:
    """Whether the last of *pieces* ends with the initials of all: "Office on Drugs and Crime (ODC)"."""
    last = pieces[-1].text
    if not (match := _SUM.search(last)):
        return False
    if len(pieces) == 1:
        return _abbreviates(match[1].upper(), last[: match.start()])
    whole = _printed(pieces)
    initials, own = match[1].upper(), last[: match.start()]
    return (
        whole[:1].casefold() in {initials[0].casefold(), "t"}
        and _abbreviates(initials, whole[: -len(match[0])])
        and not _abbreviates(initials, own)
        and not any(_SUM.search(piece.text) for piece in pieces[:-1])
    )


# "Co-operation in Europe", "Administration of Justice": the end of a longer name
_ABSTRACT = re.compile(
    r"(?!Action on)(?:Administration|Advancement|Action|Co-?operation|Control|Development|Elimination"
    r"|Prevention|Democracy|Peace|Reform|Education|Promotion|Protection|Reduction|Treatment"
    r"|Welfare) (?:of|in|for|against) "
)


def _is_region(text: str) -> bool:
    """Whether *text* names parts of the world and nothing more: "the Pacific"."""
    words = re.findall(r"[\w.-]+", text.casefold())
    return bool(words) and all(word in COUNTRIES or word in _COMPASS for word in words)


_COMPASS = frozenset(
    """the north south east west southeast southwest northeast northwest south-east northern southern
    eastern western central latin""".split()
)


def _body_score(pieces: list[Piece], printed: str) -> float:
    """Return how much *pieces* together, *printed* so, look like one body."""
    first, last = pieces[0], pieces[-1]
    score = (2.0 if has_body(printed) else -0.5) - 0.4 * (len(pieces) - 1)
    score -= 1.5 * any(_ARTICLE.match(piece.text) and not _is_region(piece.text) for piece in pieces[1:])
    if _is_topic(first.text) and pieces[1].listed and has_body(pieces[1].text):
        score -= 0.5  # "Families, Children's Bureau" after "Administration on Children, Youth and"
    if _COMPANY_END.search(first.text):
        score -= 2.0
    if _OPEN.search(first.text):  # a list that "of" has opened may go on
        if not last.listed and _ABSTRACT.match(last.text):
            score += 2.6
        elif not last.listed and _is_region(last.text):
            score += 1.6  # "Office for Asia and the Pacific"
        elif all(_is_topic(piece.text) for piece in pieces[1:]):
            score += 0.3  # "Ministry of Health and Social Affairs"
        elif not last.listed and not has_body(last.text):
            score += 0.2  # "Ministry of Ponds and Reeds"
    elif has_body(first.text):
        score -= 0.5
    return score


def _alone(text: str) -> float:
    if has_body(text) or is_person(text) or _is_summed_up([Piece(text)]):
        return 2.0
    if " " not in text:
        return 1.0 if text.isupper() or _CAMEL.search(text) else -1.0
    # "Swan Europe" and "The Swans (TS)" are bodies; "Human Services" may be the end of a longer name.
    loose = _is_topic(text) or _is_region(text) or _OPEN.search(text) or not _is_capitalised(text)
    return 1.6 if is_corporate(text) and not loose else -0.6


_CAMEL = re.compile(r"^(?!Mc|Mac|De|Di|La|Le|Fitz|Van)\w*[a-zß-ÿ][A-Z]")


@lru_cache(maxsize=1 << 11)
def has_body(text: str) -> bool:
    """Whether a word of *text* names a body."""
    return not BODY_WORDS.isdisjoint(word.casefold() for word in re.findall(r"\w+", text))


def is_body(text: str) -> bool:
    """Whether *text* alone has the shape of a body's name."""
    return _alone(text) > 1 and not is_person(text)


def _is_topic(text: str) -> bool:
    words = [word.casefold() for word in re.findall(r"[\w-]+", _BRACKET.sub("", text))]
    return (
        bool(words)
        and words[-1] in TOPIC_WORDS
        and BODY_WORDS.isdisjoint(words)
        and not _is_summed_up([Piece(text)])
    )


_MOSTLY = 0.6


def _is_capitalised(text: str) -> bool:
    words = [
        word for word in re.findall(r"[^\W\d_]\w*", text) if word not in PARTICLES and word not in _LOWER
    ]
    return len([word for word in words if word[0].isupper()]) > _MOSTLY * len(words)


_LOWER = frozenset({"of", "and", "the", "for", "in", "on", "to", "against"})


# ── persons ───────────────────────────────────────────────────────────────────────────────────

_NAME_WORD = re.compile(
    r"(?:[^\W\d_]\.?(?:-?[^\W\d_]\.)*|['’]?[^\W\d_]+(?:[-'’.][^\W\d_]+)*\.?)",
)
_LOWER_START = re.compile(r"[a-z]{1,2}['’][A-Z]|al-|el-")
_FEWEST, _MOST_WORDS = 2, 7


@lru_cache(maxsize=1 << 11)
def is_person(text: str) -> bool:
    """Whether *text* alone has the shape of a person's name: "Jane Q. Doe", "Ludwig van der Berg"."""
    words = [word.strip(",") for word in _BRACKET.sub("", text).split()]
    if not _FEWEST <= len(words) <= _MOST_WORDS or is_corporate(text):
        return False
    for word in words:
        if not _NAME_WORD.fullmatch(word) or word.casefold() in TOPIC_WORDS:
            return False
        if word[:1].islower() and word not in PARTICLES and not _LOWER_START.match(word):
            return False
    if sum(word not in PARTICLES for word in words) < _FEWEST:
        return False  # "van der Laan" is only the family
    return any(len(word.strip(".")) > 1 for word in words if word.casefold().strip(".") not in TITLES)


def _inverts(family: Piece, given: Piece) -> bool:
    """Whether the two are "Family" and "Given"."""
    if not given.listed or is_corporate(f"{family.text} {given.text}") or _CAMEL.search(given.text):
        return False
    words, first = family.text.split(), given.text.split()
    own = [word for word in words if word not in PARTICLES]
    if not 1 <= len(own) <= 2 or len(first) > 3 or not all(map(_NAME_WORD.fullmatch, (*words, *first))):  # noqa: PLR2004
        return False
    initials = all(len(word) == 1 or "." in word or word.isupper() for word in first)
    # Two family names are believed where nothing before shows that names are not inverted here.
    return len(own) == 1 or initials or (len(first) == 1 and not family.before)


# ── bodies ────────────────────────────────────────────────────────────────────────────────────

_ABOVE = (
    r"(?:Department|Ministry|Government|University|Office|Commission|State|City|County|Commonwealth|Association"
    r"|Organi[sz]ation|Council|Parliament|Congress|House|Agency|Administration|Service)\b"
)
_BELOW = (
    r"(?:Office|Bureau|Division|Department|Directorate(?:-General)?|Branch|Unit|Section|School|Faculty|Institute"
    r"|Cent(?:er|re)|Laboratory|Program(?:me)?|Clinic|Administration|Committee) (?:of|for|on|in) "
    r"|(?:Regional|Country|Field|National) Office (?:of|for|in) |Group of Experts "
    r"|.*\b(?:Section|Division|Branch|Bureau|Committee|Subcommittee)$"
)
_HOLDS, _HOLDER = (
    re.compile(rf".*\b{_ABOVE}|[A-Z]{{3,}}$"),
    re.compile(rf"(?:U\.?S\.? |Executive )?{_ABOVE}|.*\b(?:University|(?:Center|Centre|Institute|School)$)"),
)
_HELD, _IS_HELD = (
    re.compile(_BELOW),
    re.compile(
        rf"(?:[Tt]he )?(?:{_BELOW})|.*\b(?:Unit|Division|Branch|Section|Desk|Clinic|Program(?:me)?"
        r"|Research Cent(?:er|re)|Lab(?:oratory)?)$"
    ),
)


def _hierarchies(names: list[Piece]) -> list[Piece]:
    """Join the bodies among *names* of which each is a part of the one before, or of the one after.

    "Department of Justice, Office of Programs" is one body; in "A, B, and C" each is its own.
    """
    joined: list[Piece] = []
    for index, name in enumerate(names):
        after = names[index + 1] if index + 1 < len(names) else None
        last = joined[-1] if joined else None
        parallel = after is not None and after.before.startswith(",") and not after.listed  # ", and C"
        if last and name.listed and not parallel and _holds(last.text, name.text):
            joined[-1] = Piece(_printed([last, name]), last.before)
        else:
            joined.append(name)
    return joined


def _holds(first: str, second: str) -> bool:
    """Whether one of two bodies is a part of the other, as they are worded."""
    return bool(
        (_HOLDS.match(first) and _HELD.match(second)) or (_IS_HELD.match(first) and _HOLDER.match(second))
    )


def _abbreviates(short: str, long: str) -> bool:
    """Whether *short* is made of the initials of *long*: "CCS" of "Council for Civic Statistics"."""
    remaining = iter("".join(word[0] for word in re.findall(r"\w+", long.casefold())))
    short = _BRACKET.sub("", short)
    return short.isupper() and all(letter in remaining for letter in re.sub(r"\W", "", short.casefold()))
