"""The harvest contract where each request may be answered by a copy of the store, of whatever age.

PostgreSQL's own replicas are tried in tests/store/test_replicas.py, in their own time. Here copies of a
SQLite store stand for them, which can be made at any moment: also in the midst of a change.
"""

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import event

from oai.repository import Behind
from oai.store.claims import Claims
from oai.store.database import Database
from tests.harvest.mirror import Harvester, Mark, truth
from tests.stores import SQLITE
from tests.workbench import Answer, Workbench, temporary

ROUNDS = int(os.environ.get("OAI_ROUNDS", "60"))


class Copies:
    """A store and copies of it that are behind, asked by turns."""

    def __init__(self, bench: Workbench, chance: random.Random) -> None:
        self.bench = bench
        self.chance = chance
        bench.database.claims = Claims()
        self.copies = [Database(f"sqlite:///{bench.directory}/{n}.sqlite") for n in range(2)]
        self.fallen_back = 0

    def copy(self, copy: Database) -> None:
        """Let a copy have all that is committed by now."""
        copy.dispose()
        assert copy.path
        with (
            closing(sqlite3.connect(self.bench.directory / "oai.sqlite")) as store,
            closing(sqlite3.connect(copy.path)) as target,
        ):
            store.backup(target)

    def sync(self, titles: dict[str, str]) -> None:
        """Let the store change, and a copy be made before some statement of that, or none."""
        before = self.chance.randint(1, 60)
        numbers = iter(range(1, 10_000))

        def look(*_: object) -> None:
            if next(numbers) == before:
                self.copy(self.chance.choice(self.copies))

        engine = self.bench.database._writer
        event.listen(engine, "before_cursor_execute", look)
        try:
            items = ({"id": name, "title": title} for name, title in titles.items())
            self.bench.sync(*items, at=self.bench.now, allow_mass_delete=True)
        finally:
            event.remove(engine, "before_cursor_execute", look)

    def ask(self, verb: str, **pairs: str) -> Answer:
        """Ask the store or a copy, and the store if the copy is too far behind."""
        try:
            self.bench.replica = self.chance.choice([*self.copies, None])
            return self.bench.ask(verb, None, None, **pairs)
        except Behind:
            self.fallen_back += 1
            self.bench.replica = None
            return self.bench.ask(verb, None, None, **pairs)
        finally:
            self.bench.replica = None


@pytest.fixture
def copies() -> Iterator[Copies]:
    """Give a store, and copies of it."""
    with temporary(SQLITE, page_size=2) as bench:
        copies = Copies(bench, random.Random(int(os.environ.get("OAI_SEED", "1"))))
        for copy in copies.copies:
            copies.copy(copy)
        yield copies
        for copy in copies.copies:
            copy.dispose()


def test_mirrors_miss_nothing(copies: Copies) -> None:
    """Whoever answers, one more harvest makes the mirror equal to the store when writing stops."""
    chance, bench = copies.chance, copies.bench
    titles = dict.fromkeys("abcdefgh", "A title")
    harvesters = [Harvester(copies.ask, mark) for mark in Mark for _ in range(2)]
    for number in range(ROUNDS):
        if chance.random() < 0.7:
            titles[chance.choice("abcdefgh")] = f"Title {number}"
            titles.pop(chance.choice("abcdefgh"), None)
            bench.now += chance.choice([0, 1, 5])
            copies.sync(titles)
        bench.now += chance.choice([0, 1, 5])
        if chance.random() < 0.4:
            copies.copy(chance.choice(copies.copies))
        for harvester in chance.sample(harvesters, 3):
            harvester.step()
        if chance.random() < 0.1:
            chance.choice(harvesters).forget_list()
        if number % 20 == 0:
            check(copies, harvesters)
    check(copies, harvesters)
    assert copies.fallen_back > ROUNDS / 10


def check(copies: Copies, harvesters: list[Harvester]) -> None:
    """Let all copies catch up, and all harvesters too."""
    for copy in copies.copies:
        copies.copy(copy)
    expected = truth(copies.bench.ask)
    for harvester in harvesters:
        harvester.harvest()
        harvester.harvest()
        assert harvester.mirror == expected, harvester.mark_by
