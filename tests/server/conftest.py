"""The real thing: ``oai serve`` and the other commands, each in a process and a directory of its own."""

import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import pytest
from lxml import etree
from sqlalchemy import NullPool, create_engine

from tests.stores import SQLITE, PostgreSQL, Stores, contents
from tests.workbench import Answer

PROGRAM = Path(sys.executable).with_name("oai")
WORKERS = 2
FORM = "application/x-www-form-urlencoded"
NAMES = {"from_": "from", "prefix": "metadataPrefix", "token": "resumptionToken"}

CATALOGUE: list[dict[str, Any]] = [
    {"id": "alpha", "title": "Alpha & <Omega>", "tags": ["Child Abuse", "Prisons"], "sections": ["REPORTS"]},
    {"id": "beta", "title": "Beta “quoted” ]]> \U0001f4da", "tags": ["Prisons"], "date": "2021-05"},
    {"id": "gamma", "title": "Gamma", "tags": ["Courts"], "creators": ["Ölçer, Ş", "李 四"]},
    {"id": "delta/with?signs", "title": "Delta", "tags": ["Courts", "Prisons"]},
    {"id": "epsilon", "title": "Epsilon", "description": "One.\n\nTwo.", "sections": ["REPORTS"]},
    {"id": "zeta", "title": "Zeta"},
    {"id": "eta", "deleted": True, "tags": ["Prisons"]},
    {"id": "theta", "title": "Theta", "tags": ["Police"]},
]

# The command line, loaded once: each command is a fork of it, with a directory, an environment and
# files of its own. Loading takes most of a second, and there are many mistakes an operator can make.
_WARM = """
import gc, json, os, sys, traceback
from oai.cli import main
gc.freeze()
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    pid = os.fork()
    if not pid:
        break
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
    sys.exit()
os.environ.clear()
os.environ.update(asked["environment"])
os.chdir(asked["directory"])
for number, name, flags in (
    (0, os.devnull, os.O_RDONLY), (1, asked["out"], os.O_WRONLY), (2, asked["err"], os.O_WRONLY)
):
    os.dup2(os.open(name, flags), number)
sys.argv = ["oai", *asked["arguments"]]
status = 1
try:
    main()
except SystemExit as end:
    status = end.code or 0
except BaseException:
    traceback.print_exc()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # what was loaded is not taken apart piece by piece
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has come to its end."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what the operator can mend; anything else fails."""
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err or f"nothing on standard error; status {self.status}"
        assert lines[0].startswith("Error: "), self.err
        assert self.status == 1
        return lines[0]


class Commands:
    """Runs the command line."""

    def __init__(self, directory: Path) -> None:
        self._out, self._err = directory / "out", directory / "err"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _WARM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._line()

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the command line cannot be loaded"
        return line

    def warm(
        self, arguments: Sequence[str], environment: Mapping[str, str], directory: Path, timeout: int = 20
    ) -> Finished:
        """Run a command as a fork of the one that is loaded."""
        assert self._process.stdin
        for path in (self._out, self._err):
            path.write_bytes(b"")
        asked = {
            "arguments": arguments,
            "environment": dict(environment),
            "directory": str(directory),
            "out": str(self._out),
            "err": str(self._err),
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        pid = int(self._line())
        killer = subprocess.Popen(
            ["sh", "-c", f"sleep {timeout} && kill -KILL {pid}"], start_new_session=True
        )
        try:
            status = int(self._line())
        finally:
            with suppress(ProcessLookupError):
                os.killpg(killer.pid, signal.SIGKILL)
            killer.wait()
        assert status != -signal.SIGKILL, f"oai {' '.join(arguments)} was still running after {timeout} s"
        return Finished(status, self._out.read_text(encoding="utf-8"), self._err.read_text(encoding="utf-8"))

    @staticmethod
    def cold(
        arguments: Sequence[str], environment: Mapping[str, str], directory: Path, timeout: int = 20
    ) -> Finished:
        """Run a command as an operator does."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    def close(self) -> None:
        """End the process that is loaded."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Place:
    """A directory to work in: an environment, a source, and where a store is to be, which is not made yet."""

    def __init__(
        self, directory: Path, commands: Commands, stores: Stores = SQLITE, **settings: str | int
    ) -> None:
        self.directory = directory
        self.stores = stores
        self._commands = commands
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OAI_")}
        self.url = "sqlite:///var/oai.sqlite" if stores is SQLITE else stores.url(directory, upgraded=False)
        self.environment = {**kept, "OAI_DATABASE_URL": self.url, "OAI_SOURCES": "source"}
        self.set(**settings)

    def set(self, **settings: str | int) -> None:
        """Change the environment."""
        self.environment |= {f"OAI_{name.upper()}": str(value) for name, value in settings.items()}

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the store out of reach, and give it back."""
        if isinstance(self.stores, PostgreSQL):
            with self.stores.away(self.url):
                yield
            return
        var, elsewhere = self.database.parent, self.directory / "elsewhere"
        var.rename(elsewhere)
        try:
            yield
        finally:
            shutil.rmtree(var, ignore_errors=True)
            elsewhere.rename(var)

    @property
    def database(self) -> Path:
        """Where the store is, in SQLite."""
        return self.directory / "var" / "oai.sqlite"

    def run(self, *arguments: str, cold: bool = False, timeout: int = 20, **settings: str | int) -> Finished:
        """Run a command to its end, with settings of its own."""
        environment = self.environment | {
            f"OAI_{name.upper()}": str(value) for name, value in settings.items()
        }
        run = self._commands.cold if cold else self._commands.warm
        return run(arguments, environment, self.directory, timeout)

    def oai(self, *arguments: str, cold: bool = False) -> str:
        """Run a command that succeeds, and return what it prints."""
        done = self.run(*arguments, cold=cold)
        assert (done.status, done.err) == (0, ""), done.err
        return done.out

    def popen(self, *arguments: str, out: int) -> str:
        """Run a command that writes to *out*, and return what it prints on standard error."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment,
            cwd=self.directory,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=20,
            check=False,
        )
        return done.stderr.decode()

    def write(self, *items: dict[str, Any], name: str = "items.jsonl") -> Path:
        """Make *items* the source."""
        path = self.directory / "source" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
        return path

    def sync(self, *items: dict[str, Any]) -> str:
        """Make *items* the source, sync it, and return what was counted."""
        self.write(*items)
        return self.oai("sync").splitlines()[-1]

    def exported(self) -> list[dict[str, Any]]:
        """Return the items of the store."""
        return [json.loads(line) for line in self.oai("export").splitlines()]

    def content(self) -> str | None:
        """Return a digest of all that is in the store but the clock; None where there is no store."""
        if self.stores is SQLITE and not self.database.exists():
            return None
        url = f"sqlite:///file:{self.database}?mode=ro&uri=true" if self.stores is SQLITE else self.url
        found = contents(url)
        for row in found.get("repository", ()):
            row["claimed"] = 0  # whoever answers notes the responseDate that was given out
        return hashlib.sha256(repr(found).encode()).hexdigest() if found else None

    def change(self, statement: str) -> None:
        """Run a statement in the store behind the program's back."""
        url = f"sqlite:///{self.database}" if self.stores is SQLITE else self.url
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Take the store away."""
        self.stores.drop(self.url)


@dataclass(frozen=True)
class Reply:
    """What came back from a request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @cached_property
    def answer(self) -> Answer:
        """The response, validated."""
        assert self.status == 200, self.body[:500]
        assert self.headers["Content-Type"] == "text/xml; charset=utf-8"
        return Answer(self.body)

    @property
    def said(self) -> bytes:
        """The body without its responseDate."""
        start, end = (self.body.index(tag) for tag in (b"<responseDate>", b"</responseDate>"))
        return self.body[:start] + self.body[end:]


class _Stream(io.BytesIO):
    """Bytes that http.client reads replies from, one behind the other."""

    def makefile(self, _: str) -> Self:
        """Return what is still to be read."""
        return self

    def close(self) -> None:
        """Stay open for the next reply."""


def replies_in(received: bytes) -> list[Reply]:
    """Return the replies that stand one behind the other."""
    stream = _Stream(received)
    replies = []
    while stream.tell() < len(received):
        found = http.client.HTTPResponse(stream)  # type: ignore[arg-type] # it asks for makefile alone
        found.begin()
        replies.append(Reply(found.status, found.headers, found.read()))
    return replies


class Server(Place):
    """``oai serve``, running."""

    def __init__(
        self,
        directory: Path,
        commands: Commands,
        stores: Stores = SQLITE,
        *,
        count: int = WORKERS,
        **settings: str | int,
    ) -> None:
        self.count = count
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.site = f"http://127.0.0.1:{self.port}"
        self.base_url = f"{self.site}/oai"
        super().__init__(
            directory, commands, stores, **{"base_url": self.base_url, "page_size": 3, **settings}
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._out, self._err = directory / "serve.out", directory / "serve.err"

    def start(self, *arguments: str) -> None:
        """Start it and wait until it answers."""
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [
                    PROGRAM,
                    "serve",
                    "--bind",
                    f"127.0.0.1:{self.port}",
                    "--workers",
                    str(self.count),
                    *arguments,
                ],
                env=self.environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        end = time.monotonic() + 20
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError, http.client.HTTPException):
                if self.fetch("GET", "/healthz").status == 200 and len(self.workers) == self.count:
                    return
            time.sleep(0.02)
        self.kill_all()
        raise AssertionError(f"the server does not answer: {self.err}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it; it must end by itself, soon, and without a traceback."""
        assert self._process
        self._process.send_signal(number)
        try:
            status = self._process.wait(10)
        finally:
            self.kill_all()
        assert "Traceback" not in self.err, self.err
        assert status == 0, f"the server ended with status {status}: {self.err}"

    def kill_all(self) -> None:
        """Leave no process behind, whatever has happened."""
        if self._process:
            self._process.kill()  # the workers go when they find themselves alone
            self._process.wait()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    @property
    def out(self) -> str:
        """What it has printed since it was started."""
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it has printed on standard error since it was started."""
        return self._err.read_text(encoding="utf-8")

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        assert self._process
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self, worker: int) -> None:
        """Kill a worker, as the machine may, and wait until another one has taken its place."""
        known = self.workers
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(self.workers) == len(known) and worker not in self.workers)

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Let no other worker answer."""
        others = [each for each in self.workers if each != worker]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def fetch(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Reply:
        """Send a request; a response of the protocol that comes uncompressed is validated."""
        used = connection or self.connect()
        try:
            used.request(method, target, body, dict(headers or {}))
            found = used.getresponse()
            reply = Reply(found.status, found.headers, found.read())
        finally:
            if used is not connection:
                used.close()
        is_xml = reply.headers.get("Content-Type", "").startswith("text/xml")
        if is_xml and reply.body and "Content-Encoding" not in reply.headers:
            assert reply.answer
        return reply

    def get(
        self,
        pairs: Sequence[tuple[str, str]] | Mapping[str, str] = (),
        path: str = "/oai",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask with GET."""
        return self.fetch("GET", f"{path}?{urlencode(pairs)}", None, headers)

    def post(
        self,
        pairs: Sequence[tuple[str, str]] | Mapping[str, str] = (),
        path: str = "/oai",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask with POST."""
        return self.fetch("POST", path, urlencode(pairs).encode(), {"Content-Type": FORM, **(headers or {})})

    def ask(self, verb: str, path: str = "/oai", **arguments: str) -> Answer:
        """Return the answer to a request; ``prefix`` is metadataPrefix, ``token`` resumptionToken."""
        pairs = {NAMES.get(name, name): value for name, value in arguments.items()}
        return self.get({"verb": verb, **pairs}, path).answer

    def pages(self, verb: str, path: str = "/oai", **arguments: str) -> list[Answer]:
        """Return the pages of a whole list."""
        pages = [self.ask(verb, path, **arguments)]
        while pages[-1].token:
            pages.append(self.ask(verb, path, token=pages[-1].token))
        return pages

    def raw(self, request: bytes, *, end: bool = True) -> list[Reply]:
        """Send bytes, with *end* that nothing more will come, and read replies until there are no more."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            with suppress(OSError):  # whoever refuses a request need not read all of it
                connection.sendall(request)
                if end:
                    connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while piece := connection.recv(1 << 20):
                    received += piece
        return replies_in(received)


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what must come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def canonical(element: etree._Element) -> str:
    """Return an element so that it can be compared with another one."""
    return etree.tostring(element, method="c14n", exclusive=True, with_tail=False).decode()


@pytest.fixture(scope="session", autouse=True)
def _no_proxy() -> Iterator[None]:
    """Nothing stands between a harvester and the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Give the command line."""
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture
def place(tmp_path: Path, commands: Commands, stores: Stores) -> Iterator[Place]:
    """Give an empty directory to work in, and no store in it yet."""
    place = Place(tmp_path, commands, stores)
    yield place
    place.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, commands: Commands, stores: Stores) -> Iterator[Server]:
    """Give a server whose store has CATALOGUE; whoever changes it changes it back."""
    server = Server(tmp_path_factory.mktemp("server"), commands, stores)
    server.write(*CATALOGUE)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def changing(
    tmp_path_factory: pytest.TempPathFactory, commands: Commands, stores: Stores
) -> Iterator[Server]:
    """Give a server whose store each test fills as it needs."""
    server = Server(tmp_path_factory.mktemp("changing"), commands, stores)
    server.write({"id": "always-here", "title": "Always here"})
    server.start()
    yield server
    server.stop()
