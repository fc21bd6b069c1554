"""JSON Lines, the neutral source format: one object a line, in UTF-8, as an Item says it.

What is read here is what ``oai export`` writes, and the round trip is the identity. A line
that is broken or has a wrong type harms only itself: it is rejected with its line and key.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from langcodes import Language
from langcodes.tag_parser import LanguageTagError

from oai.item import Item, Name
from oai.names import name_of
from oai.protocol import datestamp
from oai.sources import Entry, Problem
from oai.text import clean

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest line that is read."""

_TEXTS = ("title", "description", "publisher", "place", "date", "extent", "source", "language", "type", "url")
_LISTS = ("tags", "sections", "rights", "identifiers")
_NAMES = ("creators", "editors", "contributors")
_KEYS = {"id", "deleted", "datestamp", *_TEXTS, *_LISTS, *_NAMES}
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


class _Rejected(Exception):
    """Why a line makes no item."""


def looks_like(head: bytes) -> bool:
    """Say whether a file that begins with *head* is JSON Lines: an object that ends with its line."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].rstrip()
    return line.startswith(b"{") and (line.endswith(b"}") or b"\n" not in head)


def read(path: Path) -> Iterator[Entry | Problem]:
    """Yield the items of a file, and what was doubted or rejected, as they stand in it."""
    known = set(_KEYS)
    with path.open("rb") as file:
        for number, line in _lines(file):
            if line is None:
                yield Problem(number, f"the line is longer than {LONGEST} bytes", "rejected", rejected=True)
                continue
            yield from _read_line(line, number, known)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line that is not blank with its number; None for one that is too long."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            yield number, None
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line


def _read_line(line: bytes, number: int, known: set[str]) -> Iterator[Entry | Problem]:
    identifier: str | None = None
    try:
        fields = _object(line)
        identifier = _id(fields)
        unknown = sorted(fields.keys() - known)
        known.update(unknown)  # once is enough
        doubts: list[str] = []
        item = _item(identifier, fields, doubts)
        stamp = _datestamp(fields)
    except _Rejected as error:
        yield Problem(number, str(error), "rejected", id=identifier, rejected=True)
        return
    for key in unknown:
        yield Problem(
            number, f"{key!r} is not a key of this format", "ignored, here and in later lines", item.id
        )
    for doubt in doubts:
        reason, _, done = doubt.partition(": ")
        yield Problem(number, reason, done, item.id)
    yield Entry(item, number, stamp)


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        raise _Rejected(f"not UTF-8 at byte {error.start + 1} of the line") from None
    except json.JSONDecodeError as error:
        raise _Rejected(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except (RecursionError, ValueError) as error:
        raise _Rejected(f"not JSON that can be read: {error}") from None
    if not isinstance(value, dict):
        raise _Rejected("not a JSON object")
    return {key: each for key, each in value.items() if each is not None}


def _id(fields: dict[str, Any]) -> str:
    value = fields.get("id")
    if value is None:
        raise _Rejected("id is missing")
    if not isinstance(value, str):
        raise _Rejected("id is not a string")
    cleaned = clean(value).text.strip()
    if not cleaned or cleaned != value.strip():
        raise _Rejected("id is empty or has characters that no identifier can carry")
    return cleaned


def _item(identifier: str, fields: dict[str, Any], doubts: list[str]) -> Item:
    deleted = fields.get("deleted", False)
    if not isinstance(deleted, bool):
        raise _Rejected("deleted is neither true nor false")
    lists = {key: tuple(_texts(fields, key, doubts)) for key in _LISTS}
    if deleted:
        return Item(identifier, tags=lists["tags"], sections=lists["sections"], deleted=True)
    texts = {key: _text(fields, key, doubts) for key in _TEXTS}
    title = texts.pop("title")
    if title is None:
        raise _Rejected("title is missing or empty")
    texts["date"] = _checked_date(texts["date"], doubts)
    texts["language"] = _checked_language(texts["language"], doubts)
    names = {key: tuple(_names(fields, key, doubts)) for key in _NAMES}
    return Item(identifier, title, **names, **lists, **texts)  # type: ignore[arg-type]


def _cleaned(key: str, value: Any, doubts: list[str]) -> str:
    if not isinstance(value, str):
        raise _Rejected(f"{key} is not a string")
    cleaned = clean(value)
    doubts += (f"{key}: {mended}" for mended in cleaned.mended)
    return cleaned.text.strip()


def _text(fields: dict[str, Any], key: str, doubts: list[str]) -> str | None:
    return _cleaned(key, fields[key], doubts) or None if key in fields else None


def _texts(fields: dict[str, Any], key: str, doubts: list[str]) -> Iterator[str]:
    values = fields.get(key, [])
    if not isinstance(values, list):
        raise _Rejected(f"{key} is not a list")
    for value in values:
        if text := _cleaned(key, value, doubts):
            yield text


def _names(fields: dict[str, Any], key: str, doubts: list[str]) -> Iterator[Name]:
    values = fields.get(key, [])
    if not isinstance(values, list):
        raise _Rejected(f"{key} is not a list")
    for value in values:
        name, kind = (value.get("name"), value.get("kind")) if isinstance(value, dict) else (value, None)
        if kind not in ("personal", "corporate", None):
            raise _Rejected(f"{key}: a kind is personal or corporate")
        if text := _cleaned(key, name, doubts):
            yield name_of(text, kind)


def _checked_date(text: str | None, doubts: list[str]) -> str | None:
    if text is None:
        return None
    match = _DATE.fullmatch(text)
    try:
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        date(year, month, day)
    except ValueError:
        doubts.append(f"date {text!r} is none: left out")
        return None
    return text


def _checked_language(text: str | None, doubts: list[str]) -> str | None:
    if text is None:
        return None
    code = _iso_639_3(text)
    if code is None:
        doubts.append(f"language {text!r} is not known: left out")
    return code


@lru_cache(maxsize=1000)
def _iso_639_3(tag: str) -> str | None:
    try:
        return Language.get(tag).to_alpha3()
    except (LanguageTagError, LookupError):
        return None


def _datestamp(fields: dict[str, Any]) -> int | None:
    value = fields.get("datestamp")
    if value is None:
        return None
    try:
        return datestamp.read(value)[0]
    except (ValueError, TypeError):
        raise _Rejected("datestamp is not YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ") from None


def write(item: Item) -> bytes:
    """Return *item* as one line, without its end; :func:`read` gives it back."""
    return json.dumps(_as_object(item), ensure_ascii=False, separators=(",", ":")).encode()


def load(line: bytes) -> Item:
    """Return the Item that :func:`write` wrote; nothing is checked again."""
    fields = json.loads(line)
    for key in _NAMES:
        if key in fields:
            fields[key] = tuple(Name(**name) for name in fields[key])
    for key in _LISTS:
        if key in fields:
            fields[key] = tuple(fields[key])
    return Item(**fields)


def _as_object(item: Item) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": item.id}
    if item.deleted:
        fields["deleted"] = True
    for key in ("title", *_NAMES, *_TEXTS[1:], *_LISTS):
        if value := getattr(item, key):
            fields[key] = [{"name": n.name, "kind": n.kind} for n in value] if key in _NAMES else value
    return fields
