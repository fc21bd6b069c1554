"""The inventory: a list by which a mirror can prove that it is complete, in a few requests.

A line for each record has its identifier, its datestamp, ``live`` or ``deleted``, and a hash of
what it says, between tabs. A line for each day has the day, how many records have a datestamp of
that day, how many of them are deleted, and a digest of their lines. A mirror computes the same of
what it holds; where a day's digests differ, it asks for the lines of that day.

The hash is SHA-256, in hexadecimal, of the element in the metadata part in exclusive canonical XML
(http://www.w3.org/TR/xml-exc-c14n/, without comments), followed by those in its about parts; ``-``
for a deleted record. The digest is a sum that does not depend on order: the first fifteen
hexadecimal digits of the SHA-256 of each line, without its end, are read as a number; the
numbers are added up modulo 2⁶⁰ and printed in fifteen digits.
"""

import hashlib
import re
from xml.sax.saxutils import unescape

from oai.protocol import datestamp
from oai.protocol.datestamp import DAY, Granularity

MODULUS = 1 << 60
"""Digests are numbers below this one."""

_DIGITS = 15
_HEADER = re.compile(r"<identifier>(.*?)</identifier><datestamp>(.*?)</datestamp>", re.DOTALL)


def line_of(header: bytes, content: bytes) -> str:
    """Return the line of a record by its header, as it is sent."""
    match = _HEADER.search(header.decode())
    assert match, header
    return line(unescape(match[1]), datestamp.read(match[2])[0], content)


def line(identifier: str, stamp: int, content: bytes) -> str:
    """Return the line of a record; *content* is the hash of what it says, empty for a deleted one."""
    status, shown = ("live", content.hex()) if content else ("deleted", "-")
    return f"{identifier}\t{datestamp.write(stamp)}\t{status}\t{shown}"


def number(text: str) -> int:
    """Return what a record's line adds to the digest of its day."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 4  # fifteen digits of sixteen


def day_line(day: int, records: int, deleted: int, digest: int) -> str:
    """Return the line of a day, which is counted in days since 1970."""
    return f"{datestamp.write(day * DAY, Granularity.DAY)}\t{records}\t{deleted}\t{digest:0{_DIGITS}x}"
