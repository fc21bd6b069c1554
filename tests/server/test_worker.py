"""Threads that stay with a client: whom they answer, whom they let wait, and how they end.

The patience of most of these is so long that a slow machine changes nothing, and that whoever had to
wait for its end would fail.
"""

import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn

from oai import worker
from oai.server import GRACE, gunicorn_settings
from oai.settings import Settings
from tests.programs import free_port
from tests.server.conftest import replies_in, wait_until

pytestmark = pytest.mark.allow_hosts("127.0.0.1")

ROOT = Path(__file__).parent.parent.parent
LONG = "60000"
THREADS = 4
HALF = THREADS // 2


class Served:
    """gunicorn with our settings and the application of served.py, in one worker."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self._err = directory / "err"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OAI_")}
        module = "tests.server.served"
        command = [sys.executable, "-m", "gunicorn", "-c", f"python:{module}", f"{module}:application"]
        with self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*command, "--workers=1", f"--bind=127.0.0.1:{self.port}", *arguments],
                cwd=ROOT,
                env=kept | environment,
                stderr=err,
            )
        wait_until(self._answers, 20)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.err
        with suppress(OSError):
            return bool(self.ask())
        return False

    @property
    def err(self) -> str:
        """What it has printed on standard error."""
        return self._err.read_text(encoding="utf-8")

    def connect(self) -> HTTPConnection:
        """Return a connection to it."""
        return HTTPConnection("127.0.0.1", self.port, timeout=10)

    def socket(self) -> socket.socket:
        """Return a socket that is connected to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, connection: HTTPConnection | None = None, **arguments: object) -> dict[str, Any]:
        """Return the answer to a request: on a connection, or on one that is closed behind it."""
        used = connection or self.connect()
        headers = {} if connection else {"Connection": "close"}
        used.request("GET", f"/?{urlencode(arguments)}", headers=headers)
        with used.getresponse() as reply:
            assert reply.status == 200
            answer: dict[str, Any] = json.loads(reply.read())
        if used is not connection:
            used.close()
        return answer

    def stop(self) -> None:
        """Stop it; it must end by itself, and soon."""
        self.process.terminate()
        try:
            assert self.process.wait(GRACE + 4) == 0, self.err
        finally:
            self.process.kill()
            self.process.wait()
        assert "Traceback" not in self.err, self.err


@contextmanager
def served(directory: Path, *arguments: str, **environment: str) -> Iterator[Served]:
    """Serve until the end of the block."""
    server = Served(directory, *arguments, **environment)
    try:
        yield server
    except BaseException:
        server.process.kill()
        server.process.wait()
        raise
    if server.process.returncode is None:
        server.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server with few threads, half of which wait for longer than any test takes."""
    with served(tmp_path_factory.mktemp("worker"), f"--threads={THREADS}", PATIENCE=LONG) as server:
        yield server


@pytest.fixture
def patient(shared: Served) -> Served:
    """Give that server when nobody else is connected to it."""
    wait_until(lambda: shared.ask()["connections"] == 1)
    return shared


def request(**arguments: object) -> bytes:
    """Return a request as bytes."""
    return f"GET /?{urlencode(arguments)} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()


def last(**arguments: object) -> bytes:
    """Return a request, as bytes, behind which the connection is closed."""
    return request(**arguments).replace(b"Host:", b"Connection: close\r\nHost:")


def answer(connection: socket.socket) -> dict[str, Any]:
    """Return one answer on a connection."""
    with HTTPResponse(connection) as reply:
        reply.begin()
        assert reply.status == 200
        found: dict[str, Any] = json.loads(reply.read())
        return found


def answers(connection: socket.socket) -> list[dict[str, Any]]:
    """Return the answers on a connection until the server closes it, and close it."""
    with connection:
        found = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return [json.loads(reply.body) for reply in replies_in(found)]


def is_stayed_with(server: Served) -> bool:
    """Say whether a thread stays with a connection for its next request."""
    with closing(server.connect()) as connection:
        return bool(server.ask(connection)["handed"] == server.ask(connection)["handed"])


def test_it_is_what_serves() -> None:
    """``oai serve`` and config/gunicorn.conf.py have this worker."""
    assert gunicorn_settings(Settings())["worker_class"] is worker.PatientWorker


def test_a_thread_stays(patient: Served) -> None:
    """What is asked on a kept connection is answered by one thread, and is handed over once."""
    with closing(patient.connect()) as connection:
        told = [patient.ask(connection) for _ in range(50)]
    for key in ("thread", "handed", "connections"):
        assert {each[key] for each in told} == {told[0][key]}


def test_requests_in_one_packet(patient: Served) -> None:
    """Requests that come together are answered in their order, by one thread."""
    names = [str(number) for number in range(20)]
    with patient.socket() as connection:
        connection.sendall(b"".join(request(name=name) for name in names) + last(name="last"))
        told = answers(connection)
    assert [each["name"] for each in told] == [*names, "last"]
    assert {each["handed"] for each in told} == {told[0]["handed"]}


def test_more_connections_than_threads(patient: Served) -> None:
    """Whoever asks is answered, and threads stay with no more than half as many as there are threads."""
    with ExitStack() as stack:
        kept = [stack.enter_context(closing(patient.connect())) for _ in range(3 * THREADS)]
        for order in (kept, kept[::-1], kept[::3] + kept[1::3] + kept[2::3]) * 3:
            for connection in order:
                patient.ask(connection)
        rounds = [[patient.ask(connection)["handed"] for connection in kept] for _ in range(2)]
        wait_until(lambda: patient.ask()["connections"] == len(kept) + 1, 10)
    assert rounds[1][-1] - rounds[0][-1] >= len(kept) - HALF


def test_who_came_first(patient: Served) -> None:
    """While all threads are busy, a client that has more to ask has to queue like any other."""
    start = patient.ask()["handed"]
    queued = start + THREADS + 1
    with ExitStack() as stack:
        sockets = [stack.enter_context(patient.socket()) for _ in range(THREADS + 1)]
        *blockers, greedy, modest = sockets
        for blocker in blockers:
            blocker.sendall(request(after="greedy, at last"))
        greedy.sendall(request(handed=queued) + request(name="greedy") + last(name="greedy, at last"))
        modest.sendall(request(name="modest"))
        begun = answers(greedy)[-1]["begun"]
        assert all(map(answer, [modest, *blockers]))
    assert [name for name in begun if name][-3:] == ["modest", "greedy", "greedy, at last"]


def test_clients_that_go(patient: Served) -> None:
    """Who closes a connection, in whatever way, is forgotten, and the thread is there for others."""
    for sent, reset in ((b"", False), (b"", True), (b"GET /?na", False), (b"GET /?na", True)):
        for _ in range(THREADS):
            with patient.socket() as connection:
                connection.sendall(request())
                assert answer(connection)
                connection.sendall(sent)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_until(lambda: patient.ask()["connections"] == 1)
        wait_until(lambda: is_stayed_with(patient))
    assert "Traceback" not in patient.err


def test_half_a_request(patient: Served) -> None:
    """Who pauses within a request holds one thread, and is answered when the rest has come."""
    whole = last(name="whole")
    with patient.socket() as connection:
        connection.sendall(request(name="first"))
        first = answer(connection)
        connection.sendall(whole[:20])
        handed = [patient.ask()["handed"] for _ in range(THREADS)]
        assert handed == [first["handed"] + 1 + n for n in range(THREADS)]
        connection.sendall(whole[20:])
        (second,) = answers(connection)
    assert (second["name"], second["thread"]) == ("whole", first["thread"])
    assert second["handed"] == handed[-1]


def test_where_it_cannot_be_said() -> None:
    """TLS may hold what the socket does not show, and nothing comes on a closed socket: gunicorn sees to both."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = TConn(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
        theirs.sendall(b"something")
        assert not worker.asks_again(conn)
        conn.init()
        assert isinstance(conn.parser, RequestParser)
        assert worker.asks_again(conn)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        conn.sock = context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
        assert not worker.asks_again(conn)
        conn.sock.close()
    conn.sock = ours
    assert not worker.asks_again(conn)


def test_asked_while_it_stops(patient: Served) -> None:
    """Who is promised that the connection is kept can ask once more of a worker that stops meanwhile."""
    with patient.socket() as connection:
        connection.sendall(request(name="patient", stopping=1))
        wait_until(lambda: "patient" in patient.ask()["begun"])
        patient.process.send_signal(signal.SIGHUP)
        first = answer(connection)
        connection.sendall(request())
        (second,) = answers(connection)
    assert second["process"] == first["process"]
    wait_until(lambda: bool(patient.ask()["process"] != first["process"]))


class Busy:
    """A client that asks and asks, on one connection until it is told that this is the last answer."""

    def __init__(self, server: Served) -> None:
        self.told = 0
        self._server = server

    def run(self) -> None:
        """Ask until nobody listens any more."""
        while True:
            with closing(self._server.connect()) as connection:
                try:
                    connection.connect()
                except OSError:
                    return
                self._use(connection)

    def _use(self, connection: HTTPConnection) -> None:
        while True:
            try:
                connection.request("GET", "/?size=50000")
                reply = connection.getresponse()
            except ConnectionError:
                return  # nothing of the answer was sent
            assert reply.status == 200
            assert len(reply.read()) > 50_000
            if reply.headers["Connection"] == "close":
                self.told += 1
                return


def test_stops(tmp_path: Path) -> None:
    """A worker that stops fails no request: after so many of them, by a reload, and with the server.

    What it has begun to answer comes whole, and who is connected is told that this was the last answer.
    """
    with (
        served(tmp_path, f"--threads={2 * THREADS}", "--max-requests=300") as server,
        ThreadPoolExecutor(6) as pool,
    ):
        clients = [Busy(server) for _ in range(6)]
        running = [pool.submit(client.run) for client in clients]
        wait_until(lambda: all(client.told for client in clients))
        told = [client.told for client in clients]
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: all(client.told > before for client, before in zip(clients, told, strict=True)))
        server.stop()
        for each in running:
            each.result(10)


def test_who_does_not_close_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A client that leaves a connection open which the server has closed holds a thread, and not the server."""
    with served(tmp_path, f"--threads={THREADS}", LINGER="60") as server, server.socket() as left:
        left.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while left.recv(65536):
            pass
        with closing(server.connect()) as connection:
            assert [server.ask(connection)["connections"] for _ in range(3)] == [2, 2, 2]


def test_who_has_less_to_do_takes_the_next(tmp_path: Path) -> None:
    """Of two workers the one that is answering somebody leaves the next to the other one."""
    with served(tmp_path, "--workers=2", POLITENESS="1") as server:
        for _ in range(3):
            with server.socket() as slow:
                slow.sendall(b"GET / HTTP/1.1\r\n")
                other = server.ask()["process"]
                slow.sendall(b"Host: here\r\nConnection: close\r\n\r\n")
                (own,) = answers(slow)
            assert own["process"] != other
