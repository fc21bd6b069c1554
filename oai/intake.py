"""Files read into the store: what each file of a source says now replaces what it said before.

What cannot be read leaves things as they were. For a whole file that is simple. For an entry
that is rejected it depends: if its identifier is known, its earlier contribution stays; if not,
whatever the file no longer mentions may be the very item that could not be read, so all of it
stays until the file reads cleanly again.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from oai.helpers import Helpers
from oai.records import Renderer, Told, tell, tell_part
from oai.sources import Problem, Unreadable
from oai.sources.files import File, Source, SourceError
from oai.sources.kinds import Kind, kind_of
from oai.store.contributions import Contributions, Known, Said, Standing

_PIECE = 1 << 20  # bytes read at a time
_ITEM_BYTES = 1000  # a file has about an item for so many

CHUNK = 500
"""How many items are looked up and written at a time."""

_T = TypeVar("_T")


def chunks(values: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """Yield *values* in lists of *size*, the last one shorter."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


class Marks:
    """A set of item numbers, at a byte for each number up to the greatest."""

    def __init__(self) -> None:
        self._marks = bytearray()

    def add(self, number: int) -> None:
        """Put *number* in."""
        missing = number + 1 - len(self._marks)
        if missing > 0:
            self._marks.extend(bytes(missing + len(self._marks) // 8))
        self._marks[number] = 1

    def update(self, numbers: Iterable[int]) -> None:
        """Put all of *numbers* in."""
        for number in numbers:
            self.add(number)

    def __contains__(self, number: int) -> bool:
        return number < len(self._marks) and self._marks[number] == 1

    def __iter__(self) -> Iterator[int]:
        number = self._marks.find(1)
        while number >= 0:
            yield number
            number = self._marks.find(1, number + 1)

    def __len__(self) -> int:
        return self._marks.count(1)


class Progress(Protocol):
    """Who is told how far long work has come."""

    def begin(self, what: str, total: int) -> None:
        """Note that *what* begins, of *total* steps."""

    def advance(self, by: int) -> None:
        """Note that *by* more steps are done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something doubted or rejected, with its place, for the operator.

    What was harvested has no line (0): there the item's ``id`` is its place.
    """

    source: str
    file: str
    line: int
    reason: str
    done: str
    rejected: bool
    id: str | None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.id or self.file
        what = f"{place}: {self.reason}"
        return f"{what}; {self.done}" if self.done else what


@dataclass(slots=True)
class Taken:
    """What was taken in from one source. ``dropped``: the items that a file no longer speaks of."""

    source: Source
    source_id: int
    dropped: Marks = field(default_factory=Marks)


class Fresh(NamedTuple):
    """Items that nobody has spoken of before: what a file says of each of them, by its number."""

    entries: Mapping[int, Told]
    source_id: int
    source: str
    file_id: int
    file: str


class Intake:
    """Reads sources into *contributions*, and knows which items are affected by it."""

    def __init__(
        self,
        contributions: Contributions,
        progress: Progress,
        now: int,
        helpers: Helpers,
    ) -> None:
        self.affected = Marks()
        self.findings: list[Finding] = []
        self.taken: list[Taken] = []
        self._contributions = contributions
        self._progress = progress
        self._now = now
        self._helpers = helpers
        self._datestamps = array("q")

    def datestamp(self, item_id: int) -> int | None:
        """Return the datestamp that an item had elsewhere, where its file named one."""
        kept = self._datestamps[item_id] if item_id < len(self._datestamps) else 0
        return kept >> 1 if kept else None

    def read(
        self,
        source: Source,
        renderer: Renderer | None = None,
        publish: Callable[[Fresh], None] | None = None,
    ) -> None:
        """Take in what the files of *source* say; raises SourceError if none of them can be read.

        With *renderer* what is in a new file is rendered as it is read, and items that nobody has spoken
        of before are given to *publish* and are affected no more. That is for a file that is read
        alone: another one might have more to say of them.
        """
        self._renderer = renderer
        self._publish = publish
        taken = Taken(source, self._contributions.source_id(source.name, self._now))
        self.taken.append(taken)
        known = self._contributions.files(taken.source_id)
        self._progress.begin(f"Reading {source.name}", sum(file.size for file in source.files))
        unreadable = []
        unread_new = False
        for file in source.files:
            self._watched = _Watched(self._progress, file.size)
            stands = known.get(file.name) or self._contributions.add_file(taken.source_id, file.name)
            try:
                self._read_file(taken, file, stands)
            except Unreadable as error:
                unreadable.append(error)
                unread_new |= file.name not in known
                self._leave(taken, file, stands, error)
            except OSError as error:
                raise SourceError(f"{file.path}: {error.strerror}") from None
            self._watched.finish()
        if len(unreadable) == len(source.files):
            raise SourceError(f"{source.files[0].path}:{unreadable[0].line}: {unreadable[0].reason}")
        gone = sorted(known.keys() - {file.name for file in source.files})
        if gone and not unread_new:
            for name in gone:
                self._drop(taken, self._contributions.remove_file(known[name].id))
        elif gone:
            reason = f"{', '.join(gone)} is gone" if len(gone) == 1 else f"{', '.join(gone)} are gone"
            done = "kept for now, since a new file that cannot be read may be the same"
            self._note(taken, Standing(gone[0], 1, None, reason, done, rejected=False))
        self._note_refused(taken)

    def _note_refused(self, taken: Taken) -> None:
        """Tell what is in two files of a source that name their items: the first of them counts."""
        for local, file, line, first, at in self._contributions.refused(taken.source_id):
            problem = _taken_already(line, local, f"{first}:{at}")
            self._note(taken, Standing(file, line, local, problem.reason, problem.done, rejected=True))

    def _drop(self, taken: Taken, item_ids: list[int]) -> None:
        taken.dropped.update(item_ids)
        self.affected.update(item_ids)

    def _leave(self, taken: Taken, file: File, stands: Known, error: Unreadable) -> None:
        problem = Problem(error.line, error.reason, "what it brought before stays", rejected=True)
        self._contributions.replace_problems(stands.id, [_standing(file, problem)])
        self._contributions.note_unreadable(stands.id)
        self._note(taken, _standing(file, problem))

    def _note(self, taken: Taken, problem: Standing) -> None:
        self.findings.append(
            Finding(
                taken.source.name,
                problem.file,
                problem.line,
                problem.reason,
                problem.done,
                problem.rejected,
                problem.local,
            )
        )

    def _read_file(self, taken: Taken, file: File, stands: Known) -> None:
        kind = kind_of(file.path)
        renderer = None if stands.digest else self._renderer  # most of what was read before is as it was
        if kind.parts and not stands.digest:
            read = partial(tell_part, kind.parts.read, renderer)
            self._helpers.prepare(read, items=file.size // _ITEM_BYTES)
        digest, lines = _digest_of(file, kind)
        if digest == stands.digest:
            problems = self._contributions.problems(stands.id)
        else:
            reading = _FileReading(self._contributions, file, stands, kind)
            for chunk in chunks(self._tell(kind, file, renderer)):
                said, stamps = reading.take(chunk)
                self._watched.come_to(chunk[-1].line, lines)
                self._keep(stamps)
                if renderer and self._publish:
                    fresh = self._fresh(said)
                    self._publish(Fresh(fresh, taken.source_id, taken.source.name, stands.id, file.name))
                    said = {item_id: each for item_id, each in said.items() if item_id not in fresh}
                self.affected.update(said)
            self._drop(taken, reading.finish())
            problems = [_standing(file, problem) for problem in reading.problems]
            self._contributions.replace_problems(stands.id, problems)
            self._contributions.note_read(stands.id, digest, own_ids=kind.own_ids)
        for problem in problems:
            self._note(taken, problem)

    def _tell(self, kind: Kind, file: File, renderer: Renderer | None) -> Iterator[Told | Problem]:
        """Yield what a file tells, read by helpers if that is worth it and it can be cut into parts."""
        parts = kind.parts
        if parts is None:
            return tell(kind.read(file.path), renderer)
        read = partial(tell_part, parts.read, renderer)
        cut = ((None, part) for part in parts.cut(file.path))
        told = self._helpers.map(read, cut, items=file.size // _ITEM_BYTES)
        return parts.join(each for _, part in told for each in part)

    def _fresh(self, said: Mapping[int, Told]) -> dict[int, Told]:
        """Return what can be published at once; of what cannot be rendered it is told later."""
        return {
            item_id: each
            for item_id, each in said.items()
            if item_id >= self._contributions.first_new and each.rendered and each.rendered.reason is None
        }

    def _keep(self, stamps: dict[int, int]) -> None:
        for item_id, stamp in stamps.items():
            missing = item_id + 1 - len(self._datestamps)
            if missing > 0:
                self._datestamps.frombytes(bytes(8 * (missing + len(self._datestamps) // 8)))
            self._datestamps[item_id] = stamp << 1 | 1  # never 0, which is none


class _Watched:
    """How much of a file has been read, told in bytes by the lines that were come to."""

    def __init__(self, progress: Progress, size: int) -> None:
        self._progress = progress
        self._size = size
        self._told = 0

    def come_to(self, line: int, lines: int) -> None:
        """Tell that *line* of *lines* has been read."""
        read = min(self._size, self._size * line // lines)
        self._progress.advance(max(0, read - self._told))
        self._told = max(self._told, read)

    def finish(self) -> None:
        """Tell that all of it has been read."""
        self._progress.advance(self._size - self._told)


class _FileReading:
    """One file, chunk by chunk."""

    def __init__(self, contributions: Contributions, file: File, stands: Known, kind: Kind) -> None:
        self.problems: list[Problem] = []
        self._contributions = contributions
        self._file = file
        self._file_id = stands.id
        self._kind = kind
        self._taken_items = Marks()
        self._spared = Marks()  # known items that a rejected entry names
        self._is_whole = True

    def take(self, chunk: list[Told | Problem]) -> tuple[dict[int, Told], dict[int, int]]:
        """Write what differs from before and return it, by item; and datestamps that items had elsewhere."""
        ids = self._contributions.item_ids([each.local for each in chunk if isinstance(each, Told)])
        old = [item_id for item_id in ids.values() if item_id < self._contributions.first_new]
        known = self._contributions.known(self._file_id, old)
        taken: dict[int, Told] = {}
        said: dict[int, Told] = {}
        moved: dict[int, int] = {}
        for each in chunk:
            if isinstance(each, Problem):
                self._take_problem(each)
                continue
            item_id = ids[each.local]
            if item_id in self._taken_items:
                self._refuse(each, item_id, taken.get(item_id))
                continue
            self._taken_items.add(item_id)
            taken[item_id] = each
            before, line = known.get(item_id, (b"", each.line))
            if before != each.digest:
                said[item_id] = each
            elif line != each.line:
                moved[item_id] = each.line
        contributions = [Said(id_, each.line, each.digest, each.content) for id_, each in said.items()]
        self._contributions.say(self._file_id, contributions, known)
        self._contributions.move(self._file_id, moved)
        stamps = {item: entry.datestamp for item, entry in taken.items() if entry.datestamp is not None}
        return said, stamps

    def finish(self) -> list[int]:
        """Take back what the file no longer says; return the items it no longer speaks of."""
        gone = [
            item_id
            for item_id in self._contributions.old_items_of(self._file_id)
            if item_id not in self._taken_items and item_id not in self._spared
        ]
        if gone and not self._is_whole:
            reason = f"{len(gone)} items that it brought before are not found in it"
            self.problems.append(Problem(1, reason, "kept, since a part of it could not be read"))
            return []
        self._contributions.unsay(self._file_id, gone)
        return gone

    def _take_problem(self, problem: Problem) -> None:
        self.problems.append(problem)
        if not problem.rejected:
            return
        if problem.id is None:
            self._is_whole = False
        elif (item_id := self._contributions.item_id(problem.id)) is not None:
            self._spared.add(item_id)

    def _refuse(self, entry: Told, item_id: int, first: Told | None) -> None:
        line = first.line if first else self._contributions.line(self._file_id, item_id)
        place = f"{self._file.name}:{line}"
        if self._kind.own_ids:
            problem = _taken_already(entry.line, entry.local, place)
        else:
            problem = Problem(entry.line, f"the same post as at {place}", "taken once", entry.local)
        self.problems.append(problem)


def _taken_already(line: int, id_: str, place: str) -> Problem:
    return Problem(
        line, f"the id {id_!r} is already that of {place}", "the first is kept", id_, rejected=True
    )


def _standing(file: File, problem: Problem) -> Standing:
    return Standing(file.name, problem.line, problem.id, problem.reason, problem.done, problem.rejected)


def _digest_of(file: File, kind: Kind) -> tuple[bytes, int]:
    """Return what differs where a file's bytes do, or what its reader makes of them; and its lines."""
    digest = hashlib.blake2b(f"{kind.name} {kind.version}".encode(), digest_size=16)
    lines = 1
    with file.path.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
            lines += piece.count(b"\n")
    return digest.digest(), lines
