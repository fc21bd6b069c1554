"""Changes made visible to harvesters: stamped, written and committed, in this order.

The harvest contract's first point is kept here. No change may become visible with a datestamp
older than a responseDate that was given out before, or the harvester that has it as its mark
would never ask for it. So:

1. Whoever publishes first commits ``publishing_since``. From now on no responseDate is later than
   that, and none can be claimed (:mod:`oai.store.horizon`).
2. Only then, in a second transaction, it takes its datestamp: not earlier than ``publishing_since``,
   than any responseDate that was claimed before, than any datestamp before, and than the clock.
3. It writes everything with that datestamp, clears ``publishing_since``, and commits.

In each of the two transactions it is alone (:meth:`oai.store.database.Database.alone`), but not
between them: what keeps others out is the transaction's own, and so it can neither outlive a
connection nor be lost while something is still being written. A writer that comes between them may
have cleared ``publishing_since`` when the second one begins; then the first is done again. Where it
is set, whoever set it, it stays so until this one commits, since only who is alone changes it.

How long step 3 takes does not matter, nor where it is killed: then nothing has changed, and
``publishing_since`` stands until the next writer, which costs harvesters an overlap and nothing
else. Datestamps never run backwards, even where the clock does; serials rise with every change.
"""

import itertools
import os
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, case, insert, select, update

from oai import render
from oai.protocol import syntax
from oai.protocol.model import Content, Position
from oai.store import queries
from oai.store.batch import Batch
from oai.store.blocks import Blocks
from oai.store.cutting import Place
from oai.store.database import Database, StoreError
from oai.store.repository import refuse_other_namespace
from oai.store.rows import know_rows
from oai.store.schema import (
    EVERYTHING,
    PlacementRow,
    RecordRow,
    RepositoryRow,
    Scope,
    SetRow,
)
from oai.store.tallies import Line, Tallies

MANY = 1_000
"""So many records that change at once may change how a database reads them best."""


class Change(NamedTuple):
    """What an item is to be from now on.

    ``content`` is what its records say, by the number of the format; None for an item that is
    deleted, which then has a tombstone in the formats ``tombstones`` if it
    has no record yet. ``sets`` are the sets that it is in, without their parents; for a deleted
    one, those it is known to have been in besides. ``datestamp`` is given only for what is
    moved here with the datestamps it had elsewhere. ``was_deleted`` is what the item has been until
    now, None if it has no records yet.
    """

    item_id: int
    identifier: str
    content: Mapping[int, Content] | None
    sets: frozenset[int] = frozenset()
    tombstones: Sequence[int] = ()
    datestamp: int | None = None
    was_deleted: bool | None = None


Outcome = Literal["added", "changed", "deleted"]
"""What became of an item: one that returns after it was deleted is added."""


class _Old(NamedTuple):
    """A record as it stands; a deleted one has no digest."""

    datestamp: int
    serial: int
    digest: bytes
    block_id: int


class _Place(NamedTuple):
    """A row of ``placement``, without the format and the item it belongs to."""

    set_id: int
    scope: int
    datestamp: int
    serial: int


class _Move(NamedTuple):
    """A record that is not as it is to be: what it was, where it stood, and what it says from now on.

    ``stamp`` and ``header`` are the same for all records of an item.
    """

    change: Change
    old: _Old | None
    stand: Sequence[_Place]
    content: Content
    set_specs: bytes
    stamp: int
    header: bytes


@contextmanager
def publishing(
    database: Database, clock: Callable[[], int], waiting: Callable[[], None] = lambda: None
) -> "Iterator[Publication]":
    """Give a :class:`Publication`, committed at the end of the block, or without trace if it raises."""
    try:
        with (
            _held_back(database, clock, waiting) as connection,
            closing(Publication(connection, clock())) as publication,
        ):
            yield publication
            publication.finish()
        database.shrink_log()
    except BaseException:
        # Nothing was published, so nothing need be held back; where somebody else is writing by
        # now, or the database is out of reach, the next writer does it.
        with suppress(StoreError), database.alone(_give_way) as connection:
            connection.execute(_LET_GO)
        raise


@contextmanager
def _held_back(
    database: Database, clock: Callable[[], int], waiting: Callable[[], None]
) -> Iterator[Connection]:
    """Give a transaction that is alone, at whose beginning ``publishing_since`` is committed."""
    writer = f"process {os.getpid()} on {socket.gethostname()}"
    while True:
        with database.alone(waiting) as connection:
            since = _not_before(connection, clock())
            connection.execute(update(RepositoryRow).values(publishing_since=since, writer=writer))
        with database.alone(waiting) as connection:
            if connection.scalar(select(RepositoryRow.publishing_since)) is not None:
                yield connection
                return


def _give_way() -> None:
    raise StoreError("another one is writing")


def _not_before(connection: Connection, now: int) -> int:
    """Return *now*, or what must not be gone behind, where the clock is behind it."""
    last: int
    claimed: int
    since: int | None
    last, claimed, since = connection.execute(
        select(RepositoryRow.last_datestamp, RepositoryRow.claimed, RepositoryRow.publishing_since)
    ).one()
    return max(now, last, claimed, since or 0)


class Publication:
    """One change of the repository, however large, with one datestamp."""

    def __init__(self, connection: Connection, now: int) -> None:
        self.connection = connection
        row = connection.execute(select(RepositoryRow)).one()
        self.stamp = _not_before(connection, now)
        self._earliest = self.stamp
        self._serial: int = row.last_serial
        self._first_serial = self._serial
        self._set_ids = {spec: id_ for id_, spec in connection.execute(select(SetRow.id, SetRow.spec))}
        self._set_specs = {id_: spec for spec, id_ in self._set_ids.items()}
        # Asked for once or more for each item.
        self._parents_of = cache(self._find_parents)
        self._with_parents = lru_cache(maxsize=1000)(self._add_parents)
        self._element_of = cache(self._write_element)
        self._members: Counter[int] = Counter()
        self.counted_format = 1
        """The format by whose records the members of sets are counted; one that every item has."""
        self._tallies = Tallies()
        self._blocks = Blocks(connection)

    def settle_namespace(self, namespace: str) -> None:
        """Keep the namespace of the identifiers; raises StoreError if they were given in another one."""
        refuse_other_namespace(self.connection, namespace)
        self.connection.execute(update(RepositoryRow).values(namespace=namespace))

    def set_ids(self, specs: Iterable[str]) -> frozenset[int]:
        """Return the numbers of the sets with these setSpecs; raises KeyError where one is new."""
        return frozenset([self._set_ids[spec] for spec in specs])

    def add_sets(self, named: Mapping[str, str]) -> None:
        """Make the sets with these setSpecs and names, as far as they are new."""
        for spec, name in named.items():
            if spec not in self._set_ids:
                id_ = len(self._set_ids) + 1
                self.connection.execute(insert(SetRow).values(id=id_, spec=spec, name=name, members=0))
                self._set_ids[spec] = id_
                self._set_specs[id_] = spec

    def publish(self, changes: Sequence[Change]) -> dict[int, Outcome]:
        """Write those of *changes* that are any: a record that says the same keeps its datestamp.

        Returns what became of the items that are not as they were.
        """
        old = [change.item_id for change in changes if change.was_deleted is not None]
        records = self._records(old)
        places = self._places(old)
        batch = Batch()
        outcome: dict[int, Outcome] = {}
        moves: defaultdict[int, list[_Move]] = defaultdict(list)
        for change in changes:
            found = self._moves(change, records[change.item_id], places[change.item_id])
            for format_id, move in found.items():
                moves[format_id].append(move)
            if found:
                outcome[change.item_id] = self._note(change, places[change.item_id], batch)
        self._write_all(moves, batch)
        return outcome

    def touch(self, format_id: int, identifiers: Mapping[int, str]) -> int:
        """Give records a new datestamp though they say what they said, and return how many.

        *identifiers* are those of the items; what this publication has moved already stays.
        """
        query = select(*_OLD, RecordRow.item_id, *queries.LIES).where(
            RecordRow.format_id == format_id,
            RecordRow.item_id.in_(identifiers.keys()),
            RecordRow.serial <= self._first_serial,
        )
        places = self._places(list(identifiers))
        moves = []
        for row, xml in self._blocks.of(self.connection.execute(query.order_by(RecordRow.serial)).all()):
            old = _Old._make(row[:4])
            lies = Place(*row[5:])
            stand = places[row.item_id][format_id]
            sets = _is_in(stand)
            content = Content(lies.body(xml), old.digest)
            says = {format_id: content} if old.digest else None
            change = Change(row.item_id, identifiers[row.item_id], says, sets)
            head = render.header(change.identifier, self.stamp, deleted=says is None)
            moves.append(_Move(change, old, stand, content, lies.set_specs(xml), self.stamp, head))
        self._write_all({format_id: moves}, Batch())
        return len(moves)

    def _write_all(self, moves: Mapping[int, Sequence[_Move]], batch: Batch) -> None:
        """Write records where they stand from now on, format by format."""
        gone: defaultdict[int, set[int]] = defaultdict(set)
        for move in itertools.chain.from_iterable(moves.values()):
            if move.old:
                gone[move.old.block_id].add(move.old.serial)
        self._blocks.take_out(gone)
        for format_id in sorted(moves):
            for move in moves[format_id]:
                self._write(format_id, move, batch)
        batch.write(self.connection)
        if self._tallies.are_many:
            self._tallies.write(self.connection)

    def finish(self) -> None:
        """Write the counters and lift the hold on responseDates."""
        self._blocks.flush()
        self._tallies.write(self.connection)
        if self._serial - self._first_serial >= MANY:
            know_rows(self.connection)
        for set_id, difference in self._members.items():
            self.connection.execute(
                update(SetRow).where(SetRow.id == set_id).values(members=SetRow.members + difference)
            )
        earliest = RepositoryRow.earliest_datestamp
        self.connection.execute(
            update(RepositoryRow).where(earliest > self._earliest).values({earliest: self._earliest})
        )
        self.connection.execute(
            update(RepositoryRow).values(
                last_datestamp=self.stamp, last_serial=self._serial, publishing_since=None, writer=None
            )
        )

    def close(self) -> None:
        """Let go of what works for it; what was not finished is dropped."""
        self._blocks.end()

    def _records(self, ids: Sequence[int]) -> defaultdict[int, dict[int, _Old]]:
        """Return the records of items, by item and format."""
        found: defaultdict[int, dict[int, _Old]] = defaultdict(dict)
        rows = self.connection.execute(_RECORDS, {"ids": ids}) if ids else ()
        for *fields, item_id, format_id in rows:
            found[item_id][format_id] = _Old._make(fields)
        return found

    def _places(self, ids: Sequence[int]) -> defaultdict[int, defaultdict[int, list[_Place]]]:
        """Return the placements of items, by item and format."""
        found: defaultdict[int, defaultdict[int, list[_Place]]] = defaultdict(lambda: defaultdict(list))
        rows = self.connection.execute(_PLACES, {"ids": ids}) if ids else ()
        for item_id, format_id, set_id, scope, datestamp, serial in rows:
            found[item_id][format_id].append(_Place(set_id, scope, datestamp, serial))
        return found

    def _moves(
        self, change: Change, records: Mapping[int, _Old], places: Mapping[int, Sequence[_Place]]
    ) -> "dict[int, _Move]":
        """Return the records that are not as *change* says, by format."""
        is_in = self._with_parents(change.sets)
        if change.content is None:
            ever = frozenset(place.set_id for stand in places.values() for place in stand)
            contents = dict.fromkeys(records or change.tombstones, _NOTHING)
            set_specs = self._elements(is_in | ever)
        else:
            contents = dict(change.content)
            set_specs = self._elements(change.sets)
        stamp = self.stamp if change.datestamp is None else min(change.datestamp, self.stamp)
        head = render.header(change.identifier, stamp, deleted=change.content is None)
        found: dict[int, _Move] = {}
        for format_id, content in contents.items():
            old = records.get(format_id)
            stand = places.get(format_id, ())
            # A tombstone stays as it is, whatever sets it is said to have been in.
            stays = old and old.digest == content.digest and (not old.digest or is_in == _is_in(stand))
            if not stays:
                found[format_id] = _Move(change, old, stand, content, set_specs, stamp, head)
        return found

    def _write(self, format_id: int, move: "_Move", batch: Batch) -> None:
        """Put a record where it stands from now on: at the end of its lists."""
        change, old, content, stamp = move.change, move.old, move.content, move.stamp
        self._serial += 1
        self._earliest = min(self._earliest, stamp)
        if old:
            batch.old_records.append({"s": old.serial})
            old_line = Line.of(change.identifier, old.datestamp, old.digest)
            self._tallies.count((EVERYTHING,), format_id, _BOTH, -1, old_line)
        record = render.record(move.header, move.set_specs, content.body)
        block_id, start = self._blocks.put(format_id, Position(stamp, self._serial), record)
        sizes = len(move.header), len(move.set_specs), len(record)
        batch.records.append(
            (
                self._serial,
                format_id,
                stamp,
                self._serial,
                change.item_id,
                content.digest,
                block_id,
                start,
                *sizes,
            )
        )
        line = Line.of(change.identifier, stamp, content.digest)
        self._tallies.count((EVERYTHING,), format_id, _BOTH, +1, line)
        if move.stand:
            self._move_places(format_id, move, line, batch)
        else:
            is_in = self._with_parents(change.sets)
            self._stand(is_in, format_id, _BOTH, line, item_id=change.item_id, batch=batch)

    def _stand(
        self,
        set_ids: Collection[int],
        format_id: int,
        scope: int,
        line: Line,
        *,
        item_id: int,
        batch: Batch,
        since: tuple[int, bytes] | None = None,
    ) -> None:
        """Place a record in the lists of sets; *since*: as one that was deleted there, by that change."""
        serial, head = since or (self._serial, None)
        stamp = line.datestamp
        batch.placements += [(set_id, format_id, scope, stamp, serial, item_id, head) for set_id in set_ids]
        self._tallies.count(set_ids, format_id, scope, +1, line)

    def _move_places(self, format_id: int, move: "_Move", line: Line, batch: Batch) -> None:
        """Move a record's placements to where it stands now; see :class:`oai.store.schema.Scope`."""
        change, old, item_id = move.change, move.old, move.change.item_id
        deleted = change.content is None
        was_deleted = old is not None and not old.digest
        old_line = Line.of(change.identifier, old.datestamp, old.digest) if old else line
        was_in = _is_in(move.stand)
        has_left = {place.set_id for place in move.stand if place.scope == _BASE_URL}
        is_in = self._with_parents(change.sets)
        if deleted:
            is_in = (is_in | was_in) - has_left
        for place in move.stand:
            if place.scope != _BASE_URL or place.set_id in is_in:
                key = {"t": place.set_id, "f": format_id, "c": place.scope}
                batch.old_placements.append(key | {"d": place.datestamp, "s": place.serial})
                departed = place.scope == _BASE_URL
                stood = Line.of(change.identifier, place.datestamp, b"") if departed else old_line
                self._tallies.count((place.set_id,), format_id, place.scope, -1, stood)
        self._stand(is_in, format_id, _BOTH, line, item_id=item_id, batch=batch)
        if deleted:
            self._stand(has_left, format_id, _ARGUMENT, line, item_id=item_id, batch=batch)
        if left := was_in - is_in:
            # Deleted already, it stays deleted there since then; else it leaves the sets now.
            stamp, serial = (
                (old.datestamp, old.serial) if old and was_deleted else (line.datestamp, self._serial)
            )
            gone = Line.of(change.identifier, stamp, b"")
            head = render.header(change.identifier, stamp, deleted=True)
            since = (serial, head)
            self._stand(left, format_id, _BASE_URL, gone, item_id=item_id, batch=batch, since=since)

    def _note(self, change: Change, places: Mapping[int, Sequence[_Place]], batch: Batch) -> Outcome:
        """Note what became of an item, and count it in the sets that it joined or left."""
        deleted = change.content is None
        was_deleted = change.was_deleted
        if was_deleted is not deleted:
            (batch.deleted_items if deleted else batch.live_items).append(change.item_id)
        if not deleted:
            for set_id in self._with_parents(change.sets):
                self._members[set_id] += 1
        if was_deleted is False:
            for place in places.get(self.counted_format, ()):
                if place.scope == _BOTH:
                    self._members[place.set_id] -= 1
        if deleted:
            return "deleted"
        return "changed" if was_deleted is False else "added"

    def _add_parents(self, set_ids: frozenset[int]) -> frozenset[int]:
        return set_ids.union(*map(self._parents_of, set_ids))

    def _find_parents(self, set_id: int) -> frozenset[int]:
        above = syntax.ancestors(self._set_specs[set_id])
        return frozenset(self._set_ids[spec] for spec in above)

    def _elements(self, set_ids: frozenset[int]) -> bytes:
        """Return the setSpec elements of a header: the most particular sets only (§2.6)."""
        lowest = set_ids.difference(*map(self._parents_of, set_ids))
        return b"".join(map(self._element_of, sorted(lowest, key=self._set_specs.__getitem__)))

    def _write_element(self, set_id: int) -> bytes:
        return render.set_spec(self._set_specs[set_id])


def _is_in(stand: Iterable[_Place]) -> frozenset[int]:
    """Return the sets that a record is in."""
    return frozenset([place.set_id for place in stand if place.scope == _BOTH])


# What was held back may have been given out, which is as good as claimed.
_LET_GO = (
    update(RepositoryRow)
    .where(RepositoryRow.publishing_since.is_not(None))
    .values(
        claimed=case(
            (RepositoryRow.publishing_since > RepositoryRow.claimed, RepositoryRow.publishing_since),
            else_=RepositoryRow.claimed,
        ),
        publishing_since=None,
        writer=None,
    )
)

# Built once, as building them takes longer than what they do.
_OLD = (
    RecordRow.datestamp,
    RecordRow.serial,
    RecordRow.digest,
    RecordRow.block_id,
)
_RECORDS = select(*_OLD, RecordRow.item_id, RecordRow.format_id).where(
    RecordRow.item_id.in_(bindparam("ids", expanding=True))
)
_PLACES = select(
    PlacementRow.item_id,
    PlacementRow.format_id,
    PlacementRow.set_id,
    PlacementRow.scope,
    PlacementRow.datestamp,
    PlacementRow.serial,
).where(PlacementRow.item_id.in_(bindparam("ids", expanding=True)))
_BOTH, _ARGUMENT, _BASE_URL = map(int, Scope)
_NOTHING = Content(b"", b"")
