"""What is answered: one type for each verb's answer, and the envelope around all (§3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from oai.protocol.errors import UNANSWERABLE, ProtocolError
from oai.protocol.model import Identity, MetadataFormat, Piece, Record, Set
from oai.protocol.verbs import Verb


class ResumptionToken(NamedTuple):
    """The element that ends an incomplete list, or with empty ``text`` a complete one (§3.5)."""

    text: str
    cursor: int
    complete_list_size: int | None


@dataclass(frozen=True, slots=True)
class Identified:
    """The answer to Identify."""

    identity: Identity
    earliest_datestamp: int


@dataclass(frozen=True, slots=True)
class Formats:
    """The answer to ListMetadataFormats."""

    formats: Sequence[MetadataFormat]


@dataclass(frozen=True, slots=True)
class Sets:
    """The answer to ListSets."""

    sets: Sequence[Set]
    resumption_token: ResumptionToken | None


@dataclass(frozen=True, slots=True)
class OneRecord:
    """The answer to GetRecord."""

    record: Record


class Records(NamedTuple):
    """The answer to ListRecords or ListIdentifiers; ``pieces`` as in :class:`oai.protocol.model.Page`."""

    verb: Verb
    pieces: Sequence[Piece]
    resumption_token: ResumptionToken | None


@dataclass(frozen=True, slots=True)
class Errors:
    """The answer to a request that met one or more conditions of §3.6."""

    errors: Sequence[ProtocolError]


Answer = Identified | Formats | Sets | OneRecord | Records | Errors


class Envelope(NamedTuple):
    """A whole response. ``arguments`` are those of the request, exactly as they came."""

    response_date: int
    base_url: str
    arguments: Sequence[tuple[str, str]]
    answer: Answer

    @property
    def echoed(self) -> Sequence[tuple[str, str]]:
        """The attributes of the request element: none after badVerb or badArgument (§3.2)."""
        if isinstance(self.answer, Errors) and any(
            isinstance(error, UNANSWERABLE) for error in self.answer.errors
        ):
            return ()
        return self.arguments

    @property
    def is_settled(self) -> bool:
        """Whether the same request may be answered with this response again, for a while.

        That holds within a list: for a page that was asked for with a token and gives another one.
        What changes after it was read gets a place behind it
        (:class:`oai.protocol.model.Position`), so nothing ever joins such a page, and what has gone
        from it comes later in the list, or in the next harvest. Whoever asks for it has a page
        before it whose token this is, and which was therefore read when the last change was the one that the
        token names (:attr:`oai.protocol.resumption.RecordsToken.seen`). This page was read then or
        later, and the token that it gives names what was the last change then; so within a list
        that is read from caches, nodes and replicas, no page is older than those before it.
        """
        match self.answer:
            case Records(resumption_token=ResumptionToken() as token):
                return token.text != "" and token.cursor > 0
        return False
