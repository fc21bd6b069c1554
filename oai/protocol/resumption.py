"""The resumptionToken: where a list request sequence stopped, made opaque (§3.5).

It names the last record delivered, not a page number, and holds the whole selection. So the
server keeps nothing for it: a token works again after a lost response, a restart or a
redeployment, on every machine that has the key, any number of times; and what changes during
a harvest moves behind it without shifting the rest (§3.5.1).

It is signed, with a key of its own for each base URL and verb, so that only a token which this
verb gave out at this base URL is taken back. Its characters are letters, digits, "-" and "_",
which survive harvesters that do not escape. It does not expire.
"""

import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, NamedTuple

import orjson

from oai.protocol.errors import BadResumptionToken
from oai.protocol.model import Position, Selection
from oai.protocol.verbs import Verb

_SIGNATURE = 16  # bytes
_VERSION = 1  # of the payload: a later one must go on reading this one


class RecordsToken(NamedTuple):
    """Where a list of records or of headers stopped.

    ``cursor`` is how many records came before the next page; ``complete_list_size`` is how
    many there were when the list was begun, or None where that was not counted. ``seen`` is the
    serial of the last change that could be seen when the page before was read: the next one must not
    be read from an older state (:class:`oai.repository.Behind`), since a harvester may take any
    responseDate of the list for its next ``from``.
    """

    selection: Selection
    after: Position
    cursor: int
    complete_list_size: int | None
    seen: int


@dataclass(frozen=True, slots=True)
class SetsToken:
    """Where a list of sets stopped: behind the set ``after``."""

    after: str
    cursor: int


class Tokens:
    """Writes and reads the tokens of one base URL.

    *keys* are the signing keys, the newest last: it signs, and all of them are accepted, so
    that a key can be changed without ending anybody's harvest.
    """

    def __init__(self, keys: Sequence[bytes], base_url: str) -> None:
        self._keys = {
            verb: [hmac.digest(key, f"{verb} {base_url}".encode(), "sha256") for key in keys]
            for verb in (Verb.LIST_IDENTIFIERS, Verb.LIST_RECORDS, Verb.LIST_SETS)
        }

    def write_records(self, verb: Verb, token: RecordsToken) -> str:
        """Return *token* as ListRecords or ListIdentifiers hands it out."""
        chosen = token.selection
        selected = (chosen.metadata_prefix, chosen.from_, chosen.until, chosen.set_spec)
        return self._write(verb, *selected, *token.after, token.cursor, token.complete_list_size, token.seen)

    def read_records(self, verb: Verb, text: str) -> RecordsToken:
        """Return what *text* stands for; raises BadResumptionToken where it is not of *verb*."""
        match self._read(verb, text):
            case [prefix, from_, until, set_spec, int(datestamp), int(serial), int(cursor), size, int(seen)]:
                selection = Selection(prefix, from_, until, set_spec)
                return RecordsToken(selection, Position(datestamp, serial), cursor, size, seen)
        raise _refusal(verb)

    def write_sets(self, token: SetsToken) -> str:
        """Return *token* as ListSets hands it out."""
        return self._write(Verb.LIST_SETS, token.after, token.cursor)

    def read_sets(self, text: str) -> SetsToken:
        """Return what *text* stands for; raises BadResumptionToken where ListSets did not write it."""
        match self._read(Verb.LIST_SETS, text):
            case [str(after), int(cursor)]:
                return SetsToken(after, cursor)
        raise _refusal(Verb.LIST_SETS)

    def _write(self, verb: Verb, *payload: str | int | None) -> str:
        text = orjson.dumps([_VERSION, *payload])
        return urlsafe_b64encode(_signature(self._keys[verb][-1], text) + text).rstrip(b"=").decode()

    def _read(self, verb: Verb, token: str) -> list[Any]:
        try:
            signed = b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        except ValueError:
            raise _refusal(verb) from None
        signature, text = signed[:_SIGNATURE], signed[_SIGNATURE:]
        for key in self._keys[verb]:
            if compare_digest(signature, _signature(key, text)):
                version, *payload = orjson.loads(text)
                return payload if version == _VERSION else []
        raise _refusal(verb)


def _signature(key: bytes, text: bytes) -> bytes:
    # BLAKE2 takes a key itself, and half the time of HMAC with SHA-256 for so short a text.
    return blake2b(text, key=key, digest_size=_SIGNATURE).digest()


def _refusal(verb: Verb) -> BadResumptionToken:
    return BadResumptionToken(
        f"this is no resumptionToken that {verb} has given out here; begin the list again without one"
    )
