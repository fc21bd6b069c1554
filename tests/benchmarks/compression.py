"""What compression costs the server, and what it saves on the wire."""

from statistics import median

from oai.protocol.verbs import Verb
from tests.benchmarks import records
from tests.benchmarks.client import Client
from tests.benchmarks.figures import Figure, Outcome, Target
from tests.benchmarks.plan import Plan
from tests.benchmarks.serving import Server, serving
from tests.benchmarks.stores import kept

_CODINGS = (None, "gzip", "zstd")


def measure(plan: Plan) -> Outcome:
    """Harvest the same pages in each coding by turns."""
    store, _ = kept(plan, f"plain-{plan.records}", lambda: records.plain(plan.directory, plan.records))
    rounds: dict[str, list[dict[str, float]]] = {coding or "identity": [] for coding in _CODINGS}
    with serving(store) as server:
        for coding in _CODINGS:
            _harvest(server, coding, 10)
        for _ in range(plan.rounds):
            for coding in _CODINGS:
                rounds[coding or "identity"].append(_harvest(server, coding, plan.max_pages))
    middle = {
        name: {key: median(each[key] for each in found) for key in found[0]} for name, found in rounds.items()
    }
    outcome = Outcome(measured={"rounds": rounds})
    for name in ("gzip", "zstd"):
        for what, key, unit, target in (
            ("server CPU", "cpu_us", "µs/record", Target(1.6)),
            ("size", "wire_bytes", "bytes/record", None),
        ):
            value, against = middle[name][key], middle["identity"][key]
            outcome.figures.append(Figure(f"{what}, {name}, of identity", value, unit, target, against))
    return outcome


def _harvest(server: Server, coding: str | None, max_pages: int | None) -> dict[str, float]:
    before = server.cpu_seconds()
    found = wire = 0
    with Client(server.base_url, coding) as client:
        for page in client.pages(Verb.LIST_RECORDS, {"metadataPrefix": "oai_dc"}, max_pages):
            found += page.records
            wire += page.wire
    used = server.cpu_seconds() - before
    return {"records": found, "cpu_us": used / found * 1e6, "wire_bytes": wire / found}
