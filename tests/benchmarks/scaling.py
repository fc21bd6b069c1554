"""Throughput by the number of web processes and of replicas, on PostgreSQL servers that are started for it.

All of it runs on one machine, the harvesters included, so it says how the work can be shared out and not
what more machines bring: where all processors are busy already, another process takes its time from the others.
The CPU that a record costs, of web processes and of PostgreSQL, says what a processor more would bring.
"""

import json
from collections import defaultdict
from itertools import product
from statistics import median

from tests.benchmarks import records, yardsticks
from tests.benchmarks.figures import Figure, Outcome
from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.serving import serving
from tests.benchmarks.stores import Store
from tests.replication import Cluster

_PROCESSES = (1, 2, 4)
_REPLICAS = (0, 1, 2)
_HARVESTERS = 4
_RECORDS = 20_000


def measure(plan: Plan) -> Outcome:
    """Let four harvesters read everything, with each number of processes and of replicas in turn."""
    count = min(_RECORDS, plan.records)
    rates, costs = (
        defaultdict[tuple[int, int], list[float]](list),
        defaultdict[tuple[int, int], list[float]](list),
    )
    with Cluster(max(_REPLICAS)) as cluster:
        pids = [cluster.pid(number) for number in range(1 + max(_REPLICAS))]
        directory = plan.directory / "stores" / f"scaling-{count}"
        directory.mkdir(parents=True, exist_ok=True)
        store = Store(directory, cluster.url(cluster.primary), plan.formats, tuple(pids))
        store.sync(records.plain(plan.directory, count), "--keep-datestamps")
        for number in cluster.standbys:
            cluster.catch_up(number)
        for _, processes, replicas in product(range(plan.rounds), _PROCESSES, _REPLICAS):
            urls = " ".join(map(cluster.url, cluster.standbys[:replicas]))
            with serving(store, processes, OAI_REPLICA_URLS=urls) as server:
                _harvest(server.base_url, 1)  # pages are in memory, and connections open
                before = cpu_seconds(server.pids)
                rate = _harvest(server.base_url, _HARVESTERS)
                used = cpu_seconds(server.pids) - before
            rates[processes, replicas].append(rate)
            costs[processes, replicas].append(used * 1e6 / count / _HARVESTERS)
    outcome = Outcome(measured={"records": count, "harvesters": _HARVESTERS})
    for what, unit, found in (("speed", "records/s", rates), ("server CPU", "µs/record", costs)):
        outcome.measured[what] = {f"{p} processes, {r} replicas": values for (p, r), values in found.items()}
        one = median(found[_PROCESSES[0], _REPLICAS[0]])
        for (processes, replicas), values in found.items():
            name = f"{what}, {_many(processes, 'process', 'es')}, {_many(replicas, 'replica', 's')}"
            outcome.figures.append(Figure(name, median(values), unit, against=one))
    return outcome


def _harvest(base_url: str, harvesters: int) -> float:
    """Return the records that came each second."""
    said = yardsticks.run("harvest.py", "--url", base_url, "--concurrency", harvesters, "--json")
    return float(json.loads(said)["records_per_s"])


def _many(count: int, what: str, ending: str) -> str:
    return f"{count} {what}{ending if count != 1 else ''}"
