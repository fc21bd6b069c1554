"""The harvest contract over real processes, which are killed at random.

gunicorn with three workers, a writer that syncs changing JSON Lines in a loop, ``kill -9`` on the writer and
on workers, and Sickle harvesters that each keep a mirror in their own way. When writing stops, one more
incremental harvest makes every mirror equal to the store.

``OAI_CHAOS_SECONDS=600 make test`` goes on for longer and prints what it did.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import requests
from sickle import Sickle
from sickle.iterator import OAIResponseIterator
from sickle.oaiexceptions import NoRecordsMatch

from tests.harvest.mirror import Harvester, Mark, truth
from tests.server.conftest import Commands, Server
from tests.stores import Stores
from tests.workbench import Answer

ROOT = Path(__file__).parent.parent.parent
SECONDS = float(os.environ.get("OAI_CHAOS_SECONDS", "15"))


class SickleHarvester(threading.Thread):
    """Keeps a mirror with Sickle until it is told to stop; a list that is cut off begins again at the mark."""

    def __init__(self, base_url: str, mark_by: Mark) -> None:
        super().__init__(daemon=True)
        self.sickle = Sickle(
            base_url, max_retries=20, default_retry_after=1, iterator=OAIResponseIterator, timeout=30
        )
        self.keeper = Harvester(self.never, mark_by)
        self.lists = self.cuts = 0
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    @staticmethod
    def never(*_: object, **__: object) -> Answer:
        """Stand for the asking that Sickle does here."""
        raise AssertionError

    def run(self) -> None:
        """Harvest until told to stop."""
        try:
            while not self.stopping.is_set():
                with suppress(requests.RequestException):
                    self.harvest()
                self.stopping.wait(0.05)
        except BaseException as failure:  # noqa: BLE001 - the test's own thread tells of it
            self.failure = failure

    def harvest(self) -> None:
        """Read one list to its end, and only then move the mark."""
        keeper = self.keeper
        arguments = {"metadataPrefix": "oai_dc"} | ({"from": keeper.mark} if keeper.mark else {})
        answers: list[Answer] = []
        try:
            for response in self.sickle.ListRecords(**arguments):
                answers.append(Answer(response.raw.encode()))
                keeper.take(answers[-1])
        except NoRecordsMatch:
            raw = self.sickle.harvest(verb="ListIdentifiers", **arguments).raw
            answer = Answer(raw.encode())
            if answer.codes != ["noRecordsMatch"]:
                return  # something has come since: it is for the next list
            answers.append(answer)
        except requests.RequestException:
            self.cuts += 1
            raise
        keeper.finish(answers[0], answers[-1])
        self.lists += 1


class Writers:
    """One writer after the other: each is killed after a while, wherever it is."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.kills = 0
        self._log = (server.directory / "writer.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seed: int) -> None:
        """Start one."""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.server.writer",
                str(self.server.directory / "source" / "items.jsonl"),
                str(seed),
            ],
            env=self.server.environment | {"PYTHONPATH": str(ROOT)},
            cwd=self.server.directory,
            stdout=self._log,
            stderr=self._log,
        )

    def kill(self) -> None:
        """Kill it."""
        assert self._process
        assert self._process.poll() is None, (self.server.directory / "writer.log").read_text()[-2000:]
        self._process.kill()
        self._process.wait()
        self.kills += 1

    def close(self) -> None:
        """Leave none behind."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def syncs(self) -> int:
        """How many syncs were completed."""
        return (self.server.directory / "writer.log").read_text().count(" unchanged, ")


def test_chaos(tmp_path: Path, commands: Commands, stores: Stores) -> None:
    """Whoever dies and whenever, every mirror is equal to the store in the end."""
    dice = random.Random(int(time.time()))
    server = Server(tmp_path, commands, stores, count=3, page_size=7)
    server.write(*({"id": f"item-{n}", "title": "T", "tags": ["One"]} for n in range(1, 30)))
    server.start()
    harvesters = [SickleHarvester(server.base_url, mark) for mark in Mark]
    harvesters.append(SickleHarvester(f"{server.base_url}/sets/tag:one", Mark.LAST_RESPONSE))
    writers = Writers(server)
    deaths = 0
    try:
        for harvester in harvesters:
            harvester.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            writers.start(dice.randrange(1 << 30))
            time.sleep(1.5 + 2.5 * dice.random())
            if dice.random() < 0.6:
                os.kill(dice.choice(server.workers), signal.SIGKILL)
                deaths += 1
            writers.kill()
        assert all(harvester.is_alive() for harvester in harvesters), [each.failure for each in harvesters]
        server.oai("sync")
        for harvester in harvesters:
            harvester.stopping.set()
            harvester.join(60)
            assert harvester.failure is None, harvester.failure
            for _ in range(3):
                with suppress(requests.RequestException):
                    harvester.harvest()
                    break
            own = "/oai/sets/tag:one" if "/sets/" in harvester.sickle.endpoint else "/oai"
            expected = truth(lambda verb, own=own, **given: server.ask(verb, own, **given))
            assert harvester.keeper.mirror == expected, (harvester.keeper.mark_by, own)
        lists, cuts = (sum(getattr(each, name) for each in harvesters) for name in ("lists", "cuts"))
        print(  # noqa: T201 - what a long run is made for
            f"{SECONDS:.0f} s: {writers.syncs} syncs, {writers.kills} writers and {deaths} workers killed,"
            f" {lists} lists harvested, {cuts} cut off, 0 differences"
        )
        assert writers.syncs
        assert lists > len(harvesters)
    finally:
        for harvester in harvesters:
            harvester.stopping.set()
        writers.close()
        server.stop()
