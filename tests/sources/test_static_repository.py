"""OAI-PMH static repositories."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.item import Item, Name
from oai.sources import Entry, Problem, Unreadable
from oai.sources.static_repository import looks_like, read

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Repository xmlns="http://www.openarchives.org/OAI/2.0/static-repository"
    xmlns:oai="http://www.openarchives.org/OAI/2.0/">
<Identify><oai:repositoryName>Swan Library</oai:repositoryName></Identify>
<ListMetadataFormats/>
"""
RECORD = """<oai:record>
<oai:header><oai:identifier>oai:library.example.org:a%20b</oai:identifier>
<oai:datestamp>2020-01-02</oai:datestamp></oai:header>
<oai:metadata><oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
    xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>A Title of Some Kind</dc:title>
<dc:creator>Quill, Ada</dc:creator><dc:creator>The Swan Institute</dc:creator>
<dc:contributor>Stone, Ben J.</dc:contributor>
<dc:subject>mute swans</dc:subject><dc:subject>ponds</dc:subject>
<dc:description>One paragraph.</dc:description><dc:description>Another.</dc:description>
<dc:publisher>Swan House</dc:publisher>
<dc:date>2020-01-31T10:00:00Z</dc:date>
<dc:type>Text</dc:type><dc:type>info:eu-repo/semantics/article</dc:type>
<dc:format>139p.</dc:format>
<dc:identifier>https://doi.org/10.1234/x</dc:identifier>
<dc:source>Swan Studies no. 6</dc:source><dc:language>en</dc:language>
<dc:rights>CC BY 4.0</dc:rights>
</oai_dc:dc></oai:metadata></oai:record>
"""
LIST = '<ListRecords metadataPrefix="oai_dc">\n'
TAIL = "</ListRecords></Repository>\n"
ITEM = Item(
    "a b",
    "A Title of Some Kind",
    creators=(Name("Quill, Ada", "personal"), Name("The Swan Institute", "corporate")),
    contributors=(Name("Stone, Ben J.", "personal"),),
    description="One paragraph.\n\nAnother.",
    publisher="Swan House",
    date="2020-01-31",
    extent="139p.",
    source="Swan Studies no. 6",
    tags=("mute swans", "ponds"),
    language="eng",
    type="article",
    rights=("CC BY 4.0",),
    identifiers=("https://doi.org/10.1234/x",),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a repository may be written."""
    return tmp_path / "repository.xml"


def _read(path: Path, text: str) -> tuple[list[Entry], list[Problem]]:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    found = list(read(path))
    return (
        [entry for entry in found if isinstance(entry, Entry)],
        [problem for problem in found if isinstance(problem, Problem)],
    )


def test_item(path: Path) -> None:
    """A record is an item, found at its line, with the datestamp of its header."""
    assert looks_like(HEAD.encode())
    assert _read(path, HEAD + LIST + RECORD + TAIL) == ([Entry(ITEM, 7, 1_577_923_200)], [])


@pytest.mark.parametrize(
    ("identifier", "local"),
    [
        ("oai:library.example.org:123", "123"),
        ("oai:library.example.org:a%2525", "a%25"),
        ("oai:library.example.org:a:b/c", "a:b/c"),
        ("oai:nodot:123", "oai:nodot:123"),
        ("http://example.org/1", "http://example.org/1"),
        ("oai:library.example.org:", "oai:library.example.org:"),
        ("oai:library.example.org:%61", "oai:library.example.org:%61"),
    ],
)
def test_identity(path: Path, identifier: str, local: str) -> None:
    """Of an oai-identifier the local part names the item, unescaped; of any other the whole."""
    text = HEAD + LIST + RECORD.replace("oai:library.example.org:a%20b", identifier) + TAIL
    assert [entry.item.id for entry in _read(path, text)[0]] == [local]


def test_other_formats(path: Path) -> None:
    """Records in other formats are counted, and left alone."""
    other = '</ListRecords><ListRecords metadataPrefix="oai_rfc1807">' + RECORD * 2
    entries, problems = _read(path, HEAD + LIST + RECORD + other + TAIL)
    assert len(entries) == 1
    assert problems == [Problem(1, "2 records in 'oai_rfc1807'", "ignored: oai_dc is read")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("</dc:title>", "</dc:title><dc:title>Another</dc:title>", "1 more dc:title, such as “Another”"),
        ("<dc:date>", "<dc:date>last year</dc:date><dc:date>", "2 dc:date, where an item has one"),
        ("<dc:publisher>", "<dc:publisher>A</dc:publisher><dc:publisher>", "more than one publisher or source"),
        ("<dc:format>", "<dc:format>application/pdf</dc:format><dc:format>", "1 more dc:format, such as “application/pdf”"),
        ("<dc:format>", "<dc:relation>x</dc:relation><dc:format>", "1 dc:relation, for which there is no place here"),
        (">en<", ">klingon!<", "language 'klingon!' is not known"),
    ],
)  # fmt: skip
def test_doubts(path: Path, old: str, new: str, reason: str) -> None:
    """What an item has no room for is told, and the item is taken."""
    ((entry,), problems) = _read(path, HEAD + LIST + RECORD.replace(old, new) + TAIL)
    assert (entry.item.title, entry.item.date, entry.item.extent) == (ITEM.title, ITEM.date, ITEM.extent)
    assert (entry.item.publisher or "").endswith("Swan House")
    assert [problem.reason for problem in problems] == [reason]
    assert all(problem.done for problem in problems)


def test_no_date(path: Path) -> None:
    """A date that is none is left out and told."""
    ((entry,), problems) = _read(path, HEAD + LIST + RECORD.replace("2020-01-31T10:00:00Z", "c. 1900") + TAIL)
    assert entry.item.date is None
    assert [problem.reason for problem in problems] == ["date “c. 1900” is none"]


def test_deleted(path: Path) -> None:
    """A record that says it is deleted is a tombstone, though the guidelines know none."""
    text = RECORD.replace("<oai:header>", '<oai:header status="deleted">')
    assert [entry.item for entry in _read(path, HEAD + LIST + text + TAIL)[0]] == [Item("a b", deleted=True)]


@pytest.mark.parametrize(
    ("old", "new", "id_", "reason"),
    [
        ("oai:library.example.org:a%20b", "", None, "id is missing"),
        ("A Title of Some Kind", " ", "a b", "title is missing or empty"),
        ("2020-01-02", "yesterday", "a b", "datestamp is not YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ"),
        ("oai:header", "header", None, "a record without header"),
        ("oai:metadata", "oai:about", "a b", "title is missing or empty"),
    ],
)
def test_rejected(path: Path, old: str, new: str, id_: str | None, reason: str) -> None:
    """A record that makes no item harms only itself."""
    other = RECORD.replace("a%20b", "c")
    entries, problems = _read(path, HEAD + LIST + RECORD.replace(old, new) + other + TAIL)
    assert [entry.item.id for entry in entries] == ["c"]
    assert problems == [Problem(7, reason, "rejected", id_, rejected=True)]


@pytest.mark.parametrize(
    "text", ["", HEAD, HEAD + LIST + TAIL, HEAD + LIST + "<oai:record>", "<a/>", "\udcff"]
)
def test_unreadable(path: Path, text: str) -> None:
    """A file without a whole record cannot be read."""
    with pytest.raises(Unreadable):
        _read(path, text)


def test_truncated(path: Path) -> None:
    """What stands before a break is taken, and that more may follow is told."""
    entries, problems = _read(path, HEAD + LIST + RECORD + RECORD[:300])
    assert [entry.item for entry in entries] == [ITEM]
    assert [problem.rejected for problem in problems] == [True]


@given(st.binary(max_size=100), st.sampled_from(["", HEAD, HEAD + LIST + RECORD, HEAD + LIST + RECORD[:300]]))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: str) -> None:
    """Reading raises nothing but Unreadable."""
    path = tmp_path_factory.getbasetemp() / "any.xml"
    path.write_bytes(head.encode() + data + TAIL.encode())
    looks_like(path.read_bytes())
    with contextlib.suppress(Unreadable):
        list(read(path))
