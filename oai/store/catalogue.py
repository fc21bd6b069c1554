"""What the pages for people ask of the store: single items, sets, and shelves of items.

It is opened for one request with a connection of its caller's and only reads. A page costs a
fixed number of statements, whatever its depth: a shelf is a stretch of an index, read backwards
from a position, so that what changed last comes first. The records of oai_dc, which
every item has, give its datestamp and its place.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import ColumnElement, Connection, Select, case, func, select, tuple_

from oai.protocol.model import Position, Set
from oai.store.packing import Packing
from oai.store.queries import END
from oai.store.schema import (
    EVERYTHING,
    ContributionRow,
    FileRow,
    FormatRow,
    ItemRow,
    PlacementRow,
    RecordRow,
    Scope,
    SetRow,
    TallyRow,
)
from oai.store.tallies import total

SCANNED = 1000
"""Places that are looked at for one shelf: a long row of tombstones makes it short, not slow."""

_PREFIX = "oai_dc"
_BEGINNING = Position(END, END)  # of what is read backwards


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as the catalogue has it.

    ``said`` is what each file says of it, as its reader wrote it; ``sets`` are those that it is in,
    without their parents. Both are empty for a deleted one.
    """

    local: str
    datestamp: int
    deleted: bool
    said: tuple[bytes, ...] = ()
    sets: tuple[Set, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """A stretch of a list of live items, newest first; ``next`` is where it was left, if more may follow."""

    entries: Sequence[Entry]
    next: Position | None


@dataclass(frozen=True, slots=True)
class SetList:
    """A stretch of the sets below a parent, in the order of setSpec; ``next`` is the setSpec that follows."""

    sets: Sequence[Set]
    next: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is: live records, sets that have any below each parent, and the newest datestamp."""

    records: int
    sets: dict[str, int]
    newest: int | None


class Catalogue:
    """The store as the pages see it; a set without live items is not listed, but still there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def _unpack(self) -> Callable[[bytes], bytes]:
        return Packing.of(self._connection).unpack

    def figures(self) -> Figures:
        """Return how much there is."""
        live = total(TallyRow.records - TallyRow.deleted)
        records = self._connection.scalar(
            select(live).where(TallyRow.set_id == EVERYTHING, TallyRow.format_id == self._format_id)
        )
        newest = self._connection.scalar(
            select(RecordRow.datestamp)
            .where(RecordRow.format_id == self._format_id)
            .order_by(RecordRow.datestamp.desc())
            .limit(1)
        )
        # "tag:children" is below "tag"; what stands before the colon is the parent.
        parent = case(*((_below(above), above) for above in PARENTS))
        sets = select(parent, func.count()).where(SetRow.members > 0, parent.is_not(None)).group_by(parent)
        counts = dict.fromkeys(PARENTS, 0) | dict(self._connection.execute(sets).all())
        return Figures(records or 0, counts, newest)

    def entry(self, local: str) -> Entry | None:
        """Return the item with this local identifier, or None where there is no record of it."""
        # One statement, so that all of it is of one moment: a live item is never without words.
        query = (
            select(ItemRow.id, ItemRow.deleted, RecordRow.datestamp, ContributionRow.content)
            .join(RecordRow, RecordRow.item_id == ItemRow.id)
            .outerjoin(ContributionRow, ContributionRow.item_id == ItemRow.id)
            .outerjoin(FileRow, FileRow.id == ContributionRow.file_id)
            .where(ItemRow.local == local, RecordRow.format_id == self._format_id)
            .order_by(FileRow.source_id, FileRow.name)
        )
        rows = self._connection.execute(query).all()
        if not rows:
            return None
        item_id, deleted, datestamp, _ = rows[0]
        if deleted:
            return Entry(local, datestamp, deleted=True)
        said = tuple(self._unpack(row.content) for row in rows if row.content is not None)
        return Entry(local, datestamp, deleted=False, said=said, sets=self._sets_of(item_id))

    def _sets_of(self, item_id: int) -> tuple[Set, ...]:
        query = (
            select(SetRow.spec, SetRow.name, SetRow.members)
            .join(PlacementRow, PlacementRow.set_id == SetRow.id)
            .where(
                PlacementRow.item_id == item_id,
                PlacementRow.format_id == self._format_id,
                PlacementRow.scope == Scope.BOTH,
            )
            .order_by(SetRow.spec)
        )
        return tuple(Set(*row) for row in self._connection.execute(query) if ":" in row[0])

    def set_(self, spec: str) -> Set | None:
        """Return a set, or None where there never was one."""
        row = self._connection.execute(_SETS.where(SetRow.spec == spec)).one_or_none()
        return Set(*row) if row else None

    def sets(self, parent: str, start: str, limit: int) -> SetList:
        """Return at most *limit* sets below *parent*, from the setSpec *start* on."""
        query = _SETS.where(SetRow.spec >= start, _below(parent), SetRow.members > 0)
        rows = self._connection.execute(query.order_by(SetRow.spec).limit(limit + 1)).all()
        return SetList([Set(*row) for row in rows[:limit]], rows[limit][0] if len(rows) > limit else None)

    def most_used(self, parent: str, limit: int) -> Sequence[Set]:
        """Return the sets below *parent* that have most items."""
        query = _SETS.where(_below(parent), SetRow.members > 0)
        query = query.order_by(SetRow.members.desc(), SetRow.spec).limit(limit)
        return [Set(*row) for row in self._connection.execute(query)]

    def initials(self, parent: str) -> Sequence[str]:
        """Return the characters that the slugs of the sets below *parent* begin with."""
        initial = func.substr(SetRow.spec, len(parent) + 2, 1)
        query = select(initial).where(_below(parent), SetRow.members > 0).distinct()
        return sorted(self._connection.scalars(query))

    def shelf(self, set_spec: str | None, after: Position | None, limit: int) -> Shelf:
        """Return at most *limit* live items of a set, or of the library, behind *after*, newest first."""
        places = self._places(set_spec, after or _BEGINNING).limit(SCANNED)
        found: list[tuple[int, str, int]] = []
        seen = 0
        position: Position | None = None
        more = False
        for datestamp, serial, item_id, local, deleted in self._connection.execute(places):
            seen += 1
            if not deleted and len(found) == limit:
                more = True
                break
            position = Position(datestamp, serial)
            if not deleted:
                found.append((item_id, local, datestamp))
        said = self._said([item_id for item_id, *_ in found])
        # One that was deleted between the two statements has nothing left to show.
        entries = [
            Entry(local, datestamp, deleted=False, said=tuple(said[item_id]))
            for item_id, local, datestamp in found
            if item_id in said
        ]
        return Shelf(entries, position if more or seen == SCANNED else None)

    def _places(self, set_spec: str | None, after: Position) -> Select[int, int, int, str, bool | None]:
        """Select datestamp, serial, item, local identifier and deletion behind *after*, newest first."""
        table: type[RecordRow | PlacementRow] = RecordRow if set_spec is None else PlacementRow
        query = (
            select(table.datestamp, table.serial, table.item_id, ItemRow.local, ItemRow.deleted)
            .join(ItemRow, ItemRow.id == table.item_id)
            .where(table.format_id == self._format_id, tuple_(table.datestamp, table.serial) < tuple_(*after))
            .order_by(table.datestamp.desc(), table.serial.desc())
        )
        if set_spec is not None:
            # Asked first: without it PostgreSQL takes each set for one of usual size, and sorts all of it.
            set_id = self._connection.scalar(select(SetRow.id).where(SetRow.spec == set_spec))
            query = query.where(PlacementRow.set_id == set_id, PlacementRow.scope == Scope.BOTH)
        return query

    def _said(self, item_ids: Collection[int]) -> dict[int, list[bytes]]:
        """Return what is said of items, in the order of sources and files."""
        query = (
            select(ContributionRow.item_id, ContributionRow.content)
            .join(FileRow, FileRow.id == ContributionRow.file_id)
            .where(ContributionRow.item_id.in_(item_ids))
            .order_by(FileRow.source_id, FileRow.name)
        )
        found: defaultdict[int, list[bytes]] = defaultdict(list)
        for item_id, packed in self._connection.execute(query):
            found[item_id].append(self._unpack(packed))
        return dict(found)

    @cached_property
    def _format_id(self) -> int:
        """The number of oai_dc; none has 0, which stands for it as long as nothing was published."""
        return self._connection.scalar(select(FormatRow.id).where(FormatRow.prefix == _PREFIX)) or 0


PARENTS = ("tag", "section")
"""The sets above all others (:data:`oai.sets.PARENTS`)."""

_SETS = select(SetRow.spec, SetRow.name, SetRow.members)


def _below(parent: str) -> ColumnElement[bool]:
    return SetRow.spec.startswith(f"{parent}:", autoescape=True)
