r"""CSV: a row for each item, under a header of the keys of JSON Lines.

This is what a spreadsheet saves. The delimiter is a comma, a semicolon or a tab: whichever makes
keys of the header, which tells it better than the statistics of :class:`csv.Sniffer`. Cells are
quoted as in RFC 4180, and may hold lines. An empty cell says nothing. Cells of lists hold values
parted by ``;``, where ``\;`` is a semicolon within a value; names may be "Family, Given".

A row that does not fit the header is rejected rather than read askew.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from oai.sources import Entry, Problem, Unreadable, checked
from oai.sources.checked import KEYS, LISTS, NAMES, Rejected
from oai.text import clean

LONGEST = 2 * 1024 * 1024
"""Characters of the longest row that is read."""

LONGEST_HEADER = 64 * 1024
"""Characters of the longest header."""

DELIMITERS = ",;\t"

_LISTS = frozenset({*LISTS, *NAMES})
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def looks_like(head: bytes) -> bool:
    """Say whether a file that begins with *head* is such a table: its header names an id and more."""
    text = head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    return _delimiter(re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]) is not None


def _delimiter(header: str) -> str | None:
    """Return what parts *header* into the most keys, id among them; None where nothing does."""
    found = {delimiter: KEYS.intersection(_keys(header, delimiter)) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: len(found[delimiter]))
    return best if "id" in found[best] and len(found[best]) > 1 else None


def _keys(header: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
    return [cell.strip().casefold() for cell in cells]


def read(path: Path) -> Iterator[Entry | Problem]:
    """Yield the items of a file, and what was doubted or rejected, as they stand in it."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header = file.readline(LONGEST_HEADER)
        line = 1
        while header and not header.strip("\r\n"):
            header = file.readline(LONGEST_HEADER)
            line += 1
        if len(header) == LONGEST_HEADER:
            raise Unreadable(f"a header of more than {LONGEST_HEADER} characters", line)
        delimiter = _delimiter(header.rstrip("\r\n"))
        if delimiter is None:
            raise Unreadable("no header that names id and title", line)
        keys = _keys(header.rstrip("\r\n"), delimiter)
        for key, count in Counter(keys).items():
            if key and count > 1:
                raise Unreadable(f"the header names {key!r} twice", line)
        yield from (
            Problem(line, f"{key or 'a column without name'!r} is not a key of this format", "ignored")
            for key in dict.fromkeys(keys)
            if key not in KEYS
        )
        for number, row in _rows(file, delimiter, line):
            if isinstance(row, Problem):
                yield row
            elif any(cell.strip() for cell in row):
                yield from _read_row(row, keys, number)


class _Runaway(Exception):
    """A row has no end: a quote was opened in it and never closed."""


class _Lines:
    """The lines of a file, and the number of the last one; a row of too many raises _Runaway."""

    def __init__(self, file: TextIO, number: int) -> None:
        self.number = number
        self.room = LONGEST
        self._file = file

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(self.room + 1):
            self.room -= len(line)
            if self.room < 0:
                raise _Runaway
            self.number += 1
            yield line


def _rows(file: TextIO, delimiter: str, above: int) -> Iterator[tuple[int, list[str] | Problem]]:
    """Yield each row with the number of its first line."""
    lines = _Lines(file, above)
    csv.field_size_limit(LONGEST)  # of the whole process, where nothing else reads CSV
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.room = LONGEST
        first = lines.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except _Runaway:
            reason = f"the row is longer than {LONGEST} characters: is a quote not closed in it?"
            yield first, Problem(first, reason, "rejected, and the rest of the file not read", rejected=True)
            return
        except csv.Error as error:
            # Reading goes on with the next line: whatever that makes of what follows fits no header.
            open_end = "end of data" in str(error)
            reason = "a quote is opened and not closed" if open_end else f"not CSV: {error}"
            done = "rejected, with all that follows" if open_end else "rejected"
            yield first, Problem(first, reason, done, rejected=True)
            continue
        yield first, row


def _read_row(row: Sequence[str], keys: Sequence[str], line: int) -> Iterator[Entry | Problem]:
    try:
        fields = _fields(row, keys)
    except Rejected as error:
        yield error.at(line)
        return
    yield from checked.read(fields, line)


def _fields(row: Sequence[str], keys: Sequence[str]) -> dict[str, Any]:
    said = {key: cell.strip() for key, cell in zip(keys, row, strict=False) if cell.strip()}
    id_ = said.get("id")
    if id_ and clean(id_).text != id_:
        id_ = None
    if len(row) != len(keys):
        raise Rejected(f"the row has {len(row)} cells, the header {len(keys)}", id_)
    if any(map(_NOT_UTF8.search, row)):
        raise Rejected("not UTF-8", id_)
    if said.get("deleted", "no").casefold() not in _TRUTH:
        raise Rejected(f"deleted is none of {', '.join(_TRUTH)}", id_)
    return {key: _value(key, said[key]) for key in said.keys() & KEYS}


def _value(key: str, cell: str) -> Any:
    if key in _LISTS:
        return values(cell)
    if key == "deleted":
        return _TRUTH[cell.casefold()]
    return cell


_SEMICOLON = re.compile(r"(\\*);")


def values(cell: str) -> list[str]:
    r"""Return the values that a *cell* lists.

    Backslashes mean something only before a semicolon: an odd one makes it a part of the value,
    and each pair before it stands for one. So "C:\" needs no thought, and anything can be written.
    """
    found: list[str] = []
    parts: list[str] = []
    start = 0
    for match in _SEMICOLON.finditer(cell):
        pairs, odd = divmod(len(match[1]), 2)
        parts += (cell[start : match.start()], "\\" * pairs)
        if odd:
            parts.append(";")
        else:
            found.append("".join(parts))
            parts.clear()
        start = match.end()
    found.append("".join((*parts, cell[start:])))
    return found
