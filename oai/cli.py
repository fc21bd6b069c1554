"""The ``oai`` command: arguments are parsed, a function is called, its result is printed.

Whatever goes wrong that an operator can mend is one line on standard error and exit status 1,
or 2 for arguments that do not fit.
"""

import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from oai import checking, export, proof, server
from oai.harvest import Harvest, Wanted
from oai.helpers import HelperError
from oai.intake import Progress
from oai.library import Library
from oai.remote import Remote, RemoteError
from oai.repository import Unavailable
from oai.settings import Settings, SettingsError, checked_database_url, load
from oai.sources.files import SourceError, find_source
from oai.status import is_empty, status
from oai.store.copying import copy
from oai.store.database import Database, StoreError, Unreachable
from oai.store.horizon import horizon
from oai.store.repository import refuse_other_namespace
from oai.sync import Options, Report, sync, touch
from oai.web import create_app

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MENDABLE = (
    SettingsError,
    SourceError,
    StoreError,
    Unavailable,
    RemoteError,
    HelperError,
    server.ServerError,
    checking.CheckError,
)


def _in_one_line(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let what an operator can mend be said in one line."""

    @wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except _MENDABLE as error:
            raise click.ClickException(_line(error)) from None

    return wrapped


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oai")
def main() -> None:
    """Serve a library's posts to harvesters over OAI-PMH 2.0."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@main.command(name="serve")
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; as the base URL says if left out.")
@click.option("--workers", type=click.IntRange(1, 256), help="How many processes answer.")
@click.option("--no-sync", is_flag=True, help="Do not read the sources, even if the store is empty.")
@_in_one_line
def serve_command(bind: str | None, workers: int | None, *, no_sync: bool) -> None:
    """Bring the database up to date, fill an empty store from the sources, and serve it."""
    given: dict[str, Any] = {"workers": workers} if workers else {}
    settings = load(None, **given)
    library, database = _opened(settings)
    address = server.address(bind, settings.base_url)
    server.refuse_if_taken(address)
    try:
        database.upgrade()
        if not no_sync and is_empty(database):
            _print_report(_sync(database, library, settings.sources))
    except Unreachable as error:
        database = _replica(settings, error)
        click.echo(f"{_line(error)}; serving what the replicas have", err=True)
    with database.reading() as connection:
        refuse_other_namespace(connection, settings.namespace)
    found = status(database, library, int(time.time()))
    database.dispose()

    def ready() -> None:
        click.echo(f"Serving {found.records} records in {found.sets} sets at {settings.base_url}")
        if server.port_of(settings.base_url) != address[1]:
            place = ":".join(map(str, address))
            click.echo(f"Listening on {place}; harvesters are told base_url ({settings.base_url})")
        click.echo("Press Ctrl+C to stop.")

    server.serve(settings, address, ready)


@main.command(name="sync")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Read and report, but change nothing.")
@click.option("--allow-mass-delete", is_flag=True, help="Delete however much of a source is no longer there.")
@click.option("--report", type=click.Path(path_type=Path), help="Write what was found to this file, as JSON.")
@click.option(
    "--keep-datestamps", is_flag=True, help="Keep the datestamps of JSON Lines; for an empty store."
)
@_in_one_line
def sync_command(
    paths: tuple[str, ...],
    *,
    dry_run: bool,
    allow_mass_delete: bool,
    report: Path | None,
    keep_datestamps: bool,
) -> None:
    """Make the store equal to the sources: directories or files, those of the settings by default."""
    settings = load()
    library, database = _opened(settings)
    options = Options(dry_run, allow_mass_delete, keep_datestamps)
    with _target(database, dry_run=dry_run) as target:
        done = _sync(target, library, paths or settings.sources, options, report)
    if dry_run:
        for line in proof.sheet(done.items, done.findings):
            click.echo(line)
    _print_report(done)


@main.command(name="harvest")
@click.argument("url")
@click.option("--set", "set_spec", metavar="SPEC", help="Only the records of this set.")
@click.option(
    "--prefix", metavar="PREFIX", default="oai_dc", show_default=True, help="The format to ask for."
)
@click.option("--full", is_flag=True, help="Read the whole list, and delete what it does not have any more.")
@click.option(
    "--allow-mass-delete", is_flag=True, help="With --full, delete however much is no longer there."
)
@_in_one_line
def harvest_command(
    url: str, set_spec: str | None, prefix: str, *, full: bool, allow_mass_delete: bool
) -> None:
    """Take what is new from another OAI-PMH repository, whose base URL is URL."""
    settings = load()
    library, database = _opened(settings)
    database.upgrade()
    bar = _Bar()
    with Remote(url, tell=lambda line: click.echo(line, err=True)) as remote:
        harvest = Harvest(
            database,
            library,
            remote,
            Wanted(set_spec, prefix, full, allow_mass_delete),
            clock=lambda: int(time.time()),
            progress=bar,
            waiting=_waiting(database),
        )
        try:
            with bar:
                harvest.run()
        finally:  # what was taken before a cut stays, and so what was found
            for note in harvest.notes:
                click.echo(f"note: {note}")
            _print_findings(harvest.report)
    click.echo(str(harvest.report))


@main.command(name="touch")
@click.option("--prefix", metavar="PREFIX", help="Only the records of this format.")
@click.option("--set", "set_spec", metavar="SPEC", help="Only the records of this set.")
@_in_one_line
def touch_command(prefix: str | None, set_spec: str | None) -> None:
    """Give records new datestamps, so that every harvester takes them again."""
    settings = load()
    library, database = _opened(settings)
    database.upgrade()
    with _Bar() as bar:
        moved = touch(
            database,
            library,
            prefix=prefix,
            set_spec=set_spec,
            clock=lambda: int(time.time()),
            progress=bar,
            waiting=_waiting(database),
        )
    click.echo(f"{moved} records touched")


@main.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_in_one_line
def status_command(*, as_json: bool) -> None:
    """Say what is in the store: records by set and format, datestamps, what was rejected."""
    settings = load()
    library, database = _opened(settings)
    found = status(database, library, int(time.time()))
    click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False) if as_json else str(found))


@main.command(name="check")
@click.argument("url", required=False)
@_in_one_line
def check_command(url: str | None) -> None:
    """Check an endpoint against the protocol: ours by default, without a server or a network."""
    if url:
        client: checking.Client = checking.HttpClient(url)
    else:
        settings = load()
        _, database = _opened(settings)
        database.require()
        with database.reading() as connection:
            refuse_other_namespace(connection, settings.namespace)
        of_primary = settings.model_copy(update={"replica_urls": ()})
        client = checking.OwnClient(create_app(of_primary), settings.base_url)
    failures = 0
    for result in checking.check(client):
        click.echo(str(result))
        failures += not result.passed
    click.echo(f"{failures} failed" if failures else "everything passed")
    sys.exit(1 if failures else 0)


@main.command(name="export")
@click.option("--format", "form", type=click.Choice(["jsonl", "xml"]), default="jsonl", show_default=True)
@click.option("--set", "set_spec", metavar="SPEC", help="Only the items of this set.")
@click.option("--datestamps", is_flag=True, help="With jsonl, each item's datestamp as well.")
@_in_one_line
def export_command(form: str, set_spec: str | None, *, datestamps: bool) -> None:
    """Write all items to standard output, as JSON Lines that `oai sync` reads, or as OAI-PMH records."""
    settings = load()
    library, database = _opened(settings)
    database.require()
    out = sys.stdout.buffer
    with database.snapshot() as connection:
        refuse_other_namespace(connection, settings.namespace)
        lines = (
            export.as_xml(connection, library, set_spec, horizon(database, connection, int(time.time())))
            if form == "xml"
            else export.as_jsonl(connection, set_spec, datestamps=datestamps)
        )
        for line in lines:
            out.write(line)


def _database(_: click.Context, __: click.Parameter, url: str) -> str:
    """Return the URL of a database that was given as an argument."""
    try:
        return checked_database_url(url)
    except ValueError as error:
        raise click.BadParameter(f"{url}: {error} is expected") from None


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
@_in_one_line
def upgrade() -> None:
    """Bring the tables up to date."""
    _, database = _opened(load())
    applied = database.upgrade()
    click.echo(f"{database}: " + (f"applied {', '.join(applied)}" if applied else "up to date"))


@db.command(name="copy")
@click.argument("source", metavar="SOURCE_URL", callback=_database)
@click.argument("target", metavar="TARGET_URL", callback=_database)
@_in_one_line
def copy_command(source: str, target: str) -> None:
    """Copy a whole store into another database, which must be empty, and prove the copy."""
    from_, to = Database(source), Database(target)
    with _Bar() as bar:
        rows = copy(from_, to, bar, _waiting(to))
    click.echo(f"{rows} rows copied from {from_} to {to}, and proved")


def _opened(settings: Settings) -> tuple[Library, Database]:
    return Library.of(settings), Database(settings.database_url)


def _replica(settings: Settings, error: Unreachable) -> Database:
    """Return a replica that can be read, where the database itself cannot; else raise *error*."""
    for url in settings.replica_urls:
        replica = Database(url, is_replica=True)
        with suppress(StoreError):
            replica.require()
            return replica
    raise error


@contextmanager
def _target(database: Database, *, dry_run: bool) -> Iterator[Database]:
    """Give the database to sync into, up to date; a dry run where there is none gets one to throw away."""
    if not dry_run:
        try:
            database.upgrade()
        except Unreachable as error:
            raise StoreError(f"nothing was changed: {error}") from None
        yield database
    elif database.exists():
        database.require()  # a dry run changes no tables either
        yield database
    else:
        with tempfile.TemporaryDirectory() as directory:
            scratch = Database(f"sqlite:///{directory}/oai.sqlite")
            scratch.upgrade()
            yield scratch


def _sync(
    database: Database,
    library: Library,
    paths: Sequence[str],
    options: Options | None = None,
    report: Path | None = None,
) -> Report:
    sources = [find_source(path, library.settings.sources) for path in paths]
    with _Bar() as bar:
        return sync(
            database,
            library,
            sources,
            clock=lambda: int(time.time()),
            progress=bar,
            options=options,
            waiting=_waiting(database),
            accept=lambda done: _write_report(report, done) if report else None,
        )


def _waiting(database: Database) -> Callable[[], None]:
    return lambda: click.echo(f"Waiting: {database.writer()} is writing to {database}", err=True)


class _Bar:
    """Progress shown on a terminal, and nowhere else."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
        self._bar = None

    def begin(self, what: str, total: int) -> None:
        """Show a new bar."""
        self._end()
        if total and sys.stderr.isatty():
            self._bar = click.progressbar(length=total, label=what, file=sys.stderr)
            self._bar.render_progress()

    def advance(self, by: int) -> None:
        """Move the bar on."""
        if self._bar is not None:
            self._bar.update(by)


def _print_report(report: Report) -> None:
    _print_findings(report)
    click.echo(str(report))


def _print_findings(report: Report) -> None:
    for finding in report.findings:
        click.echo(f"{'rejected' if finding.rejected else 'note'}: {finding}")


def _write_report(path: Path, report: Report) -> None:
    figures = {
        name: getattr(report, name) for name in ("added", "changed", "deleted", "unchanged", "rejected")
    }
    findings = [asdict(finding) for finding in report.findings]
    text = json.dumps(figures | {"findings": findings}, indent=2, ensure_ascii=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
