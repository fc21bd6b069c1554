"""XML from anywhere, read as a stream: no entities, no DTD, no network, no more memory than one element.

A document type declaration is refused outright. No source that is read here has one, and with it
go the entities that blow up a file of a kilobyte or fetch somebody else's. Depth and the length
of a text are limited by libxml2 (256 elements, 10 MB). Control characters that XML 1.0 has no
room for, which exports of old posts are full of, are taken out instead of losing the file.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from oai.sources import Entry, Problem, Unreadable

_OPTIONS: dict[str, Any] = {
    "events": ("start", "end"),
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_CONTROLS = bytes({*range(32)} - {9, 10, 13})
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<", b"\0\0")  # 16 or 32 bits a character
_WHERE = re.compile(r"(?:, line \d+, column \d+|, (?:see|try|use) (?:xml|XML)| \(line \d+\)).*", re.DOTALL)
_MISTAKES = (etree.LxmlError, LookupError, ValueError)  # a LookupError is an encoding that is not known


@dataclass(frozen=True, slots=True)
class Root:
    """The first element of a document: its name as "{namespace}local", and the namespaces it declares."""

    tag: str
    namespaces: frozenset[str]


def name(element: etree._Element) -> tuple[str, str]:
    """Return namespace and local name of *element*, also where they are such as etree.QName refuses."""
    namespace, closed, local = str(element.tag).rpartition("}")
    return (namespace[1:], local) if closed else ("", local)


def root(head: bytes) -> Root | None:
    """Return the root of a document that begins with *head*; None where there is none in it."""
    if b"<" not in head:
        return None
    parser = etree.XMLPullParser(**_OPTIONS)
    with suppress(*_MISTAKES):  # what comes before a mistake may suffice
        parser.feed(head if head.startswith(_WIDE) else head.translate(None, _CONTROLS))
    with suppress(*_MISTAKES):
        for _, element in parser.read_events():
            assert isinstance(element, etree._Element)  # noqa: SLF001 - there is no public name for the type
            return Root(str(element.tag), frozenset(element.nsmap.values()))
    return None


def read(
    path: Path,
    tag: str,
    entries: Callable[[etree._Element], Iterable[Entry | Problem]],
    end: Callable[[], Iterable[Entry | Problem]],
) -> Iterator[Entry | Problem]:
    """Yield the *entries* of each element named *tag*, and what there is to say at the *end*.

    Raises :class:`Unreadable` where a file breaks off before its first such element, or has none;
    where it breaks off later, what came before is taken, and a problem says that more may follow.
    """
    found = False
    with path.open("rb") as opened:
        file = _WithoutControls(opened)
        try:
            for element in _elements(file, tag):
                found = True
                yield from entries(element)
        except _Broken as error:
            if not found:
                raise Unreadable(str(error), error.line) from None
            yield Problem(error.line, str(error), "not read from here on", rejected=True)
    if not found:
        raise Unreadable(f"there is no {etree.QName(tag).localname} in it")
    if file.removed:
        yield Problem(1, f"{file.removed} control characters, which no XML may have", "removed")
    yield from end()


def document(body: bytes) -> etree._Element:
    """Return the root of a document that is read whole; raises :class:`Unreadable`."""
    parser = etree.XMLParser(**{name: said for name, said in _OPTIONS.items() if name != "events"})
    try:
        root = etree.fromstring(body if body.startswith(_WIDE) else body.translate(None, _CONTROLS), parser)
    except _MISTAKES as error:
        raise Unreadable(str(_Broken(str(error), 1)), getattr(error, "lineno", None) or 1) from None
    tree: Any = root.getroottree()  # the type of what it says of the document is not known
    if tree.docinfo.doctype:
        raise Unreadable("it has a document type declaration (DOCTYPE), and none is read here")
    return root


def text(element: etree._Element) -> str:
    """Return all text within *element*."""
    return "".join(map(str, element.itertext())).strip()


def line(element: etree._Element) -> int:
    """Return the line at which *element* begins."""
    number: Any = element.sourceline  # its type is not known
    return number or 1


class _Broken(Exception):
    """Where and why a document cannot be read on."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(f"not XML: {_WHERE.sub('', words).strip() or 'broken'}")
        self.line = max(line, 1)


def _elements(file: "_WithoutControls", tag: str) -> Iterator[etree._Element]:
    """Yield each element named *tag*, whole, and forget it afterwards, with all else that is read."""
    events = etree.iterparse(file, **_OPTIONS)
    within = 0
    is_root = True
    try:
        for event, element in events:
            if is_root and element.getroottree().docinfo.doctype:
                raise Unreadable("it has a document type declaration (DOCTYPE), and none is read here")
            is_root = False
            if event == "start":
                within += element.tag == tag
                continue
            within -= element.tag == tag
            if within:
                continue
            if element.tag == tag:
                yield element
            _forget(element)
    except _MISTAKES as error:
        # An entity that nobody declared is told in the log alone.
        told = next(iter(events.error_log), None)
        raise (_Broken(told.message, told.line) if told else _Broken(str(error), 1)) from None


def _forget(element: etree._Element) -> None:
    """Free what *element* holds, and what stands before it; itself it must stay while it is parsed."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


class _WithoutControls:
    """A file without the control characters that make it no XML, and how many those were."""

    def __init__(self, file: BinaryIO) -> None:
        self.removed = 0
        self._file = file
        self._wide: bool | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; none at the end alone."""
        while data := self._file.read(size):
            if self._wide is None:
                self._wide = data.startswith(_WIDE)
            kept = data if self._wide else data.translate(None, _CONTROLS)
            self.removed += len(data) - len(kept)
            if kept:
                return kept
        return b""
