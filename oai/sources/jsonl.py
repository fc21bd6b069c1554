"""JSON Lines, the neutral source format: one object a line, in UTF-8, as an Item says it.

What is read here is what ``oai export`` writes, and the round trip is the identity. A line
that is broken or has a wrong type harms only itself: it is rejected with its line and key.
"""

import json
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import orjson

from oai.item import Item, Name, Provenance
from oai.sources import Entry, Problem, checked
from oai.sources.checked import KEYS, LISTS, NAMES, TEXTS, Rejected

_PART = 150_000  # bytes: about a hundred lines, of which more is made than a pipe holds at once
_ONCE = "ignored, here and in later lines"

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest line that is read."""


_Read = TypeVar("_Read")


def looks_like(head: bytes) -> bool:
    """Say whether a file that begins with *head* is JSON Lines: an object that ends with its line."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].rstrip()
    return line.startswith(b"{") and (line.endswith(b"}") or b"\n" not in head)


def read(path: Path) -> Iterator[Entry | Problem]:
    """Yield the items of a file, and what was doubted or rejected, as they stand in it."""
    yield from join(each for part in cut(path) for each in read_part(part))


class Part(NamedTuple):
    """Whole lines of a file: the number of the first of them, and at which bytes they begin and end."""

    path: Path
    line: int
    begin: int
    end: int


def cut(path: Path) -> Iterator[Part]:
    """Yield the parts of a file, about a hundred lines each."""
    line, begin = 1, 0
    with path.open("rb") as file:
        while piece := file.read(_PART):
            lines = piece.count(b"\n")
            while not piece.endswith(b"\n") and (piece := file.readline(_PART)):
                lines += piece.endswith(b"\n")
            yield Part(path, line, begin, file.tell())
            line, begin = line + lines, file.tell()


def read_part(part: Part) -> Iterator[Entry | Problem]:
    """Yield the items of some lines, and what was doubted or rejected."""
    known = {*KEYS, "provenance"}
    with part.path.open("rb") as file:
        file.seek(part.begin)
        for number, line in _lines(file, part):
            if line is None:
                yield Problem(number, f"the line is longer than {LONGEST} bytes", "rejected", rejected=True)
            else:
                yield from _read_line(line, number, known)


def join(read: Iterable[_Read]) -> Iterator[_Read]:
    """Yield what was read of all parts; a key that is not known is told once, and not for each part."""
    told: set[str] = set()
    for each in read:
        if isinstance(each, Problem) and each.done == _ONCE:
            if each.reason in told:
                continue
            told.add(each.reason)
        yield each


def _lines(file: BinaryIO, part: Part) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line of a part that is not blank with its number; None for one that is too long."""
    number, position = part.line, part.begin
    while position < part.end and (line := file.readline(LONGEST + 1)):
        position += len(line)
        if len(line) > LONGEST and not line.endswith(b"\n"):
            while not line.endswith(b"\n") and (line := file.readline(LONGEST)):
                position += len(line)
            yield number, None
        else:
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line
        number += 1


def _read_line(line: bytes, number: int, known: set[str]) -> Iterator[Entry | Problem]:
    try:
        fields = _object(line)
    except Rejected as error:
        yield error.at(number)
        return
    *doubts, last = checked.read(fields, number)
    if isinstance(last, Entry) and not known.issuperset(fields):
        unknown = sorted(fields.keys() - known)
        known.update(unknown)  # once is enough
        for key in unknown:
            reason = f"{key!r} is not a key of this format"
            yield Problem(number, reason, _ONCE, last.item.id)
    yield from doubts
    yield last


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _slowly(line)
    if not isinstance(value, dict):
        raise Rejected("not a JSON object")
    return {key: each for key, each in value.items() if each is not None}


def _slowly(line: bytes) -> Any:
    """Read what orjson does not: Python's reader takes more, or tells what is wrong."""
    try:
        return json.loads(line)
    except UnicodeDecodeError as error:
        raise Rejected(f"not UTF-8 at byte {error.start + 1} of the line") from None
    except json.JSONDecodeError as error:
        raise Rejected(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except (RecursionError, ValueError) as error:
        raise Rejected(f"not JSON that can be read: {error}") from None


def write(item: Item) -> bytes:
    """Return *item* as one line, without its end; :func:`read` gives it back."""
    return orjson.dumps(_as_object(item))


def load(line: bytes) -> Item:
    """Return the Item that :func:`write` wrote; nothing is checked again."""
    fields = orjson.loads(line)
    for key in NAMES:
        if key in fields:
            fields[key] = tuple(Name(**name) for name in fields[key])
    for key in LISTS:
        if key in fields:
            fields[key] = tuple(fields[key])
    if "provenance" in fields:
        fields["provenance"] = _provenance(fields["provenance"])
    return Item(**fields)


def _provenance(fields: dict[str, Any]) -> Provenance:
    origin = fields.pop("origin", None)
    return Provenance(**fields, origin=_provenance(origin) if origin else None)


def _as_object(item: Item) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": item.id}
    if item.deleted:
        fields["deleted"] = True
    for key, value in zip(_WRITTEN, _values(item), strict=True):
        if value:
            fields[key] = [{"name": n.name, "kind": n.kind} for n in value] if key in NAMES else value
    if item.provenance:
        fields["provenance"] = provenance_fields(item.provenance)
    return fields


_WRITTEN = ("title", *NAMES, *TEXTS[1:], *LISTS)
_values = attrgetter(*_WRITTEN)


def provenance_fields(provenance: Provenance) -> dict[str, Any]:
    """Return a provenance under the keys that it has in a line."""
    fields: dict[str, Any] = {
        key: getattr(provenance, key)
        for key in ("base_url", "identifier", "datestamp", "metadata_namespace", "harvest_date", "altered")
    }
    return fields | ({"origin": provenance_fields(provenance.origin)} if provenance.origin else {})
