"""What the sources say of the items, kept file by file.

A file that was read replaces what it said before. A file that cannot be read leaves its
contributions as they were, and so does an entry that is rejected: what is not understood
today is no reason to take back what was understood yesterday.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from oai.store.packing import Packing
from oai.store.rows import insert_rows
from oai.store.schema import ContributionRow, FileRow, ItemRow, ProblemRow, SourceRow
from oai.text import printable


class Known(NamedTuple):
    """A file as it was when it was last read."""

    id: int
    digest: bytes


class Said(NamedTuple):
    """A new contribution to an item."""

    item_id: int
    line: int
    digest: bytes
    content: bytes


class _Origin(NamedTuple):
    """Where contributions are from."""

    source_id: int
    source: str
    file: str
    own_ids: bool


class Contribution(NamedTuple):
    """A contribution as it stands; ``content`` is what the reader made of it."""

    content: bytes
    source_id: int
    source: str
    file_id: int
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A problem of a file, as it was when the file was last read.

    What it says may quote anything, and is made such that every database can keep it.
    """

    file: str
    line: int
    local: str | None
    reason: str
    done: str
    rejected: bool

    def __post_init__(self) -> None:
        """Make printable what it says."""
        object.__setattr__(self, "reason", printable(self.reason))
        object.__setattr__(self, "done", printable(self.done))


class Contributions:
    """The tables of sources, files and contributions, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._packing = Packing.of(connection)
        self.first_new = self._after(ItemRow.id)
        """Items with this number or a greater one have come within this transaction."""
        self._next_item = self.first_new
        self._next_file = self._after(FileRow.id)

    def _after(self, column: object) -> int:
        return (self._connection.scalar(select(func.max(column))) or 0) + 1

    def source_id(self, name: str, now: int) -> int:
        """Return the number of a source, and note that it is read now."""
        found = self._connection.scalar(select(SourceRow.id).where(SourceRow.name == name))
        if found is None:
            found = self._after(SourceRow.id)
            self._connection.execute(insert(SourceRow).values(id=found, name=name, synced=now))
        else:
            self._connection.execute(update(SourceRow).where(SourceRow.id == found).values(synced=now))
        return found

    def files(self, source_id: int) -> dict[str, Known]:
        """Return the files that a source had, by name."""
        query = select(FileRow.name, FileRow.id, FileRow.digest).where(FileRow.source_id == source_id)
        return {name: Known(id_, digest) for name, id_, digest in self._connection.execute(query)}

    def add_file(self, source_id: int, name: str) -> Known:
        """Make a file known, as one that has not been read."""
        known = Known(self._next_file, b"")
        self._next_file += 1
        self._connection.execute(
            insert(FileRow).values(id=known.id, source_id=source_id, name=name, digest=b"", own_ids=False)
        )
        return known

    def remove_file(self, file_id: int) -> list[int]:
        """Forget a file, and return the items that it spoke of."""
        said_of = list(self.items_of(file_id))
        for table in (ContributionRow, ProblemRow):
            self._connection.execute(delete(table).where(table.file_id == file_id))
        self._connection.execute(delete(FileRow).where(FileRow.id == file_id))
        return said_of

    def note_read(self, file_id: int, digest: bytes, *, own_ids: bool) -> None:
        """Remember which bytes a file had when it was read, and whether it names its items."""
        values = {"digest": digest, "own_ids": own_ids}
        self._connection.execute(update(FileRow).where(FileRow.id == file_id).values(values))

    def note_unreadable(self, file_id: int) -> None:
        """Remember that a file has to be read again."""
        self._connection.execute(update(FileRow).where(FileRow.id == file_id).values(digest=b""))

    def item_ids(self, locals_: Collection[str]) -> dict[str, int]:
        """Return the numbers of items by their local identifiers; new ones get the next numbers."""
        found = dict(self._connection.execute(_ITEMS, {"locals": list(locals_)}).all())
        new = {
            local: self._next_item + n
            for n, local in enumerate(local for local in dict.fromkeys(locals_) if local not in found)
        }
        if new:
            self._next_item += len(new)
            rows = [(id_, local) for local, id_ in new.items()]
            insert_rows(self._connection, ItemRow, (ItemRow.id, ItemRow.local), rows)
        return found | new

    def item_id(self, local: str) -> int | None:
        """Return the number of an item that is known, or None."""
        return self._connection.scalar(select(ItemRow.id).where(ItemRow.local == local))

    def digests(self, file_id: int, item_ids: Collection[int]) -> dict[int, bytes]:
        """Return the digests of what a file says of items, for those that it speaks of."""
        return {item_id: digest for item_id, (digest, _) in self.known(file_id, item_ids).items()}

    def known(self, file_id: int, item_ids: Collection[int]) -> dict[int, tuple[bytes, int]]:
        """Return digest and line of what a file says of items, for those that it speaks of."""
        rows = self._connection.execute(_KNOWN, {"f": file_id, "ids": list(item_ids)}) if item_ids else ()
        return {item_id: (digest, line) for item_id, digest, line in rows}

    def move(self, file_id: int, lines: Mapping[int, int]) -> None:
        """Note that a file says what it said of items at other lines."""
        if lines:
            self._connection.execute(
                _MOVE, [{"f": file_id, "i": item, "to": line} for item, line in lines.items()]
            )

    def refused(self, source_id: int) -> Iterator[tuple[str, str, int, str, int]]:
        """Yield what counts for nothing, since an earlier file of the source names the same item.

        Each is local identifier, file and line, then file and line of the one that counts.
        """
        files = select(FileRow.id).where(FileRow.source_id == source_id, FileRow.own_ids)
        if len(self._connection.scalars(files).all()) < 2:  # noqa: PLR2004 - what two can dispute
            return
        disputed = (
            select(ContributionRow.item_id)
            .where(ContributionRow.file_id.in_(files))
            .group_by(ContributionRow.item_id)
            .having(func.count() > 1)
        )
        query = (
            select(ItemRow.local, FileRow.name, ContributionRow.line)
            .join(ItemRow, ItemRow.id == ContributionRow.item_id)
            .join(FileRow, FileRow.id == ContributionRow.file_id)
            .where(ContributionRow.file_id.in_(files), ContributionRow.item_id.in_(disputed))
        )
        first: dict[str, tuple[str, int]] = {}
        for local, file, line in sorted(self._connection.execute(query).all()):
            if local in first:
                yield local, file, line, *first[local]
            else:
                first[local] = file, line

    def line(self, file_id: int, item_id: int) -> int:
        """Return the line at which a file speaks of an item."""
        query = select(ContributionRow.line).where(
            ContributionRow.file_id == file_id, ContributionRow.item_id == item_id
        )
        return self._connection.scalars(query).one()

    def say(self, file_id: int, said: Sequence[Said], known: Container[int]) -> None:
        """Write contributions of a file; *known* are those that it had already."""
        new = [one for one in said if one.item_id not in known]
        if not self._packing.has_dictionary:
            self._packing = Packing.trained([one.content for one in new], self._connection)
        pack = self._packing.pack
        rows = [(file_id, one.item_id, one.line, one.digest, pack(one.content)) for one in new]
        insert_rows(self._connection, ContributionRow, _CONTRIBUTION, rows)
        changed = [
            {
                "f": file_id,
                "i": one.item_id,
                "line": one.line,
                "digest": one.digest,
                "content": pack(one.content),
            }
            for one in said
            if one.item_id in known
        ]
        if changed:
            self._connection.execute(_CHANGE, changed)

    def unsay(self, file_id: int, item_ids: Sequence[int]) -> None:
        """Take back what a file said of items."""
        if item_ids:
            self._connection.execute(_TAKE_BACK, [{"f": file_id, "i": item_id} for item_id in item_ids])

    def items_of(self, file_id: int) -> Iterator[int]:
        """Yield the items that a file speaks of."""
        query = select(ContributionRow.item_id).where(ContributionRow.file_id == file_id)
        yield from self._connection.scalars(query)

    def old_items_of(self, file_id: int) -> Iterator[int]:
        """Yield the items that a file speaks of and that were here before this transaction."""
        query = select(ContributionRow.item_id).where(
            ContributionRow.file_id == file_id, ContributionRow.item_id < self.first_new
        )
        yield from self._connection.scalars(query)

    def of_items(self, item_ids: Collection[int]) -> dict[int, list[Contribution]]:
        """Return what is said of items and counts, in the order of sources and files."""
        rows = self._connection.execute(_OF_ITEMS, {"ids": list(item_ids)}).all()
        origins = self._origins({file_id for _, _, file_id, _ in rows})
        found: dict[int, list[Contribution]] = {}
        for item_id, packed, file_id, line in rows:
            source_id, source, file, _ = origins[file_id]
            content = self._packing.unpack(packed)
            found.setdefault(item_id, []).append(
                Contribution(content, source_id, source, file_id, file, line)
            )
        for item_id, said in found.items():
            if len(said) > 1:
                found[item_id] = list(_counting(said, origins))
        return found

    def _origins(self, file_ids: Collection[int]) -> dict[int, _Origin]:
        """Return where the contributions of files are from."""
        query = (
            select(FileRow.id, SourceRow.id, SourceRow.name, FileRow.name, FileRow.own_ids)
            .join(SourceRow, SourceRow.id == FileRow.source_id)
            .where(FileRow.id.in_(file_ids))
        )
        return {row[0]: _Origin(*row[1:]) for row in self._connection.execute(query)}

    def live_items(self, source_id: int) -> int:
        """Return how many items a source speaks of that are not deleted, and not new either."""
        query = (
            select(func.count(ContributionRow.item_id.distinct()))
            .join(FileRow, FileRow.id == ContributionRow.file_id)
            .join(ItemRow, ItemRow.id == ContributionRow.item_id)
            .where(FileRow.source_id == source_id, ItemRow.deleted.is_(False), ItemRow.id < self.first_new)
        )
        return self._connection.scalar(query) or 0

    def count_items(self, source_ids: Collection[int]) -> int:
        """Return how many items these sources speak of."""
        query = (
            select(func.count(ContributionRow.item_id.distinct()))
            .join(FileRow, FileRow.id == ContributionRow.file_id)
            .where(FileRow.source_id.in_(source_ids))
        )
        return self._connection.scalar(query) or 0

    def replace_problems(self, file_id: int, problems: Sequence[Standing]) -> None:
        """Write what was wrong with a file the last time that it was read."""
        self._connection.execute(delete(ProblemRow).where(ProblemRow.file_id == file_id))
        self.add_problems(file_id, problems)

    def unrendered(self) -> list[tuple[str, Standing]]:
        """Return the items of which no record could be made, each with its source."""
        query = (
            select(
                SourceRow.name,
                FileRow.name,
                ProblemRow.line,
                ProblemRow.local,
                ProblemRow.reason,
                ProblemRow.done,
            )
            .join(FileRow, FileRow.id == ProblemRow.file_id)
            .join(SourceRow, SourceRow.id == FileRow.source_id)
            .where(ProblemRow.rendering)
            .order_by(ProblemRow.id)
        )
        return [
            (source, Standing(file, line, local, reason, done, rejected=True))
            for source, file, line, local, reason, done in self._connection.execute(query)
        ]

    def retry(self, local: str) -> None:
        """Forget that no record could be made of an item: it is tried again."""
        self._connection.execute(delete(ProblemRow).where(ProblemRow.local == local, ProblemRow.rendering))

    def add_problems(self, file_id: int, problems: Sequence[Standing], *, rendering: bool = False) -> None:
        """Write more that is wrong with a file."""
        first = self._after(ProblemRow.id)
        rows = [
            {"id": first + n, "file_id": file_id, "rendering": rendering, **asdict(problem)}
            for n, problem in enumerate(problems)
        ]
        for row in rows:
            del row["file"]
        if rows:
            self._connection.execute(insert(ProblemRow), rows)

    def settle(self, file_id: int, locals_: Collection[str]) -> set[str]:
        """Forget what was wrong with these items of a file, and return those that had something."""
        of_them = (ProblemRow.file_id == file_id) & ProblemRow.local.in_(locals_)
        query = select(ProblemRow.local).where(of_them)
        found = {local for local in self._connection.scalars(query) if local is not None}
        if found:
            self._connection.execute(delete(ProblemRow).where(of_them))
        return found

    def problems(self, file_id: int) -> list[Standing]:
        """Return what its reader found wrong with a file the last time that it was read."""
        query = (
            select(
                FileRow.name,
                ProblemRow.line,
                ProblemRow.local,
                ProblemRow.reason,
                ProblemRow.done,
                ProblemRow.rejected,
            )
            .join(FileRow, FileRow.id == ProblemRow.file_id)
            .where(ProblemRow.file_id == file_id, ~ProblemRow.rendering)
            .order_by(ProblemRow.id)
        )
        return [Standing(*row) for row in self._connection.execute(query)]


def _counting(said: Iterable[Contribution], origins: Mapping[int, _Origin]) -> Iterator[Contribution]:
    """Yield what counts of what is said of an item, in the order of sources and files."""
    counted: set[int] = set()
    for one in sorted(said, key=lambda one: (one.source_id, one.file)):
        if origins[one.file_id].own_ids:
            if one.source_id in counted:
                continue
            counted.add(one.source_id)
        yield one


# Built once, as building them takes longer than what they do.
_ITEMS = select(ItemRow.local, ItemRow.id).where(ItemRow.local.in_(bindparam("locals", expanding=True)))
_KNOWN = select(ContributionRow.item_id, ContributionRow.digest, ContributionRow.line).where(
    ContributionRow.file_id == bindparam("f"), ContributionRow.item_id.in_(bindparam("ids", expanding=True))
)
_OF_ITEMS = select(
    ContributionRow.item_id, ContributionRow.content, ContributionRow.file_id, ContributionRow.line
).where(ContributionRow.item_id.in_(bindparam("ids", expanding=True)))
_CONTRIBUTION = (
    ContributionRow.file_id,
    ContributionRow.item_id,
    ContributionRow.line,
    ContributionRow.digest,
    ContributionRow.content,
)
_CHANGE = (
    update(ContributionRow)
    .where(ContributionRow.file_id == bindparam("f"), ContributionRow.item_id == bindparam("i"))
    .values(line=bindparam("line"), digest=bindparam("digest"), content=bindparam("content"))
)
_MOVE = (
    update(ContributionRow)
    .where(ContributionRow.file_id == bindparam("f"), ContributionRow.item_id == bindparam("i"))
    .values(line=bindparam("to"))
)
_TAKE_BACK = delete(ContributionRow).where(
    ContributionRow.file_id == bindparam("f"), ContributionRow.item_id == bindparam("i")
)
