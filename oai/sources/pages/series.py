"""Series, journals and notes: what an imprint names besides place and publisher.

A journal is known by a volume, an issue or a range of pages, a series by a word such as
"Report" with a number, a note ("Working paper", "2nd edition") by saying only what sort of
thing this is.
"""

import re

_VOLUME = re.compile(
    r"(?:\b|(?<=[a-z]))[Vv]ol(?:ume)?s?\b\.?\s*\d+|\b[Vv]\.\s?\d+"
    r"|\bIss(?:ue)?\b\.?\s*(?:no\.?\s*)?\d+"
    r"|\b\d{1,4}\s?\(\d{1,3}(?:[–/-]\d+)?\)(?!\d)"  # 25(1)
    r"|\b\d{1,4}\s?\(\d{4}\)[,:]?\s?\d"  # 44 (2021) 104
    r"|(?<![\d/])\d{1,4}\s?(?:\([\w/ –-]{1,12}\))?\s?[:;]\s?(?:pp?\.\s?)?e?\d+"  # 9:115
    r"|\b\d{1,3},\s\d+\s?[–-]\s?\d+"  # 58, 1–20
    r"|\b(?:[Pp]p?|[Pp]ages?|[Pp]ágs?|S)\b\.?\s*\d+\s?[–-]\s?\d+|\b\d+\s?[–-]\s?\d+\s?(?:pp?|pages)\b"
    r"|\b[Aa]rticle\s+(?:(?:no\.?|number|ID):?\s*)?e?\d+|\be\d{4,}\b"
    r"|\b(?:[Oo]nline|[Aa]dvance)\s?(?:[Ff]irst|[Aa]ccess|[Pp]ublication|[Oo]nline)\b|\b[Pp]ublished\s+online\b"
    r"|(?:1[89]|20)\d\d,\s\d{1,4},\s\d{1,6}\b"  # 2022, 19, 1234
    r"|\s\d{1,4}\s?[–-]\s?\d{1,4}[,.]?\s\(?(?:1[89]|20)\d\d\)?\.?$"  # 1–20, 2021
    r"|^\d{1,4}\s+[A-Z][\w.&’' ]+?\s\d{1,5}\b"  # 42 Swan Law Review 1234
)
_DAYS = re.compile(  # "July 3-13" is no range of pages
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s\d{1,2}\s?[–-]\s?\d{1,2}\b"
)
_RANGE = re.compile(r"\d\s?[–-]\s?\d+|\d\s?:\s?e?\d")
_JOURNAL = re.compile(
    r"\b(?:Journal|Quarterly|Annals|Law Review|Annual Review|Proceedings|Magazine|Revista|Revue|Rivista"
    r"|Zeitschrift|Archiv|Tidsskrift|Tidskrift)\b|\bJ\.\s"
)
_WORDS = (
    r"(?:papers?|reports?|bulletins?|briefs?|briefings?|series|stud(?:y|ies)|notes?|monographs?|publications?"
    r"|findings|focus|trends|insights?|memorandum|circular|document|reprints?)"
)
_NUMBER = re.compile(
    rf"(?:\b(?:no|nos|nr|num|number|vol|volume|issue|part)\b\.?|№|n°|#|\b(?:{_WORDS}|WP|DP)\b[,:]?)"
    r"\s*(?:no\.?|nr\.?|number|#)?\s*(?:[A-Z]{1,5}[ .-]?){0,3}\d[\w./–-]*",
    re.IGNORECASE,
)
_WORDED = re.compile(
    rf"\b(?:{_WORDS}|issues|research|occasional|working|discussion|technical)\b", re.IGNORECASE
)
_NOTE = re.compile(
    r"(?:an?\s+)?(?:(?:final|interim|draft|technical|summary)\s+)?report\s+(?:to|for|prepared|submitted)\b.*"
    r"|(?:prepared|submitted|presented|written|produced|commissioned|funded|supported)\s.*"
    r"|(?:revised|updated|second|third|fourth|fifth|new|first|\d+(?:st|nd|rd|th))\s+(?:and\s+\w+\s+)?"
    r"(?:ed\.?|edn\.?|edition|printing)"
    r"|(?:first|originally)\s+(?:published|issued|printed)\b.*|reprint(?:ed)?\b.*|(?:grant|award|contract)\b.*"
    r"|(?:conference\s+)?paper\s+(?:presented|prepared|delivered)\b.*"
    r"|version\b.*|unpublished(?:\s+\w+){0,3}|forthcoming|in\s+press|pre-?print|draft|mimeo|online|e-?book|internet\s+resource"
    r"|(?:kindle|paperback|hardcover|online)\s+edition"
    r"|(?:(?:ph\.?\s?d\.?|doctoral|master[’']?s?|m\.?a\.?|honou?rs)\s+)?(?:dissertation|thesis)"
    r"|(?:working|discussion|conference|policy|research|white|background|issue|briefing)\s+(?:paper|draft|manuscript|brief)s?"
    r"|occasional\s+paper|(?:policy|technical|research|data)\s+note|(?:final|interim|annual|technical)\s+report|report|book|article|paper|pdf",
    re.IGNORECASE,
)
_KINDS = (
    (re.compile(r"\bmaster.{0,12}\bthesis\b|\bM\.?A\.?\s+thesis\b", re.IGNORECASE), "masterThesis"),
    (re.compile(r"\b(?:doctoral|ph\.?\s?d)\b.*\bthesis\b|\bdissertation\b", re.IGNORECASE), "doctoralThesis"),
    (re.compile(r"\b(?:working|discussion)\s+papers?\b", re.IGNORECASE), "workingPaper"),
    (re.compile(r"\bconference\s+paper\b", re.IGNORECASE), "conferenceObject"),
)
_PROSE_WORDS = 10


def is_volume(text: str) -> bool:
    """Whether *text* names a volume, an issue or a range of pages."""
    return bool(_VOLUME.search(_DAYS.sub("", text)))


def is_journal(text: str, sentences: int) -> bool:
    """Whether *text*, which has so many *sentences* and no "Place: Publisher", cites a journal."""
    if _JOURNAL.search(text):
        return True
    if not _VOLUME.search(text):
        return False
    # "Vol. 3. Harrow Academic": the number of a series that has its publisher beside it.
    return sentences < 2 or bool(_RANGE.search(text)) or not _NUMBER.search(text)  # noqa: PLR2004


def opens_volume(text: str) -> bool:
    """Whether *text* begins with the number of a volume or an issue."""
    return bool(re.match(r"(?:vol(?:ume)?|iss(?:ue)?)\b\.?\s*\d", text, re.IGNORECASE)) and is_volume(text)


def has_journal_word(text: str) -> bool:
    """Whether *text* says that it is a journal."""
    return bool(_JOURNAL.search(text))


def is_numbered(text: str) -> bool:
    """Whether a series with its number is named in *text*."""
    return bool(_NUMBER.search(text))


def is_only_numbered(text: str) -> bool:
    """Whether *text* is a series with its number, and nothing after that."""
    number = _NUMBER.search(text)
    return bool(number) and len(text) - (number.end() if number else 0) <= 2  # noqa: PLR2004


def is_bare_number(text: str) -> bool:
    """Whether *text* is a number that does not say of what: "No. 5"."""
    return bool(re.match(r"(?:no|nos|nr|number|num|№|n°|#)\W*[A-Z]{0,5}[ -]?\d", text, re.IGNORECASE))


def opens_issue(text: str) -> bool:
    """Whether *text* begins with the number of an issue or with pages."""
    return bool(re.match(r"\W*(?:no|nos|iss|issue|number|pp?|pages?)\b\.?\s*\d", text, re.IGNORECASE))


def is_worded(text: str) -> bool:
    """Whether *text* holds a word that series bear, number or not."""
    return bool(_WORDED.search(text))


_NAMED = re.compile(r".*\b(?:Series|Papers|Studies|Reports|Monographs|Briefs|Bulletins|Notes|Classics)$")


def is_named(text: str) -> bool:
    """Whether *text* ends as series do: "Classic Reprint Series"."""
    return bool(_NAMED.fullmatch(text))


def is_series(text: str) -> bool:
    """Whether *text*, before "Place: Publisher", can be a series: numbered, or not too long."""
    return not is_note(text) and (is_numbered(text) or len(text.split()) <= _PROSE_WORDS)


def is_note(text: str) -> bool:
    """Whether *text* says only what sort of thing this is."""
    return bool(_NOTE.fullmatch(text))


_THESIS = re.compile(
    r"(?:[\w.’']+\s+)?(?:thesis|dissertation)\s*(?:\([^()]*\))?\s*[-–—:]+\s*|\s*\((?:[\w.’']+\s+)?(?:thesis|dissertation)\)$",
    re.IGNORECASE,
)


def without_note(sentence: str) -> str:
    """Return *sentence* without the note at its head or its end: "Working paper, Swan Institute"."""
    sentence = _THESIS.sub("", sentence)  # "Thesis (PhD) – University of the Swan"
    if is_note(sentence):
        return ""
    head, comma, tail = sentence.partition(", ")
    if comma and is_note(head):
        return without_note(tail)
    head, comma, tail = sentence.rpartition(", ")
    return without_note(head) if comma and is_note(tail) else sentence


def kind(text: str) -> str | None:
    """Return the type of publication that *text* names, as info:eu-repo/semantics has it."""
    return next((name for pattern, name in _KINDS if pattern.search(text)), None)
