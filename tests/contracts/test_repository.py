"""What the provider asks of storage, of the repository in memory and the one in a database alike."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import pytest

from oai.compression import body
from oai.protocol import datestamp
from oai.protocol.model import Piece, Position, Selection, Set
from oai.repository import Repository
from oai.store.horizon import Horizon
from oai.store.repository import SqlRepository
from tests.memory import EARLIEST, Held, MemoryRepository
from tests.stores import SQLITE, Stores
from tests.workbench import START, Workbench, temporary

NAMESPACE = "library.example.org"
DAY = 86_400


def held(number: int, stamp: int, *tags: str, deleted: bool = False) -> Held:
    """Return a record of item *number*, *stamp* seconds after the beginning."""
    sets = tuple(f"tag:{tag}" for tag in tags)
    return Held(
        f"oai:{NAMESPACE}:{number}", EARLIEST + stamp, number, None if deleted else f"Title {number}", sets
    )


HELD = [
    held(1, 0, "a"),
    held(2, 0, "a", "b"),
    held(3, 5, "b", deleted=True),
    held(4, DAY - 1),
    held(5, DAY, "ab"),
    held(6, 3 * DAY + 7, "a"),
    held(7, 3 * DAY + 7, "a", deleted=True),
]
SETS = [Set("tag", "Tags", 4), Set("tag:a", "a", 3), Set("tag:ab", "ab", 1), Set("tag:b", "b", 1)]


class Opens(Protocol):
    """What gives a repository that holds some records."""

    def __call__(self, records: Sequence[Held]) -> AbstractContextManager[Repository]:
        """Give it."""


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opens(request: pytest.FixtureRequest) -> Opens:
    """Return what opens a repository of each kind."""
    if request.param == "memory":
        return lambda records: nullcontext(MemoryRepository(records, SETS if records else ()))
    stores = SQLITE if request.param == "sqlite" else request.getfixturevalue("postgresql")
    return lambda records: in_database(stores, records)


@contextmanager
def in_database(stores: Stores, records: Sequence[Held]) -> Iterator[Repository]:
    """Give a repository in a database that has taken *records* in from a source."""
    with temporary(stores, formats=("oai_dc",)) as bench:
        yield from filled(bench, records)


def filled(bench: Workbench, records: Sequence[Held]) -> Iterator[Repository]:
    """Yield the repository of a library that has taken *records* in."""
    lines = [
        {
            "id": each.identifier.rsplit(":", 1)[1],
            "tags": [spec.removeprefix("tag:") for spec in each.sets],
            "datestamp": datestamp.write(each.stamp),
        }
        | ({"deleted": True} if each.title is None else {"title": each.title})
        for each in records
    ]
    if lines:
        bench.sync_path(bench.write(*lines), at=START + 10 * DAY, keep_datestamps=True)
    with bench.database.reading() as connection:
        formats = [known.metadata_format() for known in bench.library.formats.values()]
        yield SqlRepository(connection, formats, NAMESPACE, 1_000_000, horizon=Horizon(START + 11 * DAY, 0))


def locals_of(pieces: Sequence[Piece]) -> list[int]:
    """Return the numbers of the items whose records are in these pieces."""
    return [
        int(number) for number in re.findall(rb"<identifier>[^<]*:(\d+)</identifier>", body(pieces, None))
    ]


def each_of(pieces: Sequence[Piece]) -> list[bytes]:
    """Return the elements in these pieces, one by one."""
    return re.findall(rb"<(?:record|header).*\n", body(pieces, None))


WINDOWS = [
    (Selection("oai_dc"), [1, 2, 3, 4, 5, 6, 7]),
    (Selection("oai_dc", from_=EARLIEST + 1), [3, 4, 5, 6, 7]),
    (Selection("oai_dc", until=EARLIEST), [1, 2]),
    (Selection("oai_dc", EARLIEST, EARLIEST), [1, 2]),
    (Selection("oai_dc", EARLIEST, EARLIEST + DAY - 1), [1, 2, 3, 4]),
    (Selection("oai_dc", EARLIEST + 5, EARLIEST + 3 * DAY + 6), [3, 4, 5]),
    (Selection("oai_dc", EARLIEST + DAY - 1, EARLIEST + 4 * DAY), [4, 5, 6, 7]),
    (Selection("oai_dc", set_spec="tag:a"), [1, 2, 6, 7]),
    (Selection("oai_dc", set_spec="tag:b"), [2, 3]),
    (Selection("oai_dc", set_spec="tag"), [1, 2, 3, 5, 6, 7]),
    (Selection("oai_dc", from_=EARLIEST + 1, set_spec="tag"), [3, 5, 6, 7]),
    (Selection("oai_dc", EARLIEST + 1, EARLIEST + DAY + 1, "tag"), [3, 5]),
    (Selection("oai_dc", set_spec="unknown"), []),
    (Selection("oai_dc", until=EARLIEST - 1), []),
    (Selection("oai_dc", from_=EARLIEST + 9 * DAY), []),
]


@pytest.mark.parametrize(("selection", "numbers"), WINDOWS)
def test_selections(opens: Opens, selection: Selection, numbers: list[int]) -> None:
    """A list has the records that from, until, set and format select, in order, and knows how many."""
    with opens(HELD) as repository:
        page = repository.page(selection, None, 100, headers_only=False)
        assert locals_of(page.pieces) == numbers
        assert page.next is None
        for limit in range(1, len(numbers)):
            page = repository.page(selection, None, limit, headers_only=True)
            assert page.complete_list_size == len(numbers)


@pytest.mark.parametrize(("selection", "numbers"), WINDOWS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_follow_each_other(opens: Opens, selection: Selection, numbers: list[int], limit: int) -> None:
    """Pages that follow each other's positions have the list between them, and the last has none."""
    with opens(HELD) as repository:
        found: list[int] = []
        position: Position | None = None
        while True:
            page = repository.page(selection, position, limit, headers_only=True)
            assert page.count <= limit
            found += locals_of(page.pieces)
            position = page.next
            if position is None:
                break
            last = repository.last_before(selection, position, headers_only=False)
            assert last is not None
            assert locals_of([last]) == found[-1:]
        assert found == numbers


def test_headers_are_records_without_their_metadata(opens: Opens) -> None:
    """The two lists differ in nothing but the metadata (§2.6)."""
    with opens(HELD) as repository:
        records = repository.page(Selection("oai_dc"), None, 100, headers_only=False).pieces
        headers = repository.page(Selection("oai_dc"), None, 100, headers_only=True).pieces
        found = [
            re.fullmatch(rb"<record>(<header.*</header>)(.*)</record>\n", record)
            for record in each_of(records)
        ]
        assert [match and match[1] + b"\n" for match in found] == each_of(headers)
        assert [match is not None and bool(match[2]) for match in found] == [
            each.title is not None for each in HELD
        ]


def test_one_record(opens: Opens) -> None:
    """A record by itself is the one of the list, deleted or not; what is unknown is None."""
    with opens(HELD) as repository:
        listed = repository.page(Selection("oai_dc"), None, 100, headers_only=False).pieces
        for each, record in zip(HELD, each_of(listed), strict=True):
            assert repository.record(each.identifier, "oai_dc") == record
        assert repository.record(HELD[0].identifier, "none") is None
        assert repository.record(f"oai:{NAMESPACE}:99", "oai_dc") is None
        assert repository.record(f"oai:{NAMESPACE}:%00", "oai_dc") is None
        assert repository.record("oai:other.example.org:1", "oai_dc") is None


def test_formats(opens: Opens) -> None:
    """oai_dc is always there, and an item has the formats of its records, deleted or not."""
    with opens(HELD) as repository:
        assert [known.prefix for known in repository.formats()] == ["oai_dc"]
        for each in HELD:
            assert [known.prefix for known in repository.formats_of(each.identifier) or ()] == ["oai_dc"]
        assert repository.formats_of(f"oai:{NAMESPACE}:99") is None
        assert repository.formats_of(f"oai:{NAMESPACE}:%00") is None
        assert repository.formats_of("nonsense") is None


@pytest.mark.parametrize("limit", [1, 2, 4, 9])
def test_sets(opens: Opens, limit: int) -> None:
    """Sets come in the order of setSpec, with names and members, and as many as are asked for."""
    with opens(HELD) as repository:
        found: list[Set] = []
        while True:
            page = repository.sets(found[-1].spec if found else "", limit)
            found += page.sets
            assert page.complete_list_size == len(SETS)
            if not page.more:
                break
        assert found == SETS
        assert [repository.has_set(spec) for spec in ("tag", "tag:a", "tag:c", "")] == [
            True,
            True,
            False,
            False,
        ]


def test_an_empty_repository(opens: Opens) -> None:
    """A repository without records answers everything, with nothing."""
    with opens([]) as repository:
        assert not repository.page(Selection("oai_dc"), None, 10, headers_only=False).pieces
        assert not repository.sets("", 10).sets
        assert repository.formats()
        assert repository.record("oai:x.example:1", "oai_dc") is None


def test_earliest_datestamp(opens: Opens) -> None:
    """No record is older than the earliest datestamp."""
    with opens(HELD) as repository:
        assert repository.earliest_datestamp() <= EARLIEST
