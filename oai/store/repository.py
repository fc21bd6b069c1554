"""The repository that is in the database: what the provider asks, answered in a few statements.

It is opened for one request with a connection of its caller's. As a whole it is the repository
of ``/oai``; narrowed to a set it is the one of ``/oai/sets/<setSpec>``, where the set is all there
is, an item that left it is a deleted record, and there are no sets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from oai.inventory import MODULUS
from oai.protocol import syntax
from oai.protocol.datestamp import DAY
from oai.protocol.model import (
    Encoded,
    MetadataFormat,
    Page,
    Piece,
    Position,
    Record,
    Selection,
    Set,
    SetPage,
)
from oai.store import queries
from oai.store.cutting import Place, departed_header, departed_record, unpacked
from oai.store.database import StoreError
from oai.store.horizon import Horizon
from oai.store.queries import BEGINNING, END
from oai.store.schema import (
    EVERYTHING,
    RECORDS_OF_BLOCK,
    BlockRow,
    FormatRow,
    ItemRow,
    PlacementRow,
    RecordRow,
    RepositoryRow,
    Scope,
    SetRow,
    TallyRow,
)

COUNTED = 2_000
"""Records of one day that are counted one by one for a ``from`` or ``until`` within that day; of
more, completeListSize is an estimate, as §3.5 allows, and corrected as the list goes on."""

DIGESTS = 200
"""Records of an inventory that are read at once. Those of a small set may each lie in a block of their
own, which comes whole: of a thousand, more than a hundred megabytes."""

_BLOCK, _PACKED = 2, slice(-3, None)  # columns of the rows of oai.store.queries.page


class _Cut(NamedTuple):
    """A record of a list, or the header of one, as it was cut out of its block."""

    position: Position
    block_id: int
    xml: Record
    digest: bytes


class Known:
    """What requests have read of the store, kept for the next ones.

    ``formats`` and ``sets`` are the numbers of metadataPrefixes and setSpecs, which never change.
    ``ends`` are the last places of the lists of formats, by the number of the format, each with the
    serial of the last change that was there when it was looked for.
    """

    def __init__(self) -> None:
        self.formats: dict[str, int] = {}
        self.sets: dict[str, int] = {}
        self.ends: dict[int, tuple[int, Position]] = {}


class SqlRepository:
    """Satisfies :class:`oai.repository.Repository`.

    *formats* are the metadata formats that are served; *page_bytes* is the most bytes of records
    in a page, but for a single record that is larger; *horizon* is what
    :func:`oai.store.horizon.horizon` gave for this request; *own_set* narrows it to one set;
    *may_be_behind* says that the connection is one to a replica. Pages may come in *coding*, as far
    as they lie in it. *known* is kept from one request to the next.
    """

    def __init__(
        self,
        connection: Connection,
        formats: Sequence[MetadataFormat],
        namespace: str,
        page_bytes: int,
        *,
        horizon: Horizon,
        own_set: str | None = None,
        known: Known | None = None,
        may_be_behind: bool = False,
        coding: str | None = None,
    ) -> None:
        self._connection = connection
        self._formats = formats
        self._namespace = namespace
        self._page_bytes = page_bytes
        self._own_set = own_set
        self._known = Known() if known is None else known
        self._horizon = horizon
        self._may_be_behind = may_be_behind
        self._coding = coding

    @property
    def has_sets(self) -> bool:
        """Whether there is a set hierarchy: not within a set."""
        return self._own_set is None

    @property
    def complete_until(self) -> int | None:
        """The datestamp before which no change will appear that cannot be seen now."""
        return self._horizon.complete_until

    @property
    def last_serial(self) -> int:
        """The serial of the last change that was there to be seen."""
        return self._horizon.last_serial

    @property
    def may_be_behind(self) -> bool:
        """Whether it is read from a replica."""
        return self._may_be_behind

    def earliest_datestamp(self) -> int:
        """Return a datestamp that no record is older than."""
        return self._connection.scalars(select(RepositoryRow.earliest_datestamp)).one()

    def formats(self) -> Sequence[MetadataFormat]:
        """Return the metadata formats that are served."""
        return self._formats

    def formats_of(self, identifier: str) -> Sequence[MetadataFormat] | None:
        """Return those in which the item has a record; None for an item that is not known here."""
        if self._own_set is None:
            query = select(RecordRow.format_id).join(ItemRow, ItemRow.id == RecordRow.item_id)
        else:
            query = select(PlacementRow.format_id).join(ItemRow, ItemRow.id == PlacementRow.item_id)
            query = query.where(
                PlacementRow.set_id == self._set_id(self._own_set), PlacementRow.scope != Scope.ARGUMENT
            )
        local = self._local(identifier)
        found = set(self._connection.scalars(query.where(ItemRow.local == local))) if local else set()
        if not found:
            return None
        return [known for known in self._formats if self._format_id(known.prefix) in found]

    def record(self, identifier: str, metadata_prefix: str) -> Record | None:
        """Return one record, deleted or not."""
        local, format_id = self._local(identifier), self._format_id(metadata_prefix)
        if local is None or format_id is None:
            return None
        item = select(ItemRow.id).where(ItemRow.local == local).scalar_subquery()
        if self._own_set is None:
            query = (
                select(*queries.LIES, *queries.PACKED)
                .join(BlockRow, BlockRow.id == RecordRow.block_id)
                .where(RecordRow.item_id == item, RecordRow.format_id == format_id)
            )
            whole = self._connection.execute(query).one_or_none()
            return Place(*whole[:4]).record(unpacked(*whole[4:])) if whole else None
        # One statement, since an item may leave the set between two.
        placed = (
            select(*queries.LIES, *queries.PACKED, PlacementRow.header)
            .select_from(PlacementRow)
            .outerjoin(RecordRow, RecordRow.id == PlacementRow.serial)
            .outerjoin(BlockRow, BlockRow.id == RecordRow.block_id)
            .where(
                PlacementRow.item_id == item,
                PlacementRow.format_id == format_id,
                PlacementRow.set_id == self._set_id(self._own_set),
                PlacementRow.scope != Scope.ARGUMENT,
            )
        )
        row = self._connection.execute(placed).first()
        if row is None:
            return None
        if row.header is not None:
            return departed_record(row.header)
        return Place(*row[:4]).record(unpacked(*row[4:7]), with_sets=False)

    def has_set(self, set_spec: str) -> bool:
        """Say whether a set has ever been known."""
        return self._set_id(set_spec) is not None

    def sets(self, after: str, limit: int) -> SetPage:
        """Return at most *limit* sets whose setSpec is greater than *after*."""
        query = select(SetRow.spec, SetRow.name, SetRow.members).where(SetRow.spec > after)
        rows = self._connection.execute(query.order_by(SetRow.spec).limit(limit + 1)).all()
        size = self._connection.scalar(select(func.count()).select_from(SetRow)) or 0
        return SetPage([Set(*row) for row in rows[:limit]], len(rows) > limit, size)

    def page(self, selection: Selection, after: Position | None, limit: int, *, headers_only: bool) -> Page:
        """Return at most *limit* records of *selection* behind *after*, in order."""
        set_id, scope = self._set_of(selection)
        format_id = self._format_id(selection.metadata_prefix)
        if format_id is None or set_id is None:
            return Page([], 0)
        start = after or _start(selection)
        page = None
        if scope is None and not headers_only:
            page = self._blocks(selection, format_id, start, limit)
        if page is None:
            found = self._found(selection, start, limit + 1, headers_only=headers_only)
            page = self._fitting(found, limit, to_blocks=scope is None and not headers_only)
        if after is None and page.next:
            scopes = (Scope.BOTH,) if scope is None else (Scope.BOTH, scope)
            size = self._size(selection, set_id, format_id, scopes)
            return replace(page, complete_list_size=max(size, page.count + 1))
        return page

    def last_before(self, selection: Selection, position: Position, *, headers_only: bool) -> Record | None:
        """Return the last record of *selection* that is not behind *position*."""
        found = self._found(selection, position, 1, headers_only=headers_only, backwards=True)
        return found[0].xml if found else None

    def days(self, selection: Selection) -> Sequence[tuple[int, int, int, int]]:
        """Return day, records, deleted records and digest of each whole day that a list touches.

        See :mod:`oai.inventory`.
        """
        set_id, scope = self._set_of(selection)
        scopes = (Scope.BOTH,) if scope is None else (Scope.BOTH, scope)
        found: dict[int, tuple[int, int, int]] = {}
        query = select(TallyRow.day, TallyRow.records, TallyRow.deleted, TallyRow.digest).where(
            TallyRow.set_id == set_id,
            TallyRow.format_id == self._format_id(selection.metadata_prefix),
            TallyRow.scope.in_(scopes),
            TallyRow.records > 0,
            TallyRow.day >= (BEGINNING if selection.from_ is None else selection.from_) // DAY,
            TallyRow.day <= (END if selection.until is None else selection.until) // DAY,
        )
        for day, *counts in self._connection.execute(query):
            records, deleted, digest = map(sum, zip(found.get(day, (0, 0, 0)), counts, strict=True))
            found[day] = records, deleted, digest % MODULUS
        return [(day, *found[day]) for day in sorted(found)]

    def digests(self, selection: Selection) -> Iterator[tuple[bytes, bytes]]:
        """Yield header and digest of each record of a list."""
        found, following = self.digests_behind(selection, None)
        yield from found
        while following:
            found, following = self.digests_behind(selection, following)
            yield from found

    def digests_behind(
        self, selection: Selection, after: Position | None, limit: int = DIGESTS
    ) -> tuple[list[tuple[bytes, bytes]], Position | None]:
        """Return header and digest of at most *limit* records behind *after*, and where others follow."""
        found = self._found(selection, after or _start(selection), limit, headers_only=True)
        following = found[-1].position if len(found) == limit else None
        return [(each.xml, each.digest) for each in found], following

    def _found(
        self,
        selection: Selection,
        position: Position,
        limit: int,
        *,
        headers_only: bool,
        backwards: bool = False,
    ) -> list[_Cut]:
        set_id, scope = self._set_of(selection)
        query = (
            queries.page(backwards=backwards)
            if scope is None
            else queries.page_of_set(scope, backwards=backwards)
        )
        rows = query.rows(
            self._connection,
            set_id=set_id,
            format_id=self._format_id(selection.metadata_prefix),
            datestamp=position.datestamp,
            serial=position.serial,
            from_=BEGINNING if selection.from_ is None else selection.from_,
            until=END if selection.until is None else selection.until,
            limit=limit,
        )
        rows.sort(key=itemgetter(0, 1))
        with_sets = scope is not Scope.BASE_URL
        packed = {row[_BLOCK]: row[_PACKED] for row in rows if row[-1] is not None}
        found: list[_Cut] = []
        xml, unpacked_block = b"", None
        for datestamp, serial, block_id, *lies, digest, header, _, _, _ in rows:
            if block_id in packed and block_id != unpacked_block:
                xml, unpacked_block = unpacked(*packed[block_id]), block_id
            if header is not None:
                cut = departed_header(header) if headers_only else departed_record(header)
            elif headers_only:
                cut = Place(*lies).header(xml, with_sets=with_sets)
            else:
                cut = Place(*lies).record(xml, with_sets=with_sets)
            found.append(_Cut(Position(datestamp, serial), block_id, cut, digest))
        return found

    def _blocks(self, selection: Selection, format_id: int, start: Position, limit: int) -> Page | None:
        """Return a page that begins and ends with a block, or None where the list has no such page here.

        This is the way of nearly every page of a full harvest, and why it costs little more than
        its bytes: five rows for a hundred records, of which nothing is looked at.
        """
        until = END if selection.until is None else selection.until
        pieces: list[Piece] = []
        count = bytes_ = 0
        position = start
        asked = limit // RECORDS_OF_BLOCK
        while asked and count + RECORDS_OF_BLOCK <= limit:
            rows = queries.blocks(self._coding).rows(
                self._connection,
                format_id=format_id,
                datestamp=position.datestamp,
                serial=position.serial,
                limit=asked,
            )
            for first_datestamp, first_serial, datestamp, serial, records, size, crc32, data in rows:
                bytes_ += size
                if (
                    (first_datestamp, first_serial) <= position
                    or datestamp > until
                    or count + records > limit
                    or bytes_ > self._page_bytes
                ):
                    rows = []
                    break
                pieces.append(Encoded(data, size, crc32) if self._coding else unpacked(size, crc32, data))
                count += records
                position = Position(datestamp, serial)
            asked = 2 * asked if len(rows) == asked else 0  # blocks may be small where much has changed
        if not pieces:
            return None
        more = self._goes_on(format_id, position, until)
        return Page(pieces, count, position if more else None)

    def _goes_on(self, format_id: int, position: Position, until: int) -> bool:
        """Say whether the list of a format has records behind *position*, not later than *until*.

        Where the list has no end but the present's, it is enough that there was one: a record that
        has changed since has only gone further behind.
        """
        state = self._horizon.last_serial
        if until == END:
            if self._known.ends.get(format_id, (None,))[0] != state:
                last = queries.last_place().rows(self._connection, format_id=format_id)
                self._known.ends[format_id] = state, Position(*last[0])
            if position < self._known.ends[format_id][1]:
                return True
        following = queries.next_record().rows(
            self._connection,
            format_id=format_id,
            datestamp=position.datestamp,
            serial=position.serial,
            until=until,
        )
        return bool(following)

    def _fitting(self, found: Sequence[_Cut], limit: int, *, to_blocks: bool) -> Page:
        """Take records up to the limits; one that is left over says that more follow.

        *to_blocks*: where whole blocks can follow, the page ends where one begins.
        """
        fitting = min(len(found), limit)
        sizes = [len(each.xml) for each in found[:fitting]]
        if sum(sizes) > self._page_bytes:
            fitting = max(1, sum(size <= self._page_bytes for size in accumulate(sizes)))
        if fitting == len(found):
            return Page([each.xml for each in found], fitting)
        if to_blocks and limit >= RECORDS_OF_BLOCK:
            ends = (n for n in range(fitting, 0, -1) if found[n - 1].block_id != found[n].block_id)
            fitting = next(ends, fitting)
        return Page([each.xml for each in found[:fitting]], fitting, found[fitting - 1].position)

    def _size(self, selection: Selection, set_id: int, format_id: int, scopes: Sequence[Scope]) -> int:
        """Return how many records *selection* has; see :data:`COUNTED`."""
        start = BEGINNING if selection.from_ is None else selection.from_
        end = END if selection.until is None else selection.until
        seen = tuple(scopes)
        of_set = {"set_id": set_id, "format_id": format_id}

        def tallied(first_day: int, last_day: int) -> int:
            [(records,)] = queries.tallied(seen).rows(
                self._connection, first_day=first_day, last_day=last_day, **of_set
            )
            return int(records)

        # Days of which the window has only a part: the first, the last, or both.
        first, last = start // DAY, end // DAY
        parts = {first} if start % DAY and start != BEGINNING else set()
        parts |= {last} if (end + 1) % DAY and end != END else set()
        size = tallied(first + (first in parts), last - (last in parts))
        for day in parts:
            from_, until = max(start, day * DAY), min(end, day * DAY + DAY - 1)
            on_day = tallied(day, day)
            if 0 < on_day <= COUNTED:
                counted = queries.counted(None if set_id == EVERYTHING else seen)
                [(records,)] = counted.rows(self._connection, from_=from_, until=until, **of_set)
                size += records
            else:
                size += on_day * (until - from_ + 1) // DAY
        return size

    def _set_of(self, selection: Selection) -> tuple[int | None, Scope | None]:
        """Return the set that a list is of, and how it is seen; neither scope nor set for everything."""
        if self._own_set is not None:
            return self._set_id(self._own_set), Scope.BASE_URL
        if selection.set_spec is not None:
            return self._set_id(selection.set_spec), Scope.ARGUMENT
        return EVERYTHING, None

    def _set_id(self, spec: str) -> int | None:
        known = self._known.sets
        if not syntax.is_set_spec(spec):  # it is of a path, and not all that a path may have can be asked for
            return None
        if spec not in known:
            number = self._connection.scalar(select(SetRow.id).where(SetRow.spec == spec))
            if number is None:
                return None
            known[spec] = number
        return known[spec]

    def _format_id(self, prefix: str) -> int | None:
        known = self._known.formats
        if prefix not in known:
            known |= dict(self._connection.execute(select(FormatRow.prefix, FormatRow.id)).all())
        return known.get(prefix)

    def _local(self, identifier: str) -> str | None:
        local = syntax.local_part(self._namespace, identifier)
        return local if local and syntax.is_xml_text(local) else None


def refuse_other_namespace(connection: Connection, namespace: str) -> None:
    """Raise StoreError where the identifiers in the store were given in another namespace."""
    given = connection.scalar(select(RepositoryRow.namespace))
    if given not in (None, namespace):
        raise StoreError(
            f"namespace = {namespace!r}: the identifiers in this store were given in {given!r}, and an"
            " identifier is never given anew; keep that namespace, or begin with a new database"
        )


def _start(selection: Selection) -> Position:
    """Return the position before the first record of a list."""
    return Position(BEGINNING if selection.from_ is None else selection.from_, 0)
