"""Key=value pairs, as they came, made into one request that can be answered (§3.1, §4).

All that is wrong with the arguments is found before anything is answered, and raised
together. What was sent is kept by the caller: the response repeats it, never this reading.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from oai.protocol import datestamp, syntax
from oai.protocol.datestamp import Granularity
from oai.protocol.errors import BadArgument, BadResumptionToken, BadVerb, ProtocolError, ProtocolErrors
from oai.protocol.model import Selection
from oai.protocol.verbs import ARGUMENTS, Verb

REPORTED = 20
"""Most errors of one kind that one answer lists; a request can hold thousands."""

_QUOTED = 100  # characters of a harvester's value that a message repeats


@dataclass(frozen=True, slots=True)
class Identify:
    """§4.2."""


@dataclass(frozen=True, slots=True)
class GetRecord:
    """§4.1."""

    identifier: str
    metadata_prefix: str


@dataclass(frozen=True, slots=True)
class ListMetadataFormats:
    """§4.4."""

    identifier: str | None


@dataclass(frozen=True, slots=True)
class ListSets:
    """§4.6; ``resumption_token`` is None at the beginning of the list."""

    resumption_token: str | None


@dataclass(frozen=True, slots=True)
class ListIdentifiers:
    """§4.3; a selection, or the token of one."""

    selection: Selection | str


@dataclass(frozen=True, slots=True)
class ListRecords:
    """§4.5; a selection, or the token of one."""

    selection: Selection | str


Request = Identify | GetRecord | ListMetadataFormats | ListSets | ListIdentifiers | ListRecords
Pairs = Sequence[tuple[str, str]]


def quoted(value: str) -> str:
    """Return *value* for a message: short, and of characters that XML can carry."""
    text = repr(value[:_QUOTED])
    safe = text if syntax.is_xml_text(text) else ascii(value[:_QUOTED])
    return safe + ("…" if len(value) > _QUOTED else "")


def parse_request(pairs: Pairs) -> Request:
    """Return the request that *pairs* make.

    Raises :class:`ProtocolErrors` with every badVerb, badArgument and, for an empty token,
    badResumptionToken that is found. ``from`` later than ``until``, or the two of different
    granularity, is badArgument (§2.7.1, §3.3.1).
    """
    verb = _verb([value for name, value in pairs if name == "verb"])
    takes = ARGUMENTS[verb]
    found: dict[str, int] = {}
    for name, _ in pairs:
        found[name] = found.get(name, 0) + 1
    del found["verb"]
    # Nobody knows which value of a repeated argument is meant, so none of them is looked at.
    values = {name: value for name, value in pairs if name in takes.all and found[name] == 1}
    errors = _misplaced(verb, found) + _misspelt(values)
    selection, date_errors = _selection(values)
    errors += date_errors
    if errors:
        raise ProtocolErrors("the arguments are not right", errors)
    token = values.get("resumptionToken")
    match verb:
        case Verb.IDENTIFY:
            return Identify()
        case Verb.GET_RECORD:
            return GetRecord(values["identifier"], values["metadataPrefix"])
        case Verb.LIST_METADATA_FORMATS:
            return ListMetadataFormats(values.get("identifier"))
        case Verb.LIST_SETS:
            return ListSets(token)
        case Verb.LIST_IDENTIFIERS:
            return ListIdentifiers(selection if token is None else token)
        case Verb.LIST_RECORDS:
            return ListRecords(selection if token is None else token)


def _verb(values: Sequence[str]) -> Verb:
    if not values:
        message = f"the verb argument is missing; it is one of {', '.join(Verb)}"
    elif len(values) > 1:
        message = "the verb argument is repeated"
    else:
        try:
            return Verb(values[0])
        except ValueError:
            message = f"{quoted(values[0])} is not a verb of the protocol; the verbs are {', '.join(Verb)}"
    raise ProtocolErrors("the verb is not right", [BadVerb(message)])


def _misplaced(verb: Verb, found: Mapping[str, int]) -> list[ProtocolError]:
    """Arguments that are unknown, repeated, missing, or beside an exclusive one (§3.6)."""
    takes = ARGUMENTS[verb]
    messages: list[str] = []
    unknown = [name for name in found if name not in takes.all]
    if unknown:
        messages += [f"{verb} takes no argument {quoted(name)}" for name in unknown[:REPORTED]]
    if len(unknown) > REPORTED:
        messages.append(f"{len(unknown) - REPORTED} further arguments are unknown as well")
    messages += [
        f"{quoted(name)} is repeated" for name, times in found.items() if times > 1 and name in takes.all
    ]
    if takes.exclusive in found:
        beside = [name for name in found if name in takes.all and name != takes.exclusive]
        messages += [f"{takes.exclusive} stands alone: {name} must not be sent with it" for name in beside]
    elif missing := takes.required - found.keys():
        messages += [f"{verb} needs the argument {name}" for name in sorted(missing)]
    return [BadArgument(message) for message in messages]


_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "identifier": (syntax.is_uri, "an identifier is a URI"),
    "metadataPrefix": (syntax.is_metadata_prefix, "a metadataPrefix has letters, digits and -_.!~*'()"),
    "set": (syntax.is_set_spec, "a setSpec has letters, digits and -_.!~*'(), in parts between colons"),
    "resumptionToken": (syntax.is_xml_text, "XML cannot carry all of its characters"),
}


def _misspelt(values: Mapping[str, str]) -> list[ProtocolError]:
    """Values that are empty or not written as the protocol asks."""
    errors: list[ProtocolError] = []
    for name, (is_right, rule) in _RULES.items():
        value = values.get(name)
        if value is None:
            continue
        if not value and name == "resumptionToken":
            errors.append(
                BadResumptionToken("the resumptionToken is empty: the list that gave it is complete")
            )
        elif not value:
            errors.append(BadArgument(f"{name} is empty; leave it out instead"))
        elif not is_right(value):
            errors.append(BadArgument(f"{name}={quoted(value)}: {rule}"))
    return errors


def _selection(values: Mapping[str, str]) -> tuple[Selection, list[ProtocolError]]:
    errors: list[ProtocolError] = []
    read: dict[str, tuple[int, Granularity]] = {}
    for name in ("from", "until"):
        if name in values:
            try:
                read[name] = datestamp.read(values[name])
            except ValueError:
                rule = "a date is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ, in UTC"
                errors.append(BadArgument(f"{name}={quoted(values[name])}: {rule}"))
    from_ = read["from"][0] if "from" in read else None
    until = datestamp.last_second(*read["until"]) if "until" in read else None
    if len({granularity for _, granularity in read.values()}) > 1:
        errors.append(BadArgument("from and until are of different granularity"))
    elif from_ is not None and until is not None and from_ > until:
        errors.append(BadArgument("from is later than until"))
    return Selection(values.get("metadataPrefix", ""), from_, until, values.get("set")), errors
