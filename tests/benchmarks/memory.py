"""What the workers keep in memory over a full harvest by four harvesters."""

import subprocess
import time
from statistics import median

from tests.benchmarks import records, yardsticks
from tests.benchmarks.figures import Failed, Figure, Outcome, Target
from tests.benchmarks.plan import MB, PAGE_SIZE, Plan
from tests.benchmarks.processes import anonymous_bytes
from tests.benchmarks.serving import Server, serving
from tests.benchmarks.stores import kept

_HARVESTERS = 4
_EVERY = 0.2  # seconds between two samples


def measure(plan: Plan) -> Outcome:
    """Sample each worker, first warmed up by a tenth of the list, until the harvest is over."""
    store, _ = kept(plan, f"plain-{plan.records}", lambda: records.plain(plan.directory, plan.records))
    warming = max(1, plan.records // PAGE_SIZE // 10)
    with serving(store) as server:
        _harvest(server, warming)
        samples = _harvest(server, plan.max_pages or 0)
    workers = []
    for found in zip(*samples, strict=True):
        tenth = max(1, len(found) // 10)
        workers.append(
            {
                "first": median(found[:tenth]),
                "median": median(found),
                "last": median(found[-tenth:]),
                "max": max(found),
            }
        )
    greatest = max(workers, key=lambda worker: worker["max"])
    steepest = max(workers, key=lambda worker: worker["last"] / worker["first"])
    return Outcome(
        [
            Figure("anonymous memory of a worker, most", greatest["max"] / MB, "MB", Target(150)),
            Figure("anonymous memory of a worker, median", greatest["median"] / MB, "MB"),
            Figure(
                "anonymous memory of a worker, last tenth of first",
                steepest["last"] / MB,
                "MB",
                Target(1.1),
                steepest["first"] / MB,
            ),
        ],
        measured={"workers": workers, "samples": samples, "seconds_between": _EVERY},
    )


def _harvest(server: Server, max_pages: int) -> list[tuple[int, ...]]:
    """Return samples of all workers, in bytes, from a harvest by the yardsticks' harvester."""
    options = ["--url", server.base_url, "--concurrency", _HARVESTERS, "--max-pages", max_pages]
    process = subprocess.Popen(
        yardsticks.command("harvest.py", *options), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    samples = []
    try:
        while process.poll() is None:
            samples.append(tuple(map(anonymous_bytes, server.workers())))
            time.sleep(_EVERY)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise Failed("harvest.py could not harvest everything")
    return samples
