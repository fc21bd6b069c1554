"""A whole list harvested: ours, the limits and a peer in turn, by the yardsticks' own side_by_side.py."""

import importlib.util
import json
import socket
from collections.abc import Iterator
from typing import Any

from tests.benchmarks import records, yardsticks
from tests.benchmarks.figures import Failed, Figure, Outcome, Target
from tests.benchmarks.plan import Plan
from tests.benchmarks.serving import serving
from tests.benchmarks.stores import kept

_PORTS = (18910, 18911, 18912)  # where side_by_side.py starts its servers
_Row = dict[str, Any]


def measure(plan: Plan) -> Outcome:
    """Harvest everything with one harvester and with four."""
    _refuse_company()
    peer_needs = [name for name in ("oai_repo", "lxml") if importlib.util.find_spec(name) is None]
    store, _ = kept(plan, f"plain-{plan.records}", lambda: records.plain(plan.directory, plan.records))
    limits = plan.directory / f"limits-{plan.records}"
    if not (limits / "nginx.conf").exists():
        yardsticks.run("limits.py", "build", records.plain(plan.directory, plan.records), limits)
    results = plan.directory / "side_by_side.json"
    results.unlink(missing_ok=True)
    with serving(store) as server:
        options: list[object] = ["--url", server.base_url, "--json", results, "--rounds", plan.rounds]
        options += [f"--pid={pid}" for pid in server.pids]
        options += ["--max-pages", plan.max_pages] if plan.max_pages else []
        options += ["--no-peer"] if peer_needs else []
        # Its status is 1 where a harvest has failed, which is a figure here.
        said = yardsticks.run(
            "side_by_side.py", *options, environment={"BENCH_DIR": str(limits)}, fine=(0, 1)
        )
    if not results.exists():
        raise Failed(f"side_by_side.py: {said[-500:]}")
    rows = json.loads(results.read_text(encoding="utf-8"))
    by_place: dict[tuple[str, int], _Row] = {(row["name"], row["harvesters"]): row for row in rows}
    outcome = Outcome(measured={"rows": rows, "said": said})
    for name in ("nginx", "memory", "oai-repo"):
        if (name, 1) not in by_place:
            why = (
                f"Python finds no {' and no '.join(peer_needs)}" if name == "oai-repo" and peer_needs else ""
            )
            outcome.notes.append(f"{name} is left out: {why or 'it is not installed, or did not start'}")
    failed = sum(" failed: " in line for line in said.splitlines())
    outcome.figures.append(Figure("harvests that failed", failed, "", Target(0)))
    outcome.figures += _figures(by_place, 1, share=0.6)
    outcome.figures += _figures(by_place, 4, share=0.5)
    return outcome


def _figures(by_place: dict[tuple[str, int], _Row], harvesters: int, share: float) -> Iterator[Figure]:
    for other, what, key, unit, target in (
        ("memory", "server CPU", "cpu_us", "µs/record", Target(2)),
        ("memory", "speed", "records_per_s", "records/s", Target(share, least=True)),
        ("memory", "p99 of a page", "p99_ms", "ms", Target(3)),
        ("nginx", "speed", "records_per_s", "records/s", None),
        ("oai-repo", "speed", "records_per_s", "records/s", Target(8, least=True)),
    ):
        ours, theirs = by_place.get(("ours", harvesters)), by_place.get((other, harvesters))
        if ours and theirs:
            name = f"{what}, {harvesters} at a time, of {other}"
            yield Figure(name, ours[key], unit, target, theirs[key])


def _refuse_company() -> None:
    """Raise Failed where another run is using the ports: its servers would be taken for ours."""
    for port in _PORTS:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                raise Failed(f"port {port} is in use; side_by_side.py may be running elsewhere")
