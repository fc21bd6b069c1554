"""Readers: one module for each kind of source, each turning a file into Items and Problems.

A *source* is what one PATH of ``oai sync`` names: a directory or a file. A reader is given
one file and yields, in the order in which they stand in it, an :class:`Entry` for each item
and a :class:`Problem` for each thing it doubted or could not take. A file of which nothing
can be believed raises :class:`Unreadable`. Readers touch neither store nor clock nor network.
"""

from dataclasses import dataclass

from oai.item import Item


@dataclass(frozen=True, slots=True)
class Entry:
    """An item, and the line of the file at which it begins (1 is the first).

    ``datestamp`` is one that the item had elsewhere, in seconds of UTC, where the file names it.
    """

    item: Item
    line: int
    datestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a reader doubted, or an item that it could not take.

    ``reason`` says what is wrong, ``done`` what was done about it. ``rejected`` is true
    where no item came of it. ``id`` names the item as far as it is known, so that its last
    good version can be told from one that is gone.
    """

    line: int
    reason: str
    done: str = ""
    id: str | None = None
    rejected: bool = False


class Unreadable(Exception):
    """A file could not be read at all; what it brought before stays as it is."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
