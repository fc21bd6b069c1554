"""What a page costs at the beginning of a list, in its middle and at its end, in stores of several sizes.

A list is harvested from end to end. With ``max_pages`` so many pages are read from each of eleven
places of it, from its first page to its last one: a resumptionToken is a signed position, so one can
be written for any place without going there. A list too short for that is harvested as a whole.
"""

import json
import shutil
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median
from typing import Any

from oai.protocol import datestamp
from oai.protocol.model import Position, Selection
from oai.protocol.request import ListIdentifiers, ListRecords, parse_request
from oai.protocol.resumption import RecordsToken, Tokens
from oai.protocol.verbs import Verb
from oai.store.schema import RECORDS_OF_BLOCK
from tests.benchmarks import copies, records
from tests.benchmarks.client import Client, Reply
from tests.benchmarks.figures import Failed, Figure, Outcome, Target
from tests.benchmarks.plan import PAGE_SIZE, Plan
from tests.benchmarks.serving import Server, serving
from tests.benchmarks.stores import TOKEN_KEY, Built, Store, kept

PLACES = 11
_FIRST_PAGES = 21  # times that the first page is asked for
_PAGES = 200  # of each list at least: a short one is harvested again and again


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is asked for: its verb and arguments, and the datestamps of its records in order."""

    name: str
    verb: Verb
    arguments: dict[str, str]
    stamps: "array[int]"

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return ceil(len(self.stamps) / PAGE_SIZE)

    def token(self, tokens: Tokens, index: int) -> tuple[str, int]:
        """Return a token for the page that begins with the record at *index*, and that record's index.

        It begins with the first record of that second: serials are the store's own.
        """
        stamp = self.stamps[index]
        first = bisect_left(self.stamps, stamp)
        asked = parse_request([("verb", self.verb.value), *self.arguments.items()])
        assert isinstance(asked, ListRecords | ListIdentifiers)
        assert isinstance(asked.selection, Selection)
        token = RecordsToken(asked.selection, Position(stamp, 0), first, len(self.stamps), seen=0)
        return tokens.write_records(self.verb, token), first


@dataclass(frozen=True, slots=True)
class Curve:
    """What a list costs.

    ``places_ms`` are medians of the latency of a page from the beginning of the list to its end,
    ``first_page_ms`` is that of the first page, with its completeListSize, and ``later_page_ms`` of
    all others but the last one. ``cpu_us`` is the server's, for a record.
    """

    name: str
    records: int
    whole: bool
    harvested: int
    first_page_ms: float
    later_page_ms: float | None
    places_ms: Sequence[float]
    cpu_us: float
    bytes_per_record: float


def measure(plan: Plan) -> Outcome:
    """Measure each list in a store of each size."""
    outcome = Outcome(measured={"sizes": []})
    for count in plan.sizes:
        store, built, stamps = _store(plan, count)
        with serving(store) as server:
            curves = [_curve(server, each, plan) for each in _listings(stamps)]
        size = {
            "records": count,
            "filled": min(count, plan.copies_from or count),
            "formats": plan.formats or "default",
            **asdict(built),
        }
        outcome.measured["sizes"].append({**size, "curves": [asdict(curve) for curve in curves]})
        outcome.figures += [figure for curve in curves for figure in _figures(curve, count)]
    if len(plan.sizes) > 1:
        outcome.figures += _across(outcome.measured["sizes"])
    return outcome


def _store(plan: Plan, count: int) -> tuple[Store, Built, records.Stamps]:
    """Return the store of *count* records, and the datestamps that are in it."""
    filled = min(count, plan.copies_from or count)
    if count % filled:
        raise Failed(f"{count} is no multiple of {filled}")
    smaller, built = kept(plan, f"marked-{filled}", _made(plan, filled))
    # The store is what is measured, and a large file can be made again.
    (plan.directory / f"marked-{filled}.jsonl").unlink(missing_ok=True)
    stamps = records.stamps(plan.directory, filled)
    if count == filled:
        return smaller, built, stamps
    store = Store.of(plan, f"marked-{count}")
    times = count // filled
    stamps = copies.multiplied(stamps, times)
    note = store.directory / "built.json"
    if not note.exists():
        shutil.rmtree(store.directory, ignore_errors=True)
        shutil.copytree(smaller.directory, store.directory, ignore=shutil.ignore_patterns(note.name))
        copies.multiply(smaller.directory / "oai.sqlite", store.directory / "oai.sqlite", times)
        note.write_text(json.dumps(asdict(Built(0, 0, 0, store.size()))), encoding="utf-8")
    return store, Built(**json.loads(note.read_text(encoding="utf-8"))), stamps


def _made(plan: Plan, count: int) -> Callable[[], Any]:
    return lambda: records.marked(plan.directory, count, plan.shorten)


def _listings(stamps: records.Stamps) -> Iterator[Listing]:
    every = stamps["all"]
    start, end = every[len(every) * 2 // 5], every[len(every) * 3 // 5]
    window = every[bisect_left(every, start) : bisect_right(every, end)]
    bounds = {"from": datestamp.write(start), "until": datestamp.write(end)}
    dc = {"metadataPrefix": "oai_dc"}
    yield Listing("whole list", Verb.LIST_RECORDS, dc, every)
    yield Listing("set of half", Verb.LIST_RECORDS, dc | {"set": "tag:half"}, stamps["half"])
    yield Listing("set of 1 %", Verb.LIST_RECORDS, dc | {"set": "tag:hundredth"}, stamps["hundredth"])
    yield Listing("dates in the middle", Verb.LIST_RECORDS, dc | bounds, window)
    yield Listing("ListIdentifiers", Verb.LIST_IDENTIFIERS, dc, every)


def _curve(server: Server, listing: Listing, plan: Plan) -> Curve:
    most = plan.max_pages or 0
    sampled = 0 < most * PLACES < listing.pages
    harvest = _sampled if sampled else _whole
    times = max(plan.rounds, ceil(_PAGES / (most * PLACES if sampled else listing.pages)))
    tokens = Tokens([TOKEN_KEY.encode()], server.base_url)
    with Client(server.base_url) as client:
        first = median(client.ask(listing.verb, listing.arguments).seconds for _ in range(_FIRST_PAGES))
        places: list[list[float]] = [[] for _ in range(PLACES if sampled else 10)]
        found = wire = 0
        before = server.cpu_seconds()
        for _ in range(times):
            for place, page in harvest(client, listing, tokens, most):
                found += page.records
                wire += page.wire
                if place is not None:
                    places[place].append(page.seconds)
        used = server.cpu_seconds() - before
    later = [seconds for place in places for seconds in place]
    return Curve(
        name=listing.name,
        records=len(listing.stamps),
        whole=not sampled,
        harvested=found,
        first_page_ms=first * 1e3,
        later_page_ms=median(later) * 1e3 if later else None,
        places_ms=[median(place) * 1e3 for place in places if place],
        cpu_us=used / found * 1e6,
        bytes_per_record=wire / found,
    )


def _whole(client: Client, listing: Listing, _: Tokens, __: int) -> Iterator[tuple[int | None, Reply]]:
    """Yield all pages with the tenth of the list that each is in; the first and the last are not like others."""
    found = 0
    for number, page in enumerate(client.pages(listing.verb, listing.arguments)):
        found += page.records
        is_like_others = 0 < number < listing.pages - 1
        yield min(9, number * 10 // listing.pages) if is_like_others else None, page
    if found != len(listing.stamps):
        raise Failed(f"{listing.name}: {found} records came, and there are {len(listing.stamps)}")


def _sampled(
    client: Client, listing: Listing, tokens: Tokens, most: int
) -> Iterator[tuple[int | None, Reply]]:
    """Yield *most* pages from each place of the list, with the place."""
    last = len(listing.stamps) - most * PAGE_SIZE
    for place in range(PLACES):
        token, index = listing.token(tokens, last * place // (PLACES - 1))
        found = 0
        for page in client.pages(listing.verb, {"resumptionToken": token}, most):
            found += page.records
            yield place, page
        all_of_them = min(most * PAGE_SIZE, len(listing.stamps) - index)
        # A page ends with a block, where it can.
        if not all_of_them - most * RECORDS_OF_BLOCK <= found <= all_of_them:
            raise Failed(f"{listing.name}: {found} records came from record {index} on")


def _figures(curve: Curve, count: int) -> Iterator[Figure]:
    name = f"{count:,}, {curve.name}"
    if curve.places_ms:
        begin, end = curve.places_ms[0], curve.places_ms[-1]
        yield Figure(f"{name}: last pages, of first ones", end, "ms", Target(1.2), begin)
    first, later = curve.first_page_ms, curve.later_page_ms
    if later:
        yield Figure(f"{name}: first page, of later ones", first, "ms", Target(3), later)
    yield Figure(f"{name}: server CPU", curve.cpu_us, "µs/record")


def _across(sizes: Sequence[dict[str, Any]]) -> Iterator[Figure]:
    """Yield the figures that set the largest store against the smallest one."""
    small, large = sizes[0], sizes[-1]
    name = f"{large['records']:,}, of {small['records']:,}"
    for before, after in zip(small["curves"], large["curves"], strict=True):
        figure_name = f"{name}, {after['name']}: server CPU"
        yield Figure(figure_name, after["cpu_us"], "µs/record", None, before["cpu_us"])
    for what, key, unit, scale in (
        ("CPU of sync", "cpu_seconds", "µs/record", 1e6),
        ("size of the store", "store_bytes", "bytes/record", 1),
    ):
        values = [size[key] / size["records"] * scale for size in (large, small)]
        yield Figure(f"{name}: {what}", values[0], unit, None, values[1])
