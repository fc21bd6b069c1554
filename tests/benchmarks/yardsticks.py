"""The scripts that our claims rest on: the generator of records, the limits, the harvester.

They are not ours to ship. They are looked for in ``../shared/bench`` beside the repository, or
where the environment variable ``OAI_BENCH`` says.
"""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.benchmarks.figures import Failed

ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """Return where the scripts are; raises Failed where they are not."""
    found = Path(os.environ.get("OAI_BENCH") or ROOT.parent / "shared" / "bench")
    if not (found / "side_by_side.py").is_file():
        raise Failed(f"the yardsticks are not in {found}; set OAI_BENCH to where they are")
    return found.resolve()


def command(script: str, *arguments: object) -> list[str]:
    """Return the command that runs *script* in this Python."""
    return [sys.executable, str(folder() / script), *map(str, arguments)]


def run(
    script: str,
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    fine: Collection[int] = (0,),
) -> str:
    """Run *script* to its end and return what it prints.

    Raises Failed where it ends with another status than those that are *fine*.
    """
    done = subprocess.run(
        command(script, *arguments),
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode not in fine:
        raise Failed(f"{script} ended with status {done.returncode}: {said[-500:]}")
    return said
