"""A byline: who made the thing, and in what role.

"By A, B and C" is easy until a body's name holds commas and "and" of its own. So a byline is
first cut at every comma and "and", and then put together again: of all ways to group the
pieces, the one is taken whose groups look most like names. "Ministry of Justice and Security"
stays whole because "Security" alone is nobody; "Ministry of Justice and Home Office" is parted
because both halves are bodies.

A role is read from the words before a name ("Edited by"), after it (", editors") or in
brackets ("(Introduction)"). Other brackets are affiliations and left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oai.item import Name
from oai.names import (
    BODY_WORDS,
    COUNTRIES,
    TITLES,
    TOPIC_WORDS,
    is_corporate,
    is_degree,
    is_generation,
    name_of,
)

LONGEST = 4000
"""A byline longer than this many characters is something else."""


@dataclass(frozen=True, slots=True)
class Byline:
    """The names of a byline by role, in order, and the words that no name could be made of."""

    creators: tuple[Name, ...] = ()
    editors: tuple[Name, ...] = ()
    contributors: tuple[Name, ...] = ()
    unread: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.creators or self.editors or self.contributors)


OPENING = re.compile(
    r"(?:(?:(?:written|authored|prepared|produced|report|study|paper|(?:a|this)\s+(?:report|study|paper))\s+)?by"
    r"|authors?(?:\(s\))?\s*:)(?:\s*:)?\s+(?=\S)",
    re.IGNORECASE,
)
"""What opens a plain byline."""

# "Final report to the Ministry. By Jane Doe"
_LATER_OPENING = re.compile(r"(?:[^.]|\.(?!\s)){12,200}\.\s+By\s+(?=\S)")

_EDITING = r"(?:edited|ed\.|eds\.|selected|compiled|arranged|collected)"
_HELPING = (
    r"(?:translated|illustrated|reviewed|annotated|commissioned|supervised"
    r"|(?:(?:an?|the|new|and|with)\s+)*(?:foreword|preface|introduction|afterword|epilogue|prologue|commentary"
    r"|notes|additions|drawings|illustrations|maps|photographs)s?"
    r"|(?:additional\s+)?(?:research|analysis|writing|material|support|assistance|contributions?|reporting)"
    r"(?:\s+(?:was|were))?(?:\s+(?:provided|supplied|given|contributed))?)"
)
_AND_MORE = r"(?:,?\s+(?:(?:and|&)\s+(?:with\s+)?|with\s+)(?:(?:an?|the)\s+)?[a-z]+|,\s+[a-z]+)*"
ROLE = re.compile(
    rf"(?:^|[.;,:]?\s+(?:and\s+|&\s+)?|(?<=\s))"
    rf"(?:(?P<editor>editors?\s*:)|(?P<editing>{_EDITING}){_AND_MORE}\s+by"
    rf"|(?:with\s+)?(?P<helping>{_HELPING})(?:,?\s+(?:and|&)\s+[a-z]+)*\s+(?:by|from)"
    r"|(?P<assisting>(?:with|in)\s+(?:the\s+)?(?:additional\s+)?"
    r"(?:assistance|help|support|contributions?|collaboration|participation|research)\s+(?:of|from|by)"
    r"|assisted\s+by|(?:in|on)\s+(?:partnership|association|conjunction|behalf)\s+(?:with|of)"
    r"|prepared\s+for))\s*:?\s+(?=\S)",
    re.IGNORECASE,
)
"""What says that the names after it have another part than the author's."""

_EDITORS = re.compile(r"(?:co-?)?(?:eds?|editors?|hrsg|compilers?)(?:\.|\b)", re.IGNORECASE)
_AUTHORS = re.compile(r"(?:co-?)?authors?\b|(?:principal|lead)\s+investigators?", re.IGNORECASE)
_HELPERS = re.compile(
    r"(?:introduction|foreword|preface|afterword|translat|trans\.|illustrat|contribut|photograph|narrat"
    r"|epilogue|commentary|research)",
    re.IGNORECASE,
)
_TRAILING_ROLE = re.compile(
    r",?\s+(?:\(\s*)?((?:co-?)?(?:editors?|eds?\.?|compilers?|translators?))(?:\s*\))?\.?$", re.IGNORECASE
)
_JUNK = re.compile(r"\s*\b(?:Format:|(?:Kindle|Hardcover|Paperback)\s+Edition\b).*$", re.DOTALL)
# The figures and daggers after a name that lead to a footnote: "Jane Doe1,2*".
_MARKS = re.compile(r"(?<=[^\W\d_]{2})(?:\s?[*†‡§¶]|\d{1,2}(?:,\s?\d{1,2})*(?!\w))+|[¹²³⁰⁴-⁹]+")
_OTHERS = re.compile(
    r"(?:et\.?\s*al|and\s+others|various\s+authors|(?:(?:\d+|several|many)\s+)?(?:others|more)|colleagues)\.?",
    re.IGNORECASE,
)
_HARD = re.compile(r"\s*[;·•|●∙‧]\s*(?:(?:and|&)\s+)?|\s+/\s+|\n")
_SOFT = re.compile(r"\s*(,\s*(?:and|AND|&|with|und)\s+|,\s*|\s+(?:and|AND|&|with|und)\s+)\s*")
_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_COMPANY = re.compile(r"(?:Inc|Ltd|LLC|LLP|PLC|plc|Co|GmbH|SA|AG)\.?")
_FULL_STOP = re.compile(r"(?<![\s.][^\W\d_])(?<!\b[JS]r)(?<!\bInc)(?<!\bLtd)(?<!\bet al)\.$")


@dataclass(slots=True)
class _Piece:
    text: str
    before: str  # the comma or "and" that parts it from the one before


def read(text: str) -> Byline:
    """Return the names in *text*, a byline without the line's end."""
    roles: dict[str, list[Name]] = {"creators": [], "editors": [], "contributors": []}
    unread: list[str] = []
    if len(text) > LONGEST:
        return Byline(unread=(text[:80],))
    for role, clause in _clauses(_MARKS.sub("", _JUNK.sub("", text)).strip()):
        for printed, own in _people(clause):
            name = name_of(printed)
            if not any(character.isalpha() for character in name.name):
                unread.append(printed)
                continue
            for each in own or (role,):
                if name not in roles[each]:
                    roles[each].append(name)
    creators, editors, contributors = (tuple(names) for names in roles.values())
    return Byline(creators, editors, contributors, tuple(unread))


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Part *text* at words such as "Edited by", and say whose role each part lists."""
    role, start = "creators", 0
    if opening := OPENING.match(text) or _LATER_OPENING.match(text):
        start = opening.end()
    helping = [bracket for bracket in _BRACKET.findall(text) if ROLE.match(bracket)]
    for bracket in helping:  # "Jane Doe (Foreword by John Roe)"
        text = text.replace(f"({bracket})", " ")
    for match in ROLE.finditer(text, start):
        if text[start : match.start()].strip(" .;,:"):
            yield role, text[start : match.start()]
        role = "editors" if match["editing"] or match["editor"] else "contributors"
        start = match.end()
    yield role, text[start:]
    for bracket in helping:
        yield from _clauses(bracket)


def _people(clause: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each name in *clause* as printed, with its own role where one is printed with it."""
    clause = _FULL_STOP.sub("", clause.strip(" ,;:"))
    for_all: tuple[str, ...] = ()
    match = _TRAILING_ROLE.search(clause)
    if match and clause.count("(", 0, match.start()) == clause.count(")", 0, match.start()):
        plural = match[1].lower().rstrip(".").endswith("s") or not _SOFT.search(clause[: match.start()])
        if plural or "(" not in match[0]:
            for_all = _roles(match[1])
            clause = clause[: match.start()]
    for chunk in _HARD.split(clause):
        for printed in _without_affiliations(_grouped(chunk)):
            own = for_all
            for bracket in _BRACKET.findall(printed):
                own = _roles(bracket) or own
            bare = _BRACKET.sub("", printed)
            if name := (bare if own or not is_corporate(bare) else printed).strip(" ,;:*†‡"):
                yield name, own


_AFFILIATED = re.compile(r"(.{4,60}?)\s+(?:of|for|from|at|on behalf of)\s+(?:the\s+)?[^\W\d_a-z].*")
_SCHOOL = re.compile(r"\b(?:Univ|Hochschule|College|School|Faculty|Polytechnic)", re.IGNORECASE)


def _without_affiliations(names: list[_Piece]) -> list[str]:
    """Return *names* without the universities that only say where the person before works.

    They do where each person has one, or the only person has; else they may be authors too.
    """
    texts = [
        match[1] if (match := _AFFILIATED.fullmatch(name.text)) and _is_person(match[1]) else name.text
        for name in names
    ]
    people, schools = names[0::2], names[1::2]
    if (
        len(people) == len(schools)
        and all(_is_person(name.text) for name in people)
        and all(_SCHOOL.search(name.text) and name.before.strip() == "," for name in schools)
    ):
        return texts[0::2]
    return texts


def _roles(words: str) -> tuple[str, ...]:
    roles = []
    if _AUTHORS.search(words):
        roles.append("creators")
    if _EDITORS.match(words) or re.search(r"\beditors?\b", words, re.IGNORECASE):
        roles.append("editors")
    if not roles and _HELPERS.search(words):
        roles.append("contributors")
    return tuple(roles)


# ── grouping ──────────────────────────────────────────────────────────────────────────────────


_MOST = 12  # pieces that one name may be put together from


def _grouped(text: str) -> list[_Piece]:
    """Return the names that *text* most likely lists."""
    pieces = _pieces(text)
    best: list[tuple[float, list[_Piece]]] = [(0.0, [])]
    for end in range(1, len(pieces) + 1):
        options = []
        for start in range(max(0, end - _MOST), end):
            score, printed = _group(pieces[start:end])
            options.append((best[start][0] + score, [*best[start][1], _Piece(printed, pieces[start].before)]))
        best.append(max(options, key=lambda option: option[0]))
    return best[-1][1]


def _pieces(text: str) -> list[_Piece]:
    """Cut *text* at commas and "and" outside brackets; degrees go, "Jr." stays with its name."""
    held = _BRACKET.sub(lambda match: match[0].replace(",", "\x00").replace(" ", "\x01"), text)
    parts = _SOFT.split(held)
    pieces: list[_Piece] = []
    for index in range(0, len(parts), 2):
        part = parts[index].replace("\x00", ",").replace("\x01", " ").strip()
        part = re.sub(r",?\s+et\.?\s+al\.?$", "", part)
        if not part or _OTHERS.fullmatch(part):
            continue
        if pieces and (is_generation(part) or _COMPANY.fullmatch(part)):
            pieces[-1].text += f", {part}"
        elif not (pieces and is_degree(part) and (" " in pieces[-1].text or len(part) > 4)):  # noqa: PLR2004
            pieces.append(_Piece(part, parts[index - 1] if index else ""))
    return pieces


def _group(pieces: list[_Piece]) -> tuple[float, str]:
    """Return how much *pieces* together look like one name, and that name as printed."""
    printed = pieces[0].text + "".join(piece.before + piece.text for piece in pieces[1:])
    if len(pieces) == 1:
        return _alone(printed), printed
    if len(pieces) == 2 and _inverts(*pieces):  # noqa: PLR2004
        return 1.2, printed
    if not is_corporate(printed):
        return -9.0, printed
    if len(pieces) == 2 and _abbreviates(pieces[1].text, pieces[0].text):  # noqa: PLR2004
        return 3.5, printed
    if _is_hierarchy(pieces):
        return 2.0 * len(pieces) + 0.3, printed
    score = (2.0 if _has_body(printed) else 0.2) - 0.4 * (len(pieces) - 1)
    score -= sum(_is_person(piece.text) for piece in pieces)
    # "Ministry of Health and Social Affairs": a body, and then only what it is busy with.
    if _has_body(pieces[0].text) and all(_is_topic(piece.text) for piece in pieces[1:]):
        score += 0.3
    # "Ministry of Ponds and Reeds": the list that "of" has opened goes on.
    elif _OPEN.search(pieces[0].text) and "and" in pieces[-1].before and not _has_body(pieces[-1].text):
        score += 0.2
    if any(_ARTICLE.match(piece.text) for piece in pieces[1:]):
        score -= 1.5
    return score, printed


_OPEN = re.compile(r"\s(?:of|for|on|against)\s")
_ARTICLE = re.compile(r"[Tt]he\s")


def _is_topic(text: str) -> bool:
    words = [word.casefold() for word in re.findall(r"\w+", text)]
    return bool(words) and words[-1] in TOPIC_WORDS and BODY_WORDS.isdisjoint(words)


_ABOVE = re.compile(r"\b(?:Department|Ministry|Government|University|Office|Commission)\b")
_BELOW = re.compile(
    r"(?:Office|Bureau|Division|Department|Directorate|Branch|Unit|Section|School|Faculty|Institute|Cent(?:er|re))"
    r" (?:of|for) "
)


def _is_hierarchy(pieces: list[_Piece]) -> bool:
    """Whether each of *pieces* is a part of the body before it."""
    return bool(_ABOVE.search(pieces[0].text)) and all(
        piece.before.strip() == "," and _BELOW.match(piece.text) for piece in pieces[1:]
    )


def _alone(text: str) -> float:
    if _has_body(text) or _is_person(text):
        return 2.0
    if " " not in text:
        return 1.0 if text.isupper() else -1.0
    # "Swan Europe" and "The Swans (TS)" are bodies; "Human Services" may be the end of a longer name.
    loose = _is_topic(text) or _OPEN.search(text) or not _is_capitalised(text)
    return 1.6 if is_corporate(text) and not loose else -0.6


def _is_capitalised(text: str) -> bool:
    words = [word for word in re.findall(r"[^\W\d_]\w*", text) if word not in _SMALL]
    return sum(word[0].isupper() for word in words) > 0.6 * len(words)  # noqa: PLR2004


def _has_body(text: str) -> bool:
    words = {word.casefold() for word in re.findall(r"\w+", text)}
    return not BODY_WORDS.isdisjoint(words)


_NAME_WORD = re.compile(
    r"(?:[^\W\d_]\.?(?:-?[^\W\d_]\.)*|['’]?[^\W\d_]+(?:[-'’.][^\W\d_]+)*\.?)",
)
_SMALL = frozenset(
    "van der den de la le du des del della di da dos das do von zu zur ter ten bin ibn bint al el e y af av te".split()
)
_SHORTEST, _LONGEST_NAME = 2, 7


def _is_person(text: str) -> bool:
    """Whether *text* alone has the shape of a person's name: "Jane Q. Doe", "Ludwig van der Berg"."""
    words = _BRACKET.sub("", text).split()
    if not _SHORTEST <= len(words) <= _LONGEST_NAME or is_corporate(text):
        return False
    for word in words:
        bare = word.strip(",")
        if not _NAME_WORD.fullmatch(bare):
            return False
        if bare[:1].islower() and bare not in _SMALL and not re.match(r"[a-z]{1,2}['’][A-Z]|al-|el-", bare):
            return False
        if bare.casefold() in TOPIC_WORDS and bare.casefold() not in {"police", "watch"}:
            return False
    return any(len(word.strip(".,")) > 1 for word in words if word.casefold().strip(".") not in TITLES)


def _inverts(family: _Piece, given: _Piece) -> bool:
    """Whether the two are "Family" and "Given"."""
    if "and" in given.before or "&" in given.before:
        return False
    both = f"{family.text} {given.text}"
    words = family.text.split()
    if is_corporate(both) or len(words) > 1 + sum(word in _SMALL for word in words) + 1:
        return False
    first = given.text.split()
    if len(first) > 3 or not all(_NAME_WORD.fullmatch(word) for word in (*words, *first)):  # noqa: PLR2004
        return False
    return len(words) == 1 or words[0] in _SMALL or len(first) == 1


def _abbreviates(short: str, long: str) -> bool:
    """Whether *short* is made of the initials of *long*: "CCS" of "Council for Civic Statistics"."""
    letters = iter(re.sub(r"\W", "", short.casefold()))
    initials = "".join(word[0] for word in re.findall(r"\w+", long.casefold()))
    remaining = iter(initials)
    return short.isupper() and all(letter in remaining for letter in letters)


# ── is it one? ────────────────────────────────────────────────────────────────────────────────

_LONGEST_LIKELY = 1500
_CAPITAL = re.compile(r"(?:the )?[\W_]*[^\W\d_a-z]")


def likeness(text: str) -> float:
    """Return how much *text*, without "By" to tell, looks like a list of names: −3 to 3."""
    if (
        len(text) > _LONGEST_LIKELY
        or any(character in text for character in '?!:“”"')
        or re.search(r"\d", _MARKS.sub("", text))
    ):
        return -3.0
    if ROLE.match(text):
        return 3.0
    pieces = [piece.text for chunk in _HARD.split(text) for piece in _grouped(chunk)]
    if not pieces:
        return -3.0
    if ";" in text and all("," in piece or _is_person(piece) for piece in pieces):
        return 3.0
    good = sum(_is_person(piece) or ("," in piece and not is_corporate(piece)) for piece in pieces)
    bodies = sum(_alone(piece) > 1 and not _is_person(piece) and bool(_CAPITAL.match(piece)) for piece in pieces)
    return 3.0 * (2 * (good + 0.8 * bodies) / len(pieces) - 1) - (0.5 if len(pieces) == 1 else 0)
