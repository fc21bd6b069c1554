"""A library to try things on: a store of its own, a clock that is told what time it is."""

import gzip
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import zstandard
from lxml import etree
from sqlalchemy import Connection

from oai import compression
from oai.inventory import day_line
from oai.library import Library
from oai.protocol.model import Selection
from oai.protocol.resumption import Tokens
from oai.provider import Provider
from oai.render import pieces
from oai.settings import Settings
from oai.sources.files import find_source
from oai.store.database import Database
from oai.store.horizon import horizon
from oai.store.repository import SqlRepository
from oai.sync import Options, Report, sync, touch
from tests.stores import SQLITE, Stores
from tests.validation import validate

NS = {
    "o": "http://www.openarchives.org/OAI/2.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "oai_dc": "http://www.openarchives.org/OAI/2.0/oai_dc/",
}
DECODERS: Mapping[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}
START = 1_767_225_600
"""2026-01-01T00:00:00Z, where the clock stands at first."""


Header = tuple[str, bool, tuple[str, ...]]
"""Datestamp, whether it is deleted, and sets."""


class Quiet:
    """Progress that nobody watches."""

    def begin(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, by: int) -> None:
        """Say nothing."""


@dataclass
class Answer:
    """A response, valid, and read."""

    body: bytes
    root: etree._Element = field(init=False)

    def __post_init__(self) -> None:
        """Read the body."""
        validate(self.body)
        self.root = etree.fromstring(self.body)

    def texts(self, path: str) -> list[str]:
        """Return the texts of the elements at *path*."""
        return [element.text or "" for element in self.root.findall(path, NS)]

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error.get("code", "") for error in self.root.findall("o:error", NS)]

    @property
    def identifiers(self) -> list[str]:
        """The local parts of the identifiers in its headers."""
        return [text.split(":", 2)[2] for text in self.texts(".//o:header/o:identifier")]

    @property
    def headers(self) -> list[tuple[str, str, bool, tuple[str, ...]]]:
        """Local identifier, datestamp, whether it is deleted, and sets of each header."""
        return [
            (
                header.findtext("o:identifier", "", NS).split(":", 2)[2],
                header.findtext("o:datestamp", "", NS),
                header.get("status") == "deleted",
                tuple(each.text or "" for each in header.findall("o:setSpec", NS)),
            )
            for header in self.root.findall(".//o:header", NS)
        ]

    @property
    def response_date(self) -> str:
        """The responseDate."""
        return self.root.findtext("o:responseDate", "", NS)

    @property
    def token(self) -> str | None:
        """The resumptionToken: empty at the end of a list, None where there is none."""
        element = self.root.find(".//o:resumptionToken", NS)
        return None if element is None else element.text or ""


@contextmanager
def temporary(stores: Stores, **settings: Any) -> "Iterator[Workbench]":
    """Give a library that is there for a while."""
    with TemporaryDirectory() as directory:
        bench = Workbench(Path(directory), stores, **settings)
        try:
            yield bench
        finally:
            bench.close()


class Workbench:
    """A store that belongs to *directory*, filled with what :meth:`sync` is given."""

    def __init__(self, directory: Path, stores: Stores = SQLITE, **settings: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._stores = stores
        url = settings.pop("database_url", None) or stores.url(directory)
        self.settings = Settings(**{"database_url": url, "page_size": 3, **settings})
        self.library = Library.of(self.settings)
        self.database = Database(self.settings.database_url)
        self.database.upgrade()
        self.replica: Database | None = None
        """Where requests are read from, if it is not the store itself."""
        self.now = START
        self.codings = itertools.cycle(DECODERS)
        """In what each request is answered: now in one coding, now in another, which must make no difference."""
        self._others: list[Workbench] = []

    def again(self, **settings: Any) -> "Workbench":
        """Return a library with the same store and other settings."""
        url = self.settings.database_url
        other = Workbench(self.directory, self._stores, **{"database_url": url, **settings})
        other.now = self.now
        other._others = self._others
        self._others.append(other)
        return other

    def close(self) -> None:
        """Take the store away."""
        for bench in (*self._others, self):
            bench.database.dispose()
        self._stores.drop(self.settings.database_url)

    def write(self, *items: dict[str, Any], name: str = "items.jsonl") -> Path:
        """Write *items* as JSON Lines, with what each of them must have."""
        path = self.directory / "source" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(self.whole(item)) + "\n" for item in items), encoding="utf-8")
        return path

    @staticmethod
    def whole(item: dict[str, Any]) -> dict[str, Any]:
        """Return *item* with a title, unless it has one or is deleted."""
        return item if item.get("deleted") else {"title": f"Title of {item['id']}"} | item

    def sync(self, *items: dict[str, Any], at: int | None = None, **options: bool) -> Report:
        """Sync a source that has *items* and no others, at a time of its own."""
        path = self.write(*items, {"id": "always-here"}) if items else self.write({"id": "always-here"})
        return self.sync_path(path, at=at, **options)

    def sync_path(self, *paths: Path, at: int | None = None, **options: bool) -> Report:
        """Sync the sources at *paths*."""
        self.now = self.now + 10 if at is None else at
        sources = [find_source(str(path)) for path in paths]
        return sync(
            self.database,
            self.library,
            sources,
            clock=lambda: self.now,
            progress=Quiet(),
            options=Options(**options),
        )

    def touch(self, prefix: str | None = None, set_spec: str | None = None, at: int | None = None) -> int:
        """Touch records."""
        self.now = self.now + 10 if at is None else at
        return touch(
            self.database,
            self.library,
            prefix=prefix,
            set_spec=set_spec,
            clock=lambda: self.now,
            progress=Quiet(),
        )

    def body(self, *pairs: tuple[str, str], own_set: str | None = None, at: int | None = None) -> bytes:
        """Return the response to *pairs*."""
        base_url = self.settings.base_url + (f"/sets/{own_set}" if own_set else "")
        identity = self.library.identity()
        identity = type(identity)(
            identity.repository_name, base_url, identity.admin_emails, (), identity.descriptions
        )
        provider = Provider(identity, Tokens([b"key"], base_url), self.settings.page_size)
        now = self.now if at is None else at
        coding = next(self.codings)
        with (self.replica or self.database).reading() as connection:
            repository = self.repository(connection, own_set, now, coding)
            body = compression.body(pieces(provider.answer(pairs, repository, now)), coding)
        return DECODERS[coding](body)

    def day_lines(
        self, prefix: str = "oai_dc", set_spec: str | None = None, own_set: str | None = None
    ) -> list[str]:
        """Return the inventory's lines of days."""
        with self.database.reading() as connection:
            repository = self.repository(connection, own_set, self.now)
            return [day_line(*day) for day in repository.days(Selection(prefix, set_spec=set_spec))]

    def repository(
        self, connection: Connection, own_set: str | None, now: int, coding: str | None = None
    ) -> SqlRepository:
        """Return the repository as it is at *now*."""
        return SqlRepository(
            connection,
            [known.metadata_format() for known in self.library.formats.values()],
            self.settings.namespace,
            self.settings.page_bytes,
            horizon=horizon(self.database, connection, now),
            own_set=own_set,
            may_be_behind=self.replica is not None,
            coding=coding,
        )

    def ask(self, verb: str, own_set: str | None = None, at: int | None = None, **arguments: str) -> Answer:
        """Return the answer to a request; ``from_`` is from, ``prefix`` is metadataPrefix."""
        names = {"from_": "from", "prefix": "metadataPrefix", "token": "resumptionToken"}
        pairs = [(names.get(name, name), value) for name, value in arguments.items()]
        return Answer(self.body(("verb", verb), *pairs, own_set=own_set, at=at))

    def harvest(
        self, verb: str = "ListIdentifiers", own_set: str | None = None, **arguments: str
    ) -> list[Answer]:
        """Return the pages of a whole list; none where no record matches."""
        pages = [self.ask(verb, own_set, None, **{"prefix": "oai_dc", **arguments})]
        if pages[0].codes == ["noRecordsMatch"]:
            return []
        while pages[-1].token:
            pages.append(self.ask(verb, own_set, token=pages[-1].token))
        return pages

    def headers(self, own_set: str | None = None, **arguments: str) -> dict[str, Header]:
        """Return the headers of a whole list by local identifier, without the item that is always there."""
        pages = self.harvest("ListIdentifiers", own_set, **arguments)
        found = [header for page in pages for header in page.headers]
        assert len({header[0] for header in found}) == len(found)
        return {
            local: (stamp, deleted, sets) for local, stamp, deleted, sets in found if local != "always-here"
        }
