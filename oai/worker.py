"""gunicorn's worker with threads, which stay with a client: until it asks again, or is gone.

gunicorn hands each request from its main thread to a thread of the pool, and the connection back when
the request is answered; that is much of what a page of a list costs. A harvester asks for the next page
as soon as it has read one, on the same connection: so the thread waits for it a little.
"""

import select
import socket
import ssl
from contextlib import suppress
from threading import Lock
from time import sleep
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

PATIENCE = 50
"""Milliseconds that a thread waits for the next request on a connection before it gives the connection back.

Harvesters that take every record of a page apart, in Python, were seen to take 12 to 21 of them for 200
records; that and the way to another network are within it. Whoever takes longer costs a vain wait
besides what gunicorn does anyway. The stop of the server may wait so long, and so may, at the most, who
comes just when all other threads have been taken at once.
"""

POLITENESS = 0.000_2
"""Seconds that a worker waits before it accepts a connection, for each of up to four that it is answering.

Whichever worker has less to do takes it meanwhile. Else it is chance, and one time in eight four harvesters
are all with one of two workers, which then answers two thirds as much, at 1.4 times the cost.
"""


class PatientWorker(ThreadWorker):
    """gunicorn's ``gthread``, with patience as long as half of its threads or more have nothing to do.

    So no request waits for a thread because others sit and wait, and under load all is as in gunicorn:
    each connection is given back behind each request, and who came first is served first. What is
    overridden here is no place for extensions that gunicorn documents; tests/server/test_worker.py finds
    out if it changes.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._most = self.cfg.threads // 2
        self._busy = 0
        self._counting = Lock()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, unless another worker is quicker."""
        answering = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        if answering and self.cfg.workers > 1:
            sleep(POLITENESS * min(answering, 4))
        super().accept(listener)

    def handle(self, conn: TConn) -> bool:
        """Answer the request on a connection, and those that follow it at once.

        What is returned is gunicorn's, of the last of them: true if the connection can be kept.
        """
        with self._counting:
            self._busy += 1
        try:
            kept = super().handle(conn)
            # What is neither true nor false is gunicorn's sign that nothing was sent yet.
            while kept is True and self.alive and self._busy <= self._most and asks_again(conn):
                kept = super().handle(conn)
            if kept is False:
                close(conn)
            return kept
        finally:
            with self._counting:
                self._busy -= 1


def close(conn: TConn) -> None:
    """Close a connection, once for all, and wait here until the client has closed it, too.

    gunicorn waits for that in its main thread, for up to two seconds, and accepts nobody meanwhile.
    """
    with suppress(OSError):  # it is closed already
        conn.close(graceful=True)
    conn.close = _closed  # type: ignore[assignment]


def _closed(*, graceful: bool = False) -> None:
    """Do nothing."""


def asks_again(conn: TConn) -> bool:
    """Say whether something more has come on a connection, or its end, within :data:`PATIENCE`.

    Of a connection with TLS or HTTP/2 that cannot be said: what has come is not seen on the socket.
    """
    if isinstance(conn.sock, ssl.SSLSocket) or not isinstance(conn.parser, RequestParser):
        return False
    if conn.parser.unreader.buf.getvalue():
        return True
    watched = select.poll()  # select() knows no file descriptor beyond 1023
    try:
        watched.register(conn.sock, select.POLLIN)
    except ValueError:
        return False  # it is closed, as gunicorn finds out
    return bool(watched.poll(PATIENCE))
