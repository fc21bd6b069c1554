"""The eight error and exception conditions (§3.6), one class for each code.

They travel in an ordinary answer, HTTP status 200: harvesters drop a 4xx unread. The
messages are for the person who runs the harvester.
"""

from typing import ClassVar


class ProtocolError(Exception):
    """A condition that the protocol has a code for."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadArgument(ProtocolError):
    """An argument is unknown, missing, repeated, or not written as the protocol asks."""

    code = "badArgument"


class BadResumptionToken(ProtocolError):
    """A resumptionToken is none that this verb has given out at this base URL."""

    code = "badResumptionToken"


class BadVerb(ProtocolError):
    """The verb is missing, repeated, or none of the six."""

    code = "badVerb"


class CannotDisseminateFormat(ProtocolError):
    """The metadata format is not supported by the item or by the repository."""

    code = "cannotDisseminateFormat"


class IdDoesNotExist(ProtocolError):
    """No item has this identifier."""

    code = "idDoesNotExist"


class NoRecordsMatch(ProtocolError):
    """The list that from, until, set and metadataPrefix select is empty."""

    code = "noRecordsMatch"


class NoMetadataFormats(ProtocolError):
    """The item has no metadata formats."""

    code = "noMetadataFormats"


class NoSetHierarchy(ProtocolError):
    """The repository has no sets."""

    code = "noSetHierarchy"


class ProtocolErrors(ExceptionGroup[ProtocolError]):
    """All conditions that one request met: §3.6 asks for every one of them."""


UNANSWERABLE = (BadVerb, BadArgument)
"""After these the request element carries no attributes (§3.2)."""
