"""The kinds of source, and how a file shows which of them it is: by what it holds, not its name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from oai.sources import (
    Entry,
    Problem,
    Unreadable,
    jsonl,
    pages,
    squarespace,
    static_repository,
    table,
    wordpress,
)
from oai.sources.pages.blocks import MOST_BYTES

HEAD = 64 * 1024
"""Bytes from a file's beginning by which its kind is told."""


Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Parts(Generic[Part]):
    """How files of a kind can be read in parts, by several readers at once.

    What ``read`` makes of the parts that ``cut`` yields is, one after the other and put together by
    ``join``, what the kind's own ``read`` makes of the file.
    """

    cut: Callable[[Path], Iterator[Part]]
    read: Callable[[Part], Iterator[Entry | Problem]]
    join: Callable[[Iterable[Any]], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file, and its reader.

    ``version`` is raised whenever the reader makes something else of the same bytes: then all
    files of this kind are read again. ``own_ids`` says that the files name their items: two of
    one name are a mistake, whereas the same post on two pages is one item.
    """

    name: str
    version: int
    looks_like: Callable[[bytes], bool]
    read: Callable[[Path], Iterator[Entry | Problem]]
    own_ids: bool
    parts: Parts[Any] | None = None


def _read_page(path: Path) -> Iterator[Entry | Problem]:
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"larger than {MOST_BYTES // 1024 // 1024} MiB, which no page is")
    return pages.read(path.read_bytes(), path.name)


KINDS = (
    # Of two that might take the same file the narrower comes first: a Squarespace page may be one line.
    Kind("Squarespace page (?format=json)", 1, squarespace.looks_like, squarespace.read, own_ids=False),
    Kind(
        "JSON Lines",
        1,
        jsonl.looks_like,
        jsonl.read,
        own_ids=True,
        parts=Parts(jsonl.cut, jsonl.read_part, jsonl.join),
    ),
    Kind("WordPress export (WXR)", 1, wordpress.looks_like, wordpress.read, own_ids=True),
    Kind("OAI-PMH static repository", 1, static_repository.looks_like, static_repository.read, own_ids=True),
    Kind("CSV with a header of id, title, …", 1, table.looks_like, table.read, own_ids=True),
    Kind("tag page", 1, pages.looks_like, _read_page, own_ids=False),
)


def kind_of(path: Path) -> Kind:
    """Return the kind of the file at *path*; raises :class:`Unreadable` where it is of none."""
    if not path.is_file():
        raise Unreadable("this is no file, or a link to none")
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip():
        raise Unreadable("the file is empty")
    for kind in KINDS:
        if kind.looks_like(head):
            return kind
    raise Unreadable(f"neither {' nor '.join(kind.name for kind in KINDS)}")
