"""Items made records: the part of a sync that needs no store.

It is most of the work, so it may be done by helpers (:mod:`oai.helpers`): what goes in and what comes
out is small and plain.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, TypeVar

from oai.formats import InvalidRecord
from oai.item import Item, merged
from oai.library import Library
from oai.protocol.model import Content
from oai.sets import sets_of
from oai.settings import Settings
from oai.sources import Entry, Problem, jsonl

Said = Sequence[bytes]
"""What files say of one item, each as :func:`oai.sources.jsonl.write` wrote it, the first believed."""


_Part = TypeVar("_Part")


class Rendered(NamedTuple):
    """What an item is to be from now on.

    ``contents`` is what its records say, by prefix; None for an item that is deleted, and for one of
    which no record can be made: ``reason`` says why. ``sets`` are the names of its sets by setSpec,
    without their parents.
    """

    contents: dict[str, Content] | None
    sets: dict[str, str]
    reason: str | None = None


class Told(NamedTuple):
    """An entry of a file, as it is kept: ``content`` is the item as JSON, ``digest`` the hash of that.

    ``rendered`` is what the item is to be if nothing else is said of it, where that was asked for.
    """

    local: str
    line: int
    digest: bytes
    content: bytes
    datestamp: int | None
    rendered: Rendered | None


class Renderer:
    """Makes records as a library does: here, or in a helper that it is sent to."""

    def __init__(self, library: Library) -> None:
        self._library = library
        # Those that were read from a file are of a class that cannot be sent.
        self._settings = Settings.model_construct(**dict(library.settings))

    @property
    def can_be_sent(self) -> bool:
        """Whether the settings say all that there is to know of the library."""
        return Library.of(self._settings) == replace(self._library, settings=self._settings)

    def __getstate__(self) -> Settings:
        return self._settings

    def __setstate__(self, settings: Settings) -> None:
        self._settings = settings
        self._library = _library_of(settings)

    def render_all(self, said: Iterable[Said]) -> list[Rendered]:
        """Return what items are to be of which this is said."""
        return [self.render([jsonl.load(content) for content in each]) for each in said]

    def render(self, said: Sequence[Item]) -> Rendered:
        """Return what the item is to be that these items are together."""
        item = merged(said)
        sets = sets_of(item)
        if item.deleted:
            return Rendered(None, sets)
        library = self._library
        try:
            return Rendered({prefix: library.content(item, prefix) for prefix in library.formats}, sets)
        except InvalidRecord as error:
            return Rendered(None, sets, str(error))


_library_of = lru_cache(maxsize=1)(Library.of)


def tell(entries: Iterable[Entry | Problem], renderer: Renderer | None) -> Iterator[Told | Problem]:
    """Yield entries as they are kept, rendered if there is a *renderer*."""
    for each in entries:
        if isinstance(each, Problem):
            yield each
            continue
        content = jsonl.write(each.item)
        digest = hashlib.blake2b(content, digest_size=16).digest()
        rendered = renderer.render([each.item]) if renderer else None
        yield Told(each.item.id, each.line, digest, content, each.datestamp, rendered)


def tell_part(
    read: Callable[[_Part], Iterator[Entry | Problem]], renderer: Renderer | None, part: _Part
) -> list[Told | Problem]:
    """Return what *read* makes of a part of a file, as it is kept."""
    return list(tell(read(part), renderer))
