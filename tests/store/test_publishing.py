"""Publishing: no change comes to light with a datestamp older than a responseDate given out before."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, select, update

from oai.protocol import datestamp
from oai.store.horizon import horizon
from oai.store.publishing import publishing
from oai.store.schema import RepositoryRow
from tests.workbench import START, Workbench


class Clock:
    """A clock that is told what time it is, and by whom it was asked."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        """Return the time."""
        return self.now


def mark(bench: Workbench, now: int) -> str:
    """Return the responseDate of a list that is asked for at *now*."""
    return bench.ask("ListIdentifiers", at=now, metadataPrefix="oai_dc").response_date


def test_response_dates_wait_for_a_change_that_is_being_written(bench: Workbench) -> None:
    """While a change is written, every responseDate is at most its datestamp; then they go on."""
    bench.sync({"id": "a"}, at=START)
    clock = Clock(START + 100)
    with publishing(bench.database, clock) as publication:
        clock.now += 1000
        assert publication.stamp == START + 100
        assert mark(bench, START + 1100) == "2026-01-01T00:01:40Z"
        empty = bench.ask(
            "ListIdentifiers", at=START + 1100, metadataPrefix="oai_dc", from_="2026-01-01T00:01:40Z"
        )
        assert empty.codes == ["noRecordsMatch"]
        assert empty.response_date == "2026-01-01T00:01:40Z"
    assert mark(bench, START + 1100) == "2026-01-01T00:18:20Z"


def test_the_clock_is_read_after_the_hold_is_set(bench: Workbench) -> None:
    """A writer that pauses before it holds responseDates back does not stamp with the time before."""
    bench.sync({"id": "a"}, at=START)
    marks: list[str] = []

    class Slow(Clock):
        def __call__(self) -> int:
            before = self.now
            # A harvester comes and goes while the writer is anywhere at all.
            self.now += 50
            marks.append(mark(bench, self.now))
            return before

    clock = Slow(START + 100)
    with publishing(bench.database, clock) as publication:
        stamp = publication.stamp
    assert len(marks) >= 2
    assert all(each <= f"2026-01-01T00:{stamp // 60 % 60:02}:{stamp % 60:02}Z" for each in marks), (
        marks,
        stamp - START,
    )


def test_a_change_that_fails_lifts_the_hold(bench: Workbench) -> None:
    """A publication that raises leaves no record, and holds nobody back."""
    bench.sync({"id": "a"}, at=START)
    with pytest.raises(RuntimeError), publishing(bench.database, Clock(START + 100)):
        raise RuntimeError
    assert mark(bench, START + 1000) == "2026-01-01T00:16:40Z"


def _die_while_publishing(directory: Path, url: str) -> None:
    bench = Workbench(directory, database_url=url)

    class Fatal:
        def begin(self, what: str, total: int) -> None:  # noqa: ARG002
            """Die when the first record is about to be written."""
            if what == "Writing records":
                os.kill(os.getpid(), signal.SIGKILL)

        def advance(self, by: int) -> None:
            """Never come here."""

    from oai.sources.files import find_source  # noqa: PLC0415 - in a process of its own
    from oai.sync import sync  # noqa: PLC0415

    path = bench.write({"id": "b"})
    sync(bench.database, bench.library, [find_source(str(path))], clock=lambda: START + 100, progress=Fatal())


def test_a_writer_that_is_killed(bench: Workbench) -> None:
    """After a kill the store is as before, responseDates stay honest, and the next sync completes."""
    bench.sync({"id": "a"}, at=START)
    before = bench.headers()
    process = multiprocessing.get_context("spawn").Process(
        target=_die_while_publishing, args=(bench.directory, bench.settings.database_url)
    )
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert bench.headers() == before
    assert mark(bench, START + 1000) == "2026-01-01T00:01:40Z"
    report = bench.sync({"id": "b"}, at=START + 2000)
    assert (report.added, report.deleted) == (1, 1)
    assert mark(bench, START + 3000) == "2026-01-01T00:50:00Z"


def test_serials_rise_with_every_change(bench: Workbench) -> None:
    """What is committed later stands behind every position given out before, within the same second too."""
    bench.sync({"id": "a"}, {"id": "b"}, at=START)
    bench.settings = bench.settings.model_copy(update={"page_size": 1})
    first = bench.ask("ListIdentifiers", metadataPrefix="oai_dc")
    assert first.identifiers == ["a"]
    bench.sync({"id": "a", "title": "Changed"}, {"id": "b"}, at=START)
    rest: list[str] = []
    token = first.token
    while token:
        page = bench.ask("ListIdentifiers", token=token)
        rest += page.identifiers
        token = page.token
    assert rest == ["b", "always-here", "a"]


@pytest.fixture
def state(bench: Workbench) -> Callable[[], Any]:
    """Return what reads the row of the repository."""

    def read() -> Any:
        with bench.database.reading() as connection:
            return connection.execute(select(RepositoryRow)).one()

    return read


def test_who_writes_is_known(bench: Workbench, state: Callable[[], Any]) -> None:
    """While somebody writes, the store says who, and afterwards nobody does."""
    with publishing(bench.database, Clock()):
        assert str(os.getpid()) in state().writer
    assert state().writer is None
    assert state().publishing_since is None


def test_a_clock_that_goes_back_behind_what_was_held_back(bench: Workbench) -> None:
    """What was given out while a change was written counts, whether that writer failed or was killed."""
    for end in (RuntimeError, KeyboardInterrupt):
        bench.sync({"id": "a", "title": "Before"}, at=START)
        given: list[str] = []
        with suppress(end), publishing(bench.database, Clock(START + 100)):
            given.append(mark(bench, START + 1000))
            raise end
        assert given == ["2026-01-01T00:01:40Z"]
        bench.sync({"id": "a", "title": "After"}, at=START + 10)
        assert "a" in bench.headers(from_=given[0])
    with bench.database.alone() as connection:  # as a writer leaves it that is killed
        connection.execute(update(RepositoryRow).values(publishing_since=START + 500))
    last = mark(bench, START + 1000)
    bench.sync({"id": "a", "title": "At last"}, at=START + 20)
    assert last == "2026-01-01T00:08:20Z"
    assert "a" in bench.headers(from_=last)


def test_a_writer_that_comes_between(bench: Workbench) -> None:
    """Another writer that publishes after responseDates were held back does not let go what another needs."""
    bench.sync({"id": "a"}, at=START)
    other = bench.again()
    alone = bench.database.alone
    calls = 0

    @contextmanager
    def interrupted(*given: Any) -> Iterator[Connection]:
        nonlocal calls
        calls += 1
        if calls == 2:
            other.sync({"id": "b"}, at=START + 5, allow_mass_delete=True)
            assert mark(bench, START + 500) == "2026-01-01T00:08:20Z"
        with alone(*given) as connection:
            yield connection

    with (
        patch.object(bench.database, "alone", interrupted),
        publishing(bench.database, Clock(START + 100)) as publication,
    ):
        assert publication.stamp >= START + 500
        assert mark(other, START + 9000) == "2026-01-01T00:08:20Z"
    assert calls == 4
    assert mark(bench, START + 9000) == "2026-01-01T02:30:00Z"


def test_a_snapshot_claims_no_more_than_it_shows(bench: Workbench) -> None:
    """A responseDate for what was read before a change is not later than that change."""
    bench.sync({"id": "a"}, at=START)
    before = mark(bench, START + 10)
    with bench.database.snapshot() as connection:
        assert connection.scalar(select(RepositoryRow.last_serial))
        bench.again().sync({"id": "a", "title": "Changed"}, at=START + 100)
        found = horizon(bench.database, connection, START + 200)
    assert datestamp.write(found.complete_until) == before


@pytest.mark.parametrize("jump", [1, 3_600, 86_400])
def test_a_clock_that_was_ahead_for_a_while(bench: Workbench, jump: int) -> None:
    """A mark that was taken while the clock was ahead misses nothing after it was put right."""
    bench.sync({"id": "a"}, at=START)
    ahead = mark(bench, START + 100 + jump)
    bench.sync({"id": "a", "title": "Changed"}, at=START + 101)
    assert "a" in bench.headers(from_=ahead)
    assert mark(bench, START + 102) == "2026-01-01T00:01:42Z"


def test_a_response_date_that_cannot_be_claimed(bench: Workbench) -> None:
    """Where the claim cannot be written, the response says no more than the last one did."""
    bench.sync({"id": "a"}, at=START)
    first = mark(bench, START + 100)
    with bench.database.writing() as connection:
        connection.execute(update(RepositoryRow).values(writer="somebody"))
        assert mark(bench, START + 200) == first
    assert mark(bench, START + 200) > first
