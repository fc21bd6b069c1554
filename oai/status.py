"""What is in the store, in figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from oai.intake import Finding
from oai.library import Library
from oai.protocol import datestamp
from oai.store.database import Database
from oai.store.schema import (
    EVERYTHING,
    FileRow,
    FormatRow,
    ItemRow,
    ProblemRow,
    RepositoryRow,
    Scope,
    SetRow,
    SourceRow,
    TallyRow,
)
from oai.store.tallies import total


@dataclass(frozen=True, slots=True)
class Count:
    """How many records a list has, and how many of them are deleted."""

    records: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Status:
    """What ``oai status`` prints. ``records`` counts the items that are not deleted.

    ``clock_behind`` is by how many seconds this machine's clock is behind what was given out with
    another time before: it was ahead then, or it is behind now. Nothing is lost by that, but
    datestamps stand still until the clock has caught up.
    """

    database: str
    pending_migrations: Sequence[str]
    records: int
    deleted: int
    sets: int
    earliest_datestamp: str | None
    newest_datestamp: str | None
    publishing_since: str | None
    clock_behind: int
    per_format: Mapping[str, Count]
    per_set: Mapping[str, Mapping[str, Count]]
    sources: Mapping[str, str]
    rejected: Sequence[Finding]

    def __str__(self) -> str:
        lines = [
            f"database   {self.database}",
            f"migrations {', '.join(self.pending_migrations) or 'none'} pending",
            f"records    {self.records}, and {self.deleted} deleted",
            f"datestamps {self.earliest_datestamp or '-'} to {self.newest_datestamp or '-'}",
        ]
        if self.publishing_since:
            lines.append(
                f"writing    since {self.publishing_since}, or cut off then; the next sync completes it"
            )
        if self.clock_behind:
            lines.append(
                f"clock      {self.clock_behind} seconds behind datestamps or responseDates given out before;"
                " datestamps stand still until it has caught up"
            )
        lines += [f"format     {prefix}: {_counted(count)}" for prefix, count in self.per_format.items()]
        lines += [
            f"set        {spec}: "
            + "; ".join(f"{prefix} {_counted(count)}" for prefix, count in counts.items())
            for spec, counts in self.per_set.items()
        ]
        lines += [f"source     {name}: last read {when}" for name, when in self.sources.items()]
        lines += [f"rejected   {finding}" for finding in self.rejected]
        return "\n".join(lines)


def _counted(count: Count) -> str:
    return f"{count.records - count.deleted} records, {count.deleted} deleted"


def status(database: Database, library: Library, now: int) -> Status:
    """Return the figures of the store at *now*; raises StoreError where there is none that can be read."""
    pending = database.pending()
    if pending:
        return Status(str(database), pending, 0, 0, 0, None, None, None, 0, {}, {}, {}, [])
    with database.reading() as connection:
        row = connection.execute(select(RepositoryRow)).one()
        by_state = dict(connection.execute(_ITEMS_BY_STATE).all())
        formats = dict(connection.execute(select(FormatRow.id, FormatRow.prefix)).all())
        specs = dict(connection.execute(select(SetRow.id, SetRow.spec).order_by(SetRow.spec)).all())
        per_format: dict[str, Count] = {}
        per_set: dict[str, dict[str, Count]] = {spec: {} for spec in specs.values()}
        for set_id, format_id, records, deleted in connection.execute(_TALLY):
            if formats[format_id] not in library.formats:
                continue
            counts = per_format if set_id == EVERYTHING else per_set[specs[set_id]]
            counts[formats[format_id]] = Count(records, deleted)
        sources = connection.execute(select(SourceRow.name, SourceRow.synced).order_by(SourceRow.name))
        return Status(
            str(database),
            pending,
            by_state.get(False, 0),
            by_state.get(True, 0),
            len(specs),
            datestamp.write(row.earliest_datestamp) if by_state else None,
            datestamp.write(row.last_datestamp) if row.last_datestamp else None,
            datestamp.write(row.publishing_since) if row.publishing_since is not None else None,
            max(0, row.last_datestamp - now, row.claimed - now),
            per_format,
            per_set,
            {name: datestamp.write(when) for name, when in sources},
            _rejected(connection),
        )


def is_empty(database: Database) -> bool:
    """Say whether there is no item yet, deleted or not."""
    with database.reading() as connection:
        return connection.scalar(select(ItemRow.id).limit(1)) is None


def _rejected(connection: Connection) -> list[Finding]:
    query = (
        select(
            SourceRow.name.label("source"),
            FileRow.name.label("file"),
            ProblemRow.line,
            ProblemRow.reason,
            ProblemRow.done,
            ProblemRow.rejected,
            ProblemRow.local.label("id"),
        )
        .join(FileRow, FileRow.id == ProblemRow.file_id)
        .join(SourceRow, SourceRow.id == FileRow.source_id)
        .where(ProblemRow.rejected)
        .order_by(SourceRow.name, FileRow.name, ProblemRow.line)
    )
    return [Finding(*row) for row in connection.execute(query)]


_SOURCES = select(SourceRow.name, SourceRow.synced).order_by(SourceRow.name)
_ITEMS_BY_STATE = (
    select(ItemRow.deleted, func.count()).where(ItemRow.deleted.is_not(None)).group_by(ItemRow.deleted)
)
_TALLY = (
    select(TallyRow.set_id, TallyRow.format_id, total(TallyRow.records), total(TallyRow.deleted))
    .where(TallyRow.scope == int(Scope.BOTH))
    .group_by(TallyRow.set_id, TallyRow.format_id)
    .order_by(TallyRow.set_id, TallyRow.format_id)
)
