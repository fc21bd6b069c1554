"""A page's bytes as lines of clean text, each with its number in the file.

Lines are what the rest reasons about: on these pages a paragraph is a line, and blank lines
only say that something new may begin. Here is decided what is text at all.
"""

import codecs
import re
from dataclasses import dataclass

from oai.sources import Unreadable
from oai.text import clean

MOST_BYTES = 16 * 1024 * 1024
"""The largest page that is read."""

MOST_LINES = 50_000
"""The most lines with anything on them; a page has some dozens, seldom a thousand."""

_CONTROLS_IN_TEXT = 0.02  # a larger share of control characters is no text
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Line:
    """A line with something on it: its number (1 is the first) and the blank lines before it."""

    text: str
    number: int
    gap: int = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a page, and what had to be mended on which of them."""

    lines: tuple[Line, ...]
    mended: tuple[tuple[int, str], ...]


def lines(data: bytes) -> Lines:
    """Return the lines of the page *data*; raise :class:`Unreadable` where it is no text."""
    text = decoded(data)
    found: list[Line] = []
    mended: list[tuple[int, str]] = []
    gap = 0
    for number, raw in enumerate(_NEWLINE.split(text), 1):
        if not raw or raw.isspace():
            gap += 1
            continue
        cleaned = clean(raw)
        mended.extend((number, reason) for reason in cleaned.mended)
        if not cleaned.text:
            gap += 1
            continue
        for part in cleaned.text.split("\n"):
            if not part:
                gap += 1
                continue
            found.append(Line(part, number, gap))
            gap = 0
        if len(found) > MOST_LINES:
            raise Unreadable(f"more than {MOST_LINES} lines of text", number)
    if not found:
        raise Unreadable("the file is empty")
    return Lines(tuple(found), tuple(mended))


_NEWLINE = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


def decoded(data: bytes) -> str:
    """Return *data* as text: UTF-8, or UTF-16 where a byte order mark says so."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"larger than {MOST_BYTES // 1024 // 1024} MiB")
    if not data.strip(b"\x00 \t\r\n\f\v"):
        raise Unreadable("the file is empty")
    bom, encoding = next(((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", "utf-8"))
    body = data[len(bom) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        good = body[: error.start].decode(encoding, errors="ignore")
        raise Unreadable(
            f"not {encoding.upper()[:6].rstrip('-')}: byte 0x{body[error.start]:02x}",
            _line_at(good, len(good)),
        ) from None
    controls = _CONTROL.findall(text)
    if "\x00" in controls or len(controls) > 2 + _CONTROLS_IN_TEXT * len(text):
        first = _CONTROL.search(text)
        raise Unreadable("binary, not text", _line_at(text, first.start() if first else 0))
    return text


def _line_at(text: str, index: int) -> int:
    return len(_NEWLINE.findall(text, 0, index)) + 1
