"""CSV: what spreadsheets save."""

import contextlib
import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.item import Item, Name
from oai.names import name_of
from oai.sources import Entry, Problem, Unreadable
from oai.sources.checked import KEYS, LISTS, NAMES, TEXTS
from oai.sources.table import looks_like, read, values
from oai.text import clean

HEADER = "id,title,creators,tags,date\n"


def _read(path: Path, text: str | bytes) -> tuple[list[Entry], list[Problem]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = list(read(path))
    return (
        [entry for entry in found if isinstance(entry, Entry)],
        [problem for problem in found if isinstance(problem, Problem)],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a table may be written."""
    return tmp_path / "table.csv"


def test_item(path: Path) -> None:
    """A row is an item: lists are parted by semicolons, empty cells say nothing."""
    text = HEADER + 'a1,"Swans, and Ponds","Quill, Ada; The Swan Institute;",swans ;  mute\\; not dumb,\n'
    assert _read(path, text) == (
        [
            Entry(
                Item(
                    "a1",
                    "Swans, and Ponds",
                    creators=(Name("Quill, Ada", "personal"), Name("The Swan Institute", "corporate")),
                    tags=("swans", "mute; not dumb"),
                ),
                2,
            )
        ],
        [],
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_dialects(path: Path, delimiter: str, end: str, mark: str) -> None:
    """Delimiter, line ends and a byte order mark are the spreadsheet's business."""
    rows = [["ID", " Title", "tags"], ["a", "One\nTwo", '"x;y"'.replace('"', "")], [], ["b", "B", ""]]
    text = mark + end.join(
        delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows
    )
    assert looks_like(text.encode())
    entries, problems = _read(path, text)
    assert [(entry.item.id, entry.item.title, entry.item.tags) for entry in entries] == [
        ("a", "One\nTwo", ("x", "y")),
        ("b", "B", ()),
    ]
    assert [entry.line for entry in entries] == [2, 5]
    assert problems == []


@pytest.mark.parametrize(
    ("row", "reason", "id_"),
    [
        ("a,Title,,", "the row has 4 cells, the header 5", "a"),
        ("a,Title,,,,", "the row has 6 cells, the header 5", "a"),
        (",Title,,,", "id is missing", None),
        ("a,,,,", "title is missing or empty", "a"),
        ('a,"Title"x,,,', "not CSV: ',' expected after '\"'", None),
        ("a,T\udcff,,,", "not UTF-8", "a"),
        ("\udcff,T,,,", "not UTF-8", None),
        ("\x01,T", "the row has 2 cells, the header 5", None),
    ],
)
def test_rejected(path: Path, row: str, reason: str, id_: str | None) -> None:
    """A row that fits no item is rejected with its line, and its id where it is known."""
    text = HEADER + "x,X,,,\n\n" + row + "\ny,Y,,,\n"
    entries, problems = _read(path, text.encode(errors="surrogateescape"))
    assert [entry.item.id for entry in entries] == ["x", "y"]
    assert problems == [Problem(4, reason, "rejected", id_, rejected=True)]


def test_a_quote_that_is_not_closed(path: Path) -> None:
    """The rest of the file is within the quote; that is told, and what came before is taken."""
    entries, problems = _read(path, HEADER + 'x,X,,,\na,"Title,,,\ny,Y,,,\n')
    assert [entry.item.id for entry in entries] == ["x"]
    assert [(problem.line, problem.reason, problem.rejected) for problem in problems] == [
        (3, "a quote is opened and not closed", True)
    ]


def test_an_endless_row(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is read as far as a row may go, and no further."""
    monkeypatch.setattr("oai.sources.table.LONGEST", 100)
    entries, problems = _read(path, HEADER + 'x,X,,,\na,"' + "Title\n" * 100)
    assert [entry.item.id for entry in entries] == ["x"]
    assert [(problem.line, problem.rejected) for problem in problems] == [(3, True)]
    assert "longer than 100" in problems[0].reason


def test_columns(path: Path) -> None:
    """Columns that nobody knows are named once, and one that is there twice makes the file unreadable."""
    entries, problems = _read(path, "id,title,shelf,\na,A,3,x\nb,B,4,\n")
    assert len(entries) == 2
    assert [(problem.line, problem.reason) for problem in problems] == [
        (1, "'shelf' is not a key of this format"),
        (1, "'a column without name' is not a key of this format"),
    ]
    with pytest.raises(Unreadable, match="a header of more"):
        _read(path, "id,title" + ",x" * 100_000)
    with pytest.raises(Unreadable, match="names 'title' twice"):
        _read(path, "id,title,Title\na,A,B\n")


@pytest.mark.parametrize("said", ["true", "TRUE", "1", "yes", "false", "0", "no", ""])
def test_deleted(path: Path, said: str) -> None:
    """A tombstone needs only its id, and keeps its tags; a datestamp is carried."""
    ((entry,), problems) = _read(path, f"id;title;tags;deleted;datestamp\na;T;x;{said};2020-01-02\n")
    assert problems == []
    assert entry.datestamp == 1_577_923_200
    gone = Item("a", tags=("x",), deleted=True)
    assert entry.item == (gone if said.lower() in {"true", "1", "yes"} else Item("a", "T", tags=("x",)))


def test_deleted_is_yes_or_no(path: Path) -> None:
    """Nothing is deleted because of a word that was not understood."""
    entries, problems = _read(path, "id,title,deleted\na,T,maybe\n")
    assert entries == []
    assert [(problem.id, problem.rejected) for problem in problems] == [("a", True)]


@pytest.mark.parametrize(
    "text",
    ["", "title,creators\nA,B\n", "id\na\n", "idea,title", "\x00", "An abstract, and an id.", "<id,title"],
)
def test_no_table(path: Path, text: str) -> None:
    """A file whose header does not name an id and more is none of ours."""
    assert not looks_like(text.encode())
    with pytest.raises(Unreadable):
        _read(path, text)


def escaped(parts: list[str]) -> str:
    """Write *parts* as one cell."""
    cells = [re.sub(r"(\\*);", lambda match: match[1] * 2 + "\\;", part) for part in parts]
    doubled = [re.sub(r"\\+$", lambda match: match[0] * 2, cell) for cell in cells[:-1]]
    return ";".join((*doubled, *cells[-1:]))


@given(st.lists(st.text(alphabet="a\\; ").filter(bool), min_size=1))
def test_any_list(parts: list[str]) -> None:
    """Whatever stands in a value, it can be written."""
    cells = [*parts, "end"]
    assert values(escaped(cells)) == cells


WORDS = st.text(alphabet=st.sampled_from("aB1é,;\"\\\n'– "), min_size=1, max_size=9).map(
    lambda text: clean(text).text.strip()
)
PEOPLE = st.sampled_from(["Quill, Ada", "Stone, Ben J.", "The Swan Institute", "van der Aa, Mei-Ling"])


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Any item that a table can say."""
    some: dict[str, object] = {
        key: draw(WORDS) or None for key in TEXTS if key not in {"title", "date", "language"}
    }
    some |= {key: tuple(filter(None, draw(st.lists(WORDS, max_size=3)))) for key in LISTS}
    some |= {key: tuple(map(name_of, draw(st.lists(PEOPLE, max_size=3)))) for key in NAMES}
    return Item(
        draw(WORDS.filter(bool)),
        draw(WORDS.filter(bool)),
        date=draw(st.sampled_from([None, "2020", "2020-02", "2020-02-29"])),
        language=draw(st.sampled_from([None, "eng"])),
        **some,  # type: ignore[arg-type]
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(items(), min_size=1, max_size=4), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, printed: list[Item], delimiter: str, end: str
) -> None:
    """Rows that csv.writer wrote of items are read as those items."""
    path = tmp_path_factory.mktemp("table") / "items.csv"
    keys = sorted(KEYS - {"deleted", "datestamp"})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
        writer.writerow(keys)
        for item in printed:
            row = []
            for key in keys:
                if key in NAMES:
                    row.append(escaped([name.name for name in getattr(item, key)]))
                elif key in LISTS:
                    row.append(escaped(list(getattr(item, key))))
                else:
                    row.append(getattr(item, key) or "")
            writer.writerow(row)
    found = list(read(path))
    assert [entry.item for entry in found if isinstance(entry, Entry)] == printed
    assert [problem for problem in found if isinstance(problem, Problem) and problem.rejected] == []


@settings(max_examples=60)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, headed: bool) -> None:  # noqa: FBT001
    """Reading raises nothing but Unreadable."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(HEADER.encode() + data if headed else data)
    looks_like(data)
    with contextlib.suppress(Unreadable):
        list(read(path))
