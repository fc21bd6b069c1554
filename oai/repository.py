"""What a provider asks of storage.

:class:`oai.store.repository.SqlRepository` answers it from a database; the tests have one in
memory, and one suite of tests binds both. A repository is opened for one request and never
shows half of a change.
"""

from collections.abc import Sequence
from typing import Protocol

from oai.protocol.model import MetadataFormat, Page, Position, Record, Selection, SetPage


class Unavailable(Exception):
    """The storage cannot be asked now. It may be later; nothing is said about its records."""


class Behind(Unavailable):
    """What is asked for goes on from a state that had the change *serial*, which cannot be seen here yet.

    It can be elsewhere, and will be here soon.
    """

    def __init__(self, serial: int) -> None:
        super().__init__(f"the change {serial} has not arrived here yet")
        self.serial = serial


class Repository(Protocol):
    """The records of one base URL."""

    @property
    def has_sets(self) -> bool:
        """Whether there is a set hierarchy, empty or not (§2.6)."""

    @property
    def complete_until(self) -> int | None:
        """The datestamp before which no change will appear that cannot be seen now.

        It was read when the repository was opened, before anything else was. None where
        nothing is being written: then it is the moment of the request.
        """

    @property
    def last_serial(self) -> int:
        """The serial of the last change that was there to be seen when the repository was opened."""

    @property
    def may_be_behind(self) -> bool:
        """Whether it is a copy, which others may have seen changes of that have not arrived in it."""

    def earliest_datestamp(self) -> int:
        """Return a datestamp that no record is older than; it never rises (§4.2)."""

    def formats(self) -> Sequence[MetadataFormat]:
        """Return the formats that the repository disseminates; oai_dc is among them (§3.4)."""

    def formats_of(self, identifier: str) -> Sequence[MetadataFormat] | None:
        """Return those in which the item has a record, deleted or not; None for an unknown item."""

    def record(self, identifier: str, metadata_prefix: str) -> Record | None:
        """Return one record, deleted or not."""

    def has_set(self, set_spec: str) -> bool:
        """Say whether a set has ever been known."""

    def sets(self, after: str, limit: int) -> SetPage:
        """Return at most *limit* sets whose setSpec is greater than *after*."""

    def page(self, selection: Selection, after: Position | None, limit: int, *, headers_only: bool) -> Page:
        """Return at most *limit* records of *selection* behind *after*, in order; all from its start if None.

        A page may hold fewer where they are large, and none only where none follow.
        """

    def last_before(self, selection: Selection, position: Position, *, headers_only: bool) -> Record | None:
        """Return the last record of *selection* that is not behind *position*."""
