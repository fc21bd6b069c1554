"""Helpers: the same store as without them, and nothing left behind where one of them is lost."""

import json
import os
import signal
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oai.formats import oai_dc
from oai.helpers import DEPTH, Helper, HelperError, Helpers
from oai.sources.files import find_source
from oai.store import tallies
from oai.sync import Options, Report, sync
from tests.stores import Stores, contents
from tests.workbench import Quiet, Workbench

ITEMS: list[dict[str, Any]] = [
    {
        "id": f"item-{n}",
        "title": f"Łódź & <Title> {n}",
        "description": f"“One” {n}.\n\nTwo.",
        "creators": ["Doe, Jane"],
        "tags": [f"Tag {n % 7}", f"Tag {n % 13}"],
        "date": "2024-05-17" if n % 50 else "20222",
        "colour": "none",
    }
    for n in range(1300)
]


def processors() -> int:
    """Return how many processors there are: helpers are for two and more."""
    return len(os.sched_getaffinity(0))


pytestmark = pytest.mark.skipif(processors() == 1, reason="one processor has nobody to help")


def synced(bench: Workbench, path: Path, worth: int, **options: bool) -> Report:
    """Sync one file, with helpers from *worth* items on."""
    bench.now += 10
    return sync(
        bench.database,
        bench.library,
        [find_source(str(path))],
        clock=lambda: bench.now,
        progress=Quiet(),
        options=Options(**options),
        worth=worth,
    )


def content(bench: Workbench) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, but for the key that signs tokens and responseDates given out."""
    found = contents(bench.settings.database_url)
    found["repository"][0]["claimed"] = 0
    return {table: rows for table, rows in found.items() if table not in ("signing_key", "source")}


@pytest.fixture
def two(tmp_path: Path, stores: Stores) -> Iterator[tuple[Workbench, Workbench]]:
    """Give two libraries that are alike."""
    benches = Workbench(tmp_path / "one", stores), Workbench(tmp_path / "two", stores)
    yield benches
    for bench in benches:
        bench.close()


def test_the_store_is_the_same(two: tuple[Workbench, Workbench]) -> None:
    """What helpers make is what is made without them: rows, order, findings; at first and later."""
    changed = [{**item, "title": "Changed"} if n % 3 else item for n, item in enumerate(ITEMS) if n % 9]
    odd = [*ITEMS[:700], {"id": "item-5", "title": "Again"}, {"id": "no-title", "title": ""}, *ITEMS[700:]]
    for items in (odd, changed, ITEMS):
        reports = []
        for bench, worth in zip(two, (1, 1_000_000), strict=True):
            path = bench.directory / "items.jsonl"
            path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
            reports.append(synced(bench, path, worth))
        one, other = reports
        assert str(one) == str(other)
        assert [(each.line, each.reason, each.done) for each in one.findings] == [
            (each.line, each.reason, each.done) for each in other.findings
        ]
        assert content(two[0]) == content(two[1])


def test_a_past_of_many_days(two: tuple[Workbench, Workbench], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums that are written before they are many are those that are written at the end."""
    items = [item | {"datestamp": f"20{n % 20:02}-0{1 + n % 9}-01"} for n, item in enumerate(ITEMS)]
    for bench, many in zip(two, (100, tallies.MANY), strict=True):
        monkeypatch.setattr(tallies, "MANY", many)
        synced(bench, bench.write(*items), 1_000_000, keep_datestamps=True)
        assert len({row["day"] for row in content(bench)["tally"]}) == 180
    assert content(two[0]) == content(two[1])


@pytest.fixture
def brittle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stores: Stores
) -> Iterator[Callable[[Path], Workbench]]:
    """Install a format that cannot say everything, and survives less; give a library that offers it."""
    (tmp_path / "brittle.py").write_text(
        "import os, signal\n"
        "from dataclasses import replace\n"
        "from oai.formats.oai_dc import FORMAT as DC\n"
        "def crosswalk(item, page, context):\n"
        "    if 'unfit' in item.title:\n"
        "        raise ValueError('cannot be said')\n"
        "    if 'fatal' in item.title and os.getpid() != int(os.environ['SYNC']):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    if 'bug' in item.title:\n"
        "        raise ZeroDivisionError('a bug')\n"
        "    return DC.crosswalk(item, page, context)\n"
        "FORMAT = replace(DC, prefix='brittle', crosswalk=crosswalk)\n"
    )
    info = tmp_path / "brittle-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[oai.formats]\nbrittle = brittle:FORMAT\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("SYNC", str(os.getpid()))
    made: list[Workbench] = []

    def library(directory: Path) -> Workbench:
        made.append(Workbench(directory, stores, formats=("oai_dc", "brittle")))
        return made[-1]

    yield library
    for bench in made:
        bench.close()


def test_what_a_helper_cannot_render_is_rejected(
    brittle: Callable[[Path], Workbench], tmp_path: Path
) -> None:
    """An item of which a helper can make no record is rejected by file and line, as it is without helpers."""
    told = []
    for name, worth in (("one", 1), ("two", 1_000_000)):
        bench = brittle(tmp_path / name)
        path = bench.write(*ITEMS[:600], {"id": "bad", "title": "unfit"}, *ITEMS[600:])
        report = synced(bench, path, worth)
        assert (report.added, report.rejected) == (len(ITEMS), 1)
        told += [str(each) for each in report.findings if each.rejected]
        again = synced(bench, path, worth)
        assert (again.unchanged, again.rejected) == (len(ITEMS) + 1, 1)
    assert told == ["items.jsonl:601: brittle: cannot be said; what was served of it before stays"] * 2


@pytest.mark.parametrize(
    ("title", "error", "said"),
    [("fatal", HelperError, "killed by signal 9"), ("bug", ZeroDivisionError, "a bug")],
)
def test_a_helper_that_fails(
    brittle: Callable[[Path], Workbench], tmp_path: Path, title: str, error: type[Exception], said: str
) -> None:
    """A helper that is killed, or fails as it must not, leaves the store as it was, and no process."""
    bench = brittle(tmp_path / "library")
    synced(bench, bench.write(*ITEMS[:20]), 1_000_000)
    before = content(bench)
    others = children()
    path = bench.write(*ITEMS[:900], {"id": "bad", "title": title}, *ITEMS[900:])
    with pytest.raises(error, match=said):
        synced(bench, path, 1)
    assert content(bench) == before
    assert children() == others


def children() -> list[str]:
    """Return the processes that this one has started and that are still there."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def test_no_more_than_a_few_tasks_are_under_way() -> None:
    """Tasks are taken as results are, however many there are: memory does not grow with them."""
    taken = 0
    others = children()

    def tasks() -> Iterator[tuple[int, int]]:
        nonlocal taken
        for n in range(1000):
            taken += 1
            yield n, n

    with Helpers(worth=1) as helpers:
        results = helpers.map(abs, tasks(), items=1000)
        for n in range(500):
            assert next(results) == (n, n)
            assert taken <= n + 1 + DEPTH * processors()
    assert children() == others


def test_results_larger_than_a_pipe_holds() -> None:
    """Tasks and results that fill the pipe in both directions do not block each other."""
    tasks = [(n, bytes([n]) * 3_000_000) for n in range(20)]
    with Helpers(worth=1) as helpers:
        results = list(helpers.map(bytes.upper, iter(tasks), items=len(tasks)))
    assert results == [(n, task.upper()) for n, task in tasks]


def test_a_helper_that_is_killed_while_it_sends() -> None:
    """A result that is cut off is told like one that never began: by how the helper ended."""
    others = children()

    def tasks() -> Iterator[tuple[int, bytes]]:
        yield 0, bytes(50_000_000)
        assert helpers._helpers[0]._pipe.poll(60)
        for process in set(children()) - set(others):
            os.kill(int(process), signal.SIGKILL)

    with Helpers(worth=1) as helpers, pytest.raises(HelperError, match="killed by signal 9"):
        list(helpers.map(bytes.upper, tasks(), items=1))
    assert children() == others


def test_a_task_that_is_cut_off() -> None:
    """A helper whose program is killed while it sends ends as one does that was sent nothing, and is silent."""
    helper = Helper()
    os.write(helper._pipe.fileno(), struct.pack("!i", 1000) + b"the beginning")
    helper._pipe.close()
    assert helper._process.wait(60) == 0


def test_a_library_that_settings_do_not_describe(bench: Workbench) -> None:
    """Formats that were put together here are rendered here: no helper could know of them."""
    called = []

    def crosswalk(*arguments: Any) -> Any:
        called.append(arguments)
        return oai_dc.crosswalk(*arguments)

    bench.library = replace(bench.library, formats={"oai_dc": replace(oai_dc.FORMAT, crosswalk=crosswalk)})
    synced(bench, bench.write(*ITEMS[:10]), 1)
    assert len(called) == 10
