"""Names as a catalogue writes them: persons "Family, Given", bodies as printed.

Whether a name is a person's or a body's is read from how it is worded: words for bodies in
several languages, words that only join other words ("of", "for"), a leading article, capitals
that abbreviate. Where nothing speaks for a body, it is a person, unless it is a single word.

The parts of a person's name are found by the nameparser library; degrees and forms of address
are left out, since they are no part of the name.
"""

import re
from functools import lru_cache

from nameparser import parse

from oai.item import Kind, Name


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BODY_WORDS = _words(
    """academies academy administration agency agencies alliance assembly associates association authority
    board branch bureau cabinet campaign caucus census center centers centre centres chamber charity
    clinic club coalition collective college commission commissioner committee commonwealth company
    confederation conference congress consortium constabulary cooperative corporation council councils
    department departments directorate division embassy faculty federation fellowship fond force forum
    foundation fund government group groups helpline hospital hub inc initiative inquiry inspectorate
    institute institution institutions laboratory lab labs league library limited llc llp ltd ministry
    mission movement museum nations network networks nonprofit observatory office offices ombudsman
    organisation organisations organization organizations panel parliament partnership partnerships plc
    press programme program project publishers publishing registry secretariat section senate service society
    task taskforce team treasury trust trusts tribunal unit union universities university agence agencia
    agenzia akademie amt asociación associação associazione assemblée autorité büro bundesamt
    bundesministerium bundeskriminalamt centro comisión comissão comitato comité commissie commissione
    conseil consejo conselho consiglio departamento dipartimento direction école escuela facultad
    faculté fakultät federación fédération fondation fondazione fundación fundação gesellschaft gobierno
    governo grupo hochschule institut instituto istituto kommission kriminalamt landesamt ligue
    ministère ministerie ministerio ministério ministero ministerium mouvement observatoire observatorio
    oficina organisatie organización organização projekt rada raad rat rijksuniversiteit secretaría
    sociedad société stichting stiftung tribunale università universidad universidade universitat
    universität universitair universiteit universitet université verband verein vereniging zentrum
    министерство институт университет центр комитет совет"""
)
"""Words that name a body wherever they stand."""

TOPIC_WORDS = _words(
    """aboriginal abuse accountability action addiction advisors advisory affairs ageing aging
    agriculture alcohol analysis analytics anthropology arts assistance asylum attorneys boys chiefs
    children climate co-operation communication communications communities competition compliance
    consultants consulting consumer cooperation corrections corruption courts crime criminal
    criminology cultural culture customs cybercrime cybersecurity data defence defense development digital
    disability disarmament drug drugs economic economics education elderly employment energy
    enforcement engineering environment equality equity ethics evaluation exploitation extremism
    fairness families finance financial firearms fisheries foreign forensic forensics forestry
    freedom girls governance guns harm health homicide housing human humanities immigrants
    immigration inclusion indigenous industry information injury innovation insurance integrity
    intelligence interior investigation investigations judges judicial justice juvenile labour
    lawyers learning legal liberties liberty management mapping media medicine mental migrants
    migration monitoring nature now nurses nursing offenders officers opportunity oversight parents
    partners peace penal physicians police policies policing policy political politics practice
    prevention prison prisoners prisons probation progress protection psychiatry psychologists
    psychology punishment recovery refugees rehabilitation relations religious research resources
    response rights safeguarding safety science sciences security seniors sentencing services sexual
    sheriffs social sociology solicitors solutions sport standards statistics strategic strategies
    strategy studies study substance suicide survey surveys tax teachers technology
    telecommunications terrorism trade trafficking training transparency transport treatment trials
    veterans victims violence watch weapons welfare wellbeing wildlife women youth"""
)
"""Words for what bodies busy themselves with, which are seldom a family name."""

_GIVEN_TOO = frozenset({"justice", "peace", "freedom", "liberty", "harmony", "equity", "integrity"})
_SURNAMES_TOO = re.compile(
    r"\b(?:Bank|Church|Court|Hall|House|Law|School|State|States|County|City|Party|Works|Workers)\b"
)
_BODILY = re.compile(
    r"^(?:the|The|THE)\s(?!late\s|(?:Rt|Right|Hon|Honou?rable|Rev|Reverend)\b)\S|\S\sthe\s|&|\d"
    r"|(?:^|\s)(?:of|for|on|to|against|in|at|by|from|without|Against|Without|über|für|pour|sur|para|contra)\s"
    r"|\b(?:Attorney|Auditor|Inspector|Solicitor|Advocate) General\b"
    r"|\b(?:District|State) Attorney\b|\bPublic Defender\b"
    r"|(?:^|\s)(?:e\.V\.|GmbH|B\.V\.|S\.A\.|LLP|LLC|Inc|Ltd)"
)
_INITIAL = re.compile(r"\b[A-Z]\.")
_UNNAMED = frozenset({"anonymous", "anon", "anonym", "unknown"})
_LONGEST_HAN = 4  # characters of a whole name in one word
COUNTRIES = _words(
    """africa america asia australia britain canada england europe france germany india ireland italy kenya
    mexico netherlands nigeria norway pakistan scotland spain sweden switzerland uk u.k. usa u.s. wales
    worldwide global united international islands pacific caribbean mediterranean balkans sahel"""
)
"""Words that end a body's name more often than a person's."""

_STATES = frozenset({"U.S.", "U.K.", "UN", "EU", "HM", "H.M.", "US", "UK"})

ADJECTIVES = _words(
    """national nationale nacional nazionale international internationale internacional federal royal
    european american african asian global central regional joint public civil united
    inter-american intergovernmental world"""
)
"""Words that begin a body's name, and no person's."""

_HIERARCHY = re.compile(r"[^\W\d_]{3,}\. +[^\W\d_]{3,}")
_ACRONYM_BRACKET = re.compile(r"\([A-Z][A-Za-z&-]*[A-Z]s?\)")
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_WORD = re.compile(r"[\w.&-]+")

TITLES = _words(
    """prof professor dr doctor mr mrs ms miss mx sir dame lord lady baroness baron rev reverend hon
    honorable honourable capt captain major col colonel gen general admiral commander lt lieutenant
    sgt sergeant corporal private officer judge justice detective inspector constable superintendent
    sheriff deputy chief warden ambassador president senator congressman governor mayor secretary
    minister imam rabbi father sister brother sheikh bishop archbishop cardinal rear vice"""
)
PARTICLES = _words(
    """van der den de la le du des del della di da dos das do von zu zur ter ten te bin ibn bint al el
    e y af av ap"""
)
"""Words within a family name that are written small."""

GENERATIONS = _words("jr sr ii iii iv 2nd 3rd")
DEGREES = _words(
    """ab abd ba ma ms bs bsc msc mba mbe obe cbe mph mphil dphil phd md jd llb llm lld msw lcsw
    dsw edd esq esquire rn mpa mpp mfa psyd dds dvm do jsd sjd scd drph cpa qc kc kbe frsa mp
    mlis mls med bed meng dr habil mdiv dmin lmft lmhc ccm bcba mbbs mbchb fbi ret"""
)
ROMAN = re.compile(r"[IVX]+")


_MIXED_DEGREES = _words(
    "PhD DPhil MPhil EdD PsyD MSc BSc MEd BEd MEng DrPH MBChB LLB LLM Esq Esquire Habil Dr Ret"
)


def is_degree(text: str) -> bool:
    """Whether *text* is a degree, an honour or a calling after a name: "Ph.D.", "MSW", "Esq"."""
    word = text.replace(".", "").replace(" ", "")
    return word.casefold() in DEGREES and (word.isupper() or "." in text or word in _MIXED_DEGREES)


def is_generation(text: str) -> bool:
    """Whether *text* tells a namesake apart: "Jr.", "III"."""
    return text.strip(" .").casefold() in GENERATIONS


def is_corporate(text: str) -> bool:
    """Whether *text* is worded as the name of a body rather than of a person."""
    if "(" in text:
        if _ACRONYM_BRACKET.search(text):
            return True
        text = _BRACKETS.sub("", text).strip() or text
    words = _WORD.findall(text)
    folded = [word.casefold().strip(".-") for word in words]
    if len(words) < 2:  # noqa: PLR2004
        return text.casefold().strip(" .") not in _UNNAMED and (text.isascii() or len(text) > _LONGEST_HAN)
    if not BODY_WORDS.isdisjoint(folded) or not _STATES.isdisjoint(words) or _BODILY.search(text):
        return True
    # From here on it is tone alone, and a comma speaks for "Family, Given".
    return "," not in text and (
        (folded[0] in TOPIC_WORDS and folded[0] not in _GIVEN_TOO)
        or folded[-1] in TOPIC_WORDS
        or folded[-1] in COUNTRIES
        or folded[0] in ADJECTIVES
        or (len(words) > 2 and bool(_SURNAMES_TOO.search(text)) and not _INITIAL.search(text))  # noqa: PLR2004
        or (bool(_HIERARCHY.search(text)) and folded[folded[0] == "the"] not in TITLES)
    )


_GLUED_INITIAL = re.compile(r"\b([^\W\d_]\.)(?=[^\W\d_]{2})")
_DESCRIBED = re.compile(
    r"(?:the|an?)\s+(?:late\s+)?(?:author|editor|writer|compiler)s?\s+of\s", re.IGNORECASE
)
# "Family, Given", nothing more: most of a million records, so not parsed again.
_INVERTED = re.compile(r"[^\W\d_][\w’' -]*, [^\W\d_][\w’'. -]*")


@lru_cache(maxsize=1 << 14)
def name_of(text: str, kind: Kind | None = None) -> Name:
    """Return the name printed as *text*; *kind* says what it is where the source knows.

    A name that went through here once comes out again as it is.
    """
    text = text.strip()
    if kind is None and _DESCRIBED.match(text):
        return Name(text, "personal")
    if kind == "corporate" or (kind is None and is_corporate(_GLUED_INITIAL.sub(r"\1 ", text))):
        return Name(text, "corporate")
    name = text
    for _ in range(_PASSES):
        before, name = name, _inverted(name)
        if name == before:
            break
    return Name(name, "personal")


def _is_inverted(text: str) -> bool:
    if not _INVERTED.fullmatch(text) or text.isupper():
        return False
    family, _, rest = text.partition(", ")
    # "Quill, M.A." has initials: a name before a degree has more than one word.
    degree = is_degree(rest) and (" " in family or len(rest) > _SHORT_DEGREE)
    return not degree and not is_generation(rest)


_PASSES = 4
_SHORT_DEGREE = 4
# Forms of address that the parser does not know.
_FORE = re.compile(
    r"^(?:the late\s+|the\s+(?=(?:rt|right|hon|honou?rable|rev|reverend)\b)"
    r"|(?:(?:police|chief|detective)\s+)*"
    r"(?:constable|inspector|sergeant|superintendent|sheriff|warden)\s+(?=\S+\s))+",
    re.IGNORECASE,
)
_VANCOUVER = re.compile(r"([^\W\d_][\w’'-]*[^\W\d_A-Z]) ([A-Z]{1,2})")


def _inverted(text: str) -> str:
    """Return a person's name as "Family, Given", or as printed where its parts are unclear."""
    match text.split(", "):
        case [family, suffix, given] if is_generation(suffix) and not is_generation(given):
            text = f"{family}, {given}, {suffix}"  # as catalogues have it; some print "King, Jr., Martin"
    if _is_inverted(text):
        return text
    printed = _GLUED_INITIAL.sub(r"\1 ", _BRACKETS.sub("", text).strip(" ,") or text)
    if printed.isupper():
        printed = _lowered(printed)
    if match := _VANCOUVER.fullmatch(printed):
        return f"{match[1]}, {match[2]}"
    words = _FORE.sub("", printed).split()
    while len(words) > 2 and len(words[-1]) > 2 and is_degree(words[-1]):  # noqa: PLR2004
        words.pop()
    name = parse(" ".join(words))
    if not name.family:
        return printed
    # What the parser takes for a form of address may be a name: "St. Clair Drake".
    kept = [word for word in name.title.split() if word.strip(".").casefold() not in TITLES]
    given = " ".join(part for part in (*kept, name.given, name.middle) if part)
    generation = ", ".join(part for part in re.split(r",? ", name.suffix) if is_generation(part))
    # "Lord Ashby" has no given name to stand for it; the form of address is all there is.
    parts = (name.family, given or name.title, generation)
    return ", ".join(part for part in parts if part)


_CAPITALS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _lowered(text: str) -> str:
    """Return a name printed in capitals as it is otherwise written."""
    words = text.split()
    return " ".join(_word(word, first=index == 0) for index, word in enumerate(words))


def _word(word: str, *, first: bool) -> str:
    bare = word.strip(".,")
    if ROMAN.fullmatch(bare) and len(bare) > 1:
        return word
    if not first and bare.casefold() in PARTICLES:
        return word.casefold()
    # Letters that cannot be spoken are initials: "JAMES RP OGLOFF".
    if len(bare) <= 3 and not re.search("[AEIOUYÀ-Ý]", bare):  # noqa: PLR2004
        return word
    return _CAPITALS.sub(lambda match: _cased(match[0]), word)


def _cased(word: str) -> str:
    word = word.capitalize()
    if match := re.match(r"(Mc|[OD]['’]|Fitz(?=[^aeiou]{2}))(\w)(?=\w\w)", word):
        word = match[1] + match[2].upper() + word[match.end() :]
    return word
