"""What config/ and docs/operations.md say to an operator is true of the program."""

import ast
import importlib.metadata
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest

from oai.cli import main
from oai.library import Library
from oai.metrics import exposition
from oai.server import GRACE
from oai.settings import Settings
from oai.status import status
from oai.store.publishing import publishing
from oai.store.servers import Servers
from tests.harvest.mirror import Harvester, Held, Mark, truth
from tests.replication import Cluster
from tests.server.proxy import Nginx
from tests.stores import PostgreSQL, Stores, name_of, postgresql_only
from tests.workbench import Workbench

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config"
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
CONTAINERFILE = (CONFIG / "Containerfile").read_text(encoding="utf-8")
PROGRAMS = "/opt/oai/.venv/bin/"
UNITS = ["oai.service", "oai-sync.service", "oai-sync.timer"]


def directives(name: str) -> dict[str, list[str]]:
    """Return what a unit says, by name; all are in one section or another, and no name is in two."""
    found: dict[str, list[str]] = {}
    for line in (CONFIG / name).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, separator, value = line.partition("=")
            assert separator, line
            found.setdefault(key, []).append(value)
    return found


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, _, rest in lines]


def check_command(words: list[str]) -> None:
    """Assert that there is such a command of ``oai``, with such options."""
    command: click.Command = main
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no command oai {words[0]}"
        command = command.commands[words.pop(0)]
    assert not isinstance(command, click.Group), command.name
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, words


# The files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [*sorted(CONFIG.iterdir()), ROOT / "docs" / "operations.md"], ids=lambda path: path.name
)
def test_variables(path: Path) -> None:
    """Each OAI_ variable that is named is a setting, or how long the trial of failover is."""
    known = {f"OAI_{key.upper()}" for key in Settings.model_fields} | {"OAI_CONFIG", "OAI_FAILOVER_SECONDS"}
    text = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"\bOAI_[A-Z_]+\b", text)) <= known


@pytest.mark.parametrize("name", ["oai.service", "oai-sync.service"])
def test_programs_of_units(name: str) -> None:
    """What the units run is what is installed, with arguments that it takes."""
    unit = directives(name)
    installed = {script.name for script in importlib.metadata.entry_points(group="console_scripts")}
    lines = [line for key in ("ExecStart", "ExecReload") for line in unit.get(key, [])]
    assert lines
    for line in lines:
        if line.startswith("/bin/kill "):
            continue
        program, *arguments = shlex.split(line.removeprefix(PROGRAMS))
        assert line.startswith(PROGRAMS)
        assert program in installed
        if program == "oai":
            check_command(arguments)
        else:
            assert (ROOT / arguments[arguments.index("-c") + 1]).is_file()
            assert arguments[-1] == "wsgi:app"
            assert (ROOT / "wsgi.py").is_file()


def test_units_are_alike() -> None:
    """The two services have one user, one store and the same settings, and the timer starts the sync."""
    serve, sync = directives("oai.service"), directives("oai-sync.service")
    for key in ("User", "Group", "WorkingDirectory", "StateDirectory", "Environment", "EnvironmentFile"):
        assert serve[key] == sync[key], key
    assert "Unit" not in directives("oai-sync.timer")


@pytest.mark.parametrize("name", ["oai.service", "oai-sync.service"])
def test_hardening(name: str) -> None:
    """Nothing that keeps the services in their place has been taken away."""
    unit = directives(name)
    for key in (
        "LockPersonality MemoryDenyWriteExecute NoNewPrivileges PrivateDevices PrivateMounts PrivateTmp"
        " PrivateUsers ProtectClock ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs"
        " ProtectKernelModules ProtectKernelTunables RemoveIPC RestrictNamespaces RestrictRealtime"
        " RestrictSUIDSGID"
    ).split():
        assert unit[key] == ["yes"], key
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]
    assert unit["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert unit.get("IPAddressDeny") == ["any"] or unit["PrivateNetwork"] == ["yes"]


def test_requests_under_way_may_end() -> None:
    """The stop waits for longer than gunicorn does, and leaves the signal to it."""
    unit = directives("oai.service")
    assert int(unit["TimeoutStopSec"][0]) > GRACE
    assert unit["KillMode"] == ["mixed"]


def test_the_containerfile() -> None:
    """The image has what the program needs, checked by hash, runs as nobody in particular, and is asked."""
    found = instructions()
    for name, rest in found:
        assert name in {
            "FROM", "WORKDIR", "RUN", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD",
        }  # fmt: skip
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    assert "--require-hashes -r requirements.txt" in CONTAINERFILE
    names = [name for name, _ in found]
    assert names.index("USER") > names.index("FROM", 1)
    assert dict(found)["USER"] not in ("root", "0")
    assert "/healthz" in dict(found)["HEALTHCHECK"]
    volume = dict(found)["VOLUME"]
    assert f"sqlite:///{volume}/" in CONTAINERFILE
    program, *arguments = ast.literal_eval(dict(found)["CMD"])
    assert program == "gunicorn"
    assert arguments[arguments.index("-c") + 1] == "config/gunicorn.conf.py"
    assert arguments[-1] == "wsgi:app"


# The manual -----------------------------------------------------------------------------------------


def test_commands_of_the_manual() -> None:
    """Each command of ``oai`` in the manual exists, with the options it is given."""
    typed = re.findall(r"^[$#] (?:podman exec )?oai (.+)$", MANUAL, re.MULTILINE)
    named = [text for text in re.findall(r"`oai ([^`]+)`", MANUAL) if not text.startswith("command")]
    assert len(typed) > 5
    assert len(named) > 10
    for text in typed + named:
        words = shlex.split(text.partition("  ")[0])
        check_command(words[1:] if words[0] == "oai" else words)


def test_settings_of_the_manual() -> None:
    """The settings that an operator copies from the manual can be used."""
    blocks = re.findall(r"```toml\n(.+?)```", MANUAL, re.DOTALL)
    assert blocks
    for block in blocks:
        assert Settings(**tomllib.loads(block))


def test_metrics_of_the_manual(bench: Workbench) -> None:
    """The manual's table has the metrics that there are, and its alerts name no others."""
    bench.sync({"id": "a"})
    replicated = Servers(bench.database, [bench.database])
    text = exposition(status(bench.database, Library.of(bench.settings), bench.now), replicated).decode()
    told = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    assert set(re.findall(r"^\| `(oai_\w+)", MANUAL, re.MULTILINE)) == told
    assert set(re.findall(r"\boai_[a-z_]+\b", MANUAL)) - {"oai_dc", "oai_qdc"} == told


def test_messages_of_the_manual() -> None:
    """What the manual quotes to be looked up is what the program says, up to what differs: …."""
    table = MANUAL.partition("## Troubleshooting")[2]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")][2:]
    quoted = [[code for _, code in re.findall(r"(``?)(.+?)\1(?!`)", cell)] for cell in cells]
    nodes = [
        node
        for path in (ROOT / "oai").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    said = "\n".join(texts)
    others = {
        "/readyz",
        "status=203/EXEC",
        "Permission denied",
        "file is not a database",
        "permission denied",
        "SyncRep",  # these three are PostgreSQL's
        "session is read-only",
        "is in hot standby mode",
    }
    pieces = [
        piece.strip() for part in quoted for one in part for piece in re.split(r"…|: (?=file|perm)", one)
    ]
    looked_up = [piece for piece in pieces if piece and piece not in others]
    assert len(looked_up) > 12
    assert [piece for piece in looked_up if piece not in said] == []


# The service, run -----------------------------------------------------------------------------------


class Service:
    """What oai.service starts, in a directory of its own, told apart by the socket it reports to."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.database_url = database_url
        self.settings = directory / "oai.toml"
        self.set(page_size=2)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OAI_")}
        self.environment = kept | {
            "OAI_CONFIG": str(self.settings),
            "NOTIFY_SOCKET": str(directory / "notify"),
            "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{self.port}",
        }

    def set(self, **settings: int) -> None:
        """Write the settings."""
        lines = [f'database_url = "{self.database_url}"', "workers = 1"]
        lines += [f"{key} = {value}" for key, value in settings.items()]
        self.settings.write_text("\n".join(lines) + "\n")

    def command(self, line: str) -> list[str]:
        """Return a line of the unit as it is run here."""
        program, *arguments = shlex.split(line.removeprefix(PROGRAMS))
        return [str(Path(sys.executable).with_name(program)), *arguments]

    def check(self) -> int:
        """Run the first line of the reload, and return its exit status."""
        line = directives("oai.service")["ExecReload"][0]
        done = subprocess.run(
            self.command(line), cwd=ROOT, env=self.environment, capture_output=True, check=False, timeout=60
        )
        return done.returncode

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run it, from when it says that it is ready until it has ended by itself."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(self.environment["NOTIFY_SOCKET"])
            notified.settimeout(60)
            line = directives("oai.service")["ExecStart"][0]
            process = subprocess.Popen(
                self.command(line), cwd=ROOT, env=self.environment, stderr=subprocess.DEVNULL
            )
            try:
                assert b"READY=1" in notified.recv(1000)
                yield process
                process.send_signal(signal.SIGTERM)
                assert process.wait(int(directives("oai.service")["TimeoutStopSec"][0])) == 0
            finally:
                process.kill()
                process.wait()

    def page_size(self) -> int:
        """Return how many records a page has now."""
        url = f"http://127.0.0.1:{self.port}/oai?verb=ListIdentifiers&metadataPrefix=oai_dc"
        with urllib.request.urlopen(url, timeout=60) as response:
            body: bytes = response.read()
        return body.count(b"<header>")


def test_the_service(bench: Workbench, tmp_path: Path) -> None:
    """It tells systemd when it is ready, takes changed settings over when reloaded, and stops when told to.

    Settings that cannot be used are found before gunicorn is told to take them over: it would end.
    """
    bench.sync(*({"id": f"item-{number}"} for number in range(5)))
    service = Service(tmp_path, bench.settings.database_url)
    with service.running() as process:
        assert service.page_size() == 2
        service.set(page_size=0)
        assert service.check() != 0
        service.set(page_size=3)
        assert service.check() == 0
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        sizes = {2}
        while 3 not in sizes:
            assert time.monotonic() < end
            with suppress(ConnectionError):
                sizes.add(service.page_size())
            time.sleep(0.05)
        assert sizes == {2, 3}


@pytest.mark.parametrize("nodes", [[8080], [8080, 8081, 8082, 8083]], ids=len)
def test_nginx(tmp_path: Path, nodes: list[int]) -> None:
    """``nginx -t`` has nothing to say against the configuration, with one node and with several."""
    assert "test is successful" in Nginx(tmp_path / "nginx", CONFIG / "nginx.conf", nodes, 80).check()


# A backup, restored ---------------------------------------------------------------------------------


def item(name: str, title: str = "One", **more: Any) -> dict[str, Any]:
    """Return an item with a tag."""
    return {"id": name, "title": title, "tags": ["T"]} | more


def backup(bench: Workbench, stores: Stores) -> Path:
    """Back the store up as the manual says."""
    path = bench.directory / "backup"
    if isinstance(stores, PostgreSQL):
        stores.program("pg_dump", *_options("pg_dump"), bench.settings.database_url, out=path)
        return path
    command = re.search(r'"(VACUUM INTO) ', MANUAL)
    assert command
    with closing(sqlite3.connect(bench.directory / "oai.sqlite")) as store:
        store.execute(f"{command[1]} ?", [str(path)])
    return path


def restore(bench: Workbench, stores: Stores, copy: Path) -> Workbench:
    """Put *copy* where the store is, as the manual says, and return the library as it is then."""
    bench.database.dispose()
    url = bench.settings.database_url
    if isinstance(stores, PostgreSQL):
        stores.drop(url)
        url = stores.url(bench.directory, upgraded=False)
        options = [
            each for each in _options("pg_restore") if not each.startswith("--role=")
        ]  # see test_a_dump
        stores.program("pg_restore", *options, "--dbname", url, given=copy)
    else:
        for path in bench.directory.glob("oai.sqlite*"):
            path.unlink()
        shutil.copy(copy, bench.directory / "oai.sqlite")
    restored = Workbench(bench.directory, stores, database_url=url)
    restored.now = bench.now
    return restored


def wrong(held: dict[str, Held], true: dict[str, Held]) -> set[str]:
    """Return the local identifiers of what a mirror holds otherwise than it should."""
    return {name.split(":", 2)[2] for name in held.keys() | true.keys() if held.get(name) != true.get(name)}


@pytest.mark.parametrize("own_set", [None, "tag:t"])
@pytest.mark.parametrize("mark", Mark)
def test_a_restore(bench: Workbench, stores: Stores, mark: Mark, own_set: str | None) -> None:
    """A sync and a touch after a restore mend all mirrors, but for what the store has never heard of.

    That is mended by saying that it is deleted.
    """
    names = ["stays", "changes", "changes-and-returns", "goes", "goes-and-returns"]
    bench.sync(*map(item, names))
    copy = backup(bench, stores)
    bench.sync(
        item("stays"),
        item("changes", "Two"),
        item("changes-and-returns", "Two"),
        item("comes"),
        item("visits"),
    )
    harvester = Harvester(partial(bench.ask, own_set=own_set), mark)
    harvester.harvest()

    bench = restore(bench, stores, copy)
    ask = harvester.ask = partial(bench.ask, own_set=own_set)
    present = [
        item("stays"),
        item("changes", "Two"),
        item("changes-and-returns"),
        item("comes"),
        item("goes-and-returns"),
    ]
    bench.sync(*present)
    harvester.harvest()
    missed = {"changes-and-returns", "goes-and-returns", "visits"}
    assert missed <= wrong(harvester.mirror, truth(ask))

    bench.touch()
    harvester.harvest()
    assert wrong(harvester.mirror, truth(ask)) == {"visits"}

    bench.sync(*present, {"id": "visits", "deleted": True, "tags": ["T"]})
    harvester.harvest()
    assert harvester.mirror == truth(ask)
    bench.close()


@pytest.mark.parametrize("mark", Mark)
def test_a_set_that_an_item_visited(bench: Workbench, stores: Stores, mark: Mark) -> None:
    """What joined a set after the backup and left it again is mended by doing so once more."""
    bench.sync(item("a", tags=["U"]), item("b"))
    copy = backup(bench, stores)
    bench.sync(item("a"), item("b"))
    harvester = Harvester(partial(bench.ask, own_set="tag:t"), mark)
    harvester.harvest()

    bench = restore(bench, stores, copy)
    ask = harvester.ask = partial(bench.ask, own_set="tag:t")
    bench.sync(item("a", tags=["U"]), item("b"))
    bench.touch()
    harvester.harvest()
    assert wrong(harvester.mirror, truth(ask)) == {"a"}

    bench.sync(item("a"), item("b"))
    bench.sync(item("a", tags=["U"]), item("b"))
    harvester.harvest()
    assert harvester.mirror == truth(ask)
    bench.close()


def test_a_standby_that_had_not_received_all(tmp_path: Path) -> None:
    """After it was promoted, a sync and a touch mend all mirrors, as after a restore."""
    with Cluster(1) as cluster:
        bench = Workbench(tmp_path, database_url=cluster.url(0))
        bench.sync(item("changes-and-returns"), item("goes-and-returns"), item("stays"))
        cluster.catch_up(1)
        cluster.kill(1)
        bench.sync(item("changes-and-returns", "Two"), item("stays"), item("comes"))
        harvesters = [Harvester(bench.ask, mark) for mark in Mark]
        for harvester in harvesters:
            harvester.harvest()
        cluster.kill(0)
        cluster.start(1)
        cluster.promote(1)
        promoted = Workbench(tmp_path, database_url=cluster.url(1))
        promoted.now = bench.now
        promoted.sync(item("changes-and-returns"), item("goes-and-returns"), item("stays"), item("comes"))
        for touched in (False, True):
            if touched:
                promoted.touch()
            for harvester in harvesters:
                harvester.ask = promoted.ask
                harvester.harvest()
                missed = wrong(harvester.mirror, truth(promoted.ask))
                assert missed == (set() if touched else {"changes-and-returns", "goes-and-returns"})
        bench.close()
        promoted.close()


@postgresql_only
def test_a_dump(bench: Workbench, postgresql: PostgreSQL) -> None:
    """What pg_dump has taken while a change is written is restored as it was before that change."""
    bench.sync(item("a"), item("b"), {"id": "c", "deleted": True})
    before = bench.headers()
    programs, path = Path(postgresql.server.bin_path), bench.directory / "dump"

    def run(program: str, *arguments: str | Path) -> None:
        subprocess.run([programs / program, *arguments], check=True, timeout=60)

    def at(url: str) -> str:
        return url.replace("postgresql+psycopg:", "postgresql:")

    with publishing(bench.database, lambda: bench.now + 5) as publication:
        publication.add_sets({"new": "New"})
        run("pg_dump", *_options("pg_dump"), "-f", path, at(bench.settings.database_url))
    bench.sync(item("a", "Two"))
    url = postgresql.url(bench.directory, upgraded=False)
    postgresql.do("CREATE ROLE {} LOGIN", "oai")
    postgresql.do("ALTER DATABASE {} OWNER TO {}", name_of(url), "oai")
    run("pg_restore", *_options("pg_restore"), "-d", at(url), path)
    restored = bench.again(database_url=url.replace("postgres:", "oai:"))
    assert restored.headers() == before
    restored.sync(item("a", "Two"))
    restored.touch()
    restored.database.dispose()
    postgresql.drop(url)
    postgresql.do("DROP ROLE {}", "oai")


def _options(program: str) -> list[str]:
    """Return the options that stand alone where the manual runs a program of PostgreSQL."""
    found = re.search(rf"^# sudo -u postgres {program} (.+)$", MANUAL, re.MULTILINE)
    assert found, program
    return [word for word in shlex.split(found[1]) if word.startswith("-") and word not in ("-d", "-f")]
