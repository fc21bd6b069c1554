"""Single requests: how far their slowest are from their median while eight harvesters ask at once."""

import random
from collections.abc import Callable, Iterator
from statistics import median, quantiles

from oai.protocol.verbs import Verb
from tests.benchmarks import records
from tests.benchmarks.client import Client, Reply, together
from tests.benchmarks.figures import Failed, Figure, Outcome, Target
from tests.benchmarks.plan import NAMESPACE, Plan
from tests.benchmarks.serving import serving
from tests.benchmarks.stores import kept

_HARVESTERS = 8
_RECORDS = 20_000
_REQUESTS = 500  # of each harvester in a round


def measure(plan: Plan) -> Outcome:
    """Let eight harvesters ask for one thing over and over again, then for the next."""
    count = min(_RECORDS, plan.records)
    topics = count // 2
    requests = min(_REQUESTS, count // 50)
    store, _ = kept(plan, f"topics-{topics}-{count}", lambda: records.topics(plan.directory, count, topics))

    def identify(client: Client, _: int) -> Iterator[Reply]:
        for _ in range(requests):
            yield client.ask(Verb.IDENTIFY)

    def get_record(client: Client, number: int) -> Iterator[Reply]:
        chance = random.Random(number)
        for _ in range(requests):
            identifier = f"oai:{NAMESPACE}:report-{chance.randint(1, count):07}"
            yield client.ask(Verb.GET_RECORD, {"identifier": identifier, "metadataPrefix": "oai_dc"})

    def list_sets(client: Client, _: int) -> Iterator[Reply]:
        found = 0
        for page in client.pages(Verb.LIST_SETS):
            found += page.body.count(b"<set>")
            yield page
        if found < topics:
            raise Failed(f"ListSets has {found} sets, and there are {topics}")

    outcome = Outcome(measured={"records": count, "sets": topics, "harvesters": _HARVESTERS})
    with serving(store) as server:
        for verb, ask in (
            (Verb.GET_RECORD, get_record),
            (Verb.IDENTIFY, identify),
            (Verb.LIST_SETS, list_sets),
        ):
            middles, slows, requested = [], [], 0
            for _ in range(plan.rounds):
                found = together(_HARVESTERS, _asking(server.base_url, ask))
                middles.append(median(found) * 1e3)
                slows.append(quantiles(found, n=100)[-1] * 1e3)
                requested += len(found)
            outcome.measured[verb.value] = {"requests": requested, "p50_ms": middles, "p99_ms": slows}
            name = f"p99 of {verb.value}, 8 at a time, of its median"
            outcome.figures.append(Figure(name, median(slows), "ms", Target(5), median(middles)))
    return outcome


def _asking(base_url: str, ask: Callable[[Client, int], Iterator[Reply]]) -> Callable[[int], list[float]]:
    def work(number: int) -> list[float]:
        with Client(base_url) as client:
            client.ask(Verb.IDENTIFY)  # connected before it counts
            return [reply.seconds for reply in ask(client, number)]

    return work
