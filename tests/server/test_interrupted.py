"""A long sync that is cut off: nothing has changed, and no process of it is left."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.server.conftest import PROGRAM, Place, wait_until
from tests.test_helpers import processors

pytestmark = pytest.mark.skipif(processors() == 1, reason="one processor has nobody to help")

MANY = [{"id": f"item-{n}", "title": f"Title {n}", "description": "word " * 200} for n in range(12_000)]


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_there(process: int) -> bool:
    """Say whether a process is still at work."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"  # that is one whose end nobody has asked for


@pytest.mark.parametrize(
    ("stores", "number"),
    [
        ("sqlite", signal.SIGKILL),
        ("sqlite", signal.SIGTERM),
        ("sqlite", signal.SIGINT),
        ("postgresql", signal.SIGKILL),
    ],
    indirect=["stores"],
)
def test_a_sync_that_is_cut_off(place: Place, number: signal.Signals) -> None:
    """However it ends, its helpers end with it, the store says what it said, and the next sync completes.

    On PostgreSQL it is killed only: the server has to find out by itself, and with another signal it is told.
    """
    place.sync({"id": "a", "title": "A"})
    before = place.exported()
    place.write({"id": "a", "title": "A"}, *MANY)
    process = subprocess.Popen(
        [PROGRAM, "sync"], env=place.environment, cwd=place.directory, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(children(process.pid)) > 1)
        helpers = children(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    finally:
        process.kill()
    wait_until(lambda: not any(map(is_there, helpers)))
    assert "Traceback" not in said
    assert place.exported() == before
    done = place.run("sync", timeout=60)
    assert done.out.splitlines()[-1] == "12000 added, 0 changed, 0 deleted, 1 unchanged, 0 rejected"


def test_a_helper_that_is_killed(place: Place) -> None:
    """A helper that is killed, as when memory is short, is one line and leaves the store as it was."""
    place.sync({"id": "a", "title": "A"})
    before = place.content()
    place.write({"id": "a", "title": "A"}, *MANY)
    process = subprocess.Popen(
        [PROGRAM, "sync"], env=place.environment, cwd=place.directory, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(children(process.pid)) > 1)
        subprocess.run(["kill", "-KILL", str(children(process.pid)[0])], check=True)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 1
    assert said.splitlines() == [
        "Error: a helper process was killed by signal 9: nothing was changed. Is there enough memory?"
    ]
    assert place.content() == before
