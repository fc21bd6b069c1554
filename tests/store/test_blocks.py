"""Blocks: what lies in them is what the records say, whatever was put in and cut out."""

import gc
import gzip
import itertools
import re
from typing import Any
from unittest.mock import patch

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from oai import render, splicing
from oai.helpers import Helper, HelperError
from oai.protocol.model import Encoded
from oai.store.cutting import Place, unpacked
from oai.store.database import Database, StoreError
from oai.store.forms import Maker
from oai.store.repository import SqlRepository
from oai.store.schema import BYTES_OF_BLOCK, RECORDS_OF_BLOCK, BlockRow, RecordRow
from tests.stores import Stores
from tests.workbench import Workbench, temporary


def check_blocks(database: Database) -> None:
    """Assert that each record has its piece of a block, in the order of lists, and that no byte is left."""
    with database.reading() as connection:
        blocks = connection.execute(select(BlockRow).order_by(BlockRow.format_id, BlockRow.datestamp)).all()
        for block in blocks:
            text = unpacked(block.size, block.crc32, block.lz4)
            checked(text, block)
            query = select(RecordRow).where(RecordRow.block_id == block.id)
            records = connection.execute(query.order_by(RecordRow.datestamp, RecordRow.serial)).all()
            assert 0 < len(records) == block.records <= RECORDS_OF_BLOCK
            assert {record.format_id for record in records} == {block.format_id}
            end = 0
            for record in records:
                place = Place(record.start, record.header_size, record.set_specs_size, record.size)
                xml = place.record(text)
                assert record.start == end
                end += record.size
                head, sets, body = (
                    place.header(text, with_sets=False),
                    place.set_specs(text),
                    place.body(text),
                )
                assert head.startswith(b"<header")
                assert head.endswith(b"</datestamp></header>\n")
                stamped = head.removesuffix(b"</header>\n")
                assert sets == b"".join(re.findall(rb"<setSpec>[^<]*</setSpec>", sets))
                assert place.header(text) == b"%b%b</header>\n" % (stamped, sets)
                assert xml == render.record(stamped, sets, body)
                assert place.record(text, with_sets=False) == render.record(stamped, b"", body)
                assert (
                    head.startswith(b'<header status="deleted">') is (record.digest == b"") is (body == b"")
                )
            assert end == len(text)
            assert (block.first_datestamp, block.first_serial) == (records[0].datestamp, records[0].serial)
            assert (block.datestamp, block.serial) == (records[-1].datestamp, records[-1].serial)
        known = {block.id for block in blocks}
        assert set(connection.scalars(select(RecordRow.block_id))) == known


def checked(text: bytes, block: Any) -> None:
    """Assert that the forms of a block are of the same records."""
    assert gzip.decompress(splicing.gzip([Encoded(block.deflate, block.size, block.crc32)])) == text
    frame = splicing.zstd([Encoded(block.zstd, block.size, block.crc32)])
    assert zstandard.ZstdDecompressor().decompress(frame) == text


NAMES = st.sampled_from([f"i{n:02}" for n in range(70)])
TITLES = st.sampled_from(["A", "B", "a much longer title " * 40])


@settings(max_examples=15, deadline=None)
@given(syncs=st.lists(st.dictionaries(NAMES, TITLES), max_size=4), page_size=st.sampled_from([7, 25, 60]))
def test_blocks_and_records_agree(stores: Stores, syncs: list[dict[str, str]], page_size: int) -> None:
    """After any syncs each record lies in one block, and blocks hold nothing else; pages have all of it."""
    with temporary(stores, page_size=page_size) as bench:
        for titles in syncs:
            items = ({"id": name, "title": title, "tags": [title[0]]} for name, title in titles.items())
            bench.sync(*items, allow_mass_delete=True)
            check_blocks(bench.database)
            pages = bench.harvest("ListRecords")
            headers = bench.harvest("ListIdentifiers")
            assert all(len(page.identifiers) <= page_size for page in pages)
            assert [name for page in pages for name in page.identifiers] == [
                name for page in headers for name in page.identifiers
            ]


def test_most_pages_are_made_of_whole_blocks(bench: Workbench) -> None:
    """A full harvest reads whole blocks, also after it has begun within one, and fills its pages."""
    bench.settings = bench.settings.model_copy(update={"page_size": 60})
    bench.sync(*({"id": f"i{n:03}", "title": "A title"} for n in range(100)))
    bench.sync(*({"id": f"i{n:03}", "title": "Another" if n == 7 else "A title"} for n in range(200)))
    assert [len(page.identifiers) for page in bench.harvest("ListRecords")] == [59, 60, 60, 22]
    with patch.object(SqlRepository, "_found", side_effect=AssertionError):
        assert len(bench.harvest("ListRecords")) == 4


def test_a_large_record_ends_a_block(bench: Workbench) -> None:
    """What is as large as a block has one to itself, and pages that must end within blocks still do."""
    bench.settings = bench.settings.model_copy(update={"page_size": 100, "page_bytes": 100_000})
    sizes = [10, BYTES_OF_BLOCK, 10, 10, BYTES_OF_BLOCK, BYTES_OF_BLOCK, 10]
    bench.sync(*({"id": f"i{n}", "description": "x " * (size // 2)} for n, size in enumerate(sizes)))
    check_blocks(bench.database)
    found = [name for page in bench.harvest("ListRecords") for name in page.identifiers]
    assert found == [*(f"i{n}" for n in range(7)), "always-here"]


def test_who_has_published_may_fork(bench: Workbench) -> None:
    """A server that has synced forks its workers: nothing of what has packed blocks is there any more."""
    bench.sync(*({"id": f"i{n}"} for n in range(50)))
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Maker)]


@pytest.mark.parametrize("processors", [1, 2])
def test_a_helper_packs_the_same(stores: Stores, processors: int) -> None:
    """A store that a helper has packed is what one is that was packed here, and the helper is gone."""
    items = [{"id": f"i{n:03}", "title": f"Title {n}", "tags": ["T"]} for n in range(150)]
    changed = [{**item, "title": "Another"} if n % 7 else item for n, item in enumerate(items)]
    found = []
    for worth in (2, 10_000):
        with (
            temporary(stores, page_size=60) as bench,
            patch("oai.store.press.WORTH", worth),
            patch("oai.store.press.MOST", 3),
            patch("os.sched_getaffinity", return_value=set(range(processors))),
            patch("oai.store.press.Helper", wraps=Helper) as helper,
        ):
            bench.sync(*items)
            bench.sync(*changed)
            check_blocks(bench.database)
            assert helper.called is (worth == 2 and processors == 2)
            with bench.database.reading() as connection:
                found.append(
                    connection.execute(select(*BlockRow.__table__.columns).order_by(BlockRow.id)).all()
                )
    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_a_helper_that_is_killed_while_it_packs(bench: Workbench) -> None:
    """Nothing is changed, and the operator is told."""
    bench.sync({"id": "before"})

    def killed(self: Helper) -> None:
        self._process.kill()

    with (
        patch("oai.store.press.WORTH", 1),
        patch("os.sched_getaffinity", return_value={0, 1}),
        patch("oai.store.press.Helper.load", lambda self, _: killed(self)),
        pytest.raises(HelperError, match="killed"),
    ):
        bench.sync(*({"id": f"i{n}"} for n in range(100)))
    assert bench.harvest()[-1].identifiers[-2:] == ["before", "always-here"]
    check_blocks(bench.database)


def test_damage_is_noticed(bench: Workbench) -> None:
    """A block of which a bit is another is not sent, nor cut from, nor written anew."""
    bench.sync(*({"id": f"i{n}", "title": f"Title {n}"} for n in range(30)))
    with bench.database.writing() as connection:
        for row in connection.execute(select(BlockRow.id, BlockRow.lz4)).all():
            spoilt = bytearray(row.lz4)
            spoilt[len(spoilt) // 2] ^= 1
            connection.execute(update(BlockRow).where(BlockRow.id == row.id).values(lz4=bytes(spoilt)))
    bench.codings = itertools.cycle([None])
    with pytest.raises(StoreError, match="damaged"):
        bench.ask("ListRecords", prefix="oai_dc")
    with pytest.raises(StoreError, match="damaged"):
        bench.ask("GetRecord", prefix="oai_dc", identifier="oai:library.example.org:i3")
    with pytest.raises(StoreError, match="damaged"):
        bench.sync({"id": "i3", "title": "Another"}, allow_mass_delete=True)


def test_a_helper_that_cannot_be_started() -> None:
    """The operator is told why."""
    with patch("subprocess.Popen", side_effect=OSError(11, "no")), pytest.raises(HelperError, match="no"):
        Helper()
