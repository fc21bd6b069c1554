"""A byline: who made the thing, and in what part.

The part is read from the words before a name ("Edited by"), after it (", editors") or in
brackets ("(Introduction)"). Other brackets are affiliations and left out, as are degrees,
universities that only say where somebody works, and "et al.". Which commas part names is
decided in :mod:`.grouping`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oai.item import Name
from oai.names import is_corporate, name_of
from oai.sources.pages import grouping

LONGEST = 12_000
"""A byline longer than this many characters is something else."""


@dataclass(frozen=True, slots=True)
class Byline:
    """The names of a byline by part, in order, and the words that no name could be made of."""

    creators: tuple[Name, ...] = ()
    editors: tuple[Name, ...] = ()
    contributors: tuple[Name, ...] = ()
    unread: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.creators or self.editors or self.contributors)


OPENING = re.compile(
    r"(?:(?:researched|written|authored|prepared|produced|drafted)(?:\s+(?:and|&)\s+[a-z]+)?\s+)?by(?:\s*:)?\s+(?=\S)"
    r"|as\s+told\s+(?:to|by)\s+(?=\S)|(?:lead\s+)?authors?(?:\(s\))?\s*:\s+(?=\S)"
    r"|(?:principal|lead)\s+(?:investigator|researcher)s?\s*:\s+(?=\S)"
    r"|(?:(?:an?|the|this)\s+)?(?:(?:report|study|paper|essay|poem|tale|text|lecture|letter|article|novel)s?"
    r"|stor(?:y|ies))\s+by\s+(?=(?-i:[A-ZÀ-Ý]))",
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
_AND_MORE = r"(?:,?\s+(?:(?:and|&)\s+(?:with\s+)?|with\s+|from\s+)(?:(?:an?|the)\s+)?[a-z]+|,\s+[a-z]+)*,?"
ROLE = re.compile(
    rf"(?:^|[.;,:]?\s+(?:and\s+|&\s+)?|(?<=\s))"
    rf"(?:(?P<editor>editors?(?:\(s\))?\s*:)|(?P<editing>{_EDITING}){_AND_MORE}\s+by"
    rf"|(?:with\s+)?{_HELPING}{_AND_MORE}\s+(?:by|from)"
    r"|(?:with|in)\s+(?:the\s+)?(?:additional\s+)?"
    r"(?:assistance|help|support|contributions?|collaboration|participation|research)\s+(?:of|from|by)"
    r"|assisted\s+by|(?:in|on)\s+(?:partnership|association|conjunction|behalf)\s+(?:with|of)"
    r"|prepared\s+for)\s*:?\s+(?=\S)",
    re.IGNORECASE,
)
"""What says that the names after it have another part than the author's."""

_EDITOR = re.compile(r"\b(?:co-?)?(?:eds?|hrsg|compilers?)\b|\beditors?\b", re.IGNORECASE)
_AUTHOR = re.compile(r"(?:co-?)?authors?\b|(?:principal|lead)\s+investigators?", re.IGNORECASE)
_HELPER = re.compile(
    r"introduction|foreword|preface|afterword|translat|trans\.|illustrat|contribut|photograph|narrat"
    r"|epilogue|commentary|research",
    re.IGNORECASE,
)
_TRAILING_ROLE = re.compile(
    r",?\s+(?:\(\s*)?((?:(?:guest|series|general|volume|managing)\s+|co-?)?(?:editors?|eds?\.?|compilers?|translators?))(?:\s*\))?\.?$",
    re.IGNORECASE,
)
_JUNK = re.compile(r"\s*\b(?:Format:|(?:Kindle|Hardcover|Paperback)\s+Edition\b).*$", re.DOTALL)
# The figures and daggers after a name that lead to a footnote: "Jane Doe1,2*".
_MARKS = re.compile(r"(?<=[^\W\d_]{2})(?:\s?[*†‡§¶]|\d{1,2}(?:,\s?\d{1,2})*(?!\w))+|[¹²³⁰⁴-⁹]+")
_MARKS_AFTER_COMMA = re.compile(r"(?<=[^\W\d_]),\d{1,2}(?=\s)")
_HARD = re.compile(r"\s*[;·•|●∙‧]\s*(?:(?:and|&|with)\s+)?|\s+/\s+|\n")
_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_FULL_STOP = re.compile(r"(?<![\s.][^\W\d_])(?<!\b[JS]r)(?<!\bInc)(?<!\bLtd)(?<!\bet al)\.$")


def read(text: str) -> Byline:
    """Return the names in *text*, a byline without the line's end."""
    if len(text) > LONGEST:
        return Byline(unread=(text[:80],))
    parts: dict[str, list[Name]] = {"creators": [], "editors": [], "contributors": []}
    unread: list[str] = []
    for part, clause in _clauses(_unmarked(_JUNK.sub("", text)).strip()):
        for printed, own in _people(clause):
            name = name_of(printed)
            if not any(character.isalpha() for character in name.name):
                unread.append(printed)
                continue
            for each in own or (part,):
                if name not in parts[each]:
                    parts[each].append(name)
    creators, editors, contributors = (tuple(names) for names in parts.values())
    return Byline(creators, editors, contributors, tuple(unread))


# The same, with a space before: believed only of two names or more ("Article 19" has a figure too).
_MARKS_APART = re.compile(r"(?<=[^\W\d_]{2})\s\d{1,2}(?:,\s?\d{1,2})*(?=\s*(?:[,;]|$)|\s+(?:and|&)\s)")


def _unmarked(text: str) -> str:
    if len(_MARKS_APART.findall(text)) > 1:
        text = _MARKS_APART.sub("", text)
    return _MARKS.sub("", _MARKS_AFTER_COMMA.sub(",", text))


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Cut *text* at words such as "Edited by", and say whose part each piece lists."""
    part, start = "creators", 0
    if opening := OPENING.match(text) or _LATER_OPENING.match(text):
        start = opening.end()
    helping = [bracket for bracket in _BRACKET.findall(text) if ROLE.match(bracket)]
    for bracket in helping:  # "Jane Doe (Foreword by John Roe)"
        text = text.replace(f"({bracket})", " ")
    for match in ROLE.finditer(text, start):
        if text[start : match.start()].strip(" .;,:"):
            yield part, text[start : match.start()]
        part = "editors" if match["editing"] or match["editor"] else "contributors"
        start = match.end()
    yield part, text[start:]
    for bracket in helping:
        yield from _clauses(bracket)


def _people(clause: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each name in *clause* as printed, with its own part where one is printed with it."""
    clause = _FULL_STOP.sub("", clause.strip(" ,;:"))
    shared: tuple[str, ...] = ()
    several = False
    match = _TRAILING_ROLE.search(clause)
    if match and clause.count("(", 0, match.start()) == clause.count(")", 0, match.start()):
        several = match[1].lower().rstrip(".").endswith("s")
        if several or "(" not in match[0] or not grouping.is_list(clause[: match.start()]):
            shared = _parts(match[1])
            clause = clause[: match.start()]
    chunks = [_without_affiliations(grouping.grouped(chunk)) for chunk in _HARD.split(clause)]
    for chunk in chunks:
        for printed in chunk:
            # In "Swan Council; A, B, editors" the last ones are meant, and no body beside persons.
            meant = len(chunks) == 1 or chunk is chunks[-1] or (several and len(chunks[-1]) == 1)
            own = shared if meant and not (len(chunks) > 1 and is_corporate(printed)) else ()
            for bracket in _BRACKET.findall(printed):
                own = _parts(bracket) or own
            bare = _BRACKET.sub("", printed)
            if name := (bare if own or not is_corporate(bare) else printed).strip(" ,;:*†‡"):
                yield name, own


_LONGEST_PART = 4  # words; "formerly editor of the Pond Times" is an affiliation


def _parts(words: str) -> tuple[str, ...]:
    """Return what *words* say that somebody did; one may have been author and editor."""
    if len(words.split()) > _LONGEST_PART:
        return ()
    parts = []
    if _AUTHOR.search(words):
        parts.append("creators")
    if _EDITOR.search(words):
        parts.append("editors")
    if not parts and _HELPER.search(words):
        parts.append("contributors")
    return tuple(parts)


_AFFILIATED = re.compile(r"(.{4,60}?)\s+(?:of|for|from|at|on behalf of)\s+(?:the\s+)?[^\W\d_a-z].*")
_OFFICE = re.compile(r"\b(?:Secretary|Attorney|Auditor|Commissioner|Governor|Speaker|Registrar|Minister)$")
_SCHOOL = re.compile(r"\b(?:Univ|Hochschule|College|School|Faculty|Polytechnic)", re.IGNORECASE)


def _without_affiliations(names: list[grouping.Piece]) -> list[str]:
    """Return *names* without the bodies that only say where the person before works.

    A university does where each person has one, or the only person has; else it may be an author too.
    """
    people, schools = names[0::2], names[1::2]
    if (
        len(people) == len(schools)
        and all(grouping.is_person(name.text) for name in people)
        and all(_SCHOOL.search(name.text) and name.listed for name in schools)
    ):
        names = people
    return [part for name in names for part in _without_place_of_work(name.text)]


def _without_place_of_work(name: str) -> list[str]:
    """Part "Jane Doe – John Roe", and leave "Swan Institute" out of "Jane Doe – Swan Institute"."""
    if (
        (match := _AFFILIATED.fullmatch(name))
        and grouping.is_person(match[1])
        and not (_SCHOOL.search(match[1]) or _OFFICE.search(match[1]))
    ):
        return [match[1]]
    dashed = re.split(r"\s[-–—]\s", name)
    if len(dashed) > 2 and all(map(grouping.is_person, dashed)):  # noqa: PLR2004
        return dashed
    left, dash, right = _dashed(name)
    if dash and grouping.is_person(left):
        return [left, right] if grouping.is_person(right) else [left]
    return [name]


def _dashed(name: str) -> tuple[str, bool, str]:
    match = re.search(r"\s[-–—]\s|/", name)
    return (name[: match.start()], True, name[match.end() :]) if match else (name, False, "")


# ── is it one? ────────────────────────────────────────────────────────────────────────────────

_CAPITAL = re.compile(r"(?:the )?[\W_]*[^\W\d_a-z]")
_LONGEST_LIKELY = 1500
_MORE = re.compile(r"(?:,|\s&|\sand)\s+\d+\s+(?:others|more)\b")
_UNNAMED = re.compile(r"(?:Anonymous|Anon\.?)", re.IGNORECASE)
_NO_NAME = re.compile(r"[?!:“”\"]|\d")


def likeness(text: str) -> float:
    """Return how much *text*, without "By" to tell, looks like a list of names: −3 to 3."""
    if len(text) > _LONGEST_LIKELY:
        return -3.0
    text = _MORE.sub("", _unmarked(_JUNK.sub("", text)))
    if _UNNAMED.fullmatch(text):
        return 3.0
    if role := ROLE.search(text):
        return likeness(text[: role.start()]) if role.start() else 3.0
    if _NO_NAME.search(text):
        return -3.0
    names = [piece.text for chunk in _HARD.split(text) for piece in grouping.grouped(chunk)]
    if not names:
        return -3.0
    if ";" in text and all("," in name or grouping.is_person(name) for name in names):
        return 3.0
    people = sum(grouping.is_person(name) or ("," in name and not is_corporate(name)) for name in names)
    bodies = sum(grouping.is_body(name) and bool(_CAPITAL.match(name)) for name in names)
    return 3.0 * (2 * (people + 0.8 * bodies) / len(names) - 1) - (0.5 if len(names) == 1 else 0)
