"""The six verbs and the arguments of each (§4), as a table to be compared with the text."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


class Verb(enum.StrEnum):
    """A request type, named as it is asked for."""

    GET_RECORD = "GetRecord"
    IDENTIFY = "Identify"
    LIST_IDENTIFIERS = "ListIdentifiers"
    LIST_METADATA_FORMATS = "ListMetadataFormats"
    LIST_RECORDS = "ListRecords"
    LIST_SETS = "ListSets"


@dataclass(frozen=True)
class Arguments:
    """Which arguments a verb takes. ``exclusive`` stands alone or not at all."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    exclusive: str | None = None

    @cached_property
    def all(self) -> frozenset[str]:
        """The arguments that there are."""
        return self.required | self.optional | ({self.exclusive} if self.exclusive else set())


_LIST = Arguments(
    required=frozenset({"metadataPrefix"}),
    optional=frozenset({"from", "until", "set"}),
    exclusive="resumptionToken",
)

ARGUMENTS: Mapping[Verb, Arguments] = {
    Verb.GET_RECORD: Arguments(required=frozenset({"identifier", "metadataPrefix"})),
    Verb.IDENTIFY: Arguments(),
    Verb.LIST_IDENTIFIERS: _LIST,
    Verb.LIST_METADATA_FORMATS: Arguments(optional=frozenset({"identifier"})),
    Verb.LIST_RECORDS: _LIST,
    Verb.LIST_SETS: Arguments(exclusive="resumptionToken"),
}
