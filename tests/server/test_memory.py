"""What the processes keep in memory, harvest after harvest."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.conftest import Commands, Server
from tests.stores import Stores

pytestmark = [
    pytest.mark.allow_hosts("127.0.0.1"),
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux says how much memory"),
]

RECORDS = 2_000
CODINGS = (None, "gzip", "zstd")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, commands: Commands, stores: Stores) -> Iterator[Server]:
    """Give a server with many records, and pages of a size that is usual."""
    server = Server(tmp_path_factory.mktemp("large"), commands, stores)
    server.set(page_size=100)
    text = "What the report says, at some length. " * 30
    server.sync(
        *(
            {
                "id": f"item-{n}",
                "title": f"Title {n}",
                "description": f"{n}: {text}",
                "tags": [f"Tag {n % 40}"],
            }
            for n in range(RECORDS)
        )
    )
    server.start()
    yield server
    server.stop()
    server.close()


def resident(worker: int) -> int:
    """Return the resident memory of a process, in KiB."""
    found = re.search(r"^Rss: +(\d+) kB", Path(f"/proc/{worker}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def harvest(server: Server) -> int:
    """Harvest everything on one connection, in each coding by turns; return how many records that is."""
    records = 0
    with closing(server.connect()) as connection:
        target = "/oai?verb=ListRecords&metadataPrefix=oai_dc"
        page = 0
        while target:
            coding = CODINGS[page % len(CODINGS)]
            page += 1
            # What is compressed here is read by nobody: the token is asked for once more, plainly.
            if coding:
                server.fetch("GET", target, None, {"Accept-Encoding": coding}, connection)
            body = server.fetch("GET", target, connection=connection).body
            records += body.count(b"<record>")
            token = re.search(rb"<resumptionToken[^>]*>([^<]+)</resumptionToken>", body)
            target = f"/oai?verb=ListRecords&resumptionToken={token[1].decode()}" if token else ""
    return records


def test_memory_stays(large: Server) -> None:
    """After three full harvests a worker holds at most a tenth more memory than after the first."""
    held = []
    for _ in range(3):
        for worker in large.workers:
            with large.only(worker):
                assert harvest(large) == RECORDS
        held.append([resident(worker) for worker in large.workers])
    first, _, third = held
    for before, after in zip(first, third, strict=True):
        assert after <= before * 1.1, held
