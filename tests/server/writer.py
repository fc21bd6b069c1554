"""A writer that never rests: changes its source at random and syncs it, again and again, until it is killed.

``python -m tests.server.writer SOURCE SEED``, with the settings in the environment. A line is
printed for each sync that was completed.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from oai.library import Library
from oai.settings import load
from oai.sources.files import find_source
from oai.store.database import Database
from oai.sync import Options, sync
from tests.workbench import Quiet

TAGS = ["One", "Two", "Three", "Four"]


def changed(items: dict[str, dict[str, Any]], dice: random.Random) -> dict[str, dict[str, Any]]:
    """Return *items* with a few of them added, edited, tagged otherwise, or taken away."""
    for _ in range(dice.randint(1, 12)):
        local = f"item-{dice.randint(1, 60)}"
        if dice.random() < 0.25:
            items.pop(local, None)
        else:
            tags = dice.sample(TAGS, dice.randint(0, 3))
            items[local] = {"id": local, "title": f"Title {dice.randint(1, 9)}", "tags": tags}
    return items


def main(path: Path, seed: int) -> None:
    """Write for ever."""
    dice = random.Random(seed)
    settings = load()
    library, database = Library.of(settings), Database(settings.database_url)
    while True:
        items = {item["id"]: item for item in map(json.loads, path.read_text().splitlines())}
        draft = path.parent.parent / "draft"
        draft.write_text("".join(json.dumps(item) + "\n" for item in changed(items, dice).values()))
        draft.replace(path)
        report = sync(
            database,
            library,
            [find_source("source", settings.sources)],
            clock=lambda: int(time.time()),
            progress=Quiet(),
            options=Options(allow_mass_delete=True),
        )
        print(report, flush=True)  # noqa: T201 - for the test's log
        time.sleep(dice.random() * 0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
