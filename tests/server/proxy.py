"""nginx as config/nginx.conf has it, before one node or several."""

import http.client
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tests.programs import installed
from tests.server.conftest import Reply, wait_until

CONFIG = Path(__file__).parent.parent.parent / "config" / "nginx.conf"
_NODE = "    server 127.0.0.1:8080 max_fails=10 fail_timeout=5s;\n"


class Nginx:
    """nginx with a configuration before *nodes*: whatever it names is in *directory*, and the ports are free ones."""

    def __init__(self, directory: Path, config: Path, nodes: Sequence[int], port: int) -> None:
        self.directory, self.port = directory, port
        directory.mkdir()
        text = config.read_text(encoding="utf-8")
        for theirs, ours in (
            (_NODE, "".join(_NODE.replace("8080", str(node)) for node in nodes)),
            ("    listen 80;\n", f"    listen 127.0.0.1:{port};\n"),
            ("    listen [::]:80;\n", ""),
            ("proxy_cache_path /var/cache/oai ", f"proxy_cache_path {directory}/cache "),
        ):
            assert text.count(theirs) == 1, theirs
            text = text.replace(theirs, ours)
        (directory / "oai.conf").write_text(text, encoding="utf-8")
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        (directory / "nginx.conf").write_text(
            "user root;\n" * (os.geteuid() == 0)  # the directory is its owner's alone
            + f"daemon off;\nworker_processes 2;\npid {directory}/pid;\nerror_log {directory}/error.log;\n"
            + "events {}\nhttp {\naccess_log off;\ngzip on;\n"
            + "".join(f"{place}_temp_path {directory}/{place};\n" for place in places)
            + f"include {directory}/oai.conf;\n}}\n",
            encoding="utf-8",
        )
        self._command = [
            installed("nginx", "nginx-light"),
            "-p",
            str(directory),
            "-c",
            str(directory / "nginx.conf"),
            "-e",
            f"{directory}/error.log",
        ]

    def check(self) -> str:
        """Return what ``nginx -t`` says of a configuration that is in order."""
        done = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it answer."""
        process = subprocess.Popen(self._command)
        try:
            wait_until(self._answers)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def _answers(self) -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.port)) == 0

    def fetch(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
        """Send a request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(
                method, target, body, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            found = connection.getresponse()
            return Reply(found.status, found.headers, found.read())

    @property
    def errors(self) -> str:
        """What it has written of things that went wrong."""
        return (self.directory / "error.log").read_text(encoding="utf-8")
