"""Fixtures that every test may ask for."""

from pathlib import Path

import pytest

from tests.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Return a library with an empty store."""
    return Workbench(tmp_path)
