"""A repository in memory: the plainest thing that satisfies the provider."""

from collections.abc import Sequence
from dataclasses import dataclass

from oai import render
from oai.protocol.model import MetadataFormat, Page, Position, Record, Selection, Set, SetPage

OAI_DC = MetadataFormat(
    "oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/"
)
EARLIEST = 1_767_225_600


@dataclass(frozen=True)
class Held:
    """A record, with what is needed to find it; ``title`` is None for a deleted one."""

    identifier: str
    stamp: int
    serial: int
    title: str | None = "A title"
    sets: tuple[str, ...] = ()

    def record(self, *, headers_only: bool = False) -> Record:
        """Return it as it is sent."""
        body = b"" if self.title is None else METADATA % self.title.encode()
        head = render.header(self.identifier, self.stamp, deleted=self.title is None)
        sets = b"".join(map(render.set_spec, self.sets))
        return b"%b%b</header>\n" % (head, sets) if headers_only else render.record(head, sets, body)

    def is_in(self, set_spec: str | None) -> bool:
        """Say whether it is in a set or in one below it."""
        return set_spec is None or any(f"{spec}:".startswith(f"{set_spec}:") for spec in self.sets)


class MemoryRepository:
    """Satisfies :class:`oai.repository.Repository`."""

    complete_until: int | None = None
    may_be_behind = False
    has_sets = True

    def __init__(self, held: Sequence[Held], sets: Sequence[Set] = ()) -> None:
        self.held = sorted(held, key=lambda each: (each.stamp, each.serial))
        self.known_sets = sorted(sets, key=lambda each: each.spec)
        self.last_serial = max((each.serial for each in held), default=0)

    def earliest_datestamp(self) -> int:
        """Return a datestamp that no record is older than."""
        return min((each.stamp for each in self.held), default=EARLIEST)

    def formats(self) -> Sequence[MetadataFormat]:
        """Return the only format."""
        return [OAI_DC]

    def formats_of(self, identifier: str) -> Sequence[MetadataFormat] | None:
        """Return the only format of every item."""
        return [OAI_DC] if any(each.identifier == identifier for each in self.held) else None

    def record(self, identifier: str, metadata_prefix: str) -> Record | None:
        """Return one record."""
        found = (each for each in self.held if each.identifier == identifier and metadata_prefix == "oai_dc")
        return next((each.record() for each in found), None)

    def has_set(self, set_spec: str) -> bool:
        """Say whether a set is known."""
        return any(known.spec == set_spec for known in self.known_sets)

    def sets(self, after: str, limit: int) -> SetPage:
        """Return sets behind *after*."""
        behind = [known for known in self.known_sets if known.spec > after]
        return SetPage(behind[:limit], len(behind) > limit, len(self.known_sets))

    def page(self, selection: Selection, after: Position | None, limit: int, *, headers_only: bool) -> Page:
        """Return records behind *after*."""
        chosen = self._chosen(selection)
        behind = [each for each in chosen if after is None or (each.stamp, each.serial) > after]
        records = [each.record(headers_only=headers_only) for each in behind[:limit]]
        last = behind[:limit][-1] if len(behind) > limit else None
        following = Position(last.stamp, last.serial) if last else None
        return Page(records, len(records), following, None if after else len(chosen))

    def last_before(self, selection: Selection, position: Position, *, headers_only: bool) -> Record | None:
        """Return the last record not behind *position*."""
        before = [each for each in self._chosen(selection) if (each.stamp, each.serial) <= position]
        return before[-1].record(headers_only=headers_only) if before else None

    def _chosen(self, selection: Selection) -> list[Held]:
        return [
            each
            for each in self.held
            if (selection.from_ is None or each.stamp >= selection.from_)
            and (selection.until is None or each.stamp <= selection.until)
            and each.is_in(selection.set_spec)
        ]


METADATA = (
    b'<metadata><oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    b' xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/oai_dc/'
    b' http://www.openarchives.org/OAI/2.0/oai_dc.xsd"><dc:title>%s</dc:title></oai_dc:dc></metadata>'
)
