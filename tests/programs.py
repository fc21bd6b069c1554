"""Programs of the system that tests run, and the ports that they listen on."""

import os
import shutil
import socket

import pytest


def installed(name: str, package: str) -> str:
    """Return where a program is; where it is not installed, skip the test here and fail it in CI."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        reason = f"there is no {name} here: apt-get install {package}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
