"""What can be told by its own form wherever it stands in an imprint: date, extent, identifiers.

Each function returns what it found and the text without it. A year is believed only where it
stands alone: "20222" is none, "2019–2020" is two, "2019-05" may be a month or a number.
"""

import re
from calendar import monthrange
from dataclasses import dataclass

# ── identifiers ───────────────────────────────────────────────────────────────────────────────

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|\bdoi:?\s*)?\b(10\.\d{4,9}/[^\s\"<>“”]+)", re.IGNORECASE)
_ISBN = re.compile(r"\bISBN(?:-1[03])?:?\s*((?:97[89][ -]?)?\d(?:[ -]?\d){8}[ -]?[\dXx])\b(?:\s*\([^)]*\))?")
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s\"<>“”]+|\b(?:[a-z0-9-]+\.)+(?:org|com|net|edu|gov|info|eu|uk|int)(?:/[^\s\"<>“”]*)?",
)
_LEAD = re.compile(
    r"(?:\b(?:available|retrieved|accessed|online|download(?:ed)?)\s+(?:at|from|in|on)(?:\s+\w+){0,3}"
    r"|\b(?:url|link|doi)\b)\s*:?\s*$",
    re.IGNORECASE,
)


def identifiers(text: str) -> tuple[tuple[str, ...], str]:
    """Return DOIs, ISBNs and addresses printed in *text*, and the text without them."""
    found: list[str] = []

    def take(form: str, printed: str) -> str:
        printed, ending = _closed(printed)
        found.append(form.format(printed))
        return "\x00" + ending

    text = _DOI.sub(lambda match: take("https://doi.org/{}", match[1]), text)
    text = _ISBN.sub(lambda match: take("urn:isbn:{}", match[1].replace(" ", "-")), text)
    text = _URL.sub(lambda match: take("{}", match[0]), text)
    if not found:
        return (), text
    first, *rest = text.split("\x00")
    for part in rest:
        first = _LEAD.sub("", first.rstrip()) + part
    return tuple(dict.fromkeys(found)), re.sub(
        r"[\s(\[]*[)\]]|\s+(?=[.,;])", lambda m: m[0].strip(" (["), first
    ).strip()


def _closed(printed: str) -> tuple[str, str]:
    """Part an address from the punctuation of the sentence it stands in."""
    bare = printed.rstrip(".,;:)]’'")
    if "(" in bare and printed[len(bare) :].startswith(")"):
        bare += ")"
    return bare, printed[len(bare) :]


# ── extent ────────────────────────────────────────────────────────────────────────────────────

_PAGES = r"(?:pp|pgs?|pages?|p\.p|p|págs?|páginas?|pagine|Seiten|S|sidor|leaves)"
_EXTENT = re.compile(
    rf"[(\[]?(?<![\w–—-])((?:[ivxlcIVXLC]{{1,8}}\s*[,+]\s*)?\[?\d{{1,5}}\]?\s*{_PAGES}\b\.?"
    r"|\d{1,3}\s*(?:v|vols?|volumes?)\b\.?(?:\s*\([^()]{0,40}\))?)[)\]]?"
)
_PREFIXED = re.compile(r"[.,;]\s*\(?(pp?\.?\s?\d{1,4})\)?\.?\s*$")
_BARE = re.compile(r"(?:\(\d{4}\)[.,]?|(?<![\d–-])\d{4}[.,])\s+(\d{2,4})\s*\.?\s*$")


def extent(text: str) -> tuple[str | None, str, str]:
    """Return the number of pages or volumes as printed, and what stands before and after it."""
    last = None
    for match in _EXTENT.finditer(text):
        if not re.search(r"(?:[–-]|\b(?:vol|no|nos)\.?)\s*$", text[: match.start()], re.IGNORECASE):
            last = match
    if last:
        return last[1], text[: last.start()], text[last.end() :]
    if prefixed := _PREFIXED.search(text):
        return prefixed[1], text[: prefixed.start()], ""
    if (bare := _BARE.search(text)) and not _YEAR.fullmatch(bare[1]):
        return bare[1], text[: bare.start(1)], ""
    return None, text, ""


# ── date ──────────────────────────────────────────────────────────────────────────────────────

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = (
    "|".join(f"{month[:3]}(?:{month[3:]})?" for month in _MONTHS)
    .replace("sep(", "sept?(")
    .replace("(?:tember)", "(?:ember)")
)
_YEAR_ONLY = r"(?:1[4-9][0-9]{2}|20[0-9]{2})"
_YEAR = re.compile(_YEAR_ONLY)
_DATE = re.compile(
    rf"[(\[]?(?:[©c]\s?)?(?<![\d/–.:-])(?:"
    rf"(?P<iso>{_YEAR_ONLY}-[01][0-9]-[0-3][0-9])"
    rf"|(?:(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\s+(?:of\s+)?)?(?P<month>\b(?:{_MONTH}))\b\.?,?\s+"
    rf"(?:(?P<day2>[0-3]?\d)(?:st|nd|rd|th)?,\s+)?(?P<year>{_YEAR_ONLY})"
    rf"|(?:\b(?:spring|summer|autumn|fall|winter)\s+)?(?P<year2>{_YEAR_ONLY})(?:,?\s+(?P<month2>{_MONTH})\b\.?(?:\s+(?P<day3>[0-3]?\d)\b)?)?"
    r")(?![\d])(?!\s?[/–-]\s?\d)[)\]]?",
    re.IGNORECASE,
)
_RANGE = re.compile(rf"(?<!\d){_YEAR_ONLY}\s?[/–-]\s?(?:{_YEAR_ONLY}|\d\d)(?!\d)")
_UNDATED = re.compile(r"[(\[]?\b(?:n\.\s?d\.?|no date|undated)(?!\w)[)\]]?", re.IGNORECASE)
_OTHER_DATE = re.compile(
    r"\b(?:first|originally|orig\.?|reprint(?:ed)?(?:\s+of)?|accessed|retrieved)(?:\s+(?:published|ed\.?|edition))?(?:\s+(?:in|on))?\W{0,3}$",
    re.IGNORECASE,
)
_STRANGE = re.compile(r"(?<![\w./-])(?:[12]\d{4}|2[1-9]\d\d|0\d{3})(?![\w/-])")
_NO_DATES = (
    (_UNDATED, "the imprint says that it has no date"),
    (_RANGE, "“{}” is not one year"),
    (_STRANGE, "the date “{}” is not believable"),
)
_FREE = re.compile(r"\s*(?:[.,;:)\]]|$)")
_CONTEXT = 40  # characters before a date that tell what it dates
_NUMBERED = re.compile(
    r"(?:\b(?:no|nr|vol)\b\.?|\b(?:number|papers?|reports?|volume|article|issue|series|bulletin)|#)\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dated:
    """A date as the catalogue writes it, and the text around it; or why there is none."""

    date: str | None
    before: str
    after: str
    doubt: str | None = None


def date(text: str) -> Dated:
    """Return the last date in *text* that is one for certain.

    A year within words ("the 2010 Council. London: Swan, 20222") gives way to what stands
    after it and was meant for a date.
    """
    last = None
    for match in _DATE.finditer(text):
        before = text[max(0, match.start() - _CONTEXT) : match.start()]
        report = _NUMBERED.search(before) and not match["iso"]
        if not report and not _OTHER_DATE.search(before) and not (last and _is_other(last, match)):
            last = match
    if last and _FREE.match(text, last.end()):
        return Dated(_written(last), text[: last.start()], text[last.end() :])
    for pattern, doubt in _NO_DATES:
        for match in pattern.finditer(text, last.end() if last else 0):
            if not _NUMBERED.search(text[: match.start()]):
                return Dated(None, text[: match.start()], text[match.end() :], doubt.format(match[0]))
    if last:
        return Dated(_written(last), text[: last.start()], text[last.end() :])
    return Dated(None, text, "")


_UPDATED = re.compile(
    r"^\W{0,3}(?:last\s+)?(?:updated|revised|reprinted|reissued)(?:\s+(?:in|on))?\W*$", re.IGNORECASE
)


def _is_other(date: re.Match[str], other: re.Match[str]) -> bool:
    """Whether *other* is another edition's: "1967 [1921]", "1969, c1912", "2002 (updated 2012)"."""
    if _UPDATED.search(date.string[date.end() : other.start()]):
        return True
    between = date.string[date.end() : other.start()].strip(" ,;.(")
    return not between and other[0][0] in "[c©" and _year(other) < _year(date)


def _year(match: re.Match[str]) -> str:
    return match["year"] or match["year2"] or match["iso"][:4]


_HALF_RANGE = re.compile(rf"\b(?:{_MONTH})\.?\s?[/–-]\s?$", re.IGNORECASE)


def _written(match: re.Match[str]) -> str:
    if match["iso"]:
        year, number, day = match["iso"].split("-")
        return match["iso"] if _is_day(year, int(number), day) else year
    year = match["year"] or match["year2"]
    month = match["month"] or match["month2"]
    if not month or _HALF_RANGE.search(match.string[: match.start()][-16:]):
        return year
    number = next(index for index, name in enumerate(_MONTHS, 1) if name.startswith(month[:3].lower()))
    day = match["day"] or match["day2"] or match["day3"]
    if not day or not _is_day(year, number, day):
        return f"{year}-{number:02}"
    return f"{year}-{number:02}-{int(day):02}"


def _is_day(year: str, month: int, day: str) -> bool:
    return 1 <= month <= len(_MONTHS) and 1 <= int(day) <= monthrange(int(year), month)[1]
