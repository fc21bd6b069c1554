"""Harvesters as they are in the world: each keeps a mirror, and has its own idea where it stopped."""

import enum
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

from tests.workbench import NS, Answer


class Mark(enum.Enum):
    """What a harvester takes as ``from`` the next time."""

    FIRST_RESPONSE = "the responseDate of the first response of the last list"
    LAST_RESPONSE = "the responseDate of the last response of the last list"
    NEWEST_DATESTAMP = "the newest datestamp that it has seen"


@dataclass(frozen=True)
class Held:
    """A record as a mirror holds it."""

    datestamp: str
    deleted: bool
    sets: tuple[str, ...]
    metadata: bytes


Ask = Callable[..., Answer]


@dataclass
class Harvester:
    """Keeps a mirror of what *ask* answers, of one set if it has one; one response at a time."""

    ask: Ask
    mark_by: Mark
    set_spec: str | None = None
    prefix: str = "oai_dc"
    verb: str = "ListRecords"
    mirror: dict[str, Held] = field(default_factory=dict)
    mark: str | None = None
    _token: str | None = None
    _first: Answer | None = None
    _newest: str | None = None

    def step(self) -> bool:
        """Ask for the next page of the list that is under way, or begin one; return whether it goes on."""
        if self._token:
            answer = self.ask(self.verb, token=self._token)
        else:
            arguments = {"prefix": self.prefix}
            arguments |= {"from_": self.mark} if self.mark else {}
            arguments |= {"set": self.set_spec} if self.set_spec else {}
            answer = self.ask(self.verb, **arguments)
            self._first = answer
        if answer.codes not in ([], ["noRecordsMatch"]):
            raise AssertionError(answer.body.decode())
        self.take(answer)
        self._token = answer.token or None
        if self._token is None:
            self.finish(self._first or answer, answer)
        return self._token is not None

    def harvest(self) -> None:
        """Finish the list that is under way, or read a whole one."""
        while self.step():
            pass

    def forget_list(self) -> None:
        """Give up the list that is under way; what was taken of it stays."""
        self._token = None

    def take(self, answer: Answer) -> None:
        """Take the records of a page into the mirror."""
        for record in answer.root.findall(".//o:record", NS):
            header = record.find("o:header", NS)
            assert header is not None
            metadata = record.find("o:metadata", NS)
            stamp = header.findtext("o:datestamp", "", NS)
            self.mirror[header.findtext("o:identifier", "", NS)] = Held(
                stamp,
                header.get("status") == "deleted",
                tuple(each.text or "" for each in header.findall("o:setSpec", NS)),
                b"" if metadata is None else etree.tostring(metadata[0], method="c14n", exclusive=True),
            )
            self._newest = max(self._newest or "", stamp)

    def finish(self, first: Answer, last: Answer) -> None:
        """Move the mark, when a list has been read to its end."""
        match self.mark_by:
            case Mark.FIRST_RESPONSE:
                self.mark = first.response_date
            case Mark.LAST_RESPONSE:
                self.mark = last.response_date
            case Mark.NEWEST_DATESTAMP:
                self.mark = self._newest


@dataclass
class OneByOne(Harvester):
    """Reads headers, and asks for each record by itself."""

    verb: str = "ListIdentifiers"

    def take(self, answer: Answer) -> None:
        """Ask for the records of a page of headers, and take them as they come."""
        for header in answer.root.findall(".//o:header", NS):
            identifier = header.findtext("o:identifier", "", NS)
            super().take(self.ask("GetRecord", identifier=identifier, prefix=self.prefix))


def day_lines(mirror: dict[str, Held]) -> list[str]:
    """Return the inventory's lines of days, computed from a mirror as its documentation says."""
    days: dict[str, list[Held]] = {}
    sums: dict[str, int] = {}
    for identifier, held in mirror.items():
        day = held.datestamp[:10]
        status = "deleted" if held.deleted else "live"
        content = "-" if held.deleted else hashlib.sha256(held.metadata).hexdigest()
        line = f"{identifier}\t{held.datestamp}\t{status}\t{content}"
        days.setdefault(day, []).append(held)
        sums[day] = (sums.get(day, 0) + int(hashlib.sha256(line.encode()).hexdigest()[:15], 16)) % 2**60
    return [
        f"{day}\t{len(held)}\t{sum(each.deleted for each in held)}\t{sums[day]:015x}"
        for day, held in sorted(days.items())
    ]


def truth(ask: Ask, set_spec: str | None = None, prefix: str = "oai_dc") -> dict[str, Held]:
    """Return what there is, as one who has never asked before gets it."""
    harvester = Harvester(ask, Mark.FIRST_RESPONSE, set_spec, prefix)
    harvester.harvest()
    return harvester.mirror
