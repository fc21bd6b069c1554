"""What is wrong with a response, by the protocol's own rules.

Three readings, the coarsest first: the bytes (§3.2: XML in UTF-8, with no document type), the
rules which need two places of the response side by side, and the grammar ``oai-pmh.rng``. No
network and no published schema is needed. One response is looked at by itself: whether a list is
whole, or a datestamp honest, only the repository's other responses can tell.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from lxml import etree

OAI = "http://www.openarchives.org/OAI/2.0/"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC = "http://purl.org/dc/elements/1.1/"
DCTERMS = "http://purl.org/dc/terms/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

OAI_SCHEMA = "http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd"
OAI_DC_SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"

LARGEST = 100_000_000
"""Bytes of the largest response that validators and harvesters take."""

GRAMMAR = Path(__file__).with_name("oai-pmh.rng")

_LISTS = {"ListIdentifiers": "header", "ListRecords": "record", "ListSets": "set"}
_ROOTS = {
    f"{{{OAI_DC}}}dc": "oai_dc",
    "{http://worldcat.org/xmlschemas/qdc-1.0/}qualifieddc": "oai_qdc",
    f"{{{OAI}oai-identifier}}oai-identifier": "oai-identifier",
    f"{{{OAI}friends/}}friends": "friends",
    f"{{{OAI}branding/}}branding": "branding",
    "{http://www.openarchives.org/OAI/1.1/eprints}eprints": "eprints",
    f"{{{OAI}rights/}}rightsManifest": "rightsManifest",
    f"{{{OAI}rights/}}rights": "rights",
    f"{{{OAI}provenance}}provenance": "provenance",
}
_CONTAINERS = ("metadata", "about", "description", "setDescription")
_BARE = ("badVerb", "badArgument")

_DECLARATION = re.compile(
    rb"""<\?xml\s+version\s*=\s*(["'])1\.0\1\s+encoding\s*=\s*(["'])utf-8\2"""
    rb"""(?:\s+standalone\s*=\s*(["'])(?:yes|no)\3)?\s*\?>""",
    re.IGNORECASE,
)
_UTC = re.compile(r"\d{4}-\d{2}-\d{2}(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ)?", re.ASCII)
_DAY = len("YYYY-MM-DD")
_SECOND = len("YYYY-MM-DDThh:mm:ssZ")
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+", re.ASCII
)
_OAI_IDENTIFIER = re.compile(
    r"oai:[A-Za-z][A-Za-z0-9\-]*(?:\.[A-Za-z][A-Za-z0-9\-]*)+"
    r":(?:[A-Za-z0-9\-_.!~*'();/?:@&=+$,]|%[0-9A-F]{2})+",
    re.ASCII,
)
_EMAIL = re.compile(
    r"[^\s@:;,()\[\]<>\"\\]+@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9\-]+",
    re.ASCII,
)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)

_CUT = 240
_NAMED = 10
_NOISE = ("Error validating", "failed to compare")


def problems_in(body: bytes) -> list[str]:
    """Return everything that is wrong with the response *body*, a line for each; none if it is sound."""
    problems, root = _read(body)
    if root is not None:
        for rule in _RULES:
            problems += rule(root)
        problems += _not_by_grammar(root)
    return [_cut(problem) for problem in problems]


# The bytes ----------------------------------------------------------------------------------------


def _read(body: bytes) -> tuple[list[str], etree._Element | None]:
    """Return what is wrong with the bytes, and the root if there is an OAI-PMH response to look into."""
    problems: list[str] = []
    if len(body) >= LARGEST:
        problems.append(f"the response has {len(body):,} bytes; harvesters take less than {LARGEST:,}")
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return [*problems, "the response is UTF-16; it must be UTF-8 (§3.2)"], None
    if body.startswith(codecs.BOM_UTF8):
        problems.append("a byte order mark precedes the XML declaration (§3.2)")
        body = body.removeprefix(codecs.BOM_UTF8)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        return [*problems, f"line {line}: not UTF-8 (§3.2): {error.reason} at byte {error.start}"], None
    if not _DECLARATION.match(body):
        problems.append('the response must begin with <?xml version="1.0" encoding="UTF-8"?> (§3.2)')
    parser = etree.XMLParser(
        encoding="UTF-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        return [*problems, f"not well-formed (§3.2): {error.msg}"], None
    if root.getroottree().docinfo.internalDTD is not None:
        return [*problems, "a document type is declared; entities are not for a response (§3.2)"], None
    name = etree.QName(root)
    if name.localname != "OAI-PMH":
        return [*problems, f"the root is {name.localname}, not OAI-PMH (§3.2)"], None
    if name.namespace != OAI:
        return [*problems, f"the root's namespace is {name.namespace}, not {OAI} (§3.2)"], None
    return problems, root


# What two places must agree in ----------------------------------------------------------------------


def _root_schema(root: etree._Element) -> Iterator[str]:
    located = _get(root, f"{{{XSI}}}schemaLocation").split()
    if located != [OAI, OAI_SCHEMA]:
        yield f'{_at(root)}: xsi:schemaLocation of OAI-PMH must be "{OAI} {OAI_SCHEMA}" (§3.2)'


def _dates(root: etree._Element) -> Iterator[str]:
    response_date = root.find(f"{{{OAI}}}responseDate")
    if response_date is not None and not _is_second(_text(response_date)):
        yield (
            f"{_at(response_date)}: responseDate {_text(response_date)!r}"
            " is not a moment in UTC, YYYY-MM-DDThh:mm:ssZ (§3.2)"
        )
    granularities: Counter[int] = Counter()
    for element in _datestamps(root):
        if _moment(_text(element)) is None:
            yield (
                f"{_at(element)}: {_name(element)} {_text(element)!r}"
                " is not a date in UTC, YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ (§3.3)"
            )
        else:
            granularities[len(_text(element))] += 1
    if len(granularities) > 1:
        yield (
            f"datestamps of two granularities: {granularities[_DAY]} to the day,"
            f" {granularities[_SECOND]} to the second (§3.3.2)"
        )
    request = root.find(f"{{{OAI}}}request")
    finest = 0 if request is None else max(len(_get(request, name)) for name in ("from", "until"))
    if granularities and finest > max(granularities):
        yield "from or until is finer than the datestamps; it had to be badArgument (§3.3.1)"
    for identify in root.iterfind(f"{{{OAI}}}Identify"):
        granularity, earliest = _of(identify, "granularity"), _of(identify, "earliestDatestamp")
        if _moment(earliest) and len(granularity) != len(earliest):
            yield f"{_at(identify)}: earliestDatestamp {earliest} is not of granularity {granularity} (§4.2)"


def _request(root: etree._Element) -> Iterator[str]:
    request = root.find(f"{{{OAI}}}request")
    if request is None or (answer := _answer(root)) is None:
        return
    codes = {_get(error, "code") for error in root.iterfind(f"{{{OAI}}}error")}
    if request.attrib and not codes.isdisjoint(_BARE):
        yield f"{_at(request)}: after badVerb or badArgument, request must have no attributes (§3.2)"
    verb = _get(request, "verb") or "absent"
    if not codes and verb != _name(answer):
        yield f"{_at(request)}: the verb of request is {verb}, the answer is {_name(answer)} (§3.2)"
    if "resumptionToken" in request.attrib and set(request.attrib) - {"verb", "resumptionToken"}:
        yield f"{_at(request)}: resumptionToken is an exclusive argument (§3.5)"
    from_, until = _get(request, "from"), _get(request, "until")
    for name, value in (("from", from_), ("until", until)):
        if value and _moment(value) is None:
            yield f"{_at(request)}: {name} {value!r} is not a date in UTC (§3.3); it had to be badArgument"
    if _moment(from_) and _moment(until):
        if len(from_) != len(until):
            yield f"{_at(request)}: from and until differ in granularity; it had to be badArgument (§2.7.1)"
        elif from_ > until:
            yield f"{_at(request)}: from is later than until; it had to be badArgument (§2.7.1)"


def _selection(root: etree._Element) -> Iterator[str]:
    """Compare each header with what was asked for (§2.7, §4.1)."""
    request = root.find(f"{{{OAI}}}request")
    if request is None:
        return
    from_, until = _get(request, "from"), _get(request, "until")
    chosen, identifier = _get(request, "set"), _get(request, "identifier")
    for header in _headers(root):
        named = f"{_at(header)}: {_of(header, 'identifier')}"
        if identifier and _of(header, "identifier") != identifier:
            yield f"{named} is not the record that was asked for, {identifier} (§4.1)"
        specs = _set_specs(header)
        if chosen and not any(f"{spec}:".startswith(f"{chosen}:") for spec in specs):
            yield f"{named} has no setSpec of the set that was asked for, {chosen} (§2.7.2)"
        datestamp = _of(header, "datestamp")
        if not _moment(datestamp):
            continue
        for name, value in (("from", from_), ("until", until)):
            if _moment(value) and _outside(datestamp, name, value):
                yield f"{named} has the datestamp {datestamp}, outside {name}={value} (§2.7.1)"


def _identifiers(root: etree._Element) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for header in _headers(root):
        for element in header.iterfind(f"{{{OAI}}}identifier"):
            identifier = _text(element)
            seen[identifier] += 1
            if not _URI.fullmatch(identifier):
                yield f"{_at(element)}: identifier {identifier!r} is not a URI (§2.4)"
            elif identifier.startswith("oai:") and not _OAI_IDENTIFIER.fullmatch(identifier):
                yield f"{_at(element)}: {identifier} is not a legal oai-identifier (oai-identifier §2)"
    for identifier, times in seen.items():
        if times > 1:
            yield f"{identifier} stands {times} times in one list (§3.5)"


def _sets(root: etree._Element) -> Iterator[str]:
    for header in _headers(root):
        named = f"{_at(header)}: the header of {_of(header, 'identifier')}"
        specs = Counter(_set_specs(header))
        for spec, times in specs.items():
            if times > 1:
                yield f"{named} has setSpec {spec} {times} times (§2.6)"
            below = [other for other in specs if other.startswith(f"{spec}:")]
            if below:
                yield f"{named} has setSpec {spec}, which {below[0]} implies (§2.6)"
    listed = Counter(_of(known, "setSpec") for known in root.iterfind(f"{{{OAI}}}ListSets/{{{OAI}}}set"))
    for spec, times in listed.items():
        if times > 1:
            yield f"setSpec {spec} stands {times} times in one list (§2.6)"


def _resumption_token(root: etree._Element) -> Iterator[str]:
    answer, request = _answer(root), root.find(f"{{{OAI}}}request")
    if answer is None or request is None or _name(answer) not in _LISTS:
        return
    first = "resumptionToken" not in request.attrib
    token = answer.find(f"{{{OAI}}}resumptionToken")
    if token is None:
        if not first:
            yield f"{_at(answer)}: the response that completes a list needs an empty resumptionToken (§3.5)"
        return
    empty = not _text(token).strip()
    if first and empty:
        yield f"{_at(token)}: a complete list in one response has no resumptionToken (§3.5)"
    if not empty and _text(token) == _get(request, "resumptionToken"):
        yield f"{_at(token)}: resumptionToken is the one that was asked with; the list would never end (§3.5)"
    expires, now = _get(token, "expirationDate"), _of(root, "responseDate")
    if _is_second(expires) and _is_second(now) and expires <= now:
        yield f"{_at(token)}: expirationDate {expires} is not after responseDate {now} (§3.5)"
    listed = len(answer.findall(f"{{{OAI}}}{_LISTS[_name(answer)]}"))
    yield from _counts(token, listed, first=first, last=empty)


def _counts(token: etree._Element, listed: int, *, first: bool, last: bool) -> Iterator[str]:
    cursor, size = _count(_get(token, "cursor")), _count(_get(token, "completeListSize"))
    if first and cursor:
        yield f"{_at(token)}: cursor is {cursor} in the first response of a list; it starts at 0 (§3.5)"
    if not first and cursor == 0:
        yield f"{_at(token)}: cursor is 0 in a later response of a list (§3.5)"
    if size is None or (cursor is None and not first):
        return
    # The size may be an estimate, but no estimate is below what has been counted.
    known = (cursor or 0) + listed
    if size < known:
        yield f"{_at(token)}: completeListSize is {size}, and {known} have been listed (§3.5)"
    elif size == known and not last:
        yield f"{_at(token)}: all {size} of completeListSize are listed, and the list goes on (§3.5)"


def _errors(root: etree._Element) -> Iterator[str]:
    for error in root.iterfind(f"{{{OAI}}}error"):
        if not _text(error).strip():
            yield f"{_at(error)}: error {_get(error, 'code')} says nothing to people (§3.6)"


def _identify(root: etree._Element) -> Iterator[str]:
    for identify in root.iterfind(f"{{{OAI}}}Identify"):
        request = root.find(f"{{{OAI}}}request")
        if request is not None and _text(request) != _of(identify, "baseURL"):
            yield f"{_at(request)}: request is {_text(request)}, baseURL {_of(identify, 'baseURL')} (§3.2)"
        for email in identify.iterfind(f"{{{OAI}}}adminEmail"):
            if not _EMAIL.fullmatch(_text(email)):
                yield f"{_at(email)}: adminEmail {_text(email)!r} is not a bare address (§4.2)"
        compressions = Counter(_text(element) for element in identify.iterfind(f"{{{OAI}}}compression"))
        for compression, times in compressions.items():
            if compression == "identity":
                yield f"{_at(identify)}: compression identity goes without saying (§4.2)"
            if times > 1:
                yield f"{_at(identify)}: compression {compression} stands {times} times (§4.2)"
        yield from _oai_identifier(identify)


def _oai_identifier(identify: etree._Element) -> Iterator[str]:
    namespace = f"{OAI}oai-identifier"
    described = identify.findall(f"{{{OAI}}}description/{{{namespace}}}oai-identifier")
    for description in described:
        repository = description.findtext(f"{{{namespace}}}repositoryIdentifier") or ""
        sample = description.findtext(f"{{{namespace}}}sampleIdentifier") or ""
        if not (sample.startswith(f"oai:{repository}:") and _OAI_IDENTIFIER.fullmatch(sample)):
            yield (
                f"{_at(description)}: sampleIdentifier {sample!r}"
                f" is not one of {repository!r} (oai-identifier §2)"
            )
    if len(described) > 1:
        yield f"{_at(described[1])}: oai-identifier describes the repository {len(described)} times"


def _formats(root: etree._Element) -> Iterator[str]:
    request = root.find(f"{{{OAI}}}request")
    for answer in root.iterfind(f"{{{OAI}}}ListMetadataFormats"):
        formats = answer.findall(f"{{{OAI}}}metadataFormat")
        prefixes = Counter(_of(known, "metadataPrefix") for known in formats)
        for prefix, times in prefixes.items():
            if times > 1:
                yield f"{_at(answer)}: metadataPrefix {prefix} stands {times} times (§3.4)"
        # Of one item, the oai_dc record may be deleted while another lives (§2.5.1).
        if "oai_dc" not in prefixes and request is not None and "identifier" not in request.attrib:
            yield f"{_at(answer)}: oai_dc is not listed (§3.4)"
        for known in formats:
            if _of(known, "metadataPrefix") != "oai_dc":
                continue
            if (_of(known, "schema"), _of(known, "metadataNamespace")) != (OAI_DC_SCHEMA, OAI_DC):
                yield f"{_at(known)}: oai_dc is {OAI_DC} with the schema {OAI_DC_SCHEMA} (§3.4)"


def _containers(root: etree._Element) -> Iterator[str]:
    """Look at the root inside each container: its schema, and the format of metadata (§3.4, §4.2)."""
    request = root.find(f"{{{OAI}}}request")
    prefix = "" if request is None else _get(request, "metadataPrefix")
    namespaces: Counter[str | None] = Counter()
    for container in root.iter(*(f"{{{OAI}}}{name}" for name in _CONTAINERS)):
        for part in container:
            namespace = etree.QName(part).namespace
            located = _get(part, f"{{{XSI}}}schemaLocation").split()
            schema = dict(zip(located[::2], located[1::2], strict=False)).get(namespace or "")
            named = f"{_at(part)}: {etree.QName(part).localname} in {_name(container)}"
            if schema is None:
                yield f"{named} has no xsi:schemaLocation for {namespace} (§3.4)"
            elif namespace == OAI_DC and schema != OAI_DC_SCHEMA:
                yield f"{named} has the schema {schema}, not {OAI_DC_SCHEMA} (§3.4)"
            if _name(container) == "metadata":
                namespaces[namespace] += 1
                if prefix == "oai_dc" and namespace != OAI_DC:
                    yield f"{named} is of {namespace}, not oai_dc as was asked for (§3.4)"
    if len(namespaces) > 1:
        yield f"metadata of {len(namespaces)} namespaces in one list: a metadataPrefix has one (§3.4)"


def _encoding_schemes(root: etree._Element) -> Iterator[str]:
    # The grammar sees the name of an encoding scheme, but not what its prefix stands for.
    for element in root.iter(f"{{{DC}}}*", f"{{{DCTERMS}}}*"):
        scheme = _get(element, f"{{{XSI}}}type")
        if scheme and element.nsmap.get(scheme.rpartition(":")[0] or None) != DCTERMS:
            yield f"{_at(element)}: xsi:type {scheme} is not in the namespace {DCTERMS}"


def _rights(root: etree._Element) -> Iterator[str]:
    for record in root.iter(f"{{{OAI}}}record"):
        if len(record.findall(f"{{{OAI}}}about/{{{OAI}rights/}}rights")) > 1:
            yield f"{_at(record)}: more than one about with rights (rights §3)"


_RULES: tuple[Callable[[etree._Element], Iterable[str]], ...] = (
    _root_schema,
    _dates,
    _request,
    _selection,
    _identifiers,
    _sets,
    _resumption_token,
    _errors,
    _identify,
    _formats,
    _containers,
    _encoding_schemes,
    _rights,
)


# The grammar --------------------------------------------------------------------------------------


def _not_by_grammar(root: etree._Element) -> list[str]:
    """Return what the grammar refuses.

    A grammar with many ways to go on cannot say which of them was meant. So the response is held
    against the one that its verb calls for, and what is refused is then looked for in its parts.
    """
    kind = _kind(root)
    refused = list(_refused(root, kind and f"{kind}.response", kind or ""))
    if len(refused) > _NAMED:
        refused[_NAMED:] = [f"grammar: {len(refused) - _NAMED} more of this kind"]
    return list(dict.fromkeys(refused))


def _refused(element: etree._Element, start: str | None, kind: str) -> Iterator[str]:
    grammar = _grammar(start)
    if grammar.validate(element):
        return
    refusal = _refusal(grammar, element)
    told = False
    for part in element:
        pattern = _pattern(part, kind)
        # An element that is no pattern of its own may hold some.
        inner = _refused(part, pattern, kind) if pattern else _refused_within(part, kind)
        for problem in inner:
            told = True
            yield problem
    if not told:
        yield refusal


def _refused_within(element: etree._Element, kind: str) -> Iterator[str]:
    for part in element:
        if pattern := _pattern(part, kind):
            yield from _refused(part, pattern, kind)


def _kind(root: etree._Element) -> str | None:
    """Return the kind of response, by what it answers and to what request."""
    answer, request = _answer(root), root.find(f"{{{OAI}}}request")
    if answer is None or request is None:
        return None
    name, later = _name(answer), "resumptionToken" in request.attrib
    if name in _LISTS:
        return f"{name}.later" if later else f"{name}.first"
    if name == "Identify":
        by_the_day = len(_of(answer, "granularity")) == _DAY
        return "Identify.by-the-day" if by_the_day else "Identify.by-the-second"
    if name in {"GetRecord", "ListMetadataFormats"}:
        return name
    if name != "error":
        return None
    verb = _get(request, "verb")
    if not request.attrib:
        return "bare.error"
    if verb in {"ListIdentifiers", "ListRecords"}:
        return "resumed-harvest.error" if later else "harvest.error"
    return f"{verb}.error" if verb in {"GetRecord", "ListMetadataFormats", "ListSets"} else None


def _pattern(part: etree._Element, kind: str) -> str | None:
    """Return the name that the grammar has for *part*, if it has one."""
    name = etree.QName(part)
    if name.namespace == OAI:
        return _protocol_pattern(part, kind)
    parent = part.getparent()
    if name.namespace == DCTERMS:
        return "oai_qdc.term"
    if name.namespace == DC and parent is not None:
        return "oai_dc.element" if etree.QName(parent).namespace == OAI_DC else "oai_qdc.element"
    inside = parent is not None and etree.QName(parent).namespace == OAI
    return _ROOTS.get(str(part.tag)) if inside else None


def _protocol_pattern(part: etree._Element, kind: str) -> str | None:
    name = _name(part)
    if name in {"record", "header"}:
        header = part.find(f"{{{OAI}}}header") if name == "record" else part
        deleted = header is not None and "status" in header.attrib
        return f"{name}.deleted" if deleted else f"{name}.live"
    if name == "request" and kind:
        return "Identify.request" if kind.startswith("Identify.") else f"{kind}.request"
    if name == "error" and kind.endswith(".error"):
        return kind
    if name == "resumptionToken" and kind.endswith((".first", ".later")):
        return f"resumptionToken.{kind.rpartition('.')[2]}"
    return name if name in {"responseDate", "set", *_CONTAINERS} else None


@cache
def _grammar(start: str | None) -> etree.RelaxNG:
    """Return the grammar that begins with the pattern *start*, or the whole."""
    if start is None:
        return etree.RelaxNG(etree.parse(GRAMMAR))
    narrowed = (
        '<grammar xmlns="http://relaxng.org/ns/structure/1.0">'
        f'<include href="{GRAMMAR.name}"><start><ref name="{start}"/></start></include></grammar>'
    )
    return etree.RelaxNG(etree.fromstring(narrowed, base_url=GRAMMAR.as_uri()))


def _refusal(grammar: etree.RelaxNG, element: etree._Element) -> str:
    """Return the innermost refusal of *element*, up to the first that names an element."""
    told: list[str] = []
    line = _at(element)
    for entry in grammar.error_log:
        if not entry.message.startswith(_NOISE):
            told.append(entry.message)
        if entry.line:
            line = f"line {entry.line}"
        if " element " in entry.message or entry.message.startswith("Element "):
            break
    known = _of(element, "identifier") or _of(element, "header", "identifier")
    if _name(element) == "set":
        known = _of(element, "setSpec")
    inside = f"{_name(element)} {known}".rstrip()
    return f"{line}: grammar of {inside}: {'; '.join(told) or 'there is no such element here'}"


# Small words --------------------------------------------------------------------------------------


def _answer(root: etree._Element) -> etree._Element | None:
    """Return the element that answers: the first error, or the one named as the verb."""
    for child in root:
        if etree.QName(child).namespace == OAI and _name(child) not in {"responseDate", "request"}:
            return child
    return None


def _headers(root: etree._Element) -> Iterator[etree._Element]:
    return root.iter(f"{{{OAI}}}header")


def _datestamps(root: etree._Element) -> Iterator[etree._Element]:
    return root.iter(f"{{{OAI}}}datestamp", f"{{{OAI}}}earliestDatestamp")


def _set_specs(header: etree._Element) -> list[str]:
    return [_text(element) for element in header.iterfind(f"{{{OAI}}}setSpec")]


def _moment(text: str) -> datetime | None:
    """Return the instant at which a legal date in UTC begins, or None for any other text."""
    if not _UTC.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_second(text: str) -> bool:
    return len(text) == _SECOND and _moment(text) is not None


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _outside(datestamp: str, name: str, bound: str) -> bool:
    """Say whether *datestamp* is before from, or after the day or second that until names."""
    stamped, limit = _moment(datestamp), _moment(bound)
    assert stamped is not None
    assert limit is not None
    if name == "from":
        return stamped < limit
    whole = timedelta(days=1) if len(bound) == _DAY else timedelta(seconds=1)
    return stamped - limit >= whole


def _of(element: etree._Element, *path: str) -> str:
    """Return the text at the end of *path*, each step a child of the protocol's namespace."""
    return element.findtext("/".join(f"{{{OAI}}}{step}" for step in path)) or ""


def _text(element: etree._Element) -> str:
    return element.text or ""


def _get(element: etree._Element, name: str) -> str:
    return element.get(name) or ""


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _at(element: etree._Element) -> str:
    return f"line {element.sourceline}"


def _cut(problem: str) -> str:
    line = " ".join(problem.split())
    return line if len(line) <= _CUT else line[: _CUT - 1] + "…"
