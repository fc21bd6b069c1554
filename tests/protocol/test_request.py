"""The arguments of each verb, against the tables of §3.6 and §4."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.protocol.errors import ProtocolErrors
from oai.protocol.model import Selection
from oai.protocol.request import (
    REPORTED,
    GetRecord,
    Identify,
    ListIdentifiers,
    ListMetadataFormats,
    ListRecords,
    ListSets,
    Request,
    parse_request,
)
from oai.protocol.verbs import Verb

VALUES = {
    "identifier": "oai:library.example.org:a",
    "metadataPrefix": "oai_dc",
    "from": "2024-01-01",
    "until": "2024-12-31",
    "set": "tag:children",
    "resumptionToken": "token",
}
# §4, one row for each verb: R required, O optional, X exclusive, - not allowed.
MATRIX = {
    "GetRecord": dict(zip(VALUES, "RR----", strict=True)),
    "Identify": dict(zip(VALUES, "------", strict=True)),
    "ListIdentifiers": dict(zip(VALUES, "-ROOOX", strict=True)),
    "ListMetadataFormats": dict(zip(VALUES, "O-----", strict=True)),
    "ListRecords": dict(zip(VALUES, "-ROOOX", strict=True)),
    "ListSets": dict(zip(VALUES, "-----X", strict=True)),
}
Pairs = Sequence[tuple[str, str]]


def codes(pairs: Pairs) -> list[str]:
    """Return the codes of the errors that *pairs* meet."""
    try:
        parse_request(pairs)
    except ProtocolErrors as errors:
        return [error.code for error in errors.exceptions if hasattr(error, "code")]
    return []


def required(verb: str) -> list[tuple[str, str]]:
    """Return the arguments that *verb* cannot be without."""
    return [("verb", verb), *((name, VALUES[name]) for name, kind in MATRIX[verb].items() if kind == "R")]


@pytest.mark.parametrize("verb", MATRIX)
@pytest.mark.parametrize("name", VALUES)
def test_each_argument_of_each_verb(verb: str, name: str) -> None:
    """A verb takes what its row of §4 has, and nothing else."""
    base = [pair for pair in required(verb) if pair[0] != name]
    kind = MATRIX[verb][name]
    with_it = [*base, (name, VALUES[name])]
    match kind:
        case "R":
            assert codes(with_it) == []
            assert codes(base) == ["badArgument"]
        case "O":
            assert codes(with_it) == []
            assert codes(base) == []
        case "X":
            assert codes([("verb", verb), (name, VALUES[name])]) == []
            beside = [pair for pair in with_it if pair[0] not in ("verb", name)]
            assert codes(with_it) == ["badArgument"] * len(beside)
        case _:
            assert codes(with_it) == ["badArgument"]


@pytest.mark.parametrize("verb", MATRIX)
@pytest.mark.parametrize("name", VALUES)
def test_repeated_arguments(verb: str, name: str) -> None:
    """An argument that is sent twice is badArgument, with equal values too (§3.6)."""
    base = [pair for pair in required(verb) if pair[0] != name]
    assert "badArgument" in codes([*base, (name, VALUES[name]), (name, VALUES[name])])


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("junk", "")],
        [("verb", "")],
        [("verb", "identify")],
        [("verb", "Identify ")],
        [("Verb", "Identify")],
        [("verb", "Identify"), ("verb", "Identify")],
        [("verb", "Identify"), ("verb", "ListSets")],
    ],
)
def test_bad_verbs(pairs: Pairs) -> None:
    """A verb is there, once, and is written as the protocol writes it."""
    assert codes(pairs) == ["badVerb"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "junk"), ("from", ""), ("from", "2002"), ("from", "2002-02"), ("from", "2002-02-30"),
        ("from", "2002-02-03T04:05:06"), ("from", "2002-02-03T04:05:06z"), ("from", "2002-02-03t04:05:06Z"),
        ("from", "2002-02-03T04:05:06.7Z"), ("from", "2002-02-03T04:05:06+01:00"), ("from", "2002-02-03T24:00:00Z"),
        ("from", "2002-02-03T23:59:60Z"), ("from", "2002-02-03Z"), ("from", " 2002-02-03"), ("from", "2002-2-3"),
        ("from", "\uff12\uff10\uff10\uff12-02-03"), ("from", "0000-01-01"), ("until", "2002-02-03T04:05Z"),
        ("set", ""), ("set", "a b"), ("set", "a:"), ("set", ":a"), ("set", "a::b"), ("set", "a/b"), ("set", "é"),
        ("set", "a\n"), ("metadataPrefix", ""), ("metadataPrefix", "oai dc"), ("metadataPrefix", "oai:dc"),
        ("metadataPrefix", "oai_dc\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
def test_values_that_are_not_the_protocols(verb: str, name: str, value: str) -> None:
    """A value that is empty or not written as the protocol asks is badArgument."""
    pairs = {"verb": verb, "metadataPrefix": "oai_dc", name: value}
    assert codes(list(pairs.items())) == ["badArgument"]


@pytest.mark.parametrize(
    "identifier",
    ["", 'invalid"id', "a b", "no-scheme", "oai:x:%zz", "oai:x:[", "oai:x:a#b#c", "oai:x:é", "1:a", "\x00:a"],
)
def test_identifiers_that_are_no_uris(identifier: str) -> None:
    """An identifier is a URI; one that is none could not even be repeated in the response."""
    assert codes([("verb", "GetRecord"), ("metadataPrefix", "oai_dc"), ("identifier", identifier)]) == [
        "badArgument"
    ]
    assert codes([("verb", "ListMetadataFormats"), ("identifier", identifier)]) == ["badArgument"]


@pytest.mark.parametrize(
    "identifier",
    ["oai:a.example:1", "http://a.example/b?c=d#e", "urn:isbn:123", "oai:a.example:%C3%A9", "x:%2f"],
)
def test_identifiers_that_are_uris(identifier: str) -> None:
    """Any URI may be asked for."""
    pairs = [("verb", "GetRecord"), ("metadataPrefix", "oai_dc"), ("identifier", identifier)]
    assert parse_request(pairs) == GetRecord(identifier, "oai_dc")


@pytest.mark.parametrize(
    ("from_", "until"),
    [
        ("2024-01-02", "2024-01-01"),
        ("2024-01-01T00:00:01Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01"),
    ],
)
def test_from_and_until_that_do_not_fit(from_: str, until: str) -> None:
    """A from is not later than until, and both are of one granularity (§2.7.1, §3.3.1)."""
    assert codes([*required("ListRecords"), ("from", from_), ("until", until)]) == ["badArgument"]


def test_from_and_until_are_inclusive() -> None:
    """A day's until takes the whole day in; from and until may be equal (§2.7.1)."""
    for day in ("2024-02-29", "1999-12-31"):
        request = parse_request([*required("ListRecords"), ("from", day), ("until", day)])
        assert isinstance(request, ListRecords)
        assert isinstance(request.selection, Selection)
        assert request.selection.from_ is not None
        assert request.selection.until == request.selection.from_ + 86_399
    moment = "2024-02-29T12:34:56Z"
    request = parse_request([*required("ListRecords"), ("from", moment), ("until", moment)])
    assert request == ListRecords(Selection("oai_dc", 1_709_210_096, 1_709_210_096))


def test_every_error_is_reported() -> None:
    """All that is wrong is said at once: a missing prefix, a bad date, and an unknown argument (§3.6)."""
    assert codes([("verb", "ListRecords"), ("from", "junk"), ("foo", "1")]) == ["badArgument"] * 3


def test_a_thousand_errors_are_summed_up() -> None:
    """What is wrong a thousand times is not said a thousand times."""
    pairs = [("verb", "Identify"), *((f"a{n}", "1") for n in range(1000))]
    assert codes(pairs) == ["badArgument"] * (REPORTED + 1)


def test_an_empty_token_is_a_bad_token() -> None:
    """An empty resumptionToken ends a list and begins none (§3.5)."""
    for verb in ("ListRecords", "ListIdentifiers", "ListSets"):
        assert codes([("verb", verb), ("resumptionToken", "")]) == ["badResumptionToken"]


@pytest.mark.parametrize(
    ("pairs", "request_"),
    [
        ([("verb", "Identify")], Identify()),
        ([("verb", "ListMetadataFormats")], ListMetadataFormats(None)),
        ([("verb", "ListMetadataFormats"), ("identifier", "oai:a.b:c")], ListMetadataFormats("oai:a.b:c")),
        ([("verb", "ListSets")], ListSets(None)),
        ([("resumptionToken", "t"), ("verb", "ListSets")], ListSets("t")),
        ([("verb", "ListIdentifiers"), ("resumptionToken", "t")], ListIdentifiers("t")),
        (
            [("set", "a:b"), ("metadataPrefix", "x"), ("verb", "ListIdentifiers")],
            ListIdentifiers(Selection("x", set_spec="a:b")),
        ),
    ],
)
def test_requests(pairs: Pairs, request_: Request) -> None:
    """What is right is understood, in whatever order it was sent."""
    assert parse_request(pairs) == request_


NAMES = st.sampled_from(["verb", *VALUES, "junk", ""]) | st.text(max_size=5)
SENT = st.sampled_from([*Verb, *VALUES.values(), "junk", ""]) | st.text(max_size=30)


@given(st.lists(st.tuples(NAMES, SENT), max_size=8))
def test_any_pairs_make_a_request_or_protocol_errors(pairs: Pairs) -> None:
    """Whatever is sent raises nothing but the protocol's own conditions."""
    assert set(codes(pairs)) <= {"badVerb", "badArgument", "badResumptionToken"}
