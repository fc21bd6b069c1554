"""What a page costs: a constant number of statements, each along an index."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import event

from oai.protocol.model import Selection
from oai.store.prepared import Prepared
from oai.store.repository import DIGESTS
from tests.stores import sqlite_only
from tests.workbench import Workbench


@contextmanager
def statements(bench: Workbench) -> Iterator[list[tuple[str, object]]]:
    """Give the statements that are run meanwhile, with their parameters."""
    found: list[tuple[str, object]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        found.append((statement, parameters))

    def bound(self: Prepared, *given: Any) -> tuple[str, Any]:
        found.append(prepare(self, *given))
        return found[-1]

    prepare = Prepared.bound
    event.listen(bench.database._reader, "before_cursor_execute", note)
    try:
        with patch.object(Prepared, "bound", bound):
            yield found
    finally:
        event.remove(bench.database._reader, "before_cursor_execute", note)


@pytest.fixture
def full(bench: Workbench) -> Workbench:
    """Return a library with 450 items, in a set, half of which have left another one."""
    bench.sync(*({"id": f"i{n:03}", "tags": ["T", "U"]} for n in range(450)))
    bench.sync(*({"id": f"i{n:03}", "tags": ["T", *(["U"] if n % 2 else [])]} for n in range(450)))
    return bench


LISTS = [
    (None, {}),
    (None, {"from_": "2026-01-01"}),
    (None, {"from_": "2026-01-01T00:00:01Z", "until": "2026-01-01T10:00:00Z"}),
    (None, {"set": "tag:t"}),
    (None, {"set": "tag:u", "from_": "2026-01-01"}),
    ("tag:u", {}),
]


@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
@pytest.mark.parametrize(("own_set", "arguments"), LISTS)
def test_a_page_of_200_costs_what_one_of_10_costs(
    full: Workbench, verb: str, own_set: str | None, arguments: dict[str, str]
) -> None:
    """The number of statements does not depend on how many records a page has, nor on its depth.

    But for two or three more where blocks have lost many of their records, as here.
    """
    counts: dict[int, list[int]] = {}
    for size in (10, 200):
        full.settings = full.settings.model_copy(update={"page_size": size})
        full.harvest(verb, own_set, **arguments)  # what is looked up once is known after this
        counts[size] = []
        answer = None
        for _ in range(2):
            with statements(full) as found:
                given = {"token": answer.token or ""} if answer else {"prefix": "oai_dc", **arguments}
                answer = full.ask(verb, own_set, None, **given)
            counts[size].append(len(found))
    assert all(many - few in (0, 1, 2) for few, many in zip(counts[10], counts[200], strict=True))
    assert max(counts[200]) <= 9
    assert counts[200][1] <= 5


@sqlite_only
@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
@pytest.mark.parametrize(("own_set", "arguments"), LISTS)
def test_pages_are_read_along_an_index(
    full: Workbench, verb: str, own_set: str | None, arguments: dict[str, str]
) -> None:
    """A page is entered at its position, among records of one datestamp too, and is never sorted."""
    steps: list[str] = []
    with statements(full) as found:
        first = full.ask(verb, own_set, None, **{"prefix": "oai_dc", **arguments})
        full.ask(verb, own_set, token=first.token or "")
    with full.database.reading() as connection:
        for statement, parameters in found:
            given = tuple(parameters) if isinstance(parameters, list) else parameters
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]
            steps += [str(step) for *_, step in plan]
    assert any("(datestamp,serial)>(?,?)" in step for step in steps)
    for step in steps:
        assert "TEMP B-TREE" not in step
        assert not any(step == f"SCAN {table}" for table in ("record", "placement", "item"))


def test_pages_are_limited_in_bytes(bench: Workbench) -> None:
    """A page ends where its records get too large; a record that is larger by itself comes alone."""
    bench.settings = bench.settings.model_copy(update={"page_size": 100, "page_bytes": 10_000})
    sizes = [10, 10, 3000, 3000, 3000, 50_000, 10, 10]
    bench.sync(*({"id": f"i{n}", "description": "x " * (size // 2)} for n, size in enumerate(sizes)))
    pages = bench.harvest("ListRecords")
    assert [local for page in pages for local in page.identifiers] == [
        *(f"i{n}" for n in range(8)),
        "always-here",
    ]
    assert [len(page.identifiers) for page in pages] == [4, 1, 1, 3]


def test_an_inventory_reads_few_blocks_at_once(full: Workbench) -> None:
    """However small the part of each block that is in a set, memory is that of few blocks."""
    blocks: list[int] = []
    rows = Prepared.rows

    def counted(self: Prepared, *given: Any, **values: Any) -> list[Any]:
        found = rows(self, *given, **values)
        blocks.append(sum(row[-1] is not None for row in found))
        return found

    with full.database.reading() as connection, patch.object(Prepared, "rows", counted):
        repository = full.repository(connection, None, full.now)
        for set_spec, size in (("tag:t", 450), (None, 451)):
            found = list(repository.digests(Selection("oai_dc", set_spec=set_spec)))
            assert len(found) == len(set(found)) == size
    assert 0 < max(blocks) <= DIGESTS < size
