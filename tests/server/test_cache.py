"""What a cache in front may keep, and nginx as that cache, as config/nginx.conf has it.

A full page in the middle of a list may be kept; nothing else. That every mirror is whole for all that is
tried by hand, with nginx before two workers, mirrors that harvest through it, and a writer behind it:

``OAI_CACHE_SECONDS=60 pytest tests/server/test_cache.py -s``

prints what was asked and what came of it. ``OAI_CACHE_CONFIG`` names another configuration to be tried.
"""

import gzip
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import zstandard

from oai.web import _LARGEST_BODY
from tests.harvest.mirror import Harvester, Held, Mark, day_lines, truth
from tests.programs import free_port
from tests.server.conftest import NAMES, Commands, Reply, Server
from tests.server.proxy import CONFIG, Nginx
from tests.stores import Stores
from tests.workbench import NS, Answer

IN_SET = "/oai/sets/tag"
STEADY = 20
"""The first item that is ever changed."""
KEPT = "public, max-age=3600"
LISTS = [
    ("/oai", "ListRecords"),
    ("/oai", "ListIdentifiers"),
    (IN_SET, "ListRecords"),
    (IN_SET, "ListIdentifiers"),
]


def pages(server: Server, path: str, verb: str, **headers: str) -> Iterator[tuple[Reply, Answer]]:
    """Yield the responses of a whole list, as they came and uncompressed."""
    pairs = {"verb": verb, "metadataPrefix": "oai_dc"}
    while True:
        reply = server.get(pairs, path, headers)
        answer = Answer(_plain(reply.headers.get("Content-Encoding"), reply.body))
        yield reply, answer
        if not answer.token:
            return
        pairs = {"verb": verb, "resumptionToken": answer.token}


def _plain(coding: str | None, body: bytes) -> bytes:
    if coding is None:
        return body
    return gzip.decompress(body) if coding == "gzip" else zstandard.ZstdDecompressor().decompress(body)


@pytest.mark.parametrize(("path", "verb"), LISTS)
@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_the_pages_of_a_list(server: Server, path: str, verb: str, coding: str) -> None:
    """Pages between the first and the last may be kept, in each coding for itself; those two may not."""
    replies = [reply for reply, _ in pages(server, path, verb, **{"Accept-Encoding": coding})]
    assert len(replies) > 1
    kept = [KEPT] * (len(replies) - 2)
    assert [reply.headers["Cache-Control"] for reply in replies] == ["no-cache", *kept, "no-cache"]
    assert {reply.headers["Vary"] for reply in replies} == {"Accept-Encoding"}


def test_the_lists_are_long_enough(server: Server) -> None:
    """There is a page between the first and the last, or nothing was said about it."""
    assert len(server.pages("ListRecords", prefix="oai_dc")) > 2


def test_a_page_by_post(server: Server) -> None:
    """What is sent in a body is not in the address that a cache goes by."""
    token = server.ask("ListRecords", prefix="oai_dc").token
    assert token
    pairs = {"verb": "ListRecords", "resumptionToken": token}
    assert server.get(pairs).headers["Cache-Control"] == KEPT
    assert server.post(pairs).headers["Cache-Control"] == "no-cache"


def test_a_get_with_a_body(server: Server) -> None:
    """No response is kept under an address that does not say all that was asked."""
    token = server.ask("ListRecords", prefix="oai_dc").token
    assert token
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    pairs = {"verb": "ListRecords", "resumptionToken": token}
    for inside in (pairs, {"verb": "ListRecords"}, {"resumptionToken": token}):
        query = {name: value for name, value in pairs.items() if name not in inside}
        reply = server.fetch("GET", f"/oai?{urlencode(query)}", urlencode(inside).encode(), form)
        assert reply.headers["Cache-Control"] == "no-cache"


def test_what_is_no_page_of_a_list(server: Server) -> None:
    """Errors, and what can be changed by the next sync, are asked for anew."""
    token = server.ask("ListRecords", prefix="oai_dc").token or ""
    for pairs in (
        {"verb": "Identify"},
        {"verb": "ListSets"},
        {"verb": "ListSets", "resumptionToken": server.ask("ListSets").token or ""},
        {"verb": "ListMetadataFormats"},
        {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:library.example.org:alpha"},
        {"verb": "ListRecords", "resumptionToken": token + "x"},
        {"verb": "ListIdentifiers", "resumptionToken": token},
        {"verb": "ListRecords", "resumptionToken": token, "set": "tag"},
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2999-01-01"},
        {},
    ):
        reply = server.get(pairs)
        assert reply.headers["Cache-Control"] == "no-cache", pairs
        assert reply.headers["Vary"] == "Accept-Encoding"
    assert server.fetch("GET", "/oai/inventory").headers["Cache-Control"] == "no-cache"


def test_a_store_out_of_reach(server: Server) -> None:
    """That the store cannot be read now is not kept."""
    token = server.ask("ListRecords", prefix="oai_dc").token or ""
    with server.away():
        reply = server.get({"verb": "ListRecords", "resumptionToken": token})
    assert reply.status == 503
    assert reply.headers["Cache-Control"] == "no-store"


def test_the_configuration_takes_what_the_provider_takes() -> None:
    """No POST that the provider would answer is refused by nginx, which keeps nothing for longer than it says."""
    text = CONFIG.read_text(encoding="utf-8")
    assert re.findall(r"^ *client_max_body_size +(\d+);", text, re.MULTILINE) == [str(_LARGEST_BODY)]
    assert not re.search(r"^ *proxy_(cache_valid|ignore_headers|cache_use_stale)\b", text, re.MULTILINE)


class Mirror(threading.Thread):
    """A harvester behind the cache, until it is told to stop; one that is *forgetful* begins each list at the beginning."""

    def __init__(
        self,
        nginx: Nginx,
        mark_by: Mark,
        coding: str,
        path: str = "/oai",
        set_spec: str | None = None,
        *,
        forgetful: bool = False,
    ) -> None:
        super().__init__(daemon=True)
        self.path, self.set_spec, self.coding = path, set_spec, coding
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.statuses: Counter[str] = Counter()
        self.lists = self.wrongly_kept = self.overtaken = 0
        self._nginx = nginx
        self._mark_by = mark_by
        self._forgetful = forgetful
        self._seen: dict[str, str] = {}
        self.keeper = self._harvester()

    def _harvester(self) -> Harvester:
        return Harvester(self.ask, self._mark_by, self.set_spec)

    def __str__(self) -> str:
        kind = "full" if self._forgetful else "incremental"
        return f"{kind}, {self.path}, set {self.set_spec}, {self.coding}, {self._mark_by}"

    def ask(self, verb: str, **arguments: str) -> Answer:
        """Ask through the cache, and note what it did."""
        pairs = {"verb": verb, **{NAMES.get(name, name): value for name, value in arguments.items()}}
        reply = self._nginx.fetch(f"{self.path}?{urlencode(pairs)}", Accept_Encoding=self.coding)
        assert reply.status == 200, reply.body
        answer = Answer(_plain(reply.headers.get("Content-Encoding"), reply.body))
        status = reply.headers["X-Cache-Status"]
        self.statuses[status] += 1
        if "token" not in arguments:
            self._seen.clear()
        if status == "HIT" and not ("token" in arguments and answer.token):
            self.wrongly_kept += 1
        for header in answer.root.iterfind(".//o:header", NS):
            identifier, stamp = (header.findtext(f"o:{name}", "", NS) for name in ("identifier", "datestamp"))
            self.overtaken += self._seen.get(identifier, stamp) < stamp
            if status == "HIT":
                self._seen[identifier] = stamp
        return answer

    def run(self) -> None:
        """Harvest until told to stop."""
        try:
            while not self.stopping.is_set():
                if self._forgetful:
                    self.keeper = self._harvester()
                self.harvest()
                self.stopping.wait(random.uniform(0.05, 0.4))
        except BaseException as failure:  # noqa: BLE001 - the test's own thread tells of it
            self.failure = failure

    def harvest(self) -> None:
        """Read one list to its end."""
        self.keeper.harvest()
        self.lists += 1

    def differences(self, server: Server) -> int:
        """Return in how many records the mirror is not what the provider itself says."""
        expected = truth(lambda verb, **given: server.ask(verb, self.path, **given), self.set_spec)
        inventory = server.get(
            path=f"{self.path}/inventory", pairs={"set": self.set_spec} if self.set_spec else {}
        )
        assert day_lines(expected) == inventory.body.decode().splitlines()
        mirror = self.keeper.mirror
        if self.set_spec:
            # The protocol does not tell of an item that leaves a set.
            mirror = {identifier: mirror[identifier] for identifier in mirror.keys() & expected.keys()}
        return _differences(mirror, expected)


def _differences(mirror: dict[str, Held], expected: dict[str, Held]) -> int:
    return sum(mirror.get(each) != expected.get(each) for each in mirror.keys() | expected.keys())


def _item(number: int, dice: random.Random) -> dict[str, Any]:
    tags = ["One", *dice.sample(["Two", "Three"], dice.randint(0, 2))][dice.random() < 0.4 :]
    return {"id": f"item-{number}", "title": f"Title {dice.randint(1, 10**6)}", "tags": tags}


def write(server: Server, items: dict[int, dict[str, Any]], dice: random.Random) -> None:
    """Change, delete and bring back some items, now and then add one, and sync.

    The first ones stay as they are, so that lists go on having the same first page, and with it
    the addresses of the pages behind it, as they do where there are many.
    """
    highest = max(items)
    for number in dice.sample(range(STEADY, highest + 1), 8):
        if dice.random() < 0.3:
            items.pop(number, None)
        else:
            items[number] = _item(number, dice)
    if dice.random() < 0.2:
        items[highest + 1] = _item(highest + 1, dice)
    server.sync(*items.values())


def prove(directory: Path, commands: Commands, stores: Stores, config: Path, seconds: float) -> None:
    """Let mirrors harvest through the cache while there is writing; in the end each is what the store is."""
    dice = random.Random(time.time_ns())
    port = free_port()
    server = Server(directory, commands, stores, page_size=10, base_url=f"http://127.0.0.1:{port}/oai")
    items = {n: {"id": f"item-{n}", "title": "T", "tags": ["One"]} for n in range(1, STEADY)}
    items |= {n: _item(n, dice) for n in range(STEADY, 300)}
    server.write(*items.values())
    server.start()
    nginx = Nginx(directory / "nginx", config, [server.port], port)
    mirrors = [
        Mirror(nginx, mark, coding) for mark, coding in zip(Mark, ("gzip", "identity", "gzip"), strict=True)
    ]
    mirrors += [
        Mirror(nginx, Mark.FIRST_RESPONSE, coding, path, spec, forgetful=forgetful)
        for forgetful in (False, True)
        for path, spec in (("/oai", None), ("/oai", "tag:one"), ("/oai/sets/tag:one", None))
        for coding in ("identity", "gzip")
    ]
    try:
        with nginx.running():
            for mirror in mirrors:
                mirror.start()
            syncs, end = 0, time.monotonic() + seconds
            while time.monotonic() < end:
                write(server, items, dice)
                syncs += 1
                time.sleep(dice.uniform(0.1, 0.5))
            _report(server, mirrors, f"{seconds:.0f} s, {syncs} syncs")
            assert not nginx.errors
    finally:
        for mirror in mirrors:
            mirror.stopping.set()
        server.stop()


def _report(server: Server, mirrors: Sequence[Mirror], run: str) -> None:
    for mirror in mirrors:
        mirror.stopping.set()
    for mirror in mirrors:
        mirror.join(60)
        assert mirror.failure is None, mirror.failure
        mirror.harvest()
    differences = {str(mirror): mirror.differences(server) for mirror in mirrors}
    statuses = sum((mirror.statuses for mirror in mirrors), Counter[str]())
    lists, wrongly_kept, overtaken = (
        sum(getattr(mirror, name) for mirror in mirrors) for name in ("lists", "wrongly_kept", "overtaken")
    )
    print(  # noqa: T201 - what a run by hand is made for
        f"\n{run}: {len(mirrors)} mirrors, {lists} lists, {statuses.total()} requests ({dict(statuses)}),"
        f" {overtaken} records from the cache overtaken by newer ones in the same list,"
        f" {wrongly_kept} responses kept that must not be, {sum(differences.values())} differences"
    )
    assert not any(differences.values()), differences
    assert not wrongly_kept
    assert statuses["HIT"]


if "OAI_CACHE_SECONDS" in os.environ:

    def test_mirrors_behind_nginx(tmp_path: Path, commands: Commands, stores: Stores) -> None:
        """Whatever the cache keeps, one more incremental harvest makes every mirror equal to the store."""
        config = Path(os.environ.get("OAI_CACHE_CONFIG", CONFIG))
        prove(tmp_path, commands, stores, config, float(os.environ["OAI_CACHE_SECONDS"]))

    def test_what_nginx_keeps(tmp_path: Path, server: Server) -> None:
        """A page within a list is kept in each coding, under an address that says all; nothing else is kept."""
        nginx = Nginx(tmp_path / "nginx", CONFIG, [server.port], free_port())
        token = server.ask("ListRecords", prefix="oai_dc").token
        assert token
        pairs = {"verb": "ListRecords", "resumptionToken": token}
        page = f"/oai?{urlencode(pairs)}"
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        with nginx.running():
            for coding in ("identity", "gzip", "zstd"):
                missed, hit = (nginx.fetch(page, Accept_Encoding=coding) for _ in range(2))
                assert (missed.headers["X-Cache-Status"], hit.headers["X-Cache-Status"]) == ("MISS", "HIT")
                assert hit.headers["Content-Encoding"] == (None if coding == "identity" else coding)
                assert hit.body == missed.body
            part = nginx.fetch(page, Range="bytes=0-9", Accept_Encoding="identity")
            assert (part.status, part.headers["X-Cache-Status"]) == (200, "HIT")
            assert nginx.fetch(page, "HEAD", Accept_Encoding="identity").body == b""
            for target in ("/oai?verb=Identify", "/oai?verb=ListRecords&metadataPrefix=oai_dc", "/oai"):
                statuses = [nginx.fetch(target).headers["X-Cache-Status"] for _ in range(2)]
                assert statuses == ["BYPASS", "BYPASS"]
            poison = nginx.fetch("/oai", "GET", urlencode(pairs).encode(), **form)
            assert poison.headers["X-Cache-Status"] == "BYPASS"
            assert nginx.fetch("/oai").answer.codes == ["badVerb"]
            posted = nginx.fetch("/oai", "POST", urlencode(pairs).encode(), **form)
            assert "X-Cache-Status" not in posted.headers
            assert posted.answer.identifiers == Answer(part.body).identifiers

    def test_what_nginx_lets_through(tmp_path: Path, server: Server) -> None:
        """Limits are the provider's own, its 503 is passed on as it is, and its figures are not public."""
        nginx = Nginx(tmp_path / "nginx", CONFIG, [server.port], free_port())
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        with nginx.running():
            start = "verb=Identify&x="
            for size, status in ((_LARGEST_BODY, 200), (_LARGEST_BODY + 1, 413)):
                assert nginx.fetch("/oai", "POST", start.encode().ljust(size, b"x"), **form).status == status
            target = f"/oai?{start}".ljust(8190 - len("GET  HTTP/1.1"), "x")
            assert nginx.fetch(target).answer.codes == ["badArgument"]
            for figures in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/oai/../metrics"):
                assert nginx.fetch(figures).status == 403
            with server.away():
                there, behind = server.fetch("GET", "/oai?verb=Identify"), nginx.fetch("/oai?verb=Identify")
            assert (behind.status, behind.body) == (there.status, there.body) == (503, there.body)
            for name in ("Retry-After", "Cache-Control"):
                assert behind.headers.get_all(name) == there.headers.get_all(name)

    def test_nobody_behind_nginx(tmp_path: Path) -> None:
        """While the provider is not there, harvesters are told to come again."""
        nginx = Nginx(tmp_path / "nginx", CONFIG, [free_port()], free_port())
        with nginx.running():
            reply = nginx.fetch("/oai?verb=Identify")
        assert reply.status == 503
        assert reply.headers.get_all("Retry-After") == ["60"]
        assert reply.headers.get_all("Cache-Control") == ["no-store"]
