"""A request answered: pairs × repository × now → envelope (§4).

This is the way that every request takes: :func:`oai.protocol.request.parse_request` reads the
pairs, one function for each verb asks the repository, and what went wrong is made into an
answer here and nowhere else. :mod:`oai.render` writes the envelope as XML.

The harvest contract rests on two things here:

* The responseDate is the moment at which the request came, or earlier, if the repository says
  that changes are being written with earlier datestamps
  (:attr:`oai.repository.Repository.complete_until`). A harvester that next time asks from
  the responseDate of any of its responses misses nothing, noRecordsMatch included.
* A list without ``until`` runs on until it has caught up with the present. The end is
  not frozen when it begins, so a record which changes meanwhile comes again, at the end. That
  is why no page of a list may be read from an older state than the page before it, which could
  be where there are replicas: then the repository is too far behind, and says so.
"""

from dataclasses import dataclass
from typing import assert_never

from oai.protocol.errors import (
    CannotDisseminateFormat,
    IdDoesNotExist,
    NoMetadataFormats,
    NoRecordsMatch,
    NoSetHierarchy,
    ProtocolError,
    ProtocolErrors,
)
from oai.protocol.model import Identity, Page, Record, Selection
from oai.protocol.request import (
    GetRecord,
    Identify,
    ListIdentifiers,
    ListMetadataFormats,
    ListRecords,
    ListSets,
    Pairs,
    Request,
    parse_request,
    quoted,
)
from oai.protocol.response import (
    Answer,
    Envelope,
    Errors,
    Formats,
    Identified,
    OneRecord,
    Records,
    ResumptionToken,
    Sets,
)
from oai.protocol.resumption import RecordsToken, SetsToken, Tokens
from oai.protocol.verbs import Verb
from oai.repository import Behind, Repository


@dataclass(frozen=True, slots=True)
class Provider:
    """Answers at one base URL. ``page_size`` is the most records or sets of one response."""

    identity: Identity
    tokens: Tokens
    page_size: int

    def answer(self, pairs: Pairs, repository: Repository, now: int) -> Envelope:
        """Return the response to *pairs*, which came at *now*, in seconds of UTC.

        Raises nothing but :class:`oai.repository.Unavailable`.
        """
        answer: Answer
        try:
            answer = self._answer(parse_request(pairs), repository)
        except ProtocolErrors as group:
            answer = Errors([error for error in group.exceptions if isinstance(error, ProtocolError)])
        except ProtocolError as error:
            answer = Errors([error])
        complete_until = repository.complete_until
        response_date = now if complete_until is None else min(now, complete_until)
        return Envelope(response_date, self.identity.base_url, pairs, answer)

    def _answer(self, request: Request, repository: Repository) -> Answer:
        match request:
            case Identify():
                return Identified(self.identity, repository.earliest_datestamp())
            case ListMetadataFormats():
                return _list_metadata_formats(request, repository)
            case GetRecord():
                return _get_record(request, repository)
            case ListSets():
                return self._list_sets(request, repository)
            case ListIdentifiers():
                return self._list(Verb.LIST_IDENTIFIERS, request.selection, repository)
            case ListRecords():
                return self._list(Verb.LIST_RECORDS, request.selection, repository)
        assert_never(request)

    def _list_sets(self, request: ListSets, repository: Repository) -> Sets:
        if not repository.has_sets:
            raise _no_sets()
        asked = request.resumption_token
        token = SetsToken(after="", cursor=0) if asked is None else self.tokens.read_sets(asked)
        page = repository.sets(token.after, self.page_size)
        if not page.sets:
            if asked is not None and repository.may_be_behind:
                raise Behind(repository.last_serial + 1)  # sets do not go away, so they are yet to come
            raise NoSetHierarchy("there are no sets here yet")
        element = None
        if page.more:
            following = SetsToken(page.sets[-1].spec, token.cursor + len(page.sets))
            element = ResumptionToken(
                self.tokens.write_sets(following), token.cursor, page.complete_list_size
            )
        elif asked is not None:
            element = ResumptionToken("", token.cursor, page.complete_list_size)
        return Sets(page.sets, element)

    def _list(self, verb: Verb, selection: Selection | str, repository: Repository) -> Records:
        token = None
        if isinstance(selection, str):
            token = self.tokens.read_records(verb, selection)
            selection = token.selection
            # Elsewhere, what the token has seen and is not there is in no copy: a backup was restored.
            if token.seen > repository.last_serial and repository.may_be_behind:
                raise Behind(token.seen)
        _check(selection, repository)
        headers_only = verb is Verb.LIST_IDENTIFIERS
        after = token.after if token else None
        page = repository.page(selection, after, self.page_size, headers_only=headers_only)
        if page.count:
            return Records(verb, page.pieces, self._token_behind(verb, selection, token, page, repository))
        if token:
            record = repository.last_before(selection, token.after, headers_only=headers_only)
            if record:
                return _last_once_more(verb, record, token)
        raise _no_records_match(selection, repository)

    def _token_behind(
        self,
        verb: Verb,
        selection: Selection,
        token: RecordsToken | None,
        page: Page,
        repository: Repository,
    ) -> ResumptionToken | None:
        """§3.5: a token while more follows, an empty one at the end, none where one page is all."""
        if token is None and page.next is None:
            return None
        cursor = token.cursor if token else 0
        size = token.complete_list_size if token else page.complete_list_size
        delivered = cursor + page.count
        if page.next is None:
            return ResumptionToken("", cursor, size and delivered)
        if size is not None:
            # The list may have grown since it was counted, and some harvesters stop where the
            # cursor meets the size.
            size = max(size, delivered + 1)
        following = RecordsToken(selection, page.next, delivered, size, repository.last_serial)
        return ResumptionToken(self.tokens.write_records(verb, following), cursor, size)


def _list_metadata_formats(request: ListMetadataFormats, repository: Repository) -> Formats:
    if request.identifier is None:
        return Formats(repository.formats())
    formats = repository.formats_of(request.identifier)
    if formats is None:
        raise _no_such_item(request.identifier)
    if not formats:
        raise NoMetadataFormats(f"{request.identifier} has no metadata formats")
    return Formats(formats)


def _get_record(request: GetRecord, repository: Repository) -> OneRecord:
    record = repository.record(request.identifier, request.metadata_prefix)
    if record is not None:
        return OneRecord(record)
    errors: list[ProtocolError] = []
    has_item = repository.formats_of(request.identifier) is not None
    if not has_item:
        errors.append(_no_such_item(request.identifier))
    if not _has_format(request.metadata_prefix, repository):
        errors.append(_no_such_format(request.metadata_prefix, repository))
    elif has_item:
        errors.append(CannotDisseminateFormat(f"the item has no record in {request.metadata_prefix}"))
    raise ProtocolErrors("no such record", errors)


def _check(selection: Selection, repository: Repository) -> None:
    errors: list[ProtocolError] = []
    if not _has_format(selection.metadata_prefix, repository):
        errors.append(_no_such_format(selection.metadata_prefix, repository))
    if selection.set_spec is not None and not repository.has_sets:
        errors.append(_no_sets())
    if errors:
        raise ProtocolErrors("no such list", errors)


def _last_once_more(verb: Verb, record: Record, token: RecordsToken) -> Records:
    """Return the end of a list whose token promised records that have since gone from it.

    By now all of them have changed away from a bounded ``until`` or left the set, and an
    empty list is no valid response. So the record that was delivered last comes once more.
    Nothing is lost by it: what changed comes with the next harvest, and a record twice is
    what every harvester can take, whereas badResumptionToken would send it back to the
    beginning (guidelines for repositories, §5.4, allow that).
    """
    cursor = max(token.cursor - 1, 0)
    return Records(verb, [record], ResumptionToken("", cursor, cursor + 1))


def _no_records_match(selection: Selection, repository: Repository) -> NoRecordsMatch:
    if selection.set_spec is not None and not repository.has_set(selection.set_spec):
        return NoRecordsMatch(f"there is no set {quoted(selection.set_spec)}; ListSets names those there are")
    return NoRecordsMatch("no record matches what from, until, set and metadataPrefix select")


def _has_format(prefix: str, repository: Repository) -> bool:
    return any(known.prefix == prefix for known in repository.formats())


def _no_such_item(identifier: str) -> IdDoesNotExist:
    return IdDoesNotExist(f"no item here has the identifier {quoted(identifier)}")


def _no_such_format(prefix: str, repository: Repository) -> CannotDisseminateFormat:
    known = ", ".join(known.prefix for known in repository.formats())
    return CannotDisseminateFormat(f"{quoted(prefix)} is not a metadata format here; there are: {known}")


def _no_sets() -> NoSetHierarchy:
    return NoSetHierarchy("there are no sets at this base URL")
