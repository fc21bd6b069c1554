"""The operator's mistakes, at the real command line: each is one line, and leaves the store as it was."""

import http.server
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.server.conftest import CATALOGUE, Commands, Place, Server
from tests.stores import SQLITE, PostgreSQL, Stores, name_of, postgresql_only, sqlite_only
from tests.validation import validate

pytestmark = pytest.mark.allow_hosts("127.0.0.1")

SERVE = ["serve", "--bind", "127.0.0.1:0"]
"""Should it be served after all, then at a port that nobody else has."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, commands: Commands, stores: Stores) -> Iterator[Place]:
    """Give a directory with a store that has CATALOGUE, for commands that leave it as it is."""
    place = Place(tmp_path_factory.mktemp("filled"), commands, stores)
    place.sync(*CATALOGUE)
    yield place
    place.close()


@pytest.fixture
def storeless(tmp_path: Path, commands: Commands) -> Place:
    """Give a directory for commands that use no store, whatever kind it would be, and make none."""
    return Place(tmp_path, commands)


def mistake(place: Place, *arguments: str, timeout: int = 20, **settings: Any) -> str:
    """Return the one line that a mistake gets; the store must be as before."""
    before = place.content()
    line = place.run(*arguments, timeout=timeout, **settings).error
    assert place.content() == before
    return line


COMMANDS = [["sync"], SERVE, ["status"], ["export"], ["check"], ["db", "upgrade"]]
WRITERS = [["sync"], ["sync", "--dry-run"], ["touch"]]
READERS = [["status"], ["export"], ["export", "--format", "xml"], ["check"], ["db", "upgrade"]]

# Settings -------------------------------------------------------------------------------------------

BAD: list[tuple[str, str]] = [
    ("base_url", "ftp://127.0.0.1/oai"),
    ("base_url", "http://127.0.0.1/somewhere"),
    ("base_url", "http://127.0.0.1/oai/"),
    ("base_url", "http://127.0.0.1/oai?x=y"),
    ("base_url", "http://127.0.0.1/oai#x"),
    ("base_url", "http:///oai"),
    ("base_url", "http://[::1/oai"),
    ("base_url", "http://127.0.0.1:99999/oai"),
    ("base_url", "http://127.0.0.1:port/oai"),
    ("base_url", "http://a b/oai"),
    ("base_url", "/oai"),
    ("repository_name", "  "),
    ("repository_name", "a\x01b"),
    ("admin_email", "nobody"),
    ("admin_email", "mailto:a@library.org"),
    ("admin_email", "a@library.org, b@library.org"),
    ("admin_email", "a@localhost"),
    ("namespace", "library"),
    ("namespace", "library.example.org/oai"),
    ("namespace", "-.org"),
    ("database_url", "mysql://localhost/oai"),
    ("database_url", "var/oai.sqlite"),
    ("database_url", "sqlite+nosuchdriver:///var/oai.sqlite"),
    ("database_url", "postgresql+psycopg://127.0.0.1:port/oai"),
    ("database_url", "postgresql+psycopg://127.0.0.1/o%00ai"),
    ("database_url", "sqlite:///var/o%00ai.sqlite"),
    ("page_size", "0"),
    ("page_size", "1001"),
    ("page_size", "many"),
    ("page_size", "1.5"),
    ("page_bytes", "9999"),
    ("page_bytes", "100000000"),
    ("formats", "marcxml oai_dc"),
    ("formats", "oai_qdc"),
    ("rights", "a\x01b"),
    ("language", "english"),
    ("language", "EN"),
    ("friends", "https://library.org/oai friend"),
    ("branding_icon", "icon.png"),
    ("branding_link", "javascript:alert(1)"),
    ("branding_title", "a\x01b"),
    ("eprints_content", "a\x01b"),
    ("eprints_metadata_policy", "a\x0bb"),
    ("eprints_data_policy", "a\ufffeb"),
    ("eprints_submission_policy", "a\x1fb"),
    ("metadata_licence", "CC0"),
    ("workers", "0"),
    ("workers", "257"),
    ("workers", "two"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_bad_settings(filled: Place, key: str, value: str) -> None:
    """A setting that cannot be used is refused by its name, before anything is done."""
    setting: dict[str, Any] = {key: value}
    assert key in mistake(filled, "status", **setting)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://oai:sec@ret@127.0.0.1:port/oai",
        "mysql://oai:secret@localhost/oai",
        "mysql://localhost/oai?user=oai&password=secret",
    ],
)
def test_no_password_is_shown(storeless: Place, url: str) -> None:
    """The URL of a database is refused without its password, wherever it was given."""
    line = storeless.run("status", database_url=url).error
    assert "database_url" in line
    said = storeless.run("db", "copy", url, "sqlite:///new.sqlite").err
    assert "is expected" in said
    for text in (line, said):
        assert "***" in text
        assert "ret@" not in text
        assert "secret" not in text


@pytest.mark.parametrize("key", ["base_url", "page_size", "eprints_content"])
@pytest.mark.parametrize("command", [["sync"], SERVE, ["check"], ["export"], ["db", "upgrade"]])
def test_bad_settings_for_all(filled: Place, command: list[str], key: str) -> None:
    """Every command refuses a setting that cannot be used, whether it needs it or not."""
    bad = {"base_url": "http://127.0.0.1:99999/oai", "page_size": "0", "eprints_content": "a\x01b"}
    assert key in mistake(filled, *command, timeout=3, **{key: bad[key]})


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (b"pagesize = 10\n", "pagesize"),
        (b"page_size = 10\n[oai]\npage_bytes = 100000\n", "oai"),
        (b"page_size = = 10\n", "not TOML"),
        (b"page_size = 10\npage_size = 11\n", "not TOML"),
        (b"repository_name = 'a\xff'\n", "not TOML"),
        (b"\0" * 100, "not TOML"),
        (b"page_size = '0'\nworkers = 0\n", "workers"),
        (b"page_size = [10]\n", "page_size"),
        (b"page_size = true\n", "page_size"),
        (b"repository_name = 5\n", "repository_name"),
        (b"namespace = ['library.org']\n", "namespace"),
        (b"admin_email = []\n", "admin_email"),
        (b"admin_email = [1]\n", "admin_email"),
        (b"rights = 5\n", "rights"),
        (b"token_keys = [1, 'a secret']\n", "token_keys"),
        (b"formats = [['oai_dc']]\n", "formats"),
        (b"friends = {a = 1}\n", "friends"),
        (b"branding_title = 5\n", "branding_title"),
        (b'eprints_content = "a\\u0001b"\n', "eprints_content"),
        (b"base_url = 1979-05-27\n", "base_url"),
    ],
)
def test_bad_settings_in_the_file(filled: Place, toml: bytes, said: str) -> None:
    """What is wrong with the settings file is said with the file or the key, and no secret with it."""
    (filled.directory / "bad.toml").write_bytes(toml)
    line = mistake(filled, "status", config="bad.toml")
    assert said in line
    assert "a secret" not in line


def test_the_default_file(place: Place) -> None:
    """config/oai.toml is read without being named, and what is wrong with it is said like that."""
    (place.directory / "config").mkdir()
    (place.directory / "config" / "oai.toml").write_text("page_size = 0\n")
    assert "page_size" in place.run("status").error


@pytest.mark.parametrize("name", ["missing.toml", "source", "no/such/directory/oai.toml"])
def test_no_settings_file(filled: Place, name: str) -> None:
    """A settings file that is named and not there is said, and not passed over."""
    assert name in mistake(filled, "status", config=name)


@pytest.mark.parametrize("command", [["sync"], SERVE, ["status"]])
def test_placeholders(filled: Place, command: list[str]) -> None:
    """With a public base URL the placeholders are refused, one after the other, by their keys."""
    public: dict[str, Any] = {"base_url": "https://library.org/oai"}
    assert "namespace" in mistake(filled, *command, **public)
    assert "admin_email" in mistake(filled, *command, **public, namespace="library.org")
    named: dict[str, Any] = {"namespace": "library.org", "admin_email": "me@library.example.com"}
    assert "admin_email" in mistake(filled, *command, **public, **named)


@pytest.mark.parametrize("command", [["sync"], SERVE, ["check"], ["export", "--format", "xml"]])
def test_another_namespace(filled: Place, command: list[str]) -> None:
    """A store whose identifiers are in one namespace is not served or written to in another one."""
    line = mistake(filled, *command, timeout=3, namespace="elsewhere.org")
    assert "elsewhere.org" in line
    assert "library.example.org" in line


# Where to listen ------------------------------------------------------------------------------------


def test_a_port_that_is_taken(filled: Place) -> None:
    """A port that is taken is said before anything else is begun, with the way to choose another one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = mistake(filled, "serve", "--bind", f"127.0.0.1:{port}")
    assert str(port) in line
    assert "--bind" in line


@pytest.mark.parametrize(
    "bind",
    [
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        ":99999",
        "8080",
        "256.1.1.1:8080",
        "192.0.2.1:8080",
        "a..b:8080",
        f"{'x' * 300}:8080",
        "unix:oai.sock",
        "127.0.0.1:١٢٣٤٥",
        "",
    ],
)
def test_bad_bind(filled: Place, bind: str) -> None:
    """A place at which nobody can listen is refused."""
    mistake(filled, "serve", "--bind", bind, timeout=3)


# Sources --------------------------------------------------------------------------------------------


def _nothing(_: Path) -> None:
    """Make nothing."""


def _directory(path: Path) -> None:
    path.mkdir()


def _hidden(path: Path) -> None:
    path.mkdir()
    (path / ".items.jsonl").write_text('{"id":"a","title":"A"}\n')


def _broken_link(path: Path) -> None:
    path.mkdir()
    (path / "items.jsonl").symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _pipe_inside(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "pipe.jsonl")


def _socket_inside(path: Path) -> None:
    path.mkdir()
    here = Path.cwd()
    os.chdir(path)  # the address of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("items.jsonl")
    finally:
        os.chdir(here)


def _empty_file(path: Path) -> None:
    path.write_bytes(b"")


def _binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 100)


@pytest.mark.parametrize(
    "make",
    [
        _nothing,
        _directory,
        _hidden,
        _broken_link,
        _loop,
        _pipe,
        _pipe_inside,
        _socket_inside,
        _empty_file,
        _binary,
    ],
)
def test_sources_that_cannot_be_read(place: Place, make: Callable[[Path], None]) -> None:
    """A source that is not there, is empty or cannot be read is an error that names it, and deletes nothing."""
    place.sync(*CATALOGUE)
    make(place.directory / "other")
    for arguments in (["sync", "other"], ["sync", "source", "other"], ["sync", "--dry-run", "other"]):
        assert "other" in mistake(place, *arguments, timeout=3)


def test_sources_that_are_gone(place: Place) -> None:
    """A source that was synced and is gone, or is empty now, deletes nothing."""
    path = place.write(*CATALOGUE)
    place.oai("sync")
    path.unlink()
    assert "source" in mistake(place, "sync")
    path.parent.rmdir()
    assert "source" in mistake(place, "sync")


def test_a_mass_deletion(place: Place) -> None:
    """A sync that would delete much is refused as a whole, says how to allow it, and is allowed by that."""
    place.sync(*({"id": f"item-{n}", "title": f"Title {n}"} for n in range(60)))
    few = [{"id": f"item-{n}", "title": f"Title {n}"} for n in range(40)]
    place.write(*few, {"id": "new", "title": "New"})
    assert "--allow-mass-delete" in mistake(place, "sync")
    assert "--allow-mass-delete" in mistake(place, "sync", "--dry-run")
    done = place.oai("sync", "--allow-mass-delete").splitlines()[-1]
    assert done == "1 added, 0 changed, 20 deleted, 40 unchanged, 0 rejected"


def test_rejected_items(place: Place) -> None:
    """A rejected item is named with file, line and reason, its last good version stays, and the exit is 0."""
    place.sync({"id": "a", "title": "A"}, {"id": "b", "title": "B"})
    path = place.write({"id": "a", "title": "Another"})
    path.write_text(path.read_text() + '{"id": "b", "title": 5}\n{"id": "c", "titl\n')
    printed = place.oai("sync").splitlines()
    assert printed[-1] == "0 added, 1 changed, 0 deleted, 1 unchanged, 2 rejected"
    assert [line.split(":")[:3] for line in printed[:-1]] == [
        ["rejected", " items.jsonl", "2"],
        ["rejected", " items.jsonl", "3"],
    ]
    assert [item["title"] for item in place.exported()] == ["Another", "B"]


# The store ------------------------------------------------------------------------------------------


@sqlite_only
@pytest.mark.parametrize(
    "where",
    ["file/oai.sqlite", "file/below/oai.sqlite", "source", "/proc/oai.sqlite", "/proc/below/oai.sqlite"],
)
@pytest.mark.parametrize("command", [["sync"], SERVE])
def test_impossible_places_for_a_store(place: Place, command: list[str], where: str) -> None:
    """Where no store can be made, that is said, and no other file is touched."""
    place.write(*CATALOGUE)
    (place.directory / "file").write_text("not a directory")
    line = place.run(*command, timeout=3, database_url=f"sqlite:///{where}").error
    assert where.removeprefix("/").partition("/")[0] in line
    assert (place.directory / "file").read_text() == "not a directory"
    assert not place.database.exists()


@sqlite_only
@pytest.mark.parametrize(
    "content", [b"this is no database at all\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_that_is_none(place: Place, command: list[str], content: bytes) -> None:
    """A file that is no database is refused by every command, and stays as it is."""
    place.write(*CATALOGUE)
    place.database.parent.mkdir()
    place.database.write_bytes(content)
    assert "oai.sqlite" in place.run(*command, timeout=3).error
    assert place.database.read_bytes() == content


@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_of_a_newer_version(place: Place, command: list[str]) -> None:
    """A store that a newer version made is refused by every command, and stays as it is."""
    place.sync(*CATALOGUE)
    place.change("UPDATE alembic_version SET version_num = 'ffff'")
    assert "newer version" in mistake(place, *command, timeout=3)


@pytest.mark.parametrize("command", [["export"], ["check"]])
def test_no_store(place: Place, command: list[str]) -> None:
    """What needs a store says that there is none, and makes none."""
    line = place.run(*command).error
    assert "there is no " in line
    assert name_of(place.url) in line
    assert place.content() is None


@postgresql_only
@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_not_there(filled: Place, command: list[str]) -> None:
    """A PostgreSQL server that cannot be reached is named by every command, in one line without password."""
    url = "postgresql+psycopg://oai:secret@127.0.0.1:1/oai"
    line = mistake(filled, *command, database_url=url)
    assert "127.0.0.1" in line
    assert "secret" not in line


@postgresql_only
@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_is_not_there(filled: Place, command: list[str], postgresql: PostgreSQL) -> None:
    """A database that the server does not have is named by every command, and none makes it."""
    url = postgresql.server.get_uri("nosuch", "psycopg")
    assert "nosuch" in mistake(filled, *command, database_url=url)


@postgresql_only
@pytest.mark.parametrize(
    ("options", "edits", "said"),
    [
        ("", {"secret": "guessed"}, "password authentication failed"),
        ("", {":secret": "", "?": "?password=guessed&"}, "password authentication failed"),
        ("", {":secret": ""}, "no password supplied"),
        ("CONNECTION LIMIT 0", {}, "too many connections"),
        ("", {}, "permission denied for table"),
        ("", {"?": "?nonsense=1&"}, 'invalid connection option "nonsense"'),
        ("", {"?": "?connect_timeout=soon&"}, "connect_timeout: 'soon'"),
        ("", {"?": "?options=-c%20nonsense%3D1&"}, 'unrecognized configuration parameter "nonsense"'),
    ],
)
def test_a_role_that_is_not_let_in(
    filled: Place, postgresql: PostgreSQL, options: str, edits: dict[str, str], said: str
) -> None:
    """Every command says in one line why it can do nothing, and no password with it."""
    with postgresql.role(filled.url, options=options) as url:
        for right, wrong in edits.items():
            assert right in url
            url = url.replace(right, wrong)  # noqa: PLW2901
        for command in (*COMMANDS, ["touch"], ["harvest", "http://127.0.0.1:1/oai"]):
            line = mistake(filled, *command, database_url=url)
            assert said in line
            assert "secret" not in line
            assert "guessed" not in line


@postgresql_only
def test_a_role_that_may_only_read(
    tmp_path: Path, commands: Commands, stores: Stores, postgresql: PostgreSQL
) -> None:
    """A role that may only read serves, exports and checks; what writes says in one line that it cannot."""
    server = Server(tmp_path, commands, stores)
    server.sync(*CATALOGUE)
    server.write(*CATALOGUE[1:])
    before = server.exported()
    with postgresql.role(server.url, "SELECT ON ALL TABLES IN SCHEMA public") as url:
        for read_only in (url, f"{server.url}&options=-c%20default_transaction_read_only%3Don"):
            for command in WRITERS:
                line = mistake(server, *command, database_url=read_only)
                assert "cannot be written: " in line
                assert "permission denied" in line or "read-only transaction" in line
            for command in READERS:
                done = server.run(*command, database_url=read_only)
                assert (done.status, done.err) == (0, ""), command
        server.set(database_url=url)
        server.start()
        try:
            assert sum(len(page.headers) for page in server.pages("ListRecords", prefix="oai_dc")) == 8
            assert server.fetch("GET", "/readyz").status == 200
        finally:
            server.stop()
        assert server.exported() == before
    server.close()


@postgresql_only
def test_a_role_that_may_make_no_tables(place: Place, postgresql: PostgreSQL) -> None:
    """Who may make no tables makes no store, and says so in one line; one that is made can be written."""
    place.write(*CATALOGUE)
    with postgresql.role(place.url) as url:
        for command in (["sync"], SERVE, ["touch"], ["db", "upgrade"]):
            assert "permission denied for schema" in mistake(place, *command, database_url=url)
        assert place.content() is None
    place.oai("db", "upgrade")
    with postgresql.role(place.url, "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public") as url:
        place.set(database_url=url)
        counted = "7 added, 0 changed, 1 deleted, 0 unchanged, 0 rejected"
        assert place.oai("sync").splitlines()[-1] == counted
        assert place.oai("touch") == "16 records touched\n"
        assert place.oai("check").splitlines()[-1] == "everything passed"


def test_a_store_is_copied(filled: Place, postgresql: PostgreSQL, tmp_path: Path) -> None:
    """`oai db copy` moves a store to another kind of database and back, and refuses one that has something in it."""
    kinds: list[Stores] = [postgresql, SQLITE] if filled.stores is SQLITE else [SQLITE, postgresql]
    there, back = (kind.url(tmp_path, upgraded=False) for kind in kinds)
    before = filled.exported()
    for source, target in ((filled.url, there), (there, back)):
        assert filled.oai("db", "copy", source, target).endswith(", and proved\n")
        assert json.loads(filled.run("status", "--json", database_url=target).out)["records"] == 7
    assert [json.loads(line) for line in filled.run("export", database_url=back).out.splitlines()] == before
    assert "not empty" in mistake(filled, "db", "copy", there, back)
    for kind, url in zip(kinds, (there, back), strict=True):
        kind.drop(url)


@pytest.mark.parametrize(
    ("source", "target", "status"),
    [
        ("sqlite:///nowhere.sqlite", "sqlite:///new.sqlite", 1),
        ("{store}", "postgresql+psycopg://127.0.0.1:1/oai", 1),
        ("var/oai.sqlite", "sqlite:///new.sqlite", 2),
        ("{store}", "mysql://localhost/oai", 2),
    ],
)
def test_what_cannot_be_copied(filled: Place, source: str, target: str, status: int) -> None:
    """What is no database, or cannot be reached, is named, and nothing is made."""
    done = filled.run("db", "copy", source.format(store=filled.url), target)
    assert (done.status, done.out) == (status, "")
    assert "Traceback" not in done.err
    assert not (filled.directory / "new.sqlite").exists()


# Commands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["sync", "--nonsense"],
        ["serve", "--workers", "0"],
        ["serve", "--workers", "two"],
        ["serve", "127.0.0.1:8080"],
        ["export", "--format", "csv"],
        ["export", "--set"],
        ["check", "http://127.0.0.1/oai", "more"],
        ["db", "downgrade"],
        ["status", "--json=yes"],
    ],
)
def test_usage(filled: Place, arguments: list[str]) -> None:
    """Arguments that do not fit are exit status 2, and the last line says why."""
    before = filled.content()
    done = filled.run(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1].startswith("Error: ")
    assert filled.content() == before


def test_the_console_script(storeless: Place) -> None:
    """The installed script says what it is and can, and ends as the rest of these tests expect it to."""
    assert storeless.oai("--version", cold=True).startswith("oai, version ")
    done = storeless.run("status", cold=True, page_size=0)
    assert "page_size" in done.error
    assert storeless.run("nonsense", cold=True).status == 2


def test_help(storeless: Place) -> None:
    """Each command is listed and has its own help."""
    listed = storeless.oai("--help")
    for command in ("serve", "sync", "status", "check", "export"):
        assert f"  {command} " in listed
        assert storeless.oai(command, "--help").startswith(f"Usage: oai {command}")
    for option in ("--dry-run", "--allow-mass-delete", "--report", "--keep-datestamps"):
        assert option in storeless.oai("sync", "--help")
    assert storeless.oai("-h") == listed


def test_a_dry_run_on_a_new_directory(place: Place) -> None:
    """A dry run says what would be done and makes no store, nor a directory for one."""
    place.write(*CATALOGUE)
    printed = place.oai("sync", "--dry-run")
    assert printed.splitlines()[-1] == "7 added, 0 changed, 1 deleted, 0 unchanged, 0 rejected"
    assert "alpha" in printed
    assert sorted(path.name for path in place.directory.iterdir()) == ["source"]
    assert place.content() is None


def test_a_dry_run_on_a_store(place: Place) -> None:
    """A dry run says what would be done, and leaves the store as it is."""
    place.sync(*CATALOGUE)
    place.write(*CATALOGUE[1:], {"id": "new", "title": "New"})
    before = place.content()
    printed = place.oai("sync", "--dry-run").splitlines()
    assert printed[-1] == "1 added, 0 changed, 1 deleted, 7 unchanged, 0 rejected"
    assert place.content() == before


def test_a_report(place: Place) -> None:
    """``--report`` writes what was counted and what was found, as JSON."""
    path = place.write({"id": "a", "title": "A", "colour": "red"})
    path.write_text(path.read_text() + '{"id": "b"}\n')
    place.oai("sync", "--report", "report.json")
    report = json.loads((place.directory / "report.json").read_text(encoding="utf-8"))
    counted = {name: report[name] for name in ("added", "changed", "deleted", "unchanged", "rejected")}
    assert counted == {"added": 1, "changed": 0, "deleted": 0, "unchanged": 0, "rejected": 1}
    found = [(one["file"], one["line"], one["rejected"]) for one in report["findings"]]
    assert found == [("items.jsonl", 1, False), ("items.jsonl", 2, True)]
    assert all(one["reason"] for one in report["findings"])


@pytest.mark.parametrize("where", ["no/such/directory/report.json", "source", "/dev/full"])
def test_a_report_that_cannot_be_written(place: Place, where: str) -> None:
    """A report that cannot be written is an error, and the store is as before, as with every exit 1."""
    place.sync(*CATALOGUE)
    place.write(*CATALOGUE, {"id": "new", "title": "New"})
    assert where in mistake(place, "sync", "--report", where)


def test_status_as_json(place: Place) -> None:
    """``oai status --json`` is one JSON object with the figures of the store."""
    place.sync(*CATALOGUE)
    found = json.loads(place.oai("status", "--json"))
    assert (found["records"], found["deleted"], found["sets"]) == (7, 1, 7)
    assert found["pending_migrations"] == []
    assert found["per_format"]["oai_dc"] == {"records": 8, "deleted": 1}
    assert found["per_set"]["tag:prisons"]["oai_dc"] == {"records": 4, "deleted": 1}
    assert found["earliest_datestamp"] <= found["newest_datestamp"]
    assert found["sources"].keys() == {"source"}


def test_status_of_nothing(place: Place) -> None:
    """Where there is no store yet, status says what it would be, and makes none."""
    found = json.loads(place.oai("status", "--json"))
    assert (found["records"], found["deleted"], found["earliest_datestamp"]) == (0, 0, None)
    assert found["pending_migrations"]
    assert list(place.directory.iterdir()) == []
    assert place.content() is None


def test_the_round_trip(
    place: Place, tmp_path_factory: pytest.TempPathFactory, commands: Commands, stores: Stores
) -> None:
    """What ``oai export`` writes makes, in a new store, the same export byte for byte, deleted items too."""
    place.sync(*CATALOGUE)
    place.sync(*CATALOGUE[2:], {"id": "beta", "title": "Beta", "tags": ["Courts"], "url": "https://a.b/?c&d"})
    place.sync(*CATALOGUE[3:], {"id": "last", "title": "A “last” one", "rights": ["CC0"], "language": "de"})
    first = place.oai("export", "--datestamps")
    assert first.count("\n") == 9
    assert first.count('"deleted":true') == 4
    other = Place(tmp_path_factory.mktemp("other"), commands, stores)
    (other.directory / "source").mkdir()
    (other.directory / "source" / "items.jsonl").write_text(first, encoding="utf-8")
    assert (
        other.oai("sync", "--keep-datestamps") == "5 added, 0 changed, 4 deleted, 0 unchanged, 0 rejected\n"
    )
    assert other.oai("export", "--datestamps") == first
    assert other.oai("export") == place.oai("export")
    assert _records(other.oai("export", "--format", "xml")) == _records(
        place.oai("export", "--format", "xml")
    )
    for spec in ("tag", "tag:prisons", "tag:courts", "section:reports"):
        assert other.oai("export", "--set", spec) == place.oai("export", "--set", spec)
    other.close()


def _records(response: str) -> list[str]:
    validate(response.encode())
    return sorted(line for line in response.splitlines() if line.startswith("<record>"))


def test_an_export_that_nobody_reads_to_its_end(place: Place) -> None:
    """Where the reader of an export goes away, the export ends without a traceback."""
    place.sync(*({"id": f"item-{n}", "title": "A long title " * 400} for n in range(60)))
    done = place.run("export")
    assert len(done.out) > 200_000
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = place.popen("export", out=writer)
    finally:
        os.close(writer)
    assert "Traceback" not in ended
    assert "Exception" not in ended


def test_touching_nothing(filled: Place) -> None:
    """Commands that only look leave the store as it is."""
    before = filled.content()
    for command in (["status"], ["status", "--json"], ["export"], ["export", "--format", "xml"], ["check"]):
        filled.oai(*command)
    assert filled.content() == before


@pytest.mark.parametrize("set_spec", ["tag:nowhere", "tag:", "é", "\udcff"])
def test_a_set_that_is_not_there(filled: Place, set_spec: str) -> None:
    """A set that is not there, or cannot be, is named."""
    for command in (["export"], ["export", "--format", "xml"], ["touch"]):
        assert "there is no set" in mistake(filled, *command, "--set", set_spec)


# oai serve and oai check ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stores", "number"),
    [("sqlite", signal.SIGTERM), ("sqlite", signal.SIGINT), ("postgresql", signal.SIGTERM)],
    indirect=["stores"],
)
def test_serving_an_empty_library(
    tmp_path: Path, commands: Commands, stores: Stores, number: signal.Signals
) -> None:
    """An empty library is served, validly and after a first sync with its records; it stops when told to.

    How it is told makes no difference to the store, so one signal suffices on PostgreSQL.
    """
    server = Server(tmp_path, commands, stores)
    server.start("--no-sync")
    try:
        assert "Serving 0 records in 0 sets" in server.out
        assert "Press Ctrl+C to stop." in server.out
        assert server.ask("Identify").codes == []
        assert server.ask("ListRecords", prefix="oai_dc").codes == ["noRecordsMatch"]
        assert server.ask("ListIdentifiers", prefix="oai_dc", set="tag").codes == ["noRecordsMatch"]
        assert server.ask("ListSets").codes == ["noSetHierarchy"]
        assert server.fetch("GET", "/readyz").status == 200
        server.sync(*CATALOGUE)
        assert len(server.pages("ListRecords", prefix="oai_dc")) == 3
        with closing(server.connect()) as idle:  # a connection that is kept does not keep the server
            server.fetch("GET", "/oai?verb=Identify", connection=idle)
            server.stop(number)
    finally:
        server.kill_all()
        server.close()


def test_workers(server: Server) -> None:
    """As many processes answer as were asked for."""
    assert len(server.workers) == 2


def test_check_of_the_server(server: Server) -> None:
    """``oai check URL`` finds nothing wrong with the real server, at /oai and at a set's own base URL."""
    for url in (server.base_url, f"{server.base_url}/sets/tag:prisons"):
        done = server.run("check", url)
        assert (done.status, done.err) == (0, ""), done.out
        assert "FAIL" not in done.out
        assert done.out.splitlines()[-1] == "everything passed"
        assert done.out.count("ok  ") > 20


def test_check_without_a_server(filled: Place) -> None:
    """``oai check`` finds nothing wrong with the store's own endpoint, without a server."""
    assert filled.oai("check").splitlines()[-1] == "everything passed"


class Broken(http.server.BaseHTTPRequestHandler):
    """A server that answers everything with what it was given."""

    protocol_version = "HTTP/1.0"
    reply: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        """Answer."""
        self.wfile.write(self.reply)

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def broken(reply: bytes) -> Iterator[str]:
    """Serve *reply* to whatever is asked, and give the address."""
    handler = type("Handler", (Broken,), {"reply": reply})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/oai"
        finally:
            server.shutdown()
            thread.join()


def http_reply(body: bytes, *headers: bytes, status: bytes = b"200 OK", kind: bytes = b"text/xml") -> bytes:
    """Return a reply of HTTP."""
    lines = (b"HTTP/1.0 " + status, b"Content-Type: " + kind, *headers, b"", body)
    return b"\r\n".join(lines)


IDENTIFY = b"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-01-01T00:00:00Z</responseDate>
<request verb="Identify">http://127.0.0.1/oai</request><Identify><repositoryName>x</repositoryName>
<compression>gzip</compression></Identify></OAI-PMH>"""

ANSWERS: dict[str, bytes] = {
    "nothing": http_reply(b""),
    "HTML": http_reply(b"<html>Not here</html>", kind=b"text/html"),
    "not found": http_reply(b"Not found", status=b"404 Not Found", kind=b"text/plain"),
    "an error of its own": http_reply(b"<error/>", status=b"500 Oops"),
    "out of order": http_reply(b"", b"Retry-After: 1", status=b"503 Service Unavailable"),
    "XML of another kind": http_reply(b'<?xml version="1.0"?><rss version="2.0"/>'),
    "XML cut off": http_reply(b'<?xml version="1.0" encoding="UTF-8"?><OAI-PMH>'),
    "always Identify": http_reply(IDENTIFY),
    "compressed, unasked": http_reply(b"\x1f\x8b junk", b"Content-Encoding: gzip"),
    "no Content-Type": b"HTTP/1.0 200 OK\r\n\r\n" + IDENTIFY,
    "bytes": http_reply(bytes(range(256)) * 10),
    "entities": http_reply(
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><OAI-PMH>&d;</OAI-PMH>'
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_check_of_a_broken_server(storeless: Place, answer: str) -> None:
    """``oai check`` fails, with exit status 1 and what is wrong, on a server that answers wrong things."""
    with broken(ANSWERS[answer]) as url:
        done = storeless.run("check", url)
    assert (done.status, done.err) == (1, "")
    assert "FAIL Identify" in done.out
    assert done.out.splitlines()[-1].endswith(" failed")


CUT_OFF: dict[str, bytes] = {
    "no HTTP": b"this is no HTTP\r\n\r\n",
    "hung up": b"",
    "shorter than announced": http_reply(b"<a/>", b"Content-Length: 1000"),
    "an endless header": b"HTTP/1.0 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    "a loop": http_reply(b"", b"Location: /oai", status=b"302 Found"),
    "elsewhere, as a file": http_reply(b"", b"Location: file:///etc/passwd", status=b"302 Found"),
}


@pytest.mark.parametrize("reply", CUT_OFF)
def test_check_of_no_server(storeless: Place, reply: str) -> None:
    """What does not answer in HTTP at all is one line, or a check that failed."""
    with broken(CUT_OFF[reply]) as url:
        done = storeless.run("check", url)
    assert "Traceback" not in done.err
    assert done.status == 1
    assert done.err == "" or url in done.error


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/oai",
        "127.0.0.1/oai",
        "file:///etc/passwd",
        "http://",
        "http://[",
        "http://127.0.0.1:1/oai",
        "http://127.0.0.1:99999/oai",
        "http://127.0.0.1:port/oai",
        "http://a b/oai",
        "http://127.0.0.1:1/é",
    ],
)
def test_check_of_no_address(storeless: Place, url: str) -> None:
    """An address that is none, or at which nobody answers, is one line."""
    assert mistake(storeless, "check", url)


def test_check_compares(server: Server) -> None:
    """``oai check`` sees that an endpoint says it is at another address than the one that was asked."""
    done = server.run("check", server.base_url.replace("127.0.0.1", "localhost"))
    assert done.status == 1
    assert "baseURL" in done.out


def items(*names: str) -> list[dict[str, Any]]:
    """Return items by their names."""
    return [{"id": name, "title": name.title()} for name in names]


def test_two_syncs_at_once(place: Place) -> None:
    """Of two syncs at once one waits for the other, and both are done at the end."""
    place.write(*items(*(f"item-{n}" for n in range(300))))
    (place.directory / "more").mkdir()
    (place.directory / "more" / "more.jsonl").write_text('{"id":"one-more","title":"One more"}\n')
    place.oai("db", "upgrade")
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda path=path: done.append(place.run("sync", path, cold=True).status))
        for path in ("source", "more")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [0, 0]
    assert len(place.exported()) == 301
