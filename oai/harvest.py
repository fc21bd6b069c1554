"""Another repository made a source: its records become items, page by page.

Each page is a publication of its own, and with it is committed how far the harvest has come: the
token of the next page while a list is under way, at its end the mark. So whatever is cut off, what
was taken stays, and what was not taken is asked for the next time.

The mark is the responseDate of the *first* response of a list: what changes there while the list is
read is listed the next time, and what is listed twice changes nothing (guidelines for harvesters, §3).
An item that is not listed is as it was. Only a whole list that is asked for to this end (``full``)
says that what it lacks is gone.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from sqlalchemy import Connection, delete, insert, select

from oai.helpers import Helpers
from oai.intake import Finding, Marks, Progress
from oai.item import Item
from oai.library import Library
from oai.protocol import datestamp
from oai.remote import BadToken, Remote, RemoteError
from oai.sources import Entry, Problem, jsonl
from oai.sources.files import SourceError
from oai.sources.oai_pmh import Page
from oai.store.contributions import Contributions, Said, Standing
from oai.store.database import Database
from oai.store.publishing import publishing
from oai.store.schema import HarvestRow, SourceRow
from oai.sync import Options, Report, Run

MOST_EMPTY = 100
"""So many pages without a record may follow each other; more are a list that has no end."""

_FILE = "records"  # a harvested list is a source of one file


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is harvested, and how.

    With ``full`` the whole list is read, and what it lacks is deleted; ``allow_mass_delete`` lets
    it delete however much that is.
    """

    set_spec: str | None = None
    prefix: str = "oai_dc"
    full: bool = False
    allow_mass_delete: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """How far the harvest has come; see :class:`oai.store.schema.HarvestRow`."""

    mark: int | None = None
    first: int | None = None
    token: str | None = None


@dataclass(slots=True)
class Harvest:
    """A harvest of *remote*. ``report`` and ``notes`` say what became of what was committed so far."""

    database: Database
    library: Library
    remote: Remote
    wanted: Wanted
    clock: Callable[[], int]
    progress: Progress
    waiting: Callable[[], None] = lambda: None
    report: Report = field(default_factory=Report)
    _deleted_record: str = "persistent"
    _doubts: int = 0
    _first_doubt: str = ""
    _returned: int = 0
    _is_whole: bool = True

    @property
    def name(self) -> str:
        """The name of the source: the address of the list."""
        arguments = {"metadataPrefix": self.wanted.prefix}
        if self.wanted.set_spec is not None:
            arguments["set"] = self.wanted.set_spec
        return f"{self.remote.base_url}?{urlencode(arguments, safe=':')}"

    @property
    def notes(self) -> list[str]:
        """What the operator should know besides."""
        found = []
        if self._deleted_record != "persistent" and not self.wanted.full:
            said = self._deleted_record or "not told"
            found.append(
                f"it does not keep deleted records (deletedRecord is {said}): --full finds what is gone"
            )
        if self._doubts:
            found.append(
                f"{self._doubts} times a part of a record was doubted or left out, first {self._first_doubt}"
            )
        if self._returned:
            found.append(f"{self._returned} records are ours and were harvested there: left out")
        if self.wanted.full and not self._is_whole:
            found.append("nothing was deleted, since a record that could not be read has no name")
        return [f"{self.remote.base_url}: {note}" for note in found]

    def run(self) -> Report:
        """Harvest what is new, or with ``full`` everything, and return what became of it.

        Raises :class:`oai.remote.RemoteError` where the other side fails: what was committed before
        stays, and the next harvest goes on from there. Raises SourceError where too much would be
        deleted, and :class:`oai.store.database.StoreError` where the store cannot be written.
        """
        about = self.remote.about()
        self._deleted_record = about.deleted_record
        state = self._read_state()
        arguments = {"metadataPrefix": self.wanted.prefix}
        if self.wanted.set_spec is not None:
            arguments["set"] = self.wanted.set_spec
        if state.mark is not None and not self.wanted.full:
            arguments["from"] = datestamp.write(state.mark, about.granularity)
        if self.wanted.full or state.token is None or not self._read_on(state):
            self._read_list(arguments, _State(state.mark))
        return self.report

    def _read_on(self, state: _State) -> bool:
        """Go on with the list that was under way; return False where its token is not good any more."""
        assert state.token is not None
        try:
            self._read_list({"resumptionToken": state.token}, state)
        except BadToken:
            return False
        return True

    def _read_list(self, arguments: Mapping[str, str], state: _State) -> None:
        """Take a list, page by page, to its end."""
        seen = Marks()
        empty = 0
        begun = False
        while True:
            page = self.remote.page(**arguments)
            if page is None and "resumptionToken" in arguments:
                raise BadToken(f"{self.remote.base_url}: noRecordsMatch in the middle of a list")
            if page is None:
                break
            if not begun:
                self.progress.begin(f"Harvesting {self.remote.base_url}", page.size or 0)
                self.progress.advance(page.cursor or 0)
                begun = True
            empty = 0 if page.read else empty + 1
            if page.token and (page.token == arguments.get("resumptionToken") or empty > MOST_EMPTY):
                raise RemoteError(
                    f"{self.remote.base_url}: its list does not go on: page after page is the same"
                )
            first = page.response_date if state.first is None else state.first
            state = _State(state.mark, first, page.token) if page.token else _State(first)
            self._take(page, state, seen)
            if page.token is None:
                break
            arguments = {"resumptionToken": page.token}
        if page is None:
            self._take(None, state, seen)
        if self.wanted.full and self._is_whole:
            self._drop_unseen(seen)

    def _read_state(self) -> _State:
        with self.database.reading() as connection:
            query = select(HarvestRow.mark, HarvestRow.first, HarvestRow.token).join(
                SourceRow, SourceRow.id == HarvestRow.source_id
            )
            row = connection.execute(query.where(SourceRow.name == self.name)).one_or_none()
        return _State() if row is None else _State(*row)

    def _keep_state(self, connection: Connection, source_id: int, state: _State) -> None:
        """Write how far the list has come. A full list that breaks off begins anew, so it has no token."""
        if self.wanted.full and state.token is not None:
            return
        connection.execute(delete(HarvestRow).where(HarvestRow.source_id == source_id))
        connection.execute(
            insert(HarvestRow).values(
                source_id=source_id, mark=state.mark, first=state.first, token=state.token
            )
        )

    def _take(self, page: Page | None, state: _State, seen: Marks) -> None:
        """Publish a page, and with it how far the list has come."""
        read = [] if page is None else page.read
        entries = {each.item.id: each.item for each in read if isinstance(each, Entry)}
        returned = [local for local, item in entries.items() if self._is_ours(item)]
        for local in returned:
            del entries[local]
        with publishing(self.database, self.clock, self.waiting) as publication:
            run = Run(publication, self.library, Options(), _Quiet(), Helpers())
            publication.settle_namespace(self.library.settings.namespace)
            source_id = run.contributions.source_id(self.name, publication.stamp)
            known = run.contributions.files(source_id).get(_FILE)
            file_id = (known or run.contributions.add_file(source_id, _FILE)).id
            problems = [each for each in read if isinstance(each, Problem)]
            self._reject(run, file_id, [each for each in problems if each.rejected], entries)
            ids = self._say(run.contributions, file_id, entries, run.affect)
            moved = run.publish_affected({source_id})
            run.report.unchanged = max(0, len(ids) - moved)
            kept = [run.contributions.item_id(each.id) for each in problems if each.rejected and each.id]
            self._keep_state(publication.connection, source_id, state)
        if self.wanted.full:
            seen.update(ids.values())
            seen.update(item_id for item_id in kept if item_id is not None)
            self._is_whole &= all(each.id is not None for each in problems if each.rejected)
        self._count(run.report, [each for each in problems if not each.rejected], len(returned))
        self.progress.advance(len(entries))

    def _is_ours(self, item: Item) -> bool:
        """Say whether an item was harvested from here once: it would come again and again."""
        own = self.library.settings.base_url
        return item.provenance is not None and any(step.base_url == own for step in item.provenance.chain())

    def _say(
        self,
        contributions: Contributions,
        file_id: int,
        entries: Mapping[str, Item],
        affect: Callable[[list[int]], None],
    ) -> dict[str, int]:
        """Write what differs from before, and return the numbers of the items.

        When a record was harvested is no difference: it keeps the time at which it came as it is.
        """
        ids = contributions.item_ids(list(entries))
        known = contributions.digests(file_id, ids.values())
        troubled = contributions.settle(file_id, list(entries))
        said = []
        for local, item in entries.items():
            digest = _digest(item)
            if known.get(ids[local]) != digest:
                said.append(Said(ids[local], 0, digest, jsonl.write(item)))
        contributions.say(file_id, said, known)
        affect([one.item_id for one in said])
        affect([ids[local] for local in troubled])  # what was wrong with it may be so still
        return ids

    def _reject(self, run: Run, file_id: int, problems: list[Problem], entries: Mapping[str, Item]) -> None:
        """Note the records that could not be taken; what they brought before stays."""
        run.contributions.settle(file_id, [each.id for each in problems if each.id])
        standing = [
            Standing(_FILE, 0, each.id, each.reason, each.done, rejected=True)
            for each in problems
            if each.id is None or each.id not in entries
        ]
        run.contributions.add_problems(file_id, standing)
        run.report.findings += (
            Finding(self.name, one.file, one.line, one.reason, one.done, one.rejected, one.local)
            for one in standing
        )

    def _drop_unseen(self, seen: Marks) -> None:
        """Delete what a whole list does not mention; raises SourceError if that looks like an accident."""
        with (
            Helpers() as helpers,
            publishing(self.database, self.clock, self.waiting) as publication,
        ):
            run = Run(publication, self.library, Options(), self.progress, helpers)
            source_id = run.contributions.source_id(self.name, publication.stamp)
            file_id = run.contributions.files(source_id)[_FILE].id
            gone = Marks()
            gone.update(each for each in run.contributions.items_of(file_id) if each not in seen)
            run.contributions.unsay(file_id, list(gone))
            if not self.wanted.allow_mass_delete:
                if len(gone) and not len(seen):
                    raise SourceError(
                        f"{self.name}: nothing is listed any more; nothing was deleted. If all of it is"
                        " meant to be, harvest with --full --allow-mass-delete"
                    )
                if lost := run.lost(source_id, gone):
                    raise SourceError(
                        f"{self.name}: {lost} items that it brought are not listed any more; none was"
                        " deleted. If they are meant to be, harvest with --full --allow-mass-delete"
                    )
            run.affect(gone)
            run.publish_affected({source_id})
        self._count(run.report, [], 0)

    def _count(self, report: Report, doubts: list[Problem], returned: int) -> None:
        """Add what became of a page, once it is committed."""
        for name in ("added", "changed", "deleted", "unchanged"):
            setattr(self.report, name, getattr(self.report, name) + getattr(report, name))
        self.report.findings += report.findings
        self._returned += returned
        if doubts and not self._doubts:
            first = doubts[0]
            self._first_doubt = f"{first.id}: {first.reason}; {first.done}"
        self._doubts += len(doubts)


class _Quiet:
    """The pages have one bar together."""

    def begin(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, by: int) -> None:
        """Say nothing."""


def _digest(item: Item) -> bytes:
    """Return what differs where an item differs, the time of its harvest aside."""
    if item.provenance:
        item = replace(item, provenance=replace(item.provenance, harvest_date=""))
    return hashlib.blake2b(jsonl.write(item), digest_size=16).digest()
