import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.item import Kind, Name
from oai.names import is_corporate, name_of

PERSONS = [
    ("Ada Quill", "Quill, Ada"),
    ("Quill, Ada", "Quill, Ada"),
    ("Quill, A. B.", "Quill, A. B."),
    ("QUILL, ADA", "Quill, Ada"),
    ("James RP Ogloff", "Ogloff, James RP"),
    ("JAMES RP OGLOFF", "Ogloff, James RP"),
    ("ADA MCDONALD", "McDonald, Ada"),
    ("ADA O'BRIEN", "O'Brien, Ada"),
    ("ADA O’BRIEN-SMITH", "O’Brien-Smith, Ada"),
    ("JEAN-PAUL DE LA TOUR", "de la Tour, Jean-Paul"),
    ("ADA N. QUILL III", "Quill, Ada N., III"),
    ("Ludwig van der Berg", "van der Berg, Ludwig"),
    ("Maria de la Cruz", "de la Cruz, Maria"),
    ("Omar bin Said", "bin Said, Omar"),
    ("Ada Quill-Rowan", "Quill-Rowan, Ada"),
    ("Ada Quill, Jr.", "Quill, Ada, Jr."),
    ("Ada Quill III", "Quill, Ada, III"),
    ("Ada Quill, Ph.D.", "Quill, Ada"),
    ("Ada Quill, PhD, MPH", "Quill, Ada"),
    ("Ada Quill MSW", "Quill, Ada"),
    ("Dr. Ada Quill", "Quill, Ada"),
    ("Prof. Dr. Ada Quill", "Quill, Ada"),
    ("Sir Ben Rowan KBE", "Rowan, Ben"),
    ("A. B. Quill", "Quill, A. B."),
    ("A.B. Quill", "Quill, A.B."),
    ("A.Quill", "Quill, A."),
    ("Quill AB", "Quill, AB"),
    ("Ada Quill (Swan Project)", "Quill, Ada"),
    ("Иван Петров", "Петров, Иван"),
    ("王小明", "王小明"),
    ("Lord Ashby", "Ashby, Lord"),
    ("Ada Church", "Church, Ada"),
]


@pytest.mark.parametrize(("printed", "expected"), PERSONS)
def test_persons(printed: str, expected: str) -> None:
    """Persons are inverted, without degrees and forms of address."""
    assert name_of(printed) == Name(expected, "personal")


BODIES = [
    "The Swan Panel",
    "the Ferry Trust",
    "University of the Swan",
    "Universidad del Cisne",
    "Schwanen-Institut",
    "Institut für Schwäne",
    "Ministère de la Justice",
    "Council for Civic Statistics, CCS",
    "UNITED PROVINCES. ARMS REGISTRATION BOARD",
    "U.S. Government Accountability Office",
    "Eastbank Boys' Club",
    "Swan & Heron",
    "RAND",
    "Europol",
    "Swan Europe",
    "Penal Reform International",
    "National Academies",
    "Human Services",
    "Doctors of the Pond",
    "Swan Centre (SC)",
    "Swan Police Department",
]


@pytest.mark.parametrize("printed", BODIES)
def test_bodies(printed: str) -> None:
    """Bodies keep the form in which they are printed."""
    assert name_of(printed) == Name(printed, "corporate")


def test_kind_given() -> None:
    """Where the source knows the kind, it is not guessed."""
    assert name_of("Ada Quill", "corporate") == Name("Ada Quill", "corporate")
    assert name_of("Quill Trust", "personal") == Name("Trust, Quill", "personal")


def test_inverted_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is inverted already costs no call of the parser."""

    def fail(text: str) -> None:
        raise AssertionError(text)

    monkeypatch.setattr("oai.names.parse", fail)
    assert name_of("Unseen-Sofar, Ada B.") == Name("Unseen-Sofar, Ada B.", "personal")


WORDS = st.sampled_from(
    "Ada Quill O'BRIEN JOHN St. van der de bin Do Ma Jr. III Ph.D. JD Dr. Lord Dean (Swan) A. A.B. x-y É The Trust, Ada, -".split()
)


@given(
    st.one_of(st.text(min_size=1), st.lists(WORDS, min_size=1, max_size=5).map(" ".join)),
    st.sampled_from([None, "personal", "corporate"]),
)
def test_settles(text: str, kind: Kind | None) -> None:
    """Any text has a name, and a name that is read again is the same."""
    name = name_of(text, kind)
    assert name_of(name.name, name.kind) == name
    is_corporate(text)


@given(
    st.sampled_from(["Quill", "van der Aa", "O'Dell", "Frimpong-Hale", "Ó Súilleabháin", "bin Said"]),
    st.sampled_from(["Ada", "A. B.", "Mei-Ling", "Jean Luc", "Łucja"]),
)
def test_inverted_stays(family: str, given_name: str) -> None:
    """What is "Family, Given" is what comes of itself."""
    assert name_of(f"{family}, {given_name}").name == f"{family}, {given_name}"
    assert name_of(f"{given_name} {family}").name == f"{family}, {given_name}"


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("Quill, Jr., Martin Orme", "Quill, Martin Orme, Jr."),
        ("Vane, III, Osric", "Vane, Osric, III"),
        ("Vane, Osric, III", "Vane, Osric, III"),
    ],
)
def test_a_generation_between_family_and_given_name(printed: str, name: str) -> None:
    """A given name behind "Jr." is not lost: the generation comes last."""
    assert name_of(printed).name == name
    assert name_of(name).name == name
