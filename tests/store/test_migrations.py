"""Migrations: what a store says is the same after them."""

from pathlib import Path

from alembic import command
from sqlalchemy import Connection, text

from oai import render
from oai.store.database import Database, _alembic
from oai.store.horizon import horizon
from oai.store.repository import SqlRepository
from tests.memory import METADATA
from tests.store.test_blocks import check_blocks
from tests.stores import Stores
from tests.workbench import Workbench

FORMATS = ("oai_dc", "oai_qdc")
NAMESPACE = "library.example.org"


def test_records_move_into_blocks(tmp_path: Path, stores: Stores) -> None:
    """Records that had their XML in their rows are the same records, in the same order, in blocks."""
    database = Database(url := stores.url(tmp_path, upgraded=False))
    with database.writing() as connection:
        upgrade(connection, "0003")
        fill(connection)
    database.upgrade()
    check_blocks(database)
    database.dispose()
    bench = Workbench(tmp_path, stores, database_url=url, page_size=50)
    with bench.database.reading() as connection:
        formats = [known.metadata_format() for known in bench.library.formats.values()]
        at = horizon(bench.database, connection, bench.now)
        repository = SqlRepository(connection, formats, NAMESPACE, 10_000_000, horizon=at)
        for format_id, prefix in enumerate(FORMATS, 1):
            for number in range(67):
                expected = record(number, format_id)
                assert repository.record(f"oai:{NAMESPACE}:i{number}", prefix) == expected
        pages = bench.harvest("ListRecords")
    assert [name for page in pages for name in page.identifiers] == [f"i{n}" for n in range(67)]
    bench.close()


def upgrade(connection: Connection, revision: str) -> None:
    """Make the tables of an older version."""
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def fill(connection: Connection) -> None:
    """Put 67 items with two records each into tables of revision 0003; every fifth is deleted."""
    insert = "INSERT INTO format (id, prefix, fingerprint) VALUES (:id, :prefix, '')"
    rows = [{"id": number, "prefix": prefix} for number, prefix in enumerate(FORMATS, 1)]
    connection.execute(text(insert), rows)
    for number in range(67):
        named = {"id": number + 1, "local": f"i{number}", "deleted": number % 5 == 0}
        connection.execute(
            text("INSERT INTO item (id, local, deleted) VALUES (:id, :local, :deleted)"), named
        )
        for format_id in (1, 2):
            head, sets, body = parts(number, format_id)
            serial = number * 2 + format_id
            connection.execute(
                text(
                    "INSERT INTO record (id, format_id, datestamp, serial, item_id, digest, header, set_specs,"
                    " body) VALUES (:id, :format_id, :datestamp, :id, :item_id, :digest, :header, :sets, :body)"
                ),
                {
                    "id": serial,
                    "format_id": format_id,
                    "datestamp": 1000 + number // 10,
                    "item_id": number + 1,
                    "digest": b"" if number % 5 == 0 else b"d",
                    "header": head,
                    "sets": sets,
                    "body": body,
                },
            )


def parts(number: int, format_id: int) -> tuple[bytes, bytes, bytes]:
    """Return header, setSpec elements and body of a record."""
    deleted = number % 5 == 0
    head = render.header(f"oai:{NAMESPACE}:i{number}", 1000 + number // 10, deleted=deleted)
    sets = b"".join(map(render.set_spec, ["tag:a", "tag:b"][: number % 3]))
    return head, sets, b"" if deleted else METADATA % (b"%d in %d" % (number, format_id))


def record(number: int, format_id: int) -> bytes:
    """Return a record as it is to be sent."""
    return render.record(*parts(number, format_id))
