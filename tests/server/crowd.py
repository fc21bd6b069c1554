"""Those who use an installation while things happen to it: harvesters that honour Retry-After, and a writer."""

import gzip
import http.client
import json
import random
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.harvest.mirror import Harvester, Held, Mark, OneByOne, truth
from tests.server.cluster import PATIENCE, Databases, environment
from tests.server.conftest import NAMES, PROGRAM, wait_until
from tests.workbench import Answer, Workbench

RETRY = 0.5
"""Seconds that are waited where Retry-After says more, so that a trial has more to tell."""

TAGS = ["One", "Two", "Three"]
DONE = re.compile(r"(\d+) added, (\d+) changed, (\d+) deleted, \d+ unchanged, 0 rejected\n")


class RequestFailed(Exception):
    """A request that a harvester which honours Retry-After would report."""


@dataclass
class Happening:
    """Something that was done to the installation, and how long a harvester then waited at the most."""

    at: float
    what: str
    longest: float = 0.0


@dataclass
class Timeline:
    """What was done when; each harvester says how long its requests took."""

    begin: float = field(default_factory=time.monotonic)
    happenings: list[Happening] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str) -> None:
        """Note that something is done now."""
        with self._lock:
            self.happenings.append(Happening(time.monotonic() - self.begin, what))

    @property
    def position(self) -> int:
        """How much has been done."""
        return len(self.happenings)

    def waited(self, since: int, seconds: float) -> None:
        """Note that a request took *seconds*, which began when the position was *since*."""
        with self._lock:
            for happening in self.happenings[max(since - 1, 0) :]:
                happening.longest = max(happening.longest, seconds)


class User(threading.Thread):
    """Does something over and over until it is told to stop, and rests when it is told to."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.failure: BaseException | None = None
        self._stopping, self._resting, self._rests = (threading.Event() for _ in range(3))

    def turn(self) -> bool:
        """Do it once, and say whether this is a time to rest."""
        raise NotImplementedError

    def run(self) -> None:
        """Go on until told to stop."""
        may_rest = False
        try:
            while not self._stopping.is_set():
                if may_rest and self._resting.is_set():
                    self._rests.set()
                    self._stopping.wait(0.02)
                else:
                    may_rest = self.turn()
        except BaseException as failure:  # noqa: BLE001 - the test's own thread tells of it
            self.failure = failure

    def check(self) -> None:
        """Fail with what has ended it, if anything has."""
        if self.failure is not None:
            raise self.failure

    def rest(self) -> None:
        """Let it come to a time to rest, and wait for that."""
        self._rests.clear()
        self._resting.set()

        def rests() -> bool:
            self.check()
            return self._rests.is_set()

        wait_until(rests, 2 * PATIENCE)

    def go_on(self) -> None:
        """End its rest."""
        self._resting.clear()

    def close(self) -> None:
        """Let it end after what it is doing, and wait for that."""
        self._stopping.set()
        if self.is_alive():
            self.join(2 * PATIENCE)


class Reader(User):
    """A harvester that keeps a mirror until it is told to stop.

    It honours Retry-After and mends nothing else: a broken connection, half a response, an answer
    that is not valid and an error of the protocol are failures, and then it begins the list again.
    Its mark is what *mark_by* says, or for None the responseDate of any response of the list, which
    a harvester may take just as well.
    """

    def __init__(
        self,
        port: int,
        timeline: Timeline,
        mark_by: Mark | None,
        path: str = "/oai",
        set_spec: str | None = None,
        *,
        prefix: str = "oai_dc",
        one_by_one: bool = False,
        coding: str = "identity",
    ) -> None:
        super().__init__()
        self.path = path
        self.lists = self.requests = self.deferred = 0
        self.failures: list[str] = []
        kind = OneByOne if one_by_one else Harvester
        self.keeper = kind(self.ask, mark_by or Mark.FIRST_RESPONSE, set_spec, prefix)
        self._any = mark_by is None
        self._coding = coding
        self._timeline = timeline
        self._dates: list[str] = []
        self._dice = random.Random(f"{port}{mark_by}{path}{set_spec}{prefix}")
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * PATIENCE)

    def __str__(self) -> str:
        keeper = self.keeper
        mark = "any response" if self._any else keeper.mark_by.name
        return f"{keeper.verb} {keeper.prefix} {self.path} set={keeper.set_spec} mark={mark}"

    def turn(self) -> bool:
        """Read one list."""
        with suppress(RequestFailed):
            self.harvest()
        self._stopping.wait(self._dice.uniform(0.02, 0.2))
        return True

    def close(self) -> None:
        """End it, and its connection."""
        super().close()
        self._connection.close()

    def harvest(self) -> None:
        """Read one list to its end."""
        self._dates.clear()
        try:
            while self.keeper.step():
                time.sleep(self._dice.uniform(0, 0.02))
        except RequestFailed:
            self.keeper.forget_list()
            raise
        if self._any:
            self.keeper.mark = self._dice.choice(self._dates)
        self.lists += 1

    def ask(self, verb: str, **arguments: str) -> Answer:
        """Ask, and again when that is asked for; raises RequestFailed for all that went wrong."""
        begin, since = time.monotonic(), self._timeline.position
        pairs = {"verb": verb, **{NAMES.get(name, name): value for name, value in arguments.items()}}
        try:
            answer = self._ask(f"{self.path}?{urlencode(pairs)}")
        except RequestFailed as error:
            self.failures.append(f"{time.monotonic() - self._timeline.begin:.2f} s: {self}: {pairs}: {error}")
            raise
        finally:
            self._timeline.waited(since, time.monotonic() - begin)
        if verb != "GetRecord":
            self._dates.append(answer.response_date)
        return answer

    def _ask(self, target: str) -> Answer:
        end = time.monotonic() + 2 * PATIENCE
        while True:
            self.requests += 1
            try:
                self._connection.request("GET", target, headers={"Accept-Encoding": self._coding})
                found = self._connection.getresponse()
                body = found.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise RequestFailed(repr(error)) from error
            wait = found.headers.get("Retry-After", "")
            if found.status != 503 or not wait.isdigit():
                break
            self.deferred += 1
            if time.monotonic() > end:
                raise RequestFailed("503 for ever")
            time.sleep(min(int(wait), RETRY))
        if found.status != 200:
            raise RequestFailed(f"HTTP {found.status} {body[:200]!r}")
        try:
            answer = Answer(gzip.decompress(body) if found.headers["Content-Encoding"] == "gzip" else body)
        except Exception as error:
            raise RequestFailed(f"{error!r} in {body[:1000]!r}") from error
        if answer.codes not in ([], ["noRecordsMatch"]):
            raise RequestFailed(answer.body.decode())
        return answer

    def differences(self, store: Workbench) -> list[str]:
        """Return what the mirror holds otherwise than *store*, which is asked directly."""
        own_set = self.path.partition("/sets/")[2] or None

        def ask(verb: str, **given: str) -> Answer:
            return store.ask(verb, own_set, None, **given)

        mirror, keeper = self.keeper.mirror, self.keeper
        expected = truth(ask, keeper.set_spec, keeper.prefix)
        if keeper.set_spec:  # the protocol does not tell of an item that leaves a set
            mirror = {identifier: mirror[identifier] for identifier in mirror.keys() & expected.keys()}
        return [
            f"{self}: {name}: {_shown(mirror.get(name))}, and should be {_shown(expected.get(name))}"
            for name in sorted(mirror.keys() | expected.keys())
            if mirror.get(name) != expected.get(name)
        ]


def _shown(held: Held | None) -> str:
    return f"{held.datestamp} deleted={held.deleted} {held.sets}" if held else "missing"


class Writer(User):
    """Runs ``oai sync`` again and again, each time on a source that has changed a little.

    A sync that fails says so in one line, and is tried again.
    """

    def __init__(
        self, directory: Path, databases: Databases, settings: Mapping[str, str | int], items: int, seed: int
    ) -> None:
        super().__init__()
        self.syncs = self.kills = 0
        self.changes = 0
        self.refusals: Counter[str] = Counter()
        self._databases = databases
        self._dice = random.Random(seed)
        self._directory = directory
        self._source = directory / "source" / "items.jsonl"
        self._source.parent.mkdir()
        self._environment = environment(directory, {**settings, "sources": str(self._source.parent)})
        self._most = items
        self._items: dict[int, dict[str, Any]] = {number: self._item(number) for number in range(1, items)}
        self._doomed = threading.Event()

    def _item(self, number: int) -> dict[str, Any]:
        tags = self._dice.sample(TAGS, self._dice.randint(0, len(TAGS)))
        return {"id": f"item-{number}", "title": f"Title {self._dice.randint(1, 10**9)}", "tags": tags}

    def turn(self) -> bool:
        """Change the source and sync it; to rest before a sync was completed would leave it half done."""
        self._change()
        is_complete = self.sync()
        self._stopping.wait(self._dice.uniform(0.05, 0.3))
        return is_complete

    def _change(self) -> None:
        """Add, change, move and delete some items."""
        for number in self._dice.sample(range(1, self._most + 1), 20):
            if self._dice.random() < 0.2:
                self._items.pop(number, None)
            else:
                self._items[number] = self._item(number)
        draft = self._directory / "draft"
        draft.write_text("".join(json.dumps(item) + "\n" for item in self._items.values()), encoding="utf-8")
        draft.replace(self._source)

    def sync(self) -> bool:
        """Run one sync; return whether it was completed."""
        with subprocess.Popen(
            [PROGRAM, "sync", "--allow-mass-delete"],
            env=self._environment,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while self._doomed.is_set() and process.poll() is None:
                if self._databases.is_writing():
                    process.kill()
                    self._doomed.clear()
            out, err = process.communicate()
        assert "Traceback" not in err, err
        if process.returncode < 0:
            self.kills += 1
            return False
        if process.returncode:
            lines = [line for line in err.splitlines() if line.startswith("Error: ")]
            assert (process.returncode, len(lines)) == (1, 1), err
            self.refusals[re.sub(r"\d+", "0", lines[0])] += 1
            return False
        found = DONE.search(out)
        assert found, out
        self.changes += sum(map(int, found.groups()))
        self.syncs += 1
        return True

    def written(self, *, primary: bool) -> int:
        """Return how many syncs were completed, or for want of a *primary* refused."""
        return self.syncs if primary else self.refusals.total()

    def kill(self) -> None:
        """Kill a sync in the middle of its publication; the next one is begun as after any other."""
        killed = self.kills
        self._doomed.set()

        def is_killed() -> bool:
            self.check()
            return self.kills > killed

        wait_until(is_killed, 2 * PATIENCE)
