"""A whole installation on one machine: PostgreSQL with standbys, several web nodes, nginx before them."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.programs import free_port
from tests.replication import Cluster
from tests.server.conftest import wait_until

ROOT = Path(__file__).parent.parent.parent
GUNICORN = Path(sys.executable).with_name("gunicorn")
PATIENCE = 60
"""Seconds that anything may take on a machine that has other things to do."""


class Databases(Cluster):
    """A primary and standbys of which one has received each transaction before its writer is told of it.

    With asynchronous replication, what was committed last may be on no standby when the primary goes,
    and then no program can bring it back. So a commit waits until ANY 1 of the standbys has
    written it down: not replayed, so one whose replay is paused will do. Of several, the one
    that has received most has all of them, and is the one to be promoted.

    A standby follows whichever server can be written to, as its ``primary_conninfo`` names them all. So
    after a promotion nobody has to tell the others.
    """

    def __init__(self, standbys: int) -> None:
        super().__init__(standbys, full_page_writes="on", hot_standby_feedback="on")
        for number in range(1 + standbys):
            self._configure(number)
            self._run("pg_ctl", "reload", "-s", "-D", self._data(number))
        wait_until(lambda: len(self._followers()) == standbys, PATIENCE)

    def _configure(self, number: int) -> None:
        """Write what a server needs as a primary and as a standby; which of them it is may change."""
        names = ", ".join(f"node{each}" for each in range(len(self.ports)))
        hosts = ",".join("127.0.0.1" for _ in self.ports)
        ports = ",".join(map(str, self.ports))
        conninfo = f"host={hosts} port={ports} user=postgres application_name=node{number} target_session_attrs=read-write"
        with (self._data(number) / "postgresql.auto.conf").open("a") as file:
            file.write(f"synchronous_standby_names = 'ANY 1 ({names})'\nprimary_conninfo = '{conninfo}'\n")

    def _followers(self) -> list[str]:
        """Return the standbys that receive from the primary now."""
        with self.connected(self.primary, "postgres") as connection:
            rows = connection.execute(
                "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"
            )
            return [name for (name,) in rows if name.startswith("node")]

    def begin_again(self, number: int) -> None:
        """Start a standby that was killed, and wait until it receives again."""
        self.start(number)
        wait_until(lambda: f"node{number}" in self._followers(), PATIENCE)

    def promote_best(self) -> int:
        """Promote the standby that has received most, and return its number."""
        found = max(
            self.standbys,
            key=lambda number: int(
                self.ask(
                    number,
                    "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn",
                )
                if self.is_running(number)
                else -1
            ),
        )
        self.promote(found)
        return found

    def rewind(self, number: int) -> None:
        """Make a former primary, which does not run, a standby of the present one."""
        source = f"{self._conninfo()} dbname=postgres"
        self._run(
            "pg_rewind", "--write-recovery-conf", "--no-sync", "-D", self._data(number), "--source-server", source
        )  # fmt: skip
        self._configure(number)  # it has the source's by now
        self.begin_again(number)

    def settle(self) -> None:
        """Wait until every standby has replayed all."""
        for number in self.standbys:
            if self.is_running(number):
                self.catch_up(number)

    def is_writing(self) -> bool:
        """Say whether a publication is under way."""
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        with suppress(Exception):  # the primary may be gone
            return bool(self.ask(self.primary, query))
        return False


class Node:
    """gunicorn with the configuration of config/, and one worker."""

    def __init__(self, directory: Path, settings: Mapping[str, str | int]) -> None:
        self.port = free_port()
        self._log = directory / f"node-{self.port}.log"
        self._directory = directory
        self._environment = environment(directory, settings) | {
            "OAI_WORKERS": "1",
            "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{self.port}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [GUNICORN, "-c", "config/gunicorn.conf.py", "wsgi:app"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, PATIENCE)

    def _answers(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/healthz"
        with suppress(OSError), urllib.request.urlopen(address, timeout=5) as reply:
            return bool(reply.status == 200)
        return False

    def kill(self) -> None:
        """Kill it with its worker, as a machine that loses its power does."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def restart(self) -> None:
        """Stop it as an operator does, so that it finishes what it is doing, and start it again."""
        assert self._process
        self._process.terminate()
        assert self._process.wait(PATIENCE) == 0
        self.start()

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")


def environment(directory: Path, settings: Mapping[str, str | int]) -> dict[str, str]:
    """Return the environment of a program with *settings*, and with no others."""
    nothing = directory / "oai.toml"
    nothing.touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OAI_")}
    given = {f"OAI_{name.upper()}": str(value) for name, value in settings.items()}
    return kept | {"PYTHONPATH": str(ROOT), "OAI_CONFIG": str(nothing)} | given


def started(nodes: Sequence[Node]) -> Sequence[Node]:
    """Start all *nodes*, and return them."""
    for node in nodes:
        node.start()
    return nodes
