"""The suite as one command: ``python -m tests.benchmarks --records 100000 --json results.json``.

It measures and reports, and asserts nothing: a target that is not met is a line in the table. Its
status is 1 where a part could not be measured at all.
"""

import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from tests.benchmarks import compression, growth, latency, memory, reading, scaling, writing
from tests.benchmarks.figures import Failed, Outcome, table
from tests.benchmarks.plan import Plan

PARTS: Mapping[str, Callable[[Plan], Outcome]] = {
    "reading": reading.measure,
    "compression": compression.measure,
    "growth": growth.measure,
    "latency": latency.measure,
    "writing": writing.measure,
    "memory": memory.measure,
    "scaling": scaling.measure,
}
STANDARD = [name for name in PARTS if name != "scaling"]
"""The parts that are measured if none are named; scaling starts database servers of its own."""


def _names(_: click.Context, __: click.Parameter, value: str) -> Sequence[str]:
    names = value.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise click.BadParameter(f"there is no part {' or '.join(unknown)}")
    return names


def _numbers(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[int]:
    try:
        return [int(number) for number in value.split(",")] if value else []
    except ValueError:
        raise click.BadParameter("numbers with commas between them") from None


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--records", type=click.IntRange(min=100), default=100_000, help="How many records.")
@click.option(
    "--only",
    default=",".join(STANDARD),
    callback=_names,
    help="Parts to measure; there is scaling, too.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, help="Of which medians are taken.")
@click.option("--sizes", callback=_numbers, help="Records of the stores of growth, such as 10000,100000.")
@click.option(
    "--max-pages",
    type=click.IntRange(min=1),
    help="Longest harvest; growth reads so many pages at each of eleven places of a list.",
)
@click.option(
    "--shorten",
    type=click.IntRange(min=1),
    help="Characters that descriptions keep in the stores of growth, so that large ones fit on a disk.",
)
@click.option(
    "--copies-from",
    type=click.IntRange(min=1),
    help="Make SQLite stores of growth that are larger, and a multiple of this, by copying one of this size.",
)
@click.option("--formats", default="", help="Formats that stores have; all that are installed if left out.")
@click.option(
    "--database",
    default="sqlite",
    metavar="URL",
    help="Where stores are: sqlite, or a PostgreSQL database whose user may make others beside it.",
)
@click.option("--database-pid", type=int, multiple=True, help="The server of that database: its CPU counts.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write all that was measured here.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Keep records and stores here for the next run; they are thrown away if left out.",
)
def main(
    *,
    records: int,
    only: Sequence[str],
    rounds: int,
    sizes: Sequence[int],
    max_pages: int | None,
    shorten: int | None,
    copies_from: int | None,
    formats: str,
    database: str,
    database_pid: tuple[int, ...],
    path: Path | None,
    directory: Path | None,
) -> None:
    """Measure oai: run the parts one after the other, and print a table for each."""
    with ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oai-benchmarks-")))
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)  # where nginx is started by root, it reads its pages as somebody else
        plan = Plan(
            directory=directory.resolve(),
            records=records,
            sizes=tuple(sizes) or (records,),
            rounds=rounds,
            database=database,
            database_pids=database_pid,
            formats=formats,
            max_pages=max_pages,
            shorten=shorten,
            copies_from=copies_from,
        )
        sys.exit(0 if _run(plan, only, path) else 1)


def _run(plan: Plan, names: Sequence[str], path: Path | None) -> bool:
    """Run the parts *names*, and say whether all of them could be measured."""
    parts: dict[str, dict[str, Any]] = {}
    for name in names:
        click.echo(f"Measuring {name} …", err=True)
        begin = time.monotonic()
        try:
            outcome = PARTS[name](plan)
        except Failed as error:
            parts[name] = {"failed": str(error)}
            click.echo(f"\n{name} could not be measured: {error}")
        else:
            parts[name] = outcome.as_json()
            click.echo("\n".join(("", name, table(outcome.figures), *outcome.notes)))
        parts[name]["seconds"] = round(time.monotonic() - begin, 1)
        if path:  # now, so that what a run of hours has found is kept however it ends
            found = {"run": _circumstances(plan), "parts": parts}
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return not any("failed" in part for part in parts.values())


def _circumstances(plan: Plan) -> dict[str, Any]:
    backend = plan.database.partition(":")[0]
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "records": plan.records,
        "sizes": plan.sizes,
        "rounds": plan.rounds,
        "max_pages": plan.max_pages,
        "formats": plan.formats or "all",
        "database": f"sqlite {sqlite3.sqlite_version}" if backend == "sqlite" else backend,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("flask", "gunicorn", "lxml", "sqlalchemy")},
    }


if __name__ == "__main__":
    main()
