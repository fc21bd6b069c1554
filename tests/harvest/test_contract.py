"""The harvest contract, as a machine that does everything at random and never loses a change.

Adds, edits, tag changes, deletions, undeletions, crosswalk changes, touches, syncs that die at any
statement, clocks that jump; between them, harvesters of every kind take one page at a time. When
writing stops, one more harvest makes each mirror equal to the store. ``OAI_HISTORIES=2000`` tries more
histories than the few that every run of the tests has time for.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from lxml import etree
from sqlalchemy import event

from oai.formats import Format, Written
from tests.harvest.mirror import Harvester, Held, Mark, day_lines, truth
from tests.store.test_blocks import check_blocks
from tests.stores import Stores
from tests.workbench import Answer, temporary

TAGS = ["One", "Two", "Three"]
SETS = ["tag:one", "tag:two", "tag"]


class Killed(Exception):
    """Stands for a process that dies."""


class Contract(RuleBasedStateMachine):
    """See the module."""

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.patches = contextlib.ExitStack()
        self.bench = self.patches.enter_context(temporary(stores, page_size=2))
        self.items: dict[str, dict[str, Any]] = {}
        self.gone: dict[str, dict[str, Any]] = {}
        self.harvesters: list[tuple[Harvester, str | None]] = []
        self.clock = self.bench.now
        self.committed: dict[str, Any] = {}

    def ask(self, own_set: str | None, verb: str, **arguments: str) -> Answer:
        """Ask at the time that it is."""
        return self.bench.ask(verb, own_set, self.clock, **arguments)

    @initialize(records=st.sampled_from([1, 2, 3, 20]), page_size=st.integers(2, 5))
    def begin(self, records: int, page_size: int) -> None:
        """Let harvesters of every kind begin with an empty library, of pages and blocks of some size."""
        self.bench.settings = self.bench.settings.model_copy(update={"page_size": page_size})
        for module in ("blocks", "repository"):
            self.patches.enter_context(patch(f"oai.store.{module}.RECORDS_OF_BLOCK", records))
        self.bench.sync({"id": "first", "tags": TAGS}, at=self.clock)
        self.sync()
        for mark in Mark:
            self.harvesters += [(Harvester(partial(self.ask, None), mark), None)]
            self.harvesters += [(Harvester(partial(self.ask, "tag:one"), mark), "tag:one")]
        self.harvesters += [(Harvester(partial(self.ask, None), Mark.LAST_RESPONSE, prefix="oai_qdc"), None)]

    def sync(self) -> None:
        """Sync all items that there are."""
        self.bench.sync(*self.items.values(), at=self.clock, allow_mass_delete=True)

    @rule(
        local=st.sampled_from("abcdefg"),
        tags=st.lists(st.sampled_from(TAGS), unique=True),
        title=st.sampled_from(["A title", "Another"]),
    )
    def put(self, local: str, tags: list[str], title: str) -> None:
        """Add an item, or change what is said of it."""
        self.items[local] = {"id": local, "title": title, "tags": tags}

    @rule(local=st.sampled_from("abcdefg"))
    def remove(self, local: str) -> None:
        """Take an item away."""
        self.items.pop(local, None)

    @rule(seconds=st.sampled_from([0, 0, 1, 5, 3600, -1, -3600, 86_400, -86_400]))
    def time_passes(self, seconds: int) -> None:
        """Let time pass, or the clock jump."""
        self.clock += seconds

    @rule()
    def write(self) -> None:
        """Sync."""
        self.sync()

    @rule(statement=st.integers(1, 40))
    def write_and_die(self, statement: int) -> None:
        """Sync, and die at some statement."""

        def die(number: int) -> None:
            if number >= statement:
                raise Killed

        with contextlib.suppress(Killed), self.at_each_statement(die):
            self.sync()

    @rule(
        statement=st.integers(1, 25),
        index=st.integers(0, 6),
        pages=st.integers(1, 2),
        seconds=st.sampled_from([0, 1, 5, 3600, -3600]),
    )
    def write_while_someone_harvests(self, statement: int, index: int, pages: int, seconds: int) -> None:
        """Sync, and let time pass and a harvester take some pages in the midst of it."""

        def harvest(number: int) -> None:
            if number == statement:
                self.clock += seconds
                self.bench.now = self.clock
                self.harvest_a_little(index, pages)
                self.clock += 1
                self.bench.now = self.clock

        with self.at_each_statement(harvest):
            self.sync()
        self.clock = self.bench.now

    @contextlib.contextmanager
    def at_each_statement(self, action: Callable[[int], None]) -> Iterator[None]:
        """Call *action* before each statement of a writer, with its number."""
        numbers = itertools.count(1)

        def before(*_: object) -> None:
            action(next(numbers))

        engine = self.bench.database._writer
        event.listen(engine, "before_cursor_execute", before)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", before)

    @rule(version=st.integers(1, 3))
    def another_crosswalk(self, version: int) -> None:
        """Change what the crosswalk of one format makes of every item."""
        known = self.bench.library.formats
        old: Format = known["oai_qdc"]
        crosswalk: Callable[..., Any] = known["oai_dc"].crosswalk

        def changed(item: Any, page: str, context: Any) -> Any:
            made = original(item, page, context)
            root = etree.fromstring(made.xml) if isinstance(made, Written) else made
            root[0].text = f"{version} {root[0].text}"
            return root

        original = getattr(old.crosswalk, "original", old.crosswalk)
        changed.original = original  # type: ignore[attr-defined]
        del crosswalk
        formats = dict(known) | {"oai_qdc": replace(old, version=100 + version, crosswalk=changed)}
        self.bench.library = replace(self.bench.library, formats=formats)

    @rule(prefix=st.sampled_from([None, "oai_dc", "oai_qdc"]), everything=st.booleans())
    def touch(self, prefix: str | None, *, everything: bool) -> None:
        """Touch records."""
        self.bench.touch(prefix, None if everything else "tag", at=self.clock)

    @rule(index=st.integers(0, 6), pages=st.integers(1, 3))
    def harvest_a_little(self, index: int, pages: int) -> None:
        """Let a harvester take a page or two."""
        for _ in range(pages):
            self.harvesters[index][0].step()

    @rule(index=st.integers(0, 6))
    def give_up(self, index: int) -> None:
        """Let a harvester lose its place, and begin again from its last mark."""
        self.harvesters[index][0].forget_list()

    def teardown(self) -> None:
        """When writing stops, one more harvest makes every mirror equal to the store."""
        try:
            self.sync()
            for harvester, own_set in self.harvesters:
                harvester.harvest()
                harvester.harvest()
                expected = truth(partial(self.ask, own_set), None, harvester.prefix)
                assert harvester.mirror == expected, (harvester.mark_by, own_set)
            self.check_truth()
            check_blocks(self.bench.database)
        finally:
            self.patches.close()

    def check_truth(self) -> None:
        """Compare the store with the source, and the lists of the sets with the whole."""
        found = truth(partial(self.ask, None))
        assert day_lines(found) == self.bench.day_lines()
        assert day_lines(truth(partial(self.ask, None), prefix="oai_qdc")) == self.bench.day_lines("oai_qdc")
        live = {name.rsplit(":", 1)[1] for name, held in found.items() if not held.deleted}
        assert live == {*self.items, "always-here"} if self.items else live <= {"always-here"}
        for spec in SETS:
            of_set: dict[str, Held] = truth(partial(self.ask, None), spec)
            own = truth(partial(self.ask, spec)) if self.bench.headers() and of_set else {}
            assert day_lines(of_set) == self.bench.day_lines(set_spec=spec)
            assert not own or day_lines(own) == self.bench.day_lines(own_set=spec)
            for name, held in of_set.items():
                assert found[name] == held
                assert own[name].deleted == held.deleted


def test_contract(stores: Stores) -> None:
    """See the module."""

    class OfThese(Contract):
        def __init__(self) -> None:
            super().__init__(stores)

    run_state_machine_as_test(
        OfThese,
        settings=settings(
            max_examples=int(os.environ.get("OAI_HISTORIES", "25")),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
