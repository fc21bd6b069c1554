"""What a run of the suite is asked for."""

from dataclasses import dataclass
from pathlib import Path

PAGE_SIZE = 100
"""Records in a page, as the yardsticks have them."""

WORKERS = 2
"""Processes that answer, as many as those of the yardsticks' servers."""

NAMESPACE = "bench.example"
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and on what.

    ``directory`` is where records and stores are kept, ``records`` how many there are; ``sizes`` are
    those of the growth part. ``database`` is ``sqlite``, or the URL of a PostgreSQL database beside
    which others may be made; ``database_pids`` are its server's processes. ``formats`` are those that
    stores have, all where it is empty. With ``max_pages`` no harvest is longer than that; ``shorten`` is
    how many characters of their descriptions the records of the growth part keep, and stores larger than
    ``copies_from`` are copies of one of that size.
    """

    directory: Path
    records: int
    sizes: tuple[int, ...]
    rounds: int = 3
    database: str = "sqlite"
    database_pids: tuple[int, ...] = ()
    formats: str = ""
    max_pages: int | None = None
    shorten: int | None = None
    copies_from: int | None = None
