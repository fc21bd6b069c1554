"""``oai sync``: against the bare work, once more without a change, its memory, and the store it makes."""

import multiprocessing
import os
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path
from statistics import median
from typing import Any

from oai.protocol.verbs import Verb
from tests.benchmarks import records
from tests.benchmarks.bare import bare
from tests.benchmarks.client import Client
from tests.benchmarks.figures import Failed, Figure, Outcome, Target
from tests.benchmarks.plan import MB, Plan
from tests.benchmarks.serving import serving
from tests.benchmarks.stores import Store


def measure(plan: Plan) -> Outcome:
    """Sync into an empty store, with all formats that are installed and with one, and sync again."""
    source = records.plain(plan.directory, plan.records)
    outcome = Outcome()
    installed = sorted(entry_points(group="oai.formats").names)
    served: dict[str, dict[str, int]] = {}
    for formats in ("", "oai_dc"):
        store = Store.of(plan, "writing", formats)
        prefixes = formats.split() or installed
        rounds = [_round(store, source, len(prefixes), again=not formats) for _ in range(plan.rounds)]
        served = served or _served(store, installed)
        bytes_served = sum(served[prefix]["bytes"] for prefix in prefixes)
        store_bytes = store.size()
        store.remove()
        outcome.measured[formats or "all"] = {
            "formats": prefixes,
            "rounds": rounds,
            "store_bytes": store_bytes,
            "bytes_served": bytes_served,
        }
        name = " and ".join(prefixes)
        size = f"{name}: store, of the bytes served"
        target = Target(1.5) if formats else None
        outcome.figures += _figures(name, rounds)
        outcome.figures.append(Figure(size, store_bytes / MB, "MB", target, bytes_served / MB))
    outcome.measured["served"] = served
    return outcome


def _round(store: Store, source: Path, formats: int, *, again: bool) -> dict[str, Any]:
    """Return what a sync and the bare work cost, and with *again* the same sync once more."""
    database = store.directory / "bare.sqlite"
    store.clear()
    costs = {"sync": store.sync(source)}
    work = _bare(source, database, formats)
    for path in store.directory.glob(f"{database.name}*"):
        path.unlink()
    if again:
        costs["unchanged"] = store.sync(source)
        with _other_bytes(source):
            costs["read again"] = store.sync(source)
    for name, cost in costs.items():
        if name != "sync" and not cost.out.splitlines()[-1].startswith("0 added, 0 changed, 0 deleted, "):
            raise Failed(f"a sync of what is there already: {cost.out[-500:]}")
    return {"bare": work, **{name: asdict(cost) for name, cost in costs.items()}}


def _figures(name: str, rounds: list[dict[str, Any]]) -> Iterator[Figure]:
    def middle(what: str, key: str) -> float:
        return float(median(each[what][key] for each in rounds))

    for what, key in (("sync", "seconds"), ("CPU of sync", "cpu_seconds")):
        yield Figure(f"{name}: {what}, of the bare work", middle("sync", key), "s", None, middle("bare", key))
    for what, words, target in (
        ("unchanged", "of one of an unchanged file", Target(5, least=True)),
        ("read again", "of one that reads the same again", None),
    ):
        if what in rounds[0]:
            figure_name = f"{name}: sync, {words}"
            yield Figure(figure_name, middle("sync", "seconds"), "s", target, middle(what, "seconds"))
    peak = max(cost["peak_bytes"] for each in rounds for cost in each.values() if "peak_bytes" in cost)
    yield Figure(f"{name}: resident memory, most", peak / MB, "MB", Target(500))


def _bare(source: Path, database: Path, formats: int) -> dict[str, float]:
    """Return the seconds of the bare work, in a process of its own, by the clock and of CPU."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        used, seconds = process.submit(_with_cpu, source, database, formats).result()
    return {"seconds": seconds, "cpu_seconds": used}


def _with_cpu(source: Path, database: Path, formats: int) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    seconds = bare(source, database, formats)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


@contextmanager
def _other_bytes(path: Path) -> Iterator[None]:
    """Put a blank line at the end of a file, for a time: it must be read again, and says the same."""
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"\n")
    try:
        yield
    finally:
        os.truncate(path, size)


def _served(store: Store, prefixes: list[str]) -> dict[str, dict[str, int]]:
    """Return how many records are served in each format, and how many bytes that is."""
    found = {}
    with serving(store) as server, Client(server.base_url) as client:
        for prefix in prefixes:
            pages = [
                (page.records, page.wire)
                for page in client.pages(Verb.LIST_RECORDS, {"metadataPrefix": prefix})
            ]
            found[prefix] = {
                "records": sum(each for each, _ in pages),
                "bytes": sum(each for _, each in pages),
            }
    return found
