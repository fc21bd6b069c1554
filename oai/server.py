"""gunicorn, with the settings that suit this application; ``config/gunicorn.conf.py`` has them too."""

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from gunicorn.app.base import BaseApplication

from oai.settings import Settings
from oai.web import create_app
from oai.worker import PatientWorker

GRACE = 6
"""Seconds that requests under way have to end when the server is stopped; a page takes milliseconds."""

WAIT = 20
"""Seconds that a client may pause within a request."""

_PORTS = {"http": 80, "https": 443}


class ServerError(Exception):
    """The server cannot be started: one line for the operator."""


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings."""
    return {
        "workers": settings.workers,
        "worker_class": PatientWorker,
        "threads": 32,
        "keepalive": 75,
        "timeout": 120,
        "graceful_timeout": GRACE,
        "limit_request_line": 8190,
        "forwarder_headers": "",
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "post_worker_init": limit_waiting,
    }


def limit_waiting(worker: Any) -> None:
    """Let no client hold a thread that has sent half a request and then nothing for a while.

    gunicorn's threads wait for the rest without a limit. The limit of a listening socket is one of
    each connection that is accepted from it.
    """
    limit = struct.pack("ll", WAIT, 0)
    for listener in worker.sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def address(bind: str | None, base_url: str) -> tuple[str, int]:
    """Return the host and port to listen on: *bind*, or those of the base URL if it is on this machine."""
    if bind is None:
        host = urlsplit(base_url).hostname or "127.0.0.1"
        local = host in ("localhost", "127.0.0.1", "::1")
        return (host, port_of(base_url)) if local else ("127.0.0.1", 8080)
    host, separator, port = bind.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise ServerError(f"--bind {bind}: HOST:PORT is expected, such as 127.0.0.1:8080")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - it was asked for


def port_of(url: str) -> int:
    """Return the port that a URL names or implies."""
    parts = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def refuse_if_taken(place: tuple[str, int]) -> None:
    """Raise :class:`ServerError` where nobody can listen at *place*, before anything else is begun."""
    host, port = place
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            reason = "is in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
            raise ServerError(f"{host}:{port} {reason}; choose another with --bind HOST:PORT") from None


class _Server(BaseApplication):
    def __init__(self, settings: Settings, place: tuple[str, int], ready: Callable[[], None]) -> None:
        self._settings = settings
        self._place = place
        self._ready = ready
        super().__init__()

    def load_config(self) -> None:
        host, port = self._place
        self.cfg.set("bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        self.cfg.set("loglevel", "warning")
        self.cfg.set("when_ready", lambda _: self._ready())
        for name, value in gunicorn_settings(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # gunicorn's stubs want more than a WSGI application is
        return create_app(self._settings)


def serve(settings: Settings, place: tuple[str, int], ready: Callable[[], None]) -> None:
    """Serve until the process is told to stop; *ready* is called when requests are listened for."""
    _Server(settings, place, ready).run()
