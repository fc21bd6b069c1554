"""The tables, as Mapped classes, and why they are shaped as they are.

A list is read as one stretch of an index, from a position on: what a page costs depends neither
on its depth nor on the size of the list.

``block``
    The XML of records: up to :data:`RECORDS_OF_BLOCK` that stand beside each other in the list of a
    format, in each of the forms in which they are sent (:mod:`oai.store.forms`). So a page of that
    list is a few rows, and reading it is little more than copying it. A record that changes goes
    from its block to one at the end.
``record``
    A row for each record, which says where its XML lies: for the lists of sets, for GetRecord, and
    for pages that begin or end within a block.
``placement``
    A row for each list of a set that a record stands in, clustered in the order of that list.
    Parents have rows of their own, so ``set=tag`` is read like any other. The ``scope`` says at which
    base URL the row is seen; see :class:`Scope`.
``tally``
    How many rows of ``placement`` (of ``record``, for the set :data:`EVERYTHING`) there are for
    each day, and a digest of them: completeListSize is a sum of a few numbers.
``item``
    The identifiers, given once and never again.
``contribution``
    What each file of each source says of an item. An item is what its contributions say
    together; a file that cannot be read leaves its own as they were.

Rows get their numbers from the program, which is alone when it gives them. Text is in the order of its
bytes, in every database. Datestamps are whole seconds of UTC. Serials number the changes of records
in the order in which they were committed (:class:`oai.protocol.model.Position`).
"""

import enum
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

EVERYTHING = 0
"""The number that stands in ``tally`` for the whole repository; no set has it."""


RECORDS_OF_BLOCK = 20
"""Most records of one block. More would make fewer rows of a page, and a record of a small set, whose
block is read for its sake alone, dearer."""

BYTES_OF_BLOCK = 200_000
"""A block that has so many bytes takes no more records."""


class Scope(enum.IntEnum):
    """Where a placement is seen.

    An item that is in a set is seen by ``set=`` and at the set's own base URL alike. One that
    has left it is a deleted record at the set's own base URL, and nothing to ``set=``. Once that
    item is deleted, its tombstone matches every set that it was ever in (§2.5.1), while the
    set's own base URL keeps the earlier deletion.
    """

    BOTH = 0
    ARGUMENT = 1
    BASE_URL = 2


class Base(DeclarativeBase):
    """All tables, with constraints that have names, so that a migration can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[type, object]] = {
        int: BigInteger().with_variant(Integer, "sqlite"),
        str: String().with_variant(String(collation="C"), "postgresql"),
        bytes: LargeBinary,
    }


_CLUSTERED = {"sqlite_with_rowid": False}


class RepositoryRow(Base):
    """The repository itself: one row.

    ``publishing_since`` is set while a change is being written: no datestamp of that change is
    earlier. ``writer`` says who writes it. ``claimed`` is the latest responseDate that was given
    out while nothing was written (:mod:`oai.store.horizon`).
    """

    __tablename__ = "repository"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    namespace: Mapped[str | None]
    earliest_datestamp: Mapped[int]
    last_datestamp: Mapped[int]
    last_serial: Mapped[int]
    publishing_since: Mapped[int | None]
    claimed: Mapped[int]
    writer: Mapped[str | None]


class SigningKeyRow(Base):
    """A key that signs resumptionTokens; the greatest ``id`` signs."""

    __tablename__ = "signing_key"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    secret: Mapped[bytes]


class FormatRow(Base):
    """A metadata format, and with what version of its crosswalk its records were made.

    ``fingerprint`` is empty for a format that is not kept up to date, since it is not served.
    """

    __tablename__ = "format"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    prefix: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]


class SetRow(Base):
    """A set. ``members`` counts the items that are in it now and are not deleted."""

    __tablename__ = "sets"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    spec: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    members: Mapped[int]


class ItemRow(Base):
    """An item.

    ``local`` is the local part of its identifier, before escaping; ``deleted`` is None as long as
    it has no records.
    """

    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    local: Mapped[str] = mapped_column(unique=True)
    deleted: Mapped[bool | None]


class BlockRow(Base):
    """The records between two places of the list of a format, one after another.

    ``first_datestamp`` and ``first_serial`` are of the first one, ``datestamp`` and ``serial`` of the
    last. They have ``size`` bytes, with the checksum ``crc32``, before they are compressed.
    """

    __tablename__ = "block"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    format_id: Mapped[int] = mapped_column(SmallInteger)
    first_datestamp: Mapped[int]
    first_serial: Mapped[int]
    datestamp: Mapped[int]
    serial: Mapped[int]
    records: Mapped[int]
    size: Mapped[int]
    crc32: Mapped[int]
    lz4: Mapped[bytes]
    deflate: Mapped[bytes]
    zstd: Mapped[bytes]

    __table_args__ = (Index(None, "format_id", "datestamp", "serial", unique=True),)


class RecordRow(Base):
    """A record.

    ``serial`` is the number of the change that made it so. It is the row's own number, ``id``, too:
    rows lie in the order of their changes, which is that of the list. (It has a column of its
    own because SQLite enters no index by a comparison of rows whose last term is the row's number.)
    ``digest`` is the hash of what it says, empty for a deleted record: it tells whether a record
    has changed. Its XML has ``size`` bytes of its block, from ``start`` on (the first is 0); the
    element header in it has ``header_size`` bytes before its setSpec elements, which have
    ``set_specs_size``.
    """

    __tablename__ = "record"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    format_id: Mapped[int] = mapped_column(SmallInteger)
    datestamp: Mapped[int]
    serial: Mapped[int]
    item_id: Mapped[int]
    digest: Mapped[bytes]
    block_id: Mapped[int] = mapped_column(index=True)
    start: Mapped[int] = mapped_column(Integer)
    header_size: Mapped[int] = mapped_column(Integer)
    set_specs_size: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        UniqueConstraint("item_id", "format_id"),
        Index(None, "format_id", "datestamp", "serial", unique=True),
    )


class PlacementRow(Base):
    """A record's place in the list of a set; ``serial`` is the record's.

    ``header`` is set only for :attr:`Scope.BASE_URL`: there the row is a deleted record of its own.
    """

    __tablename__ = "placement"

    set_id: Mapped[int] = mapped_column(primary_key=True)
    format_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    scope: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    datestamp: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int]
    header: Mapped[bytes | None]

    __table_args__ = (Index(None, "item_id"), _CLUSTERED)


class TallyRow(Base):
    """How many records stand in a list, by the day of their datestamps (days since 1970).

    ``digest`` is that of their lines in the inventory (:mod:`oai.inventory`).
    """

    __tablename__ = "tally"

    set_id: Mapped[int] = mapped_column(primary_key=True)
    format_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    scope: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    records: Mapped[int]
    deleted: Mapped[int]
    digest: Mapped[int]

    __table_args__ = (_CLUSTERED,)


class SourceRow(Base):
    """A source: what one PATH of ``oai sync`` names, or another repository that is harvested."""

    __tablename__ = "source"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)
    synced: Mapped[int]


class FileRow(Base):
    """A file of a source.

    ``digest`` is of its bytes and its reader; empty where it must be read again. ``own_ids`` says
    that it names its items: of two such files of one source that name the same item, only
    the first by name counts.
    """

    __tablename__ = "file"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    name: Mapped[str]
    digest: Mapped[bytes]
    own_ids: Mapped[bool]

    __table_args__ = (UniqueConstraint("source_id", "name"),)


class HarvestRow(Base):
    """How far the harvest of a source has come that is another repository.

    ``mark`` is the responseDate of the first response of the last list that was read to its end:
    what the next one asks ``from``. While a list is under way, ``first`` is that of its own first
    response, and ``token`` asks for what has not been taken of it.
    """

    __tablename__ = "harvest"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    mark: Mapped[int | None]
    first: Mapped[int | None]
    token: Mapped[str | None]


class ContributionRow(Base):
    """What one file says of one item: ``content`` is the item as compressed JSON."""

    __tablename__ = "contribution"

    file_id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    digest: Mapped[bytes]
    content: Mapped[bytes]

    __table_args__ = (Index(None, "item_id"), _CLUSTERED)


class DictionaryRow(Base):
    """What contributions are compressed with (:mod:`oai.store.packing`): one row, or none.

    ``id`` is the number by which zstandard names it in what it has compressed.
    """

    __tablename__ = "dictionary"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes]


class ProblemRow(Base):
    """What a reader doubted, or could not take, the last time that it read a file.

    ``rendering``: the reader took it, but no record could be made of the item ``local``.
    """

    __tablename__ = "problem"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), index=True)
    line: Mapped[int]
    local: Mapped[str | None]
    reason: Mapped[str]
    done: Mapped[str]
    rejected: Mapped[bool]
    rendering: Mapped[bool]
