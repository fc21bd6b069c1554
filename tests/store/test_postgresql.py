"""What is particular to PostgreSQL: a server that may be away, locks, and pgbouncer between it and us."""

import os
import pwd
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text, update

import oai.store
from oai.repository import Unavailable
from oai.store.database import Database, StoreError
from oai.store.horizon import horizon
from oai.store.publishing import MANY, publishing
from oai.store.repository import SqlRepository
from oai.store.schema import RepositoryRow
from oai.web import create_app
from tests.programs import free_port, installed
from tests.server.conftest import wait_until
from tests.store.test_publishing import mark
from tests.stores import PostgreSQL, Stores, name_of, postgresql_only
from tests.workbench import START, Workbench

versions = Path(oai.store.__file__).parent / "migrations" / "versions"
NOWHERE = "postgresql+psycopg://127.0.0.1:1/oai"


# Ten processes that begin when the first byte comes; each tells how many migrations it has applied.
_TEN = """
import os, sys
from oai.store.database import Database
gate, opened = os.pipe()
for _ in range(10):
    if not os.fork():
        os.close(opened)
        os.read(gate, 1)
        os.write(1, b"%d " % len(Database(sys.argv[1]).upgrade()))
        os._exit(0)
os.close(opened)
sys.exit(any(os.wait()[1] for _ in range(10)))
"""


def test_ten_nodes_that_start_at_once_migrate_once(tmp_path: Path, stores: Stores) -> None:
    """Of ten processes that bring a database up to date, one does it, and the others find it done."""
    url = stores.url(tmp_path, upgraded=False)
    nodes = subprocess.run(
        [sys.executable, "-c", _TEN, url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (nodes.returncode, nodes.stderr) == (0, "")
    applied = sorted(map(int, nodes.stdout.split()))
    assert applied == [0] * 9 + [len(list(versions.glob("0*.py")))]
    stores.drop(url)


def test_an_upgrade_waits_for_nobody_where_there_is_nothing_to_do(bench: Workbench) -> None:
    """A node that starts while somebody writes for long does not wait for that."""
    with bench.database.alone():
        assert bench.again().database.upgrade() == []


def test_a_server_that_is_not_there() -> None:
    """Without a server reading is unavailable, and anything else is an error of one cause."""
    database = Database(NOWHERE)
    with pytest.raises(Unavailable, match="refused"), database.reading():
        pass
    with pytest.raises(Unavailable, match="refused"), database.snapshot():
        pass
    for action in (database.pending, database.upgrade, database.require):
        with pytest.raises(StoreError, match="refused"):
            action()
    with pytest.raises(StoreError, match="refused"), database.alone():
        pass
    assert database.write_now(update(RepositoryRow).values(claimed=1)) is False


@postgresql_only
def test_a_connection_that_is_lost(bench: Workbench, postgresql: PostgreSQL) -> None:
    """Whoever reads is told to come again, whoever writes has changed nothing; then all is as before."""
    bench.sync({"id": "a"})
    before = bench.headers()
    name = name_of(bench.settings.database_url)

    def cut() -> None:
        with psycopg.connect(postgresql.server.get_uri(), autocommit=True) as connection:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(query, [name])

    def read() -> None:
        with bench.database.reading() as connection:
            cut()
            connection.execute(text("SELECT 1"))

    def publish() -> None:
        with publishing(bench.database, lambda: START + 100) as publication:
            publication.settle_namespace("library.example.org")
            cut()

    with pytest.raises(Unavailable):
        read()
    cut()
    assert bench.headers() == before
    with pytest.raises(StoreError):
        publish()
    assert bench.headers() == before
    assert bench.sync({"id": "a", "title": "Changed"}).changed == 1


@postgresql_only
def test_a_connection_that_is_lost_in_a_request(
    bench: Workbench, postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    """It is thrown away, and what is logged is what the request says of it, without a traceback."""

    def read() -> None:
        with bench.database.reading() as connection:
            with psycopg.connect(postgresql.server.get_uri(), autocommit=True) as other:
                query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
                other.execute(query, [name_of(bench.settings.database_url)])
            horizon(bench.database, connection, START)

    with pytest.raises(Unavailable):
        read()
    assert not caplog.records


@postgresql_only
def test_tables_that_are_not_there(tmp_path: Path, stores: Stores) -> None:
    """A database without tables is unavailable, and no empty library."""
    database = Database(stores.url(tmp_path, upgraded=False))
    with pytest.raises(Unavailable, match="does not exist"), database.reading() as connection:
        connection.execute(text("SELECT * FROM repository"))
    with pytest.raises(StoreError, match="there is no store"):
        database.require()
    database.dispose()


@postgresql_only
def test_requests_that_take_too_long(bench: Workbench) -> None:
    """A statement of a request is given up after its time; one that has no connection left, too."""
    hurried = Database(bench.settings.database_url, connections=1, timeout=1)
    with pytest.raises(Unavailable, match="statement timeout"), hurried.reading() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    hurried._reader.pool._timeout = 0.1  # type: ignore[attr-defined]
    with hurried.reading(), pytest.raises(Unavailable, match="in use"), hurried.reading():
        pass
    hurried.dispose()


@postgresql_only
def test_whoever_reads_an_inventory_slowly(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the parts that an inventory is read in, no connection is held; and no line is lost."""
    bench.sync(*({"id": f"i{n}"} for n in range(9)))
    app = create_app(bench.settings.model_copy(update={"database_connections": 1}))
    whole = app.test_client().get("/oai/inventory/records").data
    monkeypatch.setattr(SqlRepository.digests_behind, "__defaults__", (2,))
    lines = app.test_client().get("/oai/inventory/records", buffered=False).iter_encoded()
    read = next(lines)
    assert app.test_client().get("/oai?verb=Identify").status_code == 200
    assert read + b"".join(lines) == whole
    assert whole.count(b"\n") == 10
    app.extensions["oai.servers"].dispose()


@postgresql_only
@pytest.mark.parametrize("published", [True, False])
def test_a_claim_that_meets_a_publication(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, *, published: bool
) -> None:
    """A claim that waits for the row of the repository is made of what the row says then."""
    monkeypatch.setattr("oai.store.database.CLAIM_WAIT", 30)
    claim = update(RepositoryRow).where(RepositoryRow.publishing_since.is_(None)).values(claimed=START)
    made: list[bool] = []
    claimer = threading.Thread(target=lambda: made.append(bench.database.write_now(claim)))
    with suppress(RuntimeError), bench.database.alone() as connection:
        connection.execute(update(RepositoryRow).values(publishing_since=START))
        claimer.start()
        with bench.database.reading() as reader:
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            wait_until(lambda: reader.scalar(waiting) == 1)
        if not published:
            raise RuntimeError
    claimer.join(30)
    assert made == [not published]


@postgresql_only
def test_text_is_in_the_order_of_its_bytes(bench: Workbench) -> None:
    """Every column of text has the collation C, and what blocks hold is not compressed once more."""
    columns = text(
        "SELECT c.relname || '.' || a.attname, l.collname, a.attstorage FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_collation l ON l.oid = a.attcollation"
        " WHERE n.nspname = 'public' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    )
    with bench.database.reading() as connection:
        found = {name: (collation, storage) for name, collation, storage in connection.execute(columns)}
        sequences = connection.scalar(text("SELECT count(*) FROM pg_sequences"))
    others = {name: of for name, of in found.items() if of[0] not in (None, "C")}
    assert set(others) == {"alembic_version.version_num"}
    assert {found[f"block.{name}"][1] for name in ("lz4", "deflate", "zstd")} == {"e"}
    assert sequences == 0


@postgresql_only
def test_what_a_large_change_brings_is_counted_with_it(bench: Workbench) -> None:
    """Whoever reads a list that has just come knows how long it is."""
    bench.sync(*({"id": f"i{n}"} for n in range(MANY)))
    counted = text("SELECT reltuples FROM pg_class WHERE relname = 'record'")
    with bench.database.reading() as connection:
        assert connection.scalar(counted) == 2 * (MANY + 1)


@pytest.fixture
def pgbouncer(postgresql: PostgreSQL) -> Iterator[int]:
    """Give the port of a pgbouncer in transaction mode; without one, skip here and fail in CI."""
    program = installed("pgbouncer", "pgbouncer")
    port = free_port()
    user = postgresql.server.system_user  # as root it does not run either
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory) / "pgbouncer.ini"
        server = make_url(postgresql.server.get_uri()).query["host"]
        configuration.write_text(
            f"[databases]\n* = host={server} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
            "ignore_startup_parameters = options\nserver_idle_timeout = 1\n"
        )
        if user:
            os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
        with subprocess.Popen(
            [program, "-q", configuration], user=user, stderr=subprocess.DEVNULL
        ) as process:

            def answers() -> bool:
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    return True
                return False

            wait_until(answers)
            yield port
            process.terminate()


@postgresql_only
def test_pgbouncer(bench: Workbench, pgbouncer: int) -> None:
    """Behind pgbouncer, whose connections belong to a transaction only, all is as without it."""
    url = f"postgresql+psycopg://postgres@127.0.0.1:{pgbouncer}/{name_of(bench.settings.database_url)}"
    behind = bench.again(database_url=url)
    for title in ("One", "Two"):
        behind.sync(*({"id": f"i{n}", "title": title, "tags": ["T"]} for n in range(30)))
        assert len(behind.headers()) == 30
        assert behind.headers("tag:t") == bench.headers("tag:t")
    other = bench.again()  # whose lock is one with that of a writer behind pgbouncer
    told = threading.Event()

    def write() -> None:
        with other.database.alone(told.set):
            pass

    # More readers than pgbouncer has connections, and each of them claims a responseDate of its own.
    readers = [behind.again(database_url=url) for _ in range(8)]
    with ThreadPoolExecutor(9) as pool:
        with publishing(behind.database, lambda: START + 500):
            found = [pool.submit(reader.headers) for reader in readers]
            writer = pool.submit(write)
            assert told.wait(10)
            assert [len(each.result(30)) for each in found] == [30] * 8
        writer.result(30)
        dates = [pool.submit(mark, reader, START + n) for n, reader in enumerate(readers, 900)]
        assert {each.result(30)[:16] for each in dates} == {"2026-01-01T00:15"}
