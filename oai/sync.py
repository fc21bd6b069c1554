"""The store made equal to the sources: items → changes, and what was rejected.

1. Every file that is new or has other bytes than last time is read (:mod:`oai.intake`).
2. An item of which something else is said now is put together from all that is said of it, its
   records are rendered and checked, and those that differ are published. An item of which nothing
   is said any more is deleted.

All of it is one publication (:mod:`oai.store.publishing`): harvesters see the whole or nothing,
and so does whoever finds the machine after a power cut.
"""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from oai.helpers import COLLECTED, WORTH, Helpers
from oai.intake import Finding, Fresh, Intake, Marks, Progress, Taken, chunks
from oai.item import Item, merged
from oai.library import Library
from oai.protocol.syntax import ancestors, is_set_spec
from oai.records import Rendered, Renderer
from oai.sets import PARENTS
from oai.sources import jsonl
from oai.sources.files import Source, SourceError
from oai.store.contributions import Contribution, Contributions, Standing
from oai.store.database import Database
from oai.store.publishing import MANY, Change, Outcome, Publication, publishing
from oai.store.queries import END
from oai.store.rows import know_rows
from oai.store.schema import ContributionRow, FormatRow, ItemRow, PlacementRow, RecordRow, Scope, SetRow

SPARED = 10
"""So many items a source may lose at once, whatever part of it they are."""

SPARED_PART = 0.2
"""Such a part of its items it may lose, however many they are."""


class _DryRun(Exception):
    """Ends a publication that was only tried."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator asks for beside the sources; see the ``oai sync`` command."""

    dry_run: bool = False
    allow_mass_delete: bool = False
    keep_datestamps: bool = False


@dataclass(slots=True)
class Report:
    """What became of a sync.

    ``items`` is filled by a dry run: file and line of each affected item, and what it was read as.
    """

    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    items: list[tuple[str, int, Item]] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many items, or whole files, could not be taken."""
        return sum(finding.rejected for finding in self.findings)

    def __str__(self) -> str:
        return (
            f"{self.added} added, {self.changed} changed, {self.deleted} deleted, "
            f"{self.unchanged} unchanged, {self.rejected} rejected"
        )


def sync(
    database: Database,
    library: Library,
    sources: Sequence[Source],
    *,
    clock: Callable[[], int],
    progress: Progress,
    options: Options | None = None,
    waiting: Callable[[], None] = lambda: None,
    accept: Callable[[Report], None] = lambda _: None,
    worth: int = WORTH,
) -> Report:
    """Make the store equal to *sources* and return what became of it.

    *accept* is called with the report before anything is committed; if it raises, nothing is. From
    *worth* items on there are helpers (:mod:`oai.helpers`).
    Raises :class:`oai.sources.files.SourceError` where a source cannot be read or would lose too
    much, and :class:`oai.store.database.StoreError` where the store cannot be written; either
    leaves the store as it was.
    """
    run = None
    try:
        with (
            _collecting_seldom(),
            Helpers(worth) as helpers,
            publishing(database, clock, waiting) as publication,
        ):
            run = Run(publication, library, options or Options(), progress, helpers)
            run.read(sources)
            run.publish()
            accept(run.report)
            if run.options.dry_run:
                raise _DryRun  # noqa: TRY301 - it rolls the publication back
    except _DryRun:
        pass
    assert run is not None
    return run.report


def touch(
    database: Database,
    library: Library,
    *,
    prefix: str | None,
    set_spec: str | None,
    clock: Callable[[], int],
    progress: Progress,
    waiting: Callable[[], None] = lambda: None,
    worth: int = WORTH,
) -> int:
    """Give records new datestamps, so that every harvester takes them again, and return how many moved.

    They are those of one format if *prefix* names one, and of one set if *set_spec* does. Records
    that a changed crosswalk makes anew are moved first, as a sync does. Raises SourceError for a
    format or a set that is not there.
    """
    if prefix is not None and prefix not in library.formats:
        raise SourceError(f"there is no format {prefix}; there are: {', '.join(library.formats)}")
    with (
        _collecting_seldom(),
        Helpers(worth) as helpers,
        publishing(database, clock, waiting) as publication,
    ):
        run = Run(publication, library, Options(), progress, helpers)
        run.publish()
        moved = run.report.changed
        items = _items_of(publication.connection, set_spec)
        progress.begin("Touching records", len(items) * len(library.formats))
        for format_prefix, number in run.format_ids.items():
            if prefix not in (None, format_prefix):
                continue
            for chunk in chunks(items):
                named = {item_id: library.identifier(local) for item_id, local in chunk}
                moved += publication.touch(number, named)
                progress.advance(len(chunk))
    return moved


def _items_of(connection: Connection, set_spec: str | None) -> Sequence[tuple[int, str]]:
    """Return number and local identifier of the items that have records; of a set, those that it lists."""
    query = select(ItemRow.id, ItemRow.local).where(ItemRow.deleted.is_not(None)).order_by(ItemRow.id)
    if set_spec is not None:
        named = select(SetRow.id).where(SetRow.spec == set_spec)
        set_id = connection.scalar(named) if is_set_spec(set_spec) else None
        if set_id is None:
            raise SourceError(f"there is no set {set_spec}")
        listed = select(PlacementRow.item_id).where(
            PlacementRow.set_id == set_id, PlacementRow.scope != int(Scope.BASE_URL)
        )
        query = query.where(ItemRow.id.in_(listed))
    return [(item_id, local) for item_id, local in connection.execute(query)]


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Look for garbage in circles less often: rows make none, and are many to look through."""
    threshold = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECTED, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)


class _Held(NamedTuple):
    """An item as the store has it; ``deleted`` is None as long as it has no records."""

    id: int
    local: str
    deleted: bool | None


class _Chunk(NamedTuple):
    """Items that are published together, and what is said of them."""

    items: Sequence[_Held]
    said: Mapping[int, Sequence[Contribution]]


class Run:
    """What one publication takes in, and what becomes of it."""

    def __init__(
        self,
        publication: Publication,
        library: Library,
        options: Options,
        progress: Progress,
        helpers: Helpers,
    ) -> None:
        self.options = options
        self.report = Report()
        self.format_ids: dict[str, int] = {}
        self._unrendered: set[str] = set()
        self._publication = publication
        self._connection = publication.connection
        self._library = library
        self._progress = progress
        self._renderer = Renderer(library)
        self._helpers = helpers if self._renderer.can_be_sent else Helpers(worth=sys.maxsize)
        self._moved: Counter[Outcome] = Counter()
        self._moved_here = 0
        self.contributions = Contributions(self._connection)
        self._intake = Intake(self.contributions, progress, publication.stamp, self._helpers)

    def read(self, sources: Sequence[Source]) -> None:
        """Take the sources in, and refuse what looks like an accident."""
        self._publication.settle_namespace(self._library.settings.namespace)
        if self.options.keep_datestamps and self._connection.scalar(select(RecordRow.item_id).limit(1)):
            raise SourceError("--keep-datestamps is for an empty store, and this one has records")
        self._settle_formats()
        in_another_order = self.options.dry_run or self.options.keep_datestamps
        if sum(len(source.files) for source in sources) == 1 and not in_another_order:
            self._intake.read(sources[0], self._renderer, self._publish_fresh)
        else:
            for source in sources:
                self._intake.read(source)
        self.report.findings = self._intake.findings
        if not self.options.allow_mass_delete:
            for taken in self._intake.taken:
                self._guard(taken)

    def _guard(self, taken: Taken) -> None:
        if lost := self.lost(taken.source_id, taken.dropped):
            raise SourceError(
                f"{taken.source.name}: {lost} items that it brought are no longer there;"
                " nothing was changed. If they are meant to be deleted, sync with --allow-mass-delete"
            )

    def lost(self, source_id: int, dropped: Marks) -> str | None:
        """Say how many items a source loses, "11 of the 41", where it is more likely to be broken."""
        if len(dropped) <= SPARED:
            return None
        doomed = sum(map(self._count_orphans, chunks(dropped)))
        had = self.contributions.live_items(source_id) + doomed
        return f"{doomed} of the {had}" if doomed > SPARED and doomed > SPARED_PART * had else None

    def _count_orphans(self, item_ids: Sequence[int]) -> int:
        """Return how many of these items nothing is said of any more, and are not deleted yet."""
        said = self.contributions.of_items(item_ids)
        held = {id_ for id_, each in said.items() if any(not jsonl.load(one.content).deleted for one in each)}
        orphans = set(item_ids) - held
        query = select(func.count(ItemRow.id)).where(ItemRow.id.in_(orphans), ItemRow.deleted.is_(False))
        return self._connection.scalar(query) or 0

    def publish(self) -> None:
        """Publish each item of which something else is said now, or whose records are made anew."""
        here = {taken.source_id for taken in self._intake.taken}
        moved_here = self.publish_affected(here)
        self.report.unchanged = self.contributions.count_items(here) - moved_here
        told = {finding.id for finding in self.report.findings if finding.rejected}
        for source, problem in self.contributions.unrendered():
            if problem.local not in told:
                self._tell(source, problem)

    def affect(self, item_ids: Iterable[int]) -> None:
        """Note that something else is said of items now."""
        self._intake.affected.update(item_ids)

    def publish_affected(self, here: Collection[int]) -> int:
        """Publish what is affected, and return how many items of the sources *here* are not as they were."""
        self._settle_formats()
        self._unrendered = {problem.local for _, problem in self.contributions.unrendered() if problem.local}
        count = len(self._intake.affected)
        if count >= MANY:
            know_rows(self._connection)
        self._progress.begin("Writing records", count)
        chunks_ = self._chunks(self._in_order())
        for chunk, rendered in self._helpers.map(self._renderer.render_all, chunks_, items=count):
            self._publish_chunk(chunk, rendered, here)
            self._progress.advance(len(chunk.items))
        self.report.added = self._moved["added"]
        self.report.changed = self._moved["changed"]
        self.report.deleted = self._moved["deleted"]
        return self._moved_here

    def _publish_fresh(self, fresh: Fresh) -> None:
        """Publish items that are new, as they are read."""
        _, source_id, source, file_id, file = fresh
        said = {
            item_id: [Contribution(each.content, source_id, source, file_id, file, each.line)]
            for item_id, each in fresh.entries.items()
        }
        items = [_Held(item_id, each.local, None) for item_id, each in fresh.entries.items()]
        rendered = [each.rendered for each in fresh.entries.values() if each.rendered]
        self._publish_chunk(_Chunk(items, said), rendered, {source_id})

    def _publish_chunk(self, chunk: "_Chunk", rendered: Iterable[Rendered], here: Collection[int]) -> None:
        outcome = self._publication.publish(list(self._changes(chunk, rendered)))
        self._moved.update(outcome.values())
        for item_id in outcome:
            for one in chunk.said.get(item_id, ()):
                if one.source_id in here:
                    self._moved_here += 1
                    break

    def _chunks(self, affected: Iterable[int]) -> "Iterator[tuple[_Chunk, list[list[bytes]]]]":
        """Yield the affected items, some at a time, each time with what is to be rendered of them."""
        for item_ids in chunks(affected):
            said = self.contributions.of_items(item_ids)
            query = select(ItemRow.id, ItemRow.local, ItemRow.deleted).where(ItemRow.id.in_(item_ids))
            held = {row.id: _Held(*row) for row in self._connection.execute(query)}
            chunk = _Chunk([held[id_] for id_ in item_ids], said)
            yield chunk, [[one.content for one in said[id_]] for id_ in item_ids if id_ in said]

    def _in_order(self) -> Iterable[int]:
        """Return the affected items as their records are to lie: in the order of lists."""
        if not self.options.keep_datestamps:
            return self._intake.affected
        return sorted(self._intake.affected, key=lambda item_id: self._intake.datestamp(item_id) or END)

    def _settle_formats(self) -> None:
        """Give the formats their numbers; one that makes other records than before affects all items."""
        stored = {
            row.prefix: row
            for row in self._connection.execute(select(FormatRow.prefix, FormatRow.id, FormatRow.fingerprint))
        }
        numbers = {prefix: row.id for prefix, row in stored.items()}
        for prefix in sorted(self._library.formats.keys() - numbers.keys()):
            numbers[prefix] = len(numbers) + 1
            self._connection.execute(
                insert(FormatRow).values(id=numbers[prefix], prefix=prefix, fingerprint="")
            )
        for prefix, number in numbers.items():
            served = prefix in self._library.formats
            fingerprint = self._library.fingerprint(prefix) if served else ""
            if prefix in stored and stored[prefix].fingerprint == fingerprint:
                continue
            self._connection.execute(
                update(FormatRow).where(FormatRow.id == number).values(fingerprint=fingerprint)
            )
            if served:
                said_of = select(ContributionRow.item_id).distinct()
                self._intake.affected.update(self._connection.scalars(said_of))
        self.format_ids = {prefix: numbers[prefix] for prefix in self._library.formats}
        self._publication.counted_format = self.format_ids["oai_dc"]

    def _changes(self, chunk: "_Chunk", rendered: Iterable[Rendered]) -> Iterator[Change]:
        """Yield what the items of a chunk are to be; *rendered* are those of which something is said."""
        made = iter(rendered)
        for item in chunk.items:
            if said := chunk.said.get(item.id):
                change = self._change(item, said, next(made))
                if change:
                    yield change
            elif item.deleted is not None:
                identifier = self._library.identifier(item.local)
                yield Change(item.id, identifier, None, was_deleted=item.deleted)

    def _change(self, held: _Held, said: Sequence[Contribution], rendered: Rendered) -> Change | None:
        item_id, local, was_deleted = held
        if self.options.dry_run:
            item = merged([jsonl.load(one.content) for one in said])
            self.report.items.append((said[0].file, said[0].line, item))
        sets = self._sets(rendered.sets)
        stamp = self._intake.datestamp(item_id) if self.options.keep_datestamps else None
        if local in self._unrendered:
            self.contributions.retry(local)
        if rendered.reason is not None:
            self._reject(said[0], local, rendered.reason)
            return None
        identifier = self._library.identifier(local)
        contents = rendered.contents
        if contents is None:
            tombstones = tuple(self.format_ids.values())
            return Change(item_id, identifier, None, sets, tombstones, stamp, was_deleted)
        numbered = {self.format_ids[prefix]: content for prefix, content in contents.items()}
        return Change(item_id, identifier, numbered, sets, (), stamp, was_deleted)

    def _sets(self, named: dict[str, str]) -> frozenset[int]:
        """Return the numbers of sets; where one of them is new, its parents are made before it."""
        try:
            return self._publication.set_ids(named)
        except KeyError:
            parents = {above for spec in named for above in ancestors(spec)}
            self._publication.add_sets({spec: PARENTS[spec] for spec in sorted(parents)} | named)
            return self._publication.set_ids(named)

    def _reject(self, said: Contribution, local: str, reason: str) -> None:
        done = "what was served of it before stays"
        problem = Standing(said.file, said.line, local, reason, done, rejected=True)
        self.contributions.add_problems(said.file_id, [problem], rendering=True)
        self._tell(said.source, problem)

    def _tell(self, source: str, problem: Standing) -> None:
        self.report.findings.append(
            Finding(
                source,
                problem.file,
                problem.line,
                problem.reason,
                problem.done,
                problem.rejected,
                problem.local,
            )
        )
