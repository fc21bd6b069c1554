"""The stores that are measured: made by ``oai sync``, and kept from one run of the suite to the next."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from tests.benchmarks.plan import NAMESPACE, PAGE_SIZE, WORKERS, Plan
from tests.benchmarks.processes import Cost, measured

PROGRAM = Path(sys.executable).with_name("oai")
TOKEN_KEY = "the-key-of-the-benchmarks"
"""Signs resumptionTokens, so that the suite can write tokens that begin in the middle of a list."""


@dataclass(frozen=True, slots=True)
class Store:
    """A store at ``url``, and a directory in which its commands run."""

    directory: Path
    url: str
    formats: str
    also: tuple[int, ...]

    @classmethod
    def of(cls, plan: Plan, name: str, formats: str | None = None) -> "Store":
        """Return the store *name* of *plan*; it need not be there yet."""
        chosen = plan.formats if formats is None else formats
        directory = plan.directory / "stores" / "-".join([name, *chosen.split()])
        if plan.database == "sqlite":
            url = f"sqlite:///{directory}/oai.sqlite"
        else:
            server = make_url(plan.database)
            database = f"{server.database}_{directory.name.replace('-', '_')}"
            url = server.set(database=database).render_as_string(hide_password=False)
        return cls(directory, url, chosen, plan.database_pids)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands: the settings are those of the suite alone."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OAI_")}
        return kept | {
            "OAI_DATABASE_URL": self.url,
            "OAI_FORMATS": self.formats,
            "OAI_NAMESPACE": NAMESPACE,
            "OAI_PAGE_SIZE": str(PAGE_SIZE),
            "OAI_TOKEN_KEYS": TOKEN_KEY,
            "OAI_WORKERS": str(WORKERS),
        }

    @property
    def _sqlite(self) -> Path | None:
        url = make_url(self.url)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None

    def clear(self) -> None:
        """Make it a new one, without tables."""
        self.remove()
        self.directory.mkdir(parents=True)
        if not self._sqlite:
            self._on_server(f'CREATE DATABASE "{make_url(self.url).database}"')

    def remove(self) -> None:
        """Leave nothing of it."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if not self._sqlite:
            self._on_server(f'DROP DATABASE IF EXISTS "{make_url(self.url).database}"')

    def _on_server(self, statement: str) -> None:
        engine = create_engine(make_url(self.url).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def sync(self, source: Path, *options: str) -> Cost:
        """Make the store equal to *source*."""
        return measured([PROGRAM, "sync", *options, source], self.environment, self.directory, self.also)

    def size(self) -> int:
        """Return the bytes that it takes, indexes and all."""
        if self._sqlite:
            return sum(path.stat().st_size for path in self.directory.glob(f"{self._sqlite.name}*"))
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT pg_database_size(current_database())"))
        engine.dispose()
        return int(found or 0)


@dataclass(frozen=True, slots=True)
class Built:
    """What it took to make a store: the sync's seconds and peak of memory, and the bytes it takes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    store_bytes: int


def kept(plan: Plan, name: str, records: Callable[[], Path]) -> tuple[Store, Built]:
    """Return the store *name*, made of *records* with their datestamps unless an earlier run has made it."""
    store = Store.of(plan, name)
    note = store.directory / "built.json"
    if not note.exists():
        store.clear()
        cost = store.sync(records(), "--keep-datestamps")
        built = Built(cost.seconds, cost.cpu_seconds, cost.peak_bytes, store.size())
        note.write_text(json.dumps(asdict(built)), encoding="utf-8")
    return store, Built(**json.loads(note.read_text(encoding="utf-8")))
