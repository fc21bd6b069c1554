"""Posts with a title that is known and a body in HTML."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.item import Item, Name
from oai.sources import Entry, Problem, checked, jsonl
from oai.sources.posts import Posted, is_address, read

BODY = """<div class="sqs-block-content"><p class="">By Ada Quill and the Swan Institute</p>
<p>An abstract says what the report is about,
in a sentence that runs over two lines.</p><h3>Key findings</h3>
<ul><li>One thing was <b>found</b>.</li><li>And another.</li></ul>
<p>London: Swan House, 2020. 10p.</p><p><a href="https://dx.doi.org/10.1234/AB%20c">Read the full report</a></p>
<script>var x = "<p>nothing</p>"</script></div>"""


def _read(
    body: str, title: str = "A Title of Some Kind", **more: object
) -> tuple[Item | None, list[Problem]]:
    *problems, last = read(Posted("id1", title, body, **more), 7)  # type: ignore[arg-type]
    assert all(isinstance(problem, Problem) and problem.line == 7 for problem in problems)
    assert all(problem.id == "id1" for problem in problems if isinstance(problem, Problem))
    item = last.item if isinstance(last, Entry) else None
    return item, [problem for problem in (*problems, last) if isinstance(problem, Problem)]


ITEM = Item(
    "id1",
    "A Title of Some Kind",
    creators=(Name("Quill, Ada", "personal"), Name("Swan Institute", "corporate")),
    description="An abstract says what the report is about, in a sentence that runs over two lines.\n\n"
    "Key findings\n\n• One thing was found.\n• And another.",
    publisher="Swan House",
    place="London",
    date="2020",
    extent="10p.",
    identifiers=("https://doi.org/10.1234/AB%20c",),
)


def test_item() -> None:
    """Byline, abstract and imprint are told apart; links that look like a button are no text."""
    item, problems = _read(BODY)
    assert item is not None
    assert item.creators[0] == ITEM.creators[0]
    assert item.description == ITEM.description
    assert (item.publisher, item.place, item.date, item.extent, item.identifiers) == (
        ITEM.publisher,
        ITEM.place,
        ITEM.date,
        ITEM.extent,
        ITEM.identifiers,
    )
    assert problems == []


def test_what_the_site_says() -> None:
    """Title, tags, section and address are the site's, whatever the body has; entities are decoded."""
    item, problems = _read(
        "<h1>Tom &amp; Ben: A Tale</h1>" + BODY,
        title="Tom &amp; Ben: <em>A Tale</em>",
        tags=("Swans", "swans", "Reeds &amp; Rushes", " "),
        sections=("PONDS",),
        url="https://library.example.org/ponds/a",
    )
    assert item is not None
    assert item.title == "Tom & Ben: A Tale"
    assert item.tags == ("Swans", "Reeds & Rushes")
    assert item.sections == ("PONDS",)
    assert item.url == "https://library.example.org/ponds/a"
    assert (item.description or "").startswith("An abstract")
    assert problems == []


def test_links() -> None:
    """Links that are whole and lead elsewhere are identifiers, each once."""
    links = [
        "https://example.org/a.pdf?x=1&amp;y=2", "HTTP://example.org/b", "/s/c.pdf", "mailto:a@example.org", "#top",
        "javascript:alert(1)", "https://library.example.org/a", "doi:10.1234/x", "https://doi.org/10.1234/X", "http://",
        "https://example.org/a b", "https://example.org/a.pdf?x=1&amp;y=2", "//example.org/d", "http://[",
    ]  # fmt: skip
    body = BODY + "".join(f'<a href="{link}">here</a> ' for link in links)
    item, _ = _read(body, url="https://library.example.org/a", links=("https://example.org/first",))
    assert item is not None
    assert item.identifiers == (
        "https://example.org/first",
        "https://doi.org/10.1234/AB%20c",
        "https://example.org/a.pdf?x=1&y=2",
        "HTTP://example.org/b",
        "https://doi.org/10.1234/x",
    )


def test_lines_without_tags() -> None:
    """Where people write without tags, the ends of lines count; in HTML they are spaces."""
    text = (
        "By Ada Quill\r\n\r\nAn abstract says what the report is <i>about</i>.\r\nIn two lines.\r\n\r\n"
        "London: Swan House, 2020. 10p.\r\n"
    )
    item, problems = _read(text, line_breaks=True)
    assert item is not None
    assert item.description == "An abstract says what the report is about.\nIn two lines."
    assert (item.date, problems) == ("2020", [])
    plain, _ = _read(f"<p>{text}</p>")
    assert plain is not None
    assert "\n" not in (plain.description or "")


@pytest.mark.parametrize(
    "body", ["", "<p> </p>", "<p>We are here.</p>", "<!-- nothing -->", "<img src='a.jpg'>"]
)
def test_little(body: str) -> None:
    """The title is known, so a post of few words is one; what is missing is told."""
    item, problems = _read(body)
    assert item is not None
    assert item == Item("id1", "A Title of Some Kind", description="We are here." if "We" in body else None)
    assert [problem.rejected for problem in problems] == [False]


def test_no_title() -> None:
    """A post without a title is rejected by its id."""
    item, problems = _read(BODY, title=" <br> ")
    assert item is None
    assert [(problem.reason, problem.rejected) for problem in problems] == [("a post without a title", True)]


def test_heading_in_the_abstract() -> None:
    """What looks like another title is none, since the title is known."""
    body = BODY.replace(
        "<h3>Key findings</h3>", "<h3>A Most Likely Title of Things</h3><p>By the way, more.</p>"
    )
    item, _ = _read(body)
    assert item is not None
    assert "A Most Likely Title of Things" in (item.description or "")
    assert item.date == "2020"


def test_mended() -> None:
    """Control characters and wrong encodings are mended and told once each."""
    item, problems = _read(
        BODY.replace("sentence", "sent\x01ence â€™ ") + "<p>â€™</p>", title="A Title\x02 Indeed"
    )
    assert item is not None
    assert item.title == "A Title Indeed"
    assert [problem.reason for problem in problems][:2] == [
        "control characters removed",
        "wrong encoding mended",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 100_000 + "x",
        "<a href='http://e.org/'>" * 50_000,
        "&amp;" * 200_000,
        "word " * 200_000,
        "<p>" * 100_000,
    ],
    ids=["deep", "links", "entities", "long", "paragraphs"],
)
def test_hostile(body: str) -> None:
    """Whatever a body is made of, it is read in linear time."""
    start = time.perf_counter()
    item, _ = _read(body)
    assert item is not None
    assert time.perf_counter() - start < 5


def test_too_many_lines() -> None:
    """A post of more lines than a page may have is rejected by its id."""
    item, problems = _read("<p>A line." * 60_000)
    assert item is None
    assert problems[-1].rejected


def test_a_post_that_is_none() -> None:
    """A body of the length of a book is rejected unread."""
    item, problems = _read("word " * 500_000)
    assert item is None
    assert problems[-1].rejected


def test_is_address() -> None:
    """An address is whole, and clean."""
    assert is_address("https://example.org")
    assert is_address("http://localhost:8080/a?b#c")
    assert not any(
        map(is_address, ["", "example.org", "https:///a", "https://e.org/<b>", "http://e.org/" + "a" * 3000])
    )


HTML = st.lists(
    st.one_of(st.text(max_size=20), st.sampled_from(["<p>", "</p>", "<br>", "By Ada", "London: X, 2020. 3p.", "<script>", "<", "&lt;"])),
    max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(HTML, st.booleans(), st.text(max_size=5))
def test_any_body(body: str, line_breaks: bool, title: str) -> None:  # noqa: FBT001
    """Nothing makes it fail, and what it reads is what an export of it says."""
    item, problems = _read(body, title=title + "T", line_breaks=line_breaks, tags=(title, "T"))
    assert item is not None or problems[-1].rejected
    if item is not None:
        again = [
            entry.item for entry in checked.read(json.loads(jsonl.write(item)), 1) if isinstance(entry, Entry)
        ]
        assert again == [item]
