"""Replicas: real ones, that lag, hang, die and are promoted, and what harvesters see of that."""

import random
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from oai.cli import main
from oai.protocol import datestamp
from oai.repository import Unavailable
from oai.settings import Settings
from oai.store import servers
from oai.store.database import StoreError
from oai.store.servers import Server, Servers
from oai.web import RETRY_SOON, create_app
from tests.harvest.mirror import Harvester, Mark, truth
from tests.replication import Cluster
from tests.server.conftest import NAMES, wait_until
from tests.stores import SQLITE, postgresql_only
from tests.workbench import Answer, Workbench

NOWHERE = "postgresql+psycopg://127.0.0.1:1/oai"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the servers often, as nobody has time to wait."""
    monkeypatch.setattr("oai.store.servers.INTERVAL", 0.1)
    monkeypatch.setattr("oai.store.servers.PROBE_WAIT", 1)


class Node:
    """A web node, in this process."""

    def __init__(self, database_url: str, *replica_urls: str, lag: int = 1000) -> None:
        settings = Settings(
            database_url=database_url, replica_urls=replica_urls, replica_lag=lag, page_size=3
        )
        self.app = create_app(settings)
        self.servers: Servers = self.app.extensions["oai.servers"]

    @property
    def replicas(self) -> list[Server]:
        """Its replicas."""
        return self.servers.replicas

    def get(self, path: str = "/oai", **pairs: str) -> TestResponse:
        """Send a request."""
        query = {NAMES.get(name, name): value for name, value in pairs.items()}
        return self.app.test_client().get(path, query_string=query)

    def ask(self, verb: str, **pairs: str) -> Answer:
        """Return the answer to a request."""
        reply = self.get(verb=verb, **pairs)
        assert reply.status_code == 200, reply.data
        return Answer(reply.data)

    def identifiers(self, **pairs: str) -> set[str]:
        """Return what a whole list has."""
        pages = [self.ask("ListIdentifiers", prefix="oai_dc", **pairs)]
        while pages[-1].token:
            pages.append(self.ask("ListIdentifiers", token=pages[-1].token))
        return {each for page in pages for each in page.identifiers} - {"always-here"}


class Library:
    """A library in a database of its own, and the nodes that serve it."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster = cluster
        self.name = cluster.create()
        self.bench = Workbench(directory, SQLITE, database_url=self.url(cluster.primary))
        self._nodes: list[Node] = []

    def url(self, number: int) -> str:
        """Return the URL of the database on a server."""
        return self.cluster.url(number, self.name)

    def sync(self, *names: str, title: str = "A title") -> None:
        """Let the library have items with these identifiers."""
        items = ({"id": name, "title": title} for name in names)
        self.bench.sync(*items, at=int(time.time()), allow_mass_delete=True)

    def node(self, *replicas: int, primary: str | None = None, lag: int = 1000) -> Node:
        """Return a new node that reads from these servers."""
        url = primary or self.url(self.cluster.primary)
        node = Node(url, *(self.url(number) for number in replicas), lag=lag)
        self._nodes.append(node)
        return node

    def catch_up(self) -> None:
        """Wait until all standbys have all."""
        for number in self.cluster.standbys:
            self.cluster.catch_up(number)

    def close(self) -> None:
        """Close all connections."""
        for node in self._nodes:
            node.servers.dispose()
        self.bench.close()
        self.cluster.mend()
        self.cluster.drop(self.name)


@pytest.fixture
def library(cluster: Cluster, tmp_path: Path) -> Iterator[Library]:
    """Give a library with three items."""
    library = Library(cluster, tmp_path)
    library.sync("a", "b", "c")
    library.catch_up()
    yield library
    library.close()


@contextmanager
def under_load(node: Node) -> Iterator[list[float]]:
    """Ask a node all the time; give how long each request took, in seconds, and let none of them fail."""
    took: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            begun = time.monotonic()
            answer = node.ask("ListRecords", prefix="oai_dc")
            assert answer.identifiers
            took.append(time.monotonic() - begun)
            time.sleep(0.005)

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            wait_until(lambda: len(took) > 10)
            yield took
        finally:
            ended.set()
        for each in asking:
            each.result(30)


def seconds(text: str) -> int:
    """Return a datestamp in seconds."""
    return datestamp.read(text)[0]


def test_replicas_answer_in_turn(library: Library) -> None:
    """Requests are spread over the replicas, and say that it is now: one claim does for all."""
    node = library.node(*library.cluster.standbys)
    asked: list[str] = []

    def question(connection: Connection) -> None:
        asked.append(connection.engine.url.render_as_string())
        assert node.servers.may_be_behind(connection)

    for _ in range(6):
        node.servers.answer(question)
    assert sorted(asked) == sorted(library.url(number) for number in library.cluster.standbys for _ in "abc")
    begun = int(time.time())
    dates = [seconds(node.ask("Identify").response_date) for _ in range(20)]
    assert min(dates) >= begun
    assert max(dates) <= int(time.time())


def test_a_response_claims_no_more_than_its_replica_has(library: Library) -> None:
    """Whoever asks a replica that is behind gets a responseDate that does not hide what it lacks."""
    [standby, _] = library.cluster.standbys
    node = library.node(standby)
    node.ask("Identify")
    library.cluster.pause_replay(standby)
    library.sync("a", "b", "c", "new")
    changed = int(time.time())
    time.sleep(1.1)
    old = node.ask("ListRecords", prefix="oai_dc")
    assert "new" not in node.identifiers()
    assert seconds(old.response_date) <= changed
    library.cluster.resume_replay(standby)
    library.catch_up()
    assert "new" in node.identifiers(from_=old.response_date)
    assert seconds(node.ask("Identify").response_date) > changed


def test_a_token_goes_on_where_its_list_is_not_known_yet(library: Library) -> None:
    """A token of a newer state is answered by whoever has it; else it waits a little, or is told to come again."""
    cluster = library.cluster
    [standby, other] = cluster.standbys
    behind = library.node(standby)
    alone = library.node(standby, primary=NOWHERE)
    both = library.node(standby, other, primary=NOWHERE)
    for node in (behind, alone, both):
        node.ask("Identify")
    cluster.pause_replay(standby)
    library.sync(*(f"n{n}" for n in range(9)))
    cluster.catch_up(other)
    first = library.node().ask("ListRecords", prefix="oai_dc")
    expected = library.node().ask("ListRecords", token=first.token or "").identifiers
    assert behind.ask("ListRecords", token=first.token or "").identifiers == expected
    for _ in range(2):
        assert both.ask("ListRecords", token=first.token or "").identifiers == expected
    begun = time.monotonic()
    later = alone.get(verb="ListRecords", token=first.token or "")
    assert time.monotonic() - begun < 4
    assert later.status_code == 503
    assert later.headers["Retry-After"] == str(RETRY_SOON)
    threading.Timer(0.5, cluster.resume_replay, [standby]).start()
    assert alone.ask("ListRecords", token=first.token or "").identifiers == expected


def test_a_token_within_a_set_that_is_not_known_yet(library: Library) -> None:
    """The base URL of a set that has just come is not unknown to who goes on with its list, nor to anybody else."""
    [standby, _] = library.cluster.standbys
    behind, alone = library.node(standby), library.node(standby, primary=NOWHERE)
    for node in (behind, alone):
        node.ask("Identify")
    library.cluster.pause_replay(standby)
    items = ({"id": f"t{n}", "title": "T", "tags": ["New"]} for n in range(5))
    library.bench.sync(*items, at=int(time.time()), allow_mass_delete=True)
    path = "/oai/sets/tag:new"
    assert alone.get(path, verb="Identify").status_code == 404
    first = Answer(behind.get(path, verb="ListRecords", prefix="oai_dc").data)
    assert alone.get(path, verb="ListRecords", token=first.token or "").status_code == 503
    second = behind.get(path, verb="ListRecords", token=first.token or "")
    assert len(Answer(second.data).identifiers) == 2


def test_a_record_that_a_list_has_named(library: Library) -> None:
    """Whoever reads headers, and then asks for each record, gets it as it was in the list, or newer.

    An inventory has what any list has had, too.
    """
    [standby, other] = library.cluster.standbys
    behind = library.node(standby, other)
    behind.ask("Identify")
    library.cluster.pause_replay(standby)
    library.sync("a", "b", "new", title="Another title")
    library.cluster.catch_up(other)
    named = library.bench.again(page_size=100).ask("ListIdentifiers", prefix="oai_dc").headers
    assert {local for local, *_ in named} >= {"a", "b", "new"}

    expected = library.node().get("/oai/inventory").data

    def look() -> None:
        assert all(behind.get("/oai/inventory").data == expected for _ in range(2))
        for local, stamp, *_ in named:
            identifier = f"oai:library.example.org:{local}"
            for _ in range(2):
                [found] = behind.ask("GetRecord", prefix="oai_dc", identifier=identifier).headers
                assert found[1] >= stamp
                assert not behind.ask("ListMetadataFormats", identifier=identifier).codes

    look()
    library.cluster.kill(library.cluster.primary)
    wait_until(lambda: not behind.servers.primary_is_in)
    look()


def test_a_replica_that_is_too_far_behind(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    """It is left out, which is said once, shows in the metrics, and ends by itself."""
    [standby, _] = library.cluster.standbys
    node = library.node(standby, lag=1)
    node.ask("Identify")
    [replica] = node.replicas
    time.sleep(1.5)
    assert (replica.is_in, replica.lag) == (True, 0)
    library.cluster.pause_replay(standby)
    library.sync("new")
    wait_until(lambda: not replica.is_in)
    assert node.identifiers() >= {"new"}
    metrics = node.get("/metrics").text
    assert 'oai_replica_in{address="127.0.0.1:' in metrics
    assert 'replica="1"} 0.0' in metrics
    assert "oai_replica_lag_seconds" in metrics
    library.cluster.resume_replay(standby)
    wait_until(lambda: replica.is_in)
    assert replica.lag is not None
    out, back = (record.getMessage() for record in caplog.records)
    assert re.fullmatch(r"replica 1 \(127\.0\.0\.1:\d+\) is left out: it is \d seconds behind", out)
    assert back.endswith("is back")


def test_a_standby_that_is_killed(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    """No request fails when a replica dies; it is back by itself once it is started again. Two lines say so."""
    standby, other = library.cluster.standbys
    node = library.node(standby, other)
    with under_load(node) as took:
        library.cluster.kill(standby)
        wait_until(lambda: not node.replicas[0].is_in)
        library.cluster.start(standby)
        wait_until(lambda: node.replicas[0].is_in)
    assert max(took) < 3
    assert [record.name for record in caplog.records] == ["oai.store.servers"] * 2


def test_servers_that_hang(library: Library) -> None:
    """Requests to servers that take them and never answer are given up, and answered without them."""
    cluster = library.cluster
    node = library.node(*cluster.standbys)
    hanging = [cluster.primary, cluster.standbys[0]]
    with under_load(node) as took:
        for number in hanging:
            cluster.freeze(number)
        wait_until(lambda: not node.servers.primary_is_in and not node.replicas[0].is_in)
        wait_until(lambda: sum(each > 1 for each in took) >= 3)
        answered = len(took)
        wait_until(lambda: len(took) > answered + 10)
        for number in hanging:
            cluster.thaw(number)
        wait_until(lambda: node.servers.primary_is_in and node.replicas[0].is_in)
    assert max(took) < 8


def test_a_query_that_a_standby_cancels(library: Library) -> None:
    """What a replica cancels in order to go on replaying is answered by another server, and it stays in."""
    [standby, _] = library.cluster.standbys
    node = library.node(standby)
    asked: list[bool] = []

    def question(connection: Connection) -> int:
        is_replica = node.servers.may_be_behind(connection)
        asked.append(is_replica)
        query = f"SELECT last_serial FROM repository, pg_sleep({5 if is_replica else 0})"
        return int(connection.execute(text(query)).scalar_one())

    def lock() -> None:
        with library.cluster.connected(library.cluster.primary, library.name) as connection:
            connection.execute("BEGIN; LOCK TABLE repository IN ACCESS EXCLUSIVE MODE; COMMIT")

    node.ask("Identify")
    threading.Timer(0.3, lock).start()
    assert node.servers.answer(question) > 0
    assert asked == [True, False]
    assert node.replicas[0].is_in


def test_a_primary_that_is_killed(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on from replicas, writing is refused in one line, and all is as before afterwards."""
    cluster = library.cluster
    node = library.node(*cluster.standbys)
    with under_load(node) as took:
        cluster.kill(cluster.primary)
        wait_until(lambda: not node.servers.primary_is_in)
        time.sleep(1)
        assert node.get("/readyz").status_code == 200
        assert node.get("/records/").status_code == 200
        assert node.get("/metrics").status_code == 200
        assert node.identifiers() == {"a", "b", "c"}
        late = node.ask("Identify").response_date
        assert seconds(late) <= int(time.time())
    assert max(took) < 3
    monkeypatch.setenv("OAI_DATABASE_URL", library.url(cluster.primary))
    source = library.bench.write({"id": "new"})
    done = CliRunner().invoke(main, ["sync", str(source)])
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert "nothing was changed: " in done.output
    assert "cannot be opened" in done.output
    cluster.start(cluster.primary)
    wait_until(lambda: node.servers.primary_is_in)
    assert node.identifiers() == {"a", "b", "c"}
    library.sync("new")
    library.catch_up()
    assert "new" in node.identifiers()
    assert seconds(node.ask("Identify").response_date) >= int(time.time()) - 1


def test_everything_is_down(library: Library) -> None:
    """Without any server the answer is 503, at once, and never an empty list."""
    node = library.node(*library.cluster.standbys)
    node.ask("Identify")
    for number in range(3):
        library.cluster.kill(number)
    wait_until(lambda: not any(replica.is_in for replica in node.replicas) and not node.servers.primary_is_in)
    begun = time.monotonic()
    reply = node.get(verb="Identify")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "60")
    assert time.monotonic() - begun < 0.5
    assert node.get("/readyz").status_code == 503
    for number in (library.cluster.primary, *library.cluster.standbys):
        library.cluster.start(number)
    wait_until(lambda: node.get(verb="Identify").status_code == 200)


def test_promotion(library: Library) -> None:
    """Where the URL names all hosts, whichever of them is the primary is written to, and claims are made there."""
    cluster = library.cluster
    url = cluster.url_of_all(library.name)
    node = library.node(*range(3), primary=url)
    writer = library.bench.again(database_url=url)
    writer.sync({"id": "before"}, at=int(time.time()), allow_mass_delete=True)
    library.catch_up()
    assert "before" in node.identifiers()
    dead, promoted = cluster.primary, cluster.standbys[0]
    with under_load(node):
        cluster.kill(dead)
        with pytest.raises(StoreError):
            writer.sync({"id": "lost"}, at=int(time.time()), allow_mass_delete=True)
        cluster.promote(promoted)
        for standby in cluster.standbys:
            if standby != dead:
                cluster.follow(standby)
        writer.sync({"id": "after"}, at=int(time.time()), allow_mass_delete=True)
        wait_until(lambda: node.servers.primary_is_in)
        wait_until(lambda: "after" in node.identifiers())
        wait_until(lambda: seconds(node.ask("Identify").response_date) >= int(time.time()) - 1)
        cluster.copy_anew(dead)
        wait_until(lambda: all(replica.is_in for replica in node.replicas))
    with node.servers.primary.reading() as connection:
        assert connection.scalar(text("SHOW transaction_read_only")) == "on"
        assert connection.scalar(text("SELECT pg_is_in_recovery()")) is False


@contextmanager
def changing(library: Library) -> Iterator[None]:
    """Let the library change all the time, and its replicas be behind by turns."""
    ended = threading.Event()

    def write() -> None:
        chance = random.Random(8)
        while not ended.is_set():
            names = chance.sample("abcdefghijklmnop", chance.randint(3, 12))
            library.sync(*names, title=chance.choice(["One", "Two"]))

    def lag() -> None:
        chance = random.Random(9)
        while not ended.is_set():
            standby = chance.choice(library.cluster.standbys)
            library.cluster.pause_replay(standby)
            ended.wait(chance.random())
            library.cluster.resume_replay(standby)
            ended.wait(chance.random() / 2)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(write), pool.submit(lag)]
        try:
            yield
        finally:
            ended.set()
        for each in running:
            each.result(30)


def test_mirrors_miss_nothing(library: Library) -> None:
    """Whichever servers of whatever age answer a list, one more harvest makes the mirror equal to the store."""
    chance = random.Random(7)
    one, two = library.cluster.standbys
    nodes = [library.node(one, two), library.node(two), library.node(one, primary=NOWHERE), library.node()]

    def ask(verb: str, **pairs: str) -> Answer:
        while True:
            reply = chance.choice(nodes).get(verb=verb, **pairs)
            if reply.status_code == 200:
                return Answer(reply.data)
            assert reply.headers["Retry-After"] == str(RETRY_SOON)

    harvesters = [Harvester(ask, mark) for mark in Mark for _ in range(2)]
    with changing(library):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            chance.choice(harvesters).step()
    library.catch_up()
    expected = truth(nodes[-1].ask)
    for harvester in harvesters:
        harvester.harvest()
        harvester.harvest()
        assert harvester.mirror == expected, harvester.mark_by


def test_a_question_that_is_cancelled(library: Library) -> None:
    """What the only replica cancels, so that it can go on replaying, is asked once more; a slow question is not."""
    node = library.node(library.cluster.standbys[0], primary=NOWHERE)
    raised: list[str] = []

    def question(connection: Connection) -> str:
        if len(raised) < 2:
            raised.append(state)
            connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '{state}'; END $$"
            )
        return "answered"

    for state in ("40001", "40P01"):
        raised.clear()
        assert node.servers.answer(question) == "answered"
        assert raised == [state] * 2
    state = "57014"
    raised.clear()
    with pytest.raises(Unavailable):
        node.servers.answer(question)
    assert raised == [state]


@postgresql_only
def test_a_look_that_is_cancelled(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that cancels the question whether it is well, to go on replaying, is asked once more."""
    with bench.database.writing() as connection:
        connection.execute(text("CREATE SEQUENCE looks"))
        connection.execute(
            text(
                "CREATE FUNCTION cancelled() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
                " IF nextval('looks') = 1 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF;"
                " RETURN false; END $$"
            )
        )
    about = servers._ABOUT
    monkeypatch.setattr(servers, "_ABOUT", about + b"WHERE NOT cancelled()")
    node = Node(NOWHERE, bench.settings.database_url)
    try:
        assert node.get(verb="Identify").status_code == 200
        assert node.replicas[0].is_in
    finally:
        node.servers.dispose()
