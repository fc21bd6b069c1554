"""What is served of saved pages, scored against hand-made truth by the script that came with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import Commands, Server
from tests.stores import Stores

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT.parent / "shared" / "pages"


@pytest.mark.parametrize(
    ("source", "truth", "least"),
    [(ROOT / "seeds", "seeds-truth", "1.0"), (PAGES / "dev", "dev-truth", "0.97")],
)
def test_score(
    tmp_path: Path, commands: Commands, stores: Stores, *, source: Path, truth: str, least: str
) -> None:
    """Every field of every post is right, or nearly every one, and no record is anything else."""
    if not PAGES.is_dir():
        assert not os.environ.get("CI"), f"{PAGES} is missing"
        pytest.skip(f"{PAGES} is not there")
    server = Server(tmp_path, commands, stores, sources=str(source))
    server.start()
    try:
        script = [PAGES / "score.py", server.base_url, PAGES / truth, "--min", least, "--show"]
        command = [sys.executable, *map(str, script)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.stop()
        server.close()
