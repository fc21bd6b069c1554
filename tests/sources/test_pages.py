"""Whole pages: what comes of them, what is doubted, and what is refused."""

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.item import Item, Name, derived_id
from oai.sources import Entry, Problem, Unreadable
from oai.sources.pages import looks_like, read

SEEDS = Path(__file__).parents[2] / "seeds"
HEAD = (
    "Open Access Publisher and Free Library\nswans.jpg\n\nSWANS\n\nSWANS-PONDS\n\nPosts tagged mute swans\n"
)
POST = "A Title of Some Kind\n\nBy Ada Quill\n\nAn abstract says what the report is about.\n\nLondon: Swan, 2020. 10p.\n\n"


def _read(text: str) -> tuple[list[Item], list[Problem]]:
    found = list(read(text.encode(errors="surrogatepass"), "page.txt"))
    return (
        [entry.item for entry in found if isinstance(entry, Entry)],
        [problem for problem in found if isinstance(problem, Problem)],
    )


def test_item() -> None:
    """A post becomes an item with the page's tag and heading, found at its line."""
    (entry,) = read((HEAD + POST).encode(), "page.txt")
    assert isinstance(entry, Entry)
    assert entry.line == 9
    assert entry.item == Item(
        id=derived_id("A Title of Some Kind", "Ada Quill", "2020"),
        title="A Title of Some Kind",
        creators=(Name("Quill, Ada", "personal"),),
        description="An abstract says what the report is about.",
        publisher="Swan",
        place="London",
        date="2020",
        extent="10p.",
        tags=("mute swans",),
        sections=("SWANS",),
    )


def test_editor_stands_in_for_the_creator() -> None:
    """Where there is no author, the first editor is part of what makes the item this one."""
    ((item,), _) = _read(HEAD + POST.replace("By Ada", "Edited by Ada"))
    assert item.editors == (Name("Quill, Ada", "personal"),)
    assert item.id == derived_id(item.title, "Ada Quill", "2020")


def test_paragraphs() -> None:
    """Paragraphs stay apart by a blank line, and lines that stood together stay together."""
    ((item,), _) = _read(HEAD + POST.replace("is about.", "is about.\n\nKey points\n\n  • One.\n  • Two."))
    assert item.description == "An abstract says what the report is about.\n\nKey points\n\n• One.\n• Two."


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (POST.replace("By Ada Quill\n\n", ""), 9, "no byline found"),
        (POST.replace("2020", "20202"), 15, "the date “20202” is not believable"),
        (POST.replace(", 2020", ""), 15, "no date in the imprint"),
        (
            POST.replace("\n\nLondon: Swan, 2020. 10p.", ""),
            9,
            "the page looks cut: its last post has no imprint",
        ),
        (POST.replace("about", "ab\x00out".replace("\x00", "\x01")), 13, "control characters removed"),
        (POST.replace("An abstract", "An abstractâ€™s"), 13, "wrong encoding mended"),
        (POST.replace("By Ada", "Foreword by Ada"), 11, "the byline names neither author nor editor"),
        (
            POST.replace("10p.", "10p. CONTAINS MARK-UP"),
            15,
            "“CONTAINS MARK-UP” in the imprint is not understood",
        ),
        (POST + POST, 17, "a post printed twice"),
        (POST + POST.replace("Ada", "Ben"), 17, "two posts with one title"),
    ],
)
def test_doubts(text: str, line: int, reason: str) -> None:
    """Each doubt is reported with the line it arose at, and what was done."""
    items, problems = _read(HEAD + text)
    assert items
    assert [(problem.line, problem.reason) for problem in problems] == [(line, reason)]
    assert all(problem.done for problem in problems)


def test_no_title() -> None:
    """A post without a title is rejected, and the others are read."""
    items, problems = _read(HEAD + POST + POST.replace("A Title of Some Kind\n\n", ""))
    assert len(items) == 1
    assert [(problem.line, problem.reason) for problem in problems if problem.rejected] == [
        (17, "a post without a title")
    ]


def test_no_tag() -> None:
    """A page may name no tag; that is reported once."""
    items, problems = _read(HEAD.replace("Posts tagged mute swans\n", "") + POST)
    assert [item.tags for item in items] == [()]
    assert [problem.line for problem in problems] == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Just some words.",
        "# Read me\n\nThis project counts swans.\n\n## How\n\nRun it.\n",
        '{"id": "a", "title": "A Title of Some Kind"}\n',
        "<!doctype html><html><body><p>Hello</p></body></html>",
        "id,title,date\n1,A Title,2020\n2,B Title,2021\n",
        "word " * 10_000,
        HEAD,
    ],
    ids=["words", "markdown", "json", "html", "csv", "long line", "head alone"],
)
def test_not_a_tag_page(text: str) -> None:
    """What holds no posts is refused."""
    with pytest.raises(Unreadable):
        read(text.encode(), "page.txt")


def test_looks_like() -> None:
    """A tag page is known by its beginning, wherever that is cut."""
    for path in SEEDS.glob("*.txt"):
        data = path.read_bytes()
        assert all(looks_like(data[:size]) for size in (200, 4095, 4096, 4097, len(data)))
    assert looks_like(POST.encode())
    assert not looks_like(b'{"id": "a", "title": "b"}\n')
    assert not looks_like(b"%PDF-1.7\n\xe2\xe3\xcf\xd3")
    assert not looks_like(b"")


PIECES = [
    "a",
    "A. ",
    "By ",
    "Aa, ",
    "Aa and ",
    "(x) ",
    "&amp;",
    "<p>",
    "1 ",
    "10.1234/",
    "Aa: Bb, 2020. 1p. ",
]


@pytest.mark.parametrize(
    ("where", "piece"),
    [("An abstract", piece) for piece in PIECES]
    + [
        (where, piece)
        for where in ("A Title of Some Kind", "Ada Quill", "Swan")
        for piece in ("A. ", "Aa and ")
    ],
)
def test_long_lines(where: str, piece: str) -> None:
    """A line of a megabyte, whatever it is made of, is read in linear time."""
    data = (HEAD + POST.replace(where, piece * (1_000_000 // len(piece)))).encode()
    start = time.perf_counter()
    with contextlib.suppress(Unreadable):
        read(data, "page.txt")
    assert time.perf_counter() - start < 5


def _never_fails(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        list(read(data, "page.txt"))
    looks_like(data)


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    """Reading raises nothing but Unreadable."""
    _never_fails(data)
    _never_fails(HEAD.encode() + data)


LINES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *POST.split("\n"),
            *HEAD.split("\n"),
            "By ",
            "Edited by",
            "(Eds.)",
            ":",
            ";",
            ". 2020.",
            "10p.",
            "et al.",
        ]
    ),
)


@given(st.lists(LINES, max_size=14).map("\n".join))
def test_any_lines(text: str) -> None:
    """Nor do lines of pages in any order make it fail; each item has a title, and an id of its own."""
    _never_fails(text.encode(errors="ignore"))
    _never_fails((HEAD + POST + text).encode(errors="ignore"))
    with contextlib.suppress(Unreadable):
        items, _ = _read(HEAD + POST + text.encode(errors="ignore").decode())
        assert all(item.title and item.id for item in items)
        assert len({item.id for item in items}) == len(items)


# ── printing an item and reading it back ──────────────────────────────────────────────────────

WORDS = st.sampled_from(
    "swan pond reed heron ledger winter market harbour lantern quarrel census letter".split()
)
SENTENCES = st.lists(WORDS, min_size=9, max_size=24).map(lambda words: f"{' '.join(words).capitalize()}.")
TITLES = st.lists(WORDS, min_size=2, max_size=7, unique=True).map(lambda words: " ".join(words).title())
PEOPLE = st.builds(
    lambda given_name, family: Name(f"{family}, {given_name}", "personal"),
    st.sampled_from(["Ada", "Ben J.", "Mei-Ling", "A. B.", "Łucja", "Omar"]),
    st.sampled_from(["Quill", "van der Aa", "O’Dell", "Frimpong-Hale", "Stone", "de la Cruz"]),
)
BODIES = st.sampled_from(
    ["The Swan Institute", "Ministry of Ponds and Reeds", "University of the Heron", "Swan Watch (SW)"]
)
NAMES = st.one_of(PEOPLE, BODIES.map(lambda name: Name(name, "corporate")))


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Any item such as a page prints."""
    title = draw(TITLES)
    creators = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
    date = str(draw(st.integers(1850, 2029)))
    return Item(
        id=derived_id(title, creators[0].name, date),
        title=title,
        creators=creators,
        description="\n\n".join(draw(st.lists(SENTENCES, min_size=1, max_size=3))),
        publisher=draw(
            st.sampled_from(["Swan House", "Ministry of Ponds", "Heron & Sons", "Pond University"])
        ),
        place=draw(st.sampled_from([None, "London", "Halifax, NS", "Pond Rise", "The Hague"])),
        date=date,
        extent=f"{draw(st.integers(1, 999))}p.",
        source=draw(st.sampled_from([None, "Swan Studies no. 6", "Pond Papers 114"])),
        tags=("mute swans",),
        sections=("SWANS",),
    )


def _printed(item: Item) -> str:
    names = [
        " ".join(reversed(name.name.split(", "))) if name.kind == "personal" else name.name
        for name in item.creators
    ]
    byline = ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
    place = f"{item.place}: " if item.place else ""
    source = f"{item.source}. " if item.source else ""
    return f"{item.title}\n\nBy {byline}\n\n{item.description}\n\n{source}{place}{item.publisher}, {item.date}. {item.extent}\n\n"


@settings(max_examples=150)
@given(st.lists(items(), min_size=1, max_size=4, unique_by=lambda item: item.title))
def test_round_trip(printed: list[Item]) -> None:
    """An item printed in the shape of a page is read back as it was."""
    found, problems = _read(HEAD + "".join(_printed(item) for item in printed))
    assert found == printed
    assert problems == []
