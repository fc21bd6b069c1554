"""What processes cost: CPU seconds of a whole tree of them, and memory, resident or anonymous."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.figures import Failed

_EVERY = 0.05  # seconds between two looks at a process that is watched


def tree(roots: Sequence[int]) -> list[psutil.Process]:
    """Return the processes *roots* and all that descend from them."""
    found = [psutil.Process(root) for root in roots]
    return found + [child for root in found for child in root.children(recursive=True)]


def cpu_seconds(roots: Sequence[int]) -> float:
    """Return the CPU time that the trees have used, what has ended in them included."""
    total = 0.0
    for process in tree(roots):
        with suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def resident_bytes(roots: Sequence[int]) -> int:
    """Return the resident memory of the trees; what two processes share counts twice."""
    total = 0
    for process in tree(roots):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def anonymous_bytes(process: psutil.Process) -> int:
    """Return the memory of a process that no file stands behind.

    psutil's USS would not do: pages of the database that only one worker has mapped count in it,
    though the system takes them back whenever it likes.
    """
    return sum(mapping.anonymous for mapping in process.memory_maps())


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost: seconds by the clock and of CPU, and the most bytes resident at once."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    out: str


def measured(
    command: Sequence[str | Path], environment: Mapping[str, str], directory: Path, also: Sequence[int] = ()
) -> Cost:
    """Run *command* to its end, and return what it and its descendants cost.

    *also* are processes whose CPU time is counted too: those of a database server.
    """
    before = cpu_seconds(also)
    peak = 0
    out, err = directory / "command.out", directory / "command.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        try:
            ended, status = 0, 0
            while not ended:
                with suppress(psutil.NoSuchProcess):
                    peak = max(peak, resident_bytes([process.pid]))
                time.sleep(_EVERY)
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if process.returncode:
        said = (out.read_text(encoding="utf-8") + err.read_text(encoding="utf-8")).strip()
        raise Failed(f"{' '.join(map(str, command))} ended with status {process.returncode}: {said[-500:]}")
    used = usage.ru_utime + usage.ru_stime + cpu_seconds(also) - before
    return Cost(seconds, used, peak, out.read_text(encoding="utf-8"))
