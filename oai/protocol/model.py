"""What the protocol speaks of: records, sets, metadata formats, and places in a list (§2).

An *item* is the container, a *record* is an item in one metadata format; datestamp and
deletion belong to the record's header (§2.5). A record here is already XML: it was
rendered and validated when its item was stored, so that reading is a copy of bytes and
nothing that a record contains can make a response fail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """A place in a list: behind every record up to and including this one.

    Lists are in the order of (datestamp, serial). The serial of a record rises with every
    change that is committed anywhere in the repository, so what changes after a position
    was given out always comes behind it, also within the same second.
    """

    datestamp: int
    serial: int


class Content(NamedTuple):
    """What a live record says: the XML that follows its header, and a hash of what that means.

    The hash is of the canonical form of the elements in it (:mod:`oai.inventory`): another way to
    write the same XML is no change.
    """

    body: bytes
    digest: bytes


Record = bytes
"""A record element, or the header element of one, as it is sent: see :func:`oai.render.record`."""


class Encoded(NamedTuple):
    """Records in a content coding, as they lie (:mod:`oai.splicing`).

    ``size``, in bytes, and ``crc32`` are of what they are when they are decoded.
    """

    data: bytes
    size: int
    crc32: int


Piece = bytes | Encoded
"""A stretch of a response."""


class Selection(NamedTuple):
    """Which records a list is asked for; ``from_`` and ``until`` are inclusive seconds."""

    metadata_prefix: str
    from_: int | None = None
    until: int | None = None
    set_spec: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list: the protocol's "incomplete list" (§3.5).

    ``pieces`` are its records, ``count`` of them, one after another; how many are in one piece says
    nothing, and they are encoded only where that was asked for. ``next`` is the position of its
    last record where more follow it, else None. ``complete_list_size`` is counted for the first page
    only.
    """

    pieces: Sequence[Piece]
    count: int
    next: Position | None = None
    complete_list_size: int | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """A set, and how many items are in it now that are not deleted."""

    spec: str
    name: str
    members: int


@dataclass(frozen=True, slots=True)
class SetPage:
    """A stretch of the list of sets, in the order of setSpec; ``more`` follow it, or not."""

    sets: Sequence[Set]
    more: bool
    complete_list_size: int


@dataclass(frozen=True, slots=True)
class MetadataFormat:
    """A metadata format that records can be had in (§3.4)."""

    prefix: str
    schema: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What Identify says and no harvest changes (§4.2); ``descriptions`` are ready XML."""

    repository_name: str
    base_url: str
    admin_emails: Sequence[str]
    compressions: Sequence[str] = ()
    descriptions: Sequence[bytes] = ()
