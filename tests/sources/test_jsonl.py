"""JSON Lines: what a line may say, and what becomes of one that may not."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.item import Item, Name
from oai.sources import Entry, Problem, kinds
from oai.sources.checked import Rejected
from oai.sources.jsonl import LONGEST, _object, cut, load, looks_like, read, write


def read_lines(directory: Path, *lines: Any) -> list[Entry | Problem]:
    """Return what is read of lines: bytes as they are, anything else as JSON."""
    path = directory / "items.jsonl"
    path.write_bytes(
        b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in lines)
    )
    return list(read(path))


def test_every_key(tmp_path: Path) -> None:
    """Every key of the format has its place in the item."""
    line = {
        "id": "r/1", "title": " Counting  Sheep ", "creators": ["Tansley, Moira", {"name": "Fellside", "kind": "corporate"}],
        "editors": [{"name": "Aune, Benedikt"}], "contributors": ["The Marches Partnership"], "description": "One.\n\nTwo.",
        "publisher": "Fellside", "place": "Carlisle", "date": "2022-02-28", "extent": "48p.", "source": "Briefings no. 14",
        "tags": ["a", "B"], "sections": ["RURAL CRIME"], "language": "en", "type": "article", "rights": ["CC BY"],
        "identifiers": ["doi:10.1/x"], "url": "https://a.example/", "datestamp": "2020-01-01",
    }  # fmt: skip
    (entry,) = read_lines(tmp_path, line)
    assert isinstance(entry, Entry)
    assert entry.datestamp == 1_577_836_800
    assert entry.item == Item(
        "r/1",
        "Counting Sheep",
        creators=(Name("Tansley, Moira", "personal"), Name("Fellside", "corporate")),
        editors=(Name("Aune, Benedikt", "personal"),),
        contributors=(Name("The Marches Partnership", "corporate"),),
        description="One.\n\nTwo.",
        publisher="Fellside",
        place="Carlisle",
        date="2022-02-28",
        extent="48p.",
        source="Briefings no. 14",
        tags=("a", "B"),
        sections=("RURAL CRIME",),
        language="eng",
        type="article",
        rights=("CC BY",),
        identifiers=("doi:10.1/x",),
        url="https://a.example/",
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "not JSON"), (b'{"id": "a"', "not JSON"), (b"[1]", "not a JSON object"), (b"null", "not a JSON object"),
        (b'{"id": "a", "title": "\xff"}', "not UTF-8"), (b"[" * 100_000, "not JSON"), (b'{"id": ' + b"9" * 10_000 + b"}", "JSON"),
        ({"title": "T"}, "id is missing"), ({"id": 5, "title": "T"}, "id is not a string"), ({"id": " ", "title": "T"}, "id is empty"),
        (b'{"id": "a\\ud800", "title": "T"}', "id"), ({"id": "a\x00", "title": "T"}, "id"), ({"id": "a"}, "title is missing"),
        ({"id": "a", "title": None}, "title is missing"), ({"id": "a", "title": "\u200b \x01"}, "title is missing"),
        ({"id": "a", "title": ["T"]}, "title is not a string"), ({"id": "a", "title": "T", "date": 2020}, "date is not a string"),
        ({"id": "a", "title": "T", "tags": "x"}, "tags is not a list"), ({"id": "a", "title": "T", "tags": [1]}, "tags is not a string"),
        ({"id": "a", "title": "T", "creators": "A"}, "creators is not a list"), ({"id": "a", "title": "T", "creators": [{}]}, "creators"),
        ({"id": "a", "title": "T", "creators": [{"name": "A", "kind": "robot"}]}, "personal or corporate"),
        ({"id": "a", "title": "T", "deleted": "yes"}, "deleted is neither"), ({"id": "a", "title": "T", "datestamp": "now"}, "datestamp"),
        ({"id": "a", "title": "T", "datestamp": 5}, "datestamp"),
    ],
)  # fmt: skip
def test_lines_that_are_rejected(tmp_path: Path, line: Any, reason: str) -> None:
    """A line that is broken, lacks what it must have or has a wrong type harms only itself, and says why."""
    good = {"id": "good", "title": "T"}
    first, problem, last = read_lines(tmp_path, good, line, {**good, "id": "later"})
    assert isinstance(first, Entry)
    assert isinstance(last, Entry)
    assert last.line == 3
    assert isinstance(problem, Problem)
    assert problem.rejected
    assert problem.line == 2
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"date": "20222"}, "date"), ({"date": "2022-13"}, "date"), ({"date": "2022-02-30"}, "date"), ({"date": "May 2022"}, "date"),
        ({"language": "xx-nonsense-tag-of-no-language"}, "language"), ({"colour": "red"}, "colour"), ({"title": "A\x07B"}, "title"),
        ({"title": "<b>A</b> B"}, "title"), ({"description": "AT&amp;T"}, "description"),
    ],
)  # fmt: skip
def test_doubts(tmp_path: Path, fields: dict[str, str], reason: str) -> None:
    """What can be mended or left out is, and is reported; the item comes all the same."""
    problem, entry = read_lines(tmp_path, {"id": "a", "title": "T", **fields})
    assert isinstance(problem, Problem)
    assert not problem.rejected
    assert reason in problem.reason
    assert isinstance(entry, Entry)
    assert entry.item.date is None


def test_an_unknown_key_is_named_once(tmp_path: Path) -> None:
    """A key that is not of the format is named at its first line, and not a million times."""
    found = read_lines(tmp_path, *({"id": str(n), "title": "T", "colour": "red"} for n in range(5)))
    assert [each.line for each in found if isinstance(each, Problem)] == [1]


def test_a_tombstone_needs_only_its_id(tmp_path: Path) -> None:
    """A deleted item keeps its tags and sections, and its other keys are of no account."""
    (entry,) = read_lines(
        tmp_path, {"id": "a", "deleted": True, "title": "", "tags": ["T"], "sections": ["S"], "date": ""}
    )
    assert isinstance(entry, Entry)
    assert entry.item == Item("a", tags=("T",), sections=("S",), deleted=True)


def test_a_line_without_end(tmp_path: Path) -> None:
    """A line of a hundred megabytes is rejected without being held in memory, and the next one is read."""
    path = tmp_path / "items.jsonl"
    with path.open("wb") as file:
        file.write(b'{"id": "a", "title": "')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"id": "b", "title": "T"}\n')
    problem, entry = read(path)
    assert isinstance(problem, Problem)
    assert str(LONGEST) in problem.reason
    assert isinstance(entry, Entry)
    assert (entry.item.id, entry.line) == ("b", 2)


def test_marks_and_blank_lines(tmp_path: Path) -> None:
    """A byte order mark, blank lines and line ends of Windows mean nothing."""
    path = tmp_path / "items.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "title": "T"}\r\n\r\n   \n{"id": "b", "title": "T"}')
    assert [(each.item.id, each.line) for each in read(path) if isinstance(each, Entry)] == [
        ("a", 1),
        ("b", 4),
    ]
    assert kinds.kind_of(path).name == "JSON Lines"


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    str.strip
)
ITEMS = st.builds(
    Item,
    TEXT,
    TEXT,
    creators=st.lists(st.builds(Name, TEXT, st.sampled_from(["personal", "corporate"])), max_size=2).map(
        tuple
    ),
    description=st.none() | TEXT,
    date=st.none() | st.sampled_from(["2020", "2020-02", "2020-02-29"]),
    tags=st.lists(TEXT, max_size=3).map(tuple),
    language=st.none() | st.just("eng"),
)


@given(ITEMS)
def test_what_is_written_is_loaded(item: Item) -> None:
    """An item that is written as a line is the same when it is loaded, whatever its texts are."""
    assert load(write(item)) == item
    assert b"\n" not in write(item)
    assert looks_like(write(item) + b"\n")


@settings(deadline=None)  # files are written
@given(ITEMS)
def test_reading_twice_is_reading_once(tmp_path_factory: pytest.TempPathFactory, item: Item) -> None:
    """An item that was read, written and read again is the same: export and sync are the identity."""
    directory = tmp_path_factory.mktemp("lines")
    once = [each for each in read_lines(directory, write(item)) if isinstance(each, Entry)]
    for entry in once:
        twice = read_lines(directory, write(entry.item))
        assert twice == [entry]


@settings(deadline=None)  # files are written
@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b'{"id":"a",', b'"title":"T"}', b"\n", b"null", b"\xff", b"{"])).map(b"".join)
)
def test_any_bytes_are_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever a file holds, reading it yields items and problems and raises nothing."""
    path = tmp_path_factory.mktemp("bytes") / "items.jsonl"
    path.write_bytes(content)
    assert all(isinstance(each, Entry | Problem) for each in read(path))


LINES = [
    b"",
    b"  ",
    b"\xef\xbb\xbf",
    b"{}",
    b'{"id":"a","title":"T"}',
    b'{"id":"b","title":"T","x":1}',
    b"\xff",
]


@settings(deadline=None)  # files are written
@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from([b"", b"\n"]), st.integers(1, 40))
def test_parts_are_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, size: int
) -> None:
    """Wherever a file is cut into parts, the same is read of it, at the same lines."""
    path = tmp_path_factory.mktemp("parts") / "items.jsonl"
    path.write_bytes(b"\n".join(lines) + end)
    with patch("oai.sources.jsonl._PART", 1 << 20):
        whole = list(read(path))
    with patch("oai.sources.jsonl._PART", size):
        assert list(read(path)) == whole
        parts = list(cut(path))
    assert b"".join(path.read_bytes()[part.begin : part.end] for part in parts) == path.read_bytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.floats() | st.integers(-(1 << 70), 1 << 70),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
ODDITIES = [
    *'{}[]:,0123456789.eE+-"\\/ntu \t\r\x00\x7f\x85\ufeff\u2028é',
    *('"id"', "NaN", "-Infinity", "true", "null", "\\ud800", "\\udc00", "1e999", "9" * 5000, "[" * 2000, '{"a":1,"a":2}'),
]  # fmt: skip


def without_orjson(line: bytes) -> Any:
    """Return what Python's own reader makes of a line, or why it makes nothing."""
    with patch("oai.sources.jsonl.orjson.loads", side_effect=orjson.JSONDecodeError("", "", 0)):
        return outcome(line)


def outcome(line: bytes) -> Any:
    """Return what is read of a line, whole numbers like any others, or why nothing is."""
    try:
        return repr(json.loads(json.dumps(_object(line)), parse_int=float))
    except Rejected as error:
        return str(error)


@settings(deadline=None)
@given(
    JSON.map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps({"id": value}, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.lists(st.sampled_from(ODDITIES)).map(lambda each: "".join(each).encode())
    | st.lists(st.sampled_from(ODDITIES)).map(lambda each: ('{"id":"' + "".join(each) + '"}').encode())
    | st.text(st.characters(exclude_categories=())).map(lambda text: text.encode("utf-16", "surrogatepass"))
    | st.binary()
)
def test_orjson_reads_what_json_reads(line: bytes) -> None:
    """A line is read, or refused, as the standard library does it, however fast."""
    assert outcome(line) == without_orjson(line)


@given(ITEMS)
def test_orjson_writes_what_json_writes(item: Item) -> None:
    """A line is, byte for byte, what stores hold already: their digests are of it."""
    fields = json.loads(write(item))
    assert write(item) == json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def test_characters_are_written_as_json_writes_them() -> None:
    """That holds for every character."""
    for first in range(0, 0x110000, 0x1000):
        text = "".join(chr(n) for n in range(first, first + 0x1000) if not 0xD800 <= n < 0xE000)
        assert (
            write(Item(text)) == json.dumps({"id": text}, ensure_ascii=False, separators=(",", ":")).encode()
        )
