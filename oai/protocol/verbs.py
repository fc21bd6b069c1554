"""The six verbs and the arguments of each (§4), as a table to be compared with the text."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Verb(enum.StrEnum):
    """A request type, named as it is asked for."""

    GET_RECORD = "GetRecord"
    IDENTIFY = "Identify"
    LIST_IDENTIFIERS = "ListIdentifiers"
    LIST_METADATA_FORMATS = "ListMetadataFormats"
    LIST_RECORDS = "ListRecords"
    LIST_SETS = "ListSets"


@dataclass(frozen=True, slots=True)
class Arguments:
    """Which arguments a verb takes. ``exclusive`` stands alone or not at all."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    exclusive: str | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.required or name in self.optional or name == self.exclusive


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
