"""The failover trial: whatever is killed, no harvester sees a failure, and no mirror is wrong in the end.

On one machine: a primary and two streaming standbys, four web nodes behind nginx with config/nginx.conf,
eight harvesters that each keep a mirror in their own way, and a writer that runs ``oai sync`` over and
over. In a random order replay is paused on a standby, and a standby, a web node and the writer in the
middle of a sync are killed with ``kill -9``; then the primary is, and a standby takes over. After
each of these it goes on when every harvester has completed a list and the writer a sync.

Replication is synchronous (:class:`tests.server.cluster.Databases` says why). A request has failed if a
harvester that honours Retry-After would report it: a broken connection, half a response, an error.

That it finds what is wrong was tried by hand: in its first round it has 119 differences where a replica's
responseDates are not held back (``horizon`` gives ``now`` in the end), and 5 where a page may be read from an
older state than the one before (``Behind`` is not raised for a token).

``OAI_FAILOVER_SECONDS=600 pytest tests/server/test_failover.py -s`` goes on for longer, in rounds: after
each the mirrors are compared, the former primary becomes a standby again, and the nodes are restarted.
``OAI_FAILOVER_SEED`` repeats the order of a run that was printed.
"""

# ruff: noqa: T201 - what it prints is what a long run is made for

import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.harvest.mirror import Mark
from tests.programs import free_port
from tests.server.cluster import PATIENCE, Databases, Node, started
from tests.server.conftest import wait_until
from tests.server.crowd import Reader, RequestFailed, Timeline, User, Writer
from tests.server.proxy import CONFIG, Nginx
from tests.workbench import Workbench

SECONDS = float(os.environ.get("OAI_FAILOVER_SECONDS", "0"))
SEED = int(os.environ.get("OAI_FAILOVER_SEED", time.time_ns() % 10**6))
ITEMS = 240
NODES = 4

Step = Callable[[], str]


class Trial:
    """The installation, its users, and what is done to them."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.dice = random.Random(SEED)
        self.timeline = Timeline()
        port = free_port()
        self.databases = Databases(2)
        stack.callback(self.databases.close)
        self.settings: dict[str, str | int] = {
            "base_url": f"http://127.0.0.1:{port}/oai",
            "database_url": self.databases.url_of_all(),
            "replica_urls": " ".join(map(self.databases.url, range(3))),
            "page_size": 17,
        }
        self.writer = Writer(directory, self.databases, self.settings, ITEMS, SEED)
        assert self.writer.turn(), self.writer.refusals
        self.nodes = [Node(directory, self.settings) for _ in range(NODES)]
        for node in self.nodes:
            stack.callback(node.kill)
        started(self.nodes)
        self.nginx = Nginx(directory / "nginx", CONFIG, [node.port for node in self.nodes], port)
        stack.enter_context(self.nginx.running())
        own = "/oai/sets/tag:"
        self.readers = [
            Reader(port, self.timeline, Mark.FIRST_RESPONSE),
            Reader(port, self.timeline, Mark.LAST_RESPONSE, coding="gzip"),
            Reader(port, self.timeline, None),
            Reader(port, self.timeline, Mark.NEWEST_DATESTAMP, prefix="oai_qdc"),
            Reader(port, self.timeline, None, set_spec="tag:one"),
            Reader(port, self.timeline, None, own + "two"),
            Reader(port, self.timeline, None, one_by_one=True),
            Reader(port, self.timeline, Mark.LAST_RESPONSE, own + "three", one_by_one=True, coding="gzip"),
        ]
        for reader in self.readers:
            stack.callback(reader.close)
        stack.callback(self.writer.close)
        self._directory = directory

    @property
    def users(self) -> list[User]:
        """The harvesters and the writer."""
        return [*self.readers, self.writer]

    def steps(self) -> list[Step]:
        """Return what is done in a round, in a random order: what broke is mended later, as a rule not at once."""
        databases, dice = self.databases, self.dice
        slow, dead = dice.sample(databases.standbys, 2)
        node = dice.choice(self.nodes)

        def pause() -> str:
            databases.pause_replay(slow)
            return f"replay paused on standby {slow}"

        def resume() -> str:
            databases.resume_replay(slow)
            return f"replay resumed on standby {slow}"

        def kill_standby() -> str:
            databases.kill(dead)
            return f"standby {dead} killed"

        def start_standby() -> str:
            databases.begin_again(dead)
            return f"standby {dead} started again"

        def kill_node() -> str:
            node.kill()
            return "a web node killed"

        def start_node() -> str:
            node.start()
            return "the web node started again"

        def kill_writer() -> str:
            self.writer.kill()
            return "the writer killed in the middle of a sync"

        waiting = [[pause, resume], [kill_standby, start_standby], [kill_node, start_node], [kill_writer]]
        order: list[Step] = []
        last: list[Step] = []
        while waiting:
            last = dice.choice([each for each in waiting if each is not last] or waiting)
            order.append(last.pop(0))
            waiting = [each for each in waiting if each]
        return order

    def do(self, step: Step, *, primary: bool = True) -> None:
        """Do something, and wait until everybody has got over it.

        Without a *primary* that is a harvest for each harvester and a refusal for the writer.
        """
        self.timeline.add("")
        happening = self.timeline.happenings[-1]
        happening.what = step()
        lists, written = [reader.lists for reader in self.readers], self.writer.written(primary=primary)

        def everybody_went_on() -> bool:
            for user in self.users:
                user.check()
            read = all(reader.lists > before for reader, before in zip(self.readers, lists, strict=True))
            return read and self.writer.written(primary=primary) > written

        wait_until(everybody_went_on, 2 * PATIENCE)
        print(
            f"{happening.at:7.1f} s  {happening.what}; a harvester waited {happening.longest:.2f} s",
            flush=True,
        )

    def kill_primary(self) -> str:
        """Kill the primary, every other time in the middle of a sync."""
        if self.dice.random() < 0.5:
            wait_until(self.databases.is_writing, 2 * PATIENCE)
        self.databases.kill(self.databases.primary)
        return f"primary {self.databases.primary} killed"

    def promote(self) -> str:
        """Let the standby take over that has received most."""
        return f"standby {self.databases.promote_best()} promoted"

    def rejoin(self, former: int) -> Step:
        """Return the step that makes a former primary a standby again."""

        def rewind() -> str:
            self.databases.rewind(former)
            return f"server {former} made a standby by pg_rewind"

        return rewind

    def restart_nodes(self) -> str:
        """Restart all web nodes, one after the other, as for a new version."""
        for node in self.nodes:
            node.restart()
        return "all web nodes restarted, one after the other"

    def report(self, rounds: int, differences: list[str]) -> None:
        """Print what happened, for docs/operations.md."""
        readers, writer = self.readers, self.writer
        lists, requests, deferred = (
            sum(getattr(reader, name) for reader in readers) for name in ("lists", "requests", "deferred")
        )
        failures = sum(len(reader.failures) for reader in readers)
        longest = max(happening.longest for happening in self.timeline.happenings)
        print(
            f"{time.monotonic() - self.timeline.begin:.0f} s, {rounds} rounds: {lists} lists, {requests} requests,"
            f" {deferred} answered 503 with Retry-After, {failures} failed; {writer.syncs} syncs of"
            f" {writer.changes} changes, {writer.kills} killed, {writer.refusals.total()} refused;"
            f" longest wait of a harvester {longest:.2f} s; {len(differences)} differences"
        )
        for said, count in writer.refusals.items():
            print(f"{count:4}  {said}")

    def differences(self) -> list[str]:
        """Return how the mirrors differ from the store on the primary, after one harvest more."""
        self.writer.rest()
        self.databases.settle()
        for reader in self.readers:
            reader.rest()
            with suppress(RequestFailed):
                reader.harvest()
        store = Workbench(
            self._directory, database_url=self.databases.url(self.databases.primary), page_size=1000
        )
        store.now = int(time.time())
        found = [line for reader in self.readers for line in reader.differences(store)]
        store.close()
        for user in self.users:
            user.go_on()
        return found


def test_failover(tmp_path: Path) -> None:
    """Whoever is killed and whenever, no request fails, and every mirror is equal to the store."""
    with ExitStack() as stack:
        trial = Trial(tmp_path, stack)
        print(f"\nseed {SEED}")
        for user in trial.users:
            user.start()
        differences: list[str] = []
        rounds = 0
        while True:
            rounds += 1
            former = trial.databases.primary
            for step in trial.steps():
                trial.do(step)
            trial.do(trial.kill_primary, primary=False)
            trial.do(trial.promote)
            differences += trial.differences()
            if differences or time.monotonic() - trial.timeline.begin > SECONDS:
                break
            trial.do(trial.rejoin(former))
            trial.do(trial.restart_nodes)
        trial.report(rounds, differences)
        assert not differences, "\n".join(differences)
        failures = [line for reader in trial.readers for line in reader.failures]
        assert not failures, "\n".join(failures)
        assert not [node.log for node in trial.nodes if "Traceback" in node.log]
