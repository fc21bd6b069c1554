"""The records that are measured with: those of the yardsticks' generator, and two variants of them.

``plain``
    As they are generated.
``marked``
    With the tag ``half`` on every second and ``hundredth`` on every hundredth of them, by a hash of
    the id, and with their datestamps written beside them in the order of the list.
``topics``
    With one tag each, of as many as are asked for: a repository of many sets.

A file is made once for each size and kept in the directory of the suite.
"""

import hashlib
import json
import subprocess
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oai.protocol import datestamp
from tests.benchmarks import yardsticks
from tests.benchmarks.figures import Failed

SEED = 1
MARKS = {"half": 2, "hundredth": 100}
"""Tags, and of how many records one has it."""

Stamps = dict[str, "array[int]"]
"""The datestamps of a list in its order, in seconds: of all records under ``all``, of a mark's by its tag."""


def plain(directory: Path, count: int) -> Path:
    """Return the file of *count* records as they are generated."""
    path = directory / f"plain-{count}.jsonl"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        yardsticks.run("make_records.py", "--n", count, "--seed", SEED, "--out", unfinished)
        unfinished.rename(path)
    return path


def marked(directory: Path, count: int, shorten: int | None = None) -> Path:
    """Return the file of *count* records with marks; :func:`stamps` are made with it.

    Their descriptions keep *shorten* characters, or all.
    """
    path = directory / f"marked-{count}.jsonl"
    if not path.exists():
        _write(path, _marked(directory, count, shorten))
    return path


def stamps(directory: Path, count: int) -> Stamps:
    """Return the datestamps of the *count* records with marks."""
    found = {}
    for name in ("all", *MARKS):
        path = _stamps_path(directory, count, name)
        found[name] = array("q")
        with path.open("rb") as file:
            found[name].fromfile(file, path.stat().st_size // found[name].itemsize)
    return found


def topics(directory: Path, count: int, topics: int) -> Path:
    """Return the file of *count* records with one of as many *topics* each."""
    path = directory / f"topics-{topics}-{count}.jsonl"
    if not path.exists():
        _write(
            path,
            (record | {"tags": [f"topic {n % topics:06}"]} for n, record in enumerate(_generated(count))),
        )
    return path


def _marked(directory: Path, count: int, shorten: int | None) -> Iterator[dict[str, Any]]:
    found: Stamps = {name: array("q") for name in ("all", *MARKS)}
    for record in _generated(count):
        seconds, _ = datestamp.read(record["datestamp"])
        number = int.from_bytes(hashlib.blake2b(record["id"].encode(), digest_size=8).digest())
        marks = [name for name, every in MARKS.items() if number % every == 0]
        for name in ("all", *marks):
            found[name].append(seconds)
        description = record["description"][:shorten]
        yield record | {"tags": [*marks, *record["tags"]], "description": description}
    for name, each in found.items():
        with _stamps_path(directory, count, name).open("wb") as file:
            array("q", sorted(each)).tofile(file)


def _generated(count: int) -> Iterator[dict[str, Any]]:
    command = yardsticks.command("make_records.py", "--n", count, "--seed", SEED)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise Failed(f"make_records.py ended with status {process.returncode}")


def _write(path: Path, lines: Iterator[dict[str, Any]]) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as file:
        for record in lines:
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    unfinished.rename(path)


def _stamps_path(directory: Path, count: int, name: str) -> Path:
    return directory / f"marked-{count}.{name}.stamps"
