"""``oai serve`` over a store, running."""

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from tests.benchmarks.figures import Failed
from tests.benchmarks.plan import WORKERS
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.stores import PROGRAM, Store

_PATIENCE = 60  # seconds for it to begin, and to end


@dataclass(frozen=True, slots=True)
class Server:
    """A server at ``base_url``; ``pids`` are its master process and, if there is one, the database's."""

    base_url: str
    pids: Sequence[int]

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer."""
        return psutil.Process(self.pids[0]).children()

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has used."""
        return cpu_seconds(self.pids)


@contextmanager
def serving(store: Store, workers: int = WORKERS, **environment: str) -> Iterator[Server]:
    """Serve *store* with so many *workers*, and end the server when that is done."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = "{}:{}".format(*free.getsockname())
    base_url = f"http://{place}/oai"
    said = store.directory / "serve.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--no-sync", "--bind", place, "--workers", str(workers)],
            env=store.environment | {"OAI_BASE_URL": base_url} | environment,
            cwd=store.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    server = Server(base_url, [process.pid, *store.also])
    try:
        end = time.monotonic() + _PATIENCE
        while not _answers(place) or len(server.workers()) < workers:
            if process.poll() is not None or time.monotonic() > end:
                raise Failed(f"oai serve does not answer: {said.read_text(encoding='utf-8')[-500:]}")
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        finally:
            process.kill()


def _answers(place: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://{place}/readyz", timeout=5) as reply:
        return bool(reply.status == 200)
    return False
