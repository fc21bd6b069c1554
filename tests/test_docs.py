"""What the documentation shows works as it is shown."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.workbench import NS, Workbench

DOCS = Path(__file__).parent.parent / "docs"


def test_the_inventory_recipe(bench: Workbench) -> None:
    """The code that docs/harvesting.md gives to mirrors computes what the inventory says."""
    found = re.search(r"```python\n(.+?)```", (DOCS / "harvesting.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    names: dict[str, Callable[..., Any]] = {}
    exec(found[1], names)
    bench.sync({"id": "a", "title": "Ä & <b>", "tags": ["T"]}, {"id": "b", "deleted": True})
    records = [
        record for page in bench.harvest("ListRecords") for record in page.root.findall(".//o:record", NS)
    ]
    lines = [names["line"](record) for record in records]
    assert bench.day_lines() == [f"2026-01-01\t3\t1\t{names['digest'](lines)}"]
