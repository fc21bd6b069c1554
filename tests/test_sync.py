"""Sources made into records: what is added, changed, deleted, kept, and refused."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from oai import export
from oai.formats import Context, Written, oai_dc
from oai.item import Item
from oai.sources import Entry, Problem, checked
from oai.sources.files import SourceError, find_source
from oai.status import status
from oai.store.database import StoreError
from oai.sync import Report, sync
from tests.stores import Stores
from tests.workbench import START, Workbench, temporary

SEEDS = Path(__file__).parent.parent / "seeds"


def exported(bench: Workbench, *, datestamps: bool = False) -> bytes:
    """Return the whole store as JSON Lines."""
    with bench.database.reading() as connection:
        return b"".join(export.as_jsonl(connection, datestamps=datestamps))


def test_the_seeds(bench: Workbench) -> None:
    """The two pages have ten posts, one of them on both: nine items, with all their tags."""
    assert str(bench.sync_path(SEEDS)) == "9 added, 0 changed, 0 deleted, 0 unchanged, 0 rejected"
    assert str(bench.sync_path(SEEDS)) == "0 added, 0 changed, 0 deleted, 9 unchanged, 0 rejected"
    headers = bench.headers()
    assert len(headers) == 9
    both = [
        sets for _, _, sets in headers.values() if {"tag:child-sexual-abuse", "tag:children"} <= set(sets)
    ]
    assert both == [("section:victimization", "tag:child-sexual-abuse", "tag:children")]


def test_a_datestamp_moves_if_and_only_if_something_changed(bench: Workbench) -> None:
    """Only the item of which something else is said gets a new datestamp."""
    bench.sync({"id": "a"}, {"id": "b", "tags": ["T"]}, {"id": "c"}, at=bench.now)
    before = bench.headers()
    report = bench.sync({"id": "c"}, {"id": "a", "title": "Another"}, {"id": "b", "tags": ["T"]})
    assert (report.added, report.changed, report.deleted, report.unchanged) == (0, 1, 0, 3)
    after = bench.headers()
    assert [local for local in after if after[local] != before[local]] == ["a"]
    assert after["a"][0] > before["a"][0]


def test_a_new_tag_is_a_change(bench: Workbench) -> None:
    """An item that joins a set says something else in its header: its datestamp moves."""
    bench.sync({"id": "a", "tags": ["One"]})
    first = bench.headers()["a"]
    bench.sync({"id": "a", "tags": ["One", "Two"]})
    second = bench.headers()["a"]
    assert second[0] > first[0]
    assert second[2] == ("tag:one", "tag:two")


def test_a_new_tag_is_a_change_in_a_format_without_tags(bench: Workbench) -> None:
    """The sets are part of the record: their change moves a record whose metadata do not name them."""

    def untagged(item: Item, page: str, context: Context) -> Any:
        return oai_dc.crosswalk(replace(item, tags=()), page, context)

    formats = {"oai_dc": replace(oai_dc.FORMAT, crosswalk=untagged)}
    bench.library = replace(bench.library, formats=formats)
    bench.sync({"id": "a", "tags": ["One"]})
    first = bench.headers()["a"]
    bench.sync({"id": "a", "tags": ["Two"]})
    second = bench.headers()["a"]
    assert second[0] > first[0]
    assert second[2] == ("tag:two",)


def test_leaving_a_set(bench: Workbench) -> None:
    """An item that leaves a set is gone from set=, and deleted at the set's own base URL since then."""
    bench.sync({"id": "a", "tags": ["One", "Two"]})
    bench.sync({"id": "a", "tags": ["Two"]})
    left = bench.headers()["a"][0]
    assert bench.headers(set="tag:one") == {}
    assert bench.headers("tag:one") == {"a": (left, True, ())}
    assert bench.headers("tag:two") == {"a": (left, False, ())}
    bench.sync({"id": "a", "tags": ["Two"], "title": "Another"})
    assert bench.headers("tag:one") == {"a": (left, True, ())}
    assert bench.headers("tag:two")["a"][0] > left
    bench.sync({"id": "a", "tags": ["One"], "title": "Another"})
    assert bench.headers("tag:one")["a"][1:] == (False, ())
    assert bench.headers("tag:one")["a"][0] > left
    one = bench.ask("GetRecord", "tag:two", identifier="oai:library.example.org:a", metadataPrefix="oai_dc")
    assert one.headers == [("a", bench.headers()["a"][0], True, ())]


def test_a_set_of_its_own_has_no_sets(bench: Workbench) -> None:
    """At a set's own base URL there are no sets, and none but its items."""
    bench.sync({"id": "a", "tags": ["One"]}, {"id": "b", "tags": ["Two"]})
    assert bench.ask("ListSets", "tag:one").codes == ["noSetHierarchy"]
    assert bench.ask("ListRecords", "tag:one", metadataPrefix="oai_dc", set="tag:one").codes == [
        "noSetHierarchy"
    ]
    for identifier, codes in (("a", []), ("b", ["idDoesNotExist"])):
        name = f"oai:library.example.org:{identifier}"
        assert bench.ask("GetRecord", "tag:one", identifier=name, metadataPrefix="oai_dc").codes == codes
        assert bench.ask("ListMetadataFormats", "tag:one", identifier=name).codes == codes
    base_url = bench.ask("Identify", "tag:one").texts("o:Identify/o:baseURL")
    assert base_url == ["http://127.0.0.1:8080/oai/sets/tag:one"]


def test_deletion(bench: Workbench) -> None:
    """A deleted item keeps a header in every format and in every set that it was ever in."""
    bench.sync({"id": "a", "tags": ["One"]}, {"id": "b"})
    bench.sync({"id": "a", "tags": ["Two"]}, {"id": "b"})
    left = bench.headers("tag:one")["a"]
    assert bench.sync({"id": "b"}).deleted == 1
    gone = bench.headers()["a"]
    assert gone[1:] == (True, ("tag:one", "tag:two"))
    for spec in ("tag:one", "tag:two", "tag"):
        assert bench.headers(set=spec)["a"] == gone
    assert bench.headers("tag:one")["a"] == left
    assert bench.headers("tag:two")["a"] == (gone[0], True, ())
    for prefix in ("oai_dc", "oai_qdc"):
        record = bench.ask("GetRecord", identifier="oai:library.example.org:a", metadataPrefix=prefix)
        assert record.headers == [("a", *gone)]
    assert bench.sync({"id": "b"}).deleted == 0
    assert bench.headers()["a"] == gone


def test_undeletion(bench: Workbench) -> None:
    """A deleted item that comes back is one live record again; where it does not, it stays deleted."""
    bench.sync({"id": "a", "tags": ["One", "Two"]})
    bench.sync()
    gone = bench.headers()["a"][0]
    report = bench.sync({"id": "a", "tags": ["Two"]})
    assert (report.added, report.changed, report.deleted) == (1, 0, 0)
    back = bench.headers()["a"]
    assert back[1:] == (False, ("tag:two",))
    assert back[0] > gone
    assert bench.headers(set="tag:one") == {}
    assert bench.headers("tag:one") == {"a": (gone, True, ())}
    assert bench.headers("tag:two") == {"a": (back[0], False, ())}


def test_explicit_deletion(bench: Workbench) -> None:
    """An item that its source calls deleted has a tombstone with its tags, though it never was here."""
    report = bench.sync({"id": "a", "deleted": True, "tags": ["One"]}, {"id": "b", "tags": ["Two"]})
    assert (report.added, report.deleted) == (2, 1)
    assert bench.headers()["a"][1:] == (True, ("tag:one",))
    assert set(bench.headers(set="tag:one")) == {"a"}
    report = bench.sync({"id": "a", "deleted": True, "tags": ["One"]}, {"id": "b", "deleted": True})
    assert (report.deleted, report.unchanged) == (1, 2)
    assert bench.headers()["b"][1:] == (True, ("tag:two",))


def test_two_sources_of_one_item(bench: Workbench) -> None:
    """An item that two sources bring has the tags of both, and is deleted when both have dropped it."""
    one = bench.write({"id": "a", "tags": ["One"]}, {"id": "x"}, name="one.jsonl")
    two = bench.write({"id": "a", "tags": ["Two"], "title": "Later"}, {"id": "y"}, name="two.jsonl")
    bench.sync_path(one, two)
    assert bench.headers()["a"][2] == ("tag:one", "tag:two")
    bench.write({"id": "x"}, name="one.jsonl")
    bench.sync_path(one)
    assert bench.headers()["a"][1:] == (False, ("tag:two",))
    bench.write({"id": "y"}, name="two.jsonl")
    bench.sync_path(two)
    assert bench.headers()["a"][1] is True


def test_an_item_that_moves_to_another_file(bench: Workbench) -> None:
    """Which file of a source brings an item makes no difference to harvesters."""
    directory = bench.write({"id": "a"}, {"id": "b"}, name="one.jsonl").parent
    bench.write({"id": "c"}, name="two.jsonl")
    bench.sync_path(directory)
    before = bench.headers()
    bench.write({"id": "b"}, name="one.jsonl")
    bench.write({"id": "c"}, {"id": "a"}, name="two.jsonl")
    assert str(bench.sync_path(directory)) == "0 added, 0 changed, 0 deleted, 3 unchanged, 0 rejected"
    bench.write({"id": "b"}, {"id": "a"}, {"id": "c"}, name="one.jsonl")
    (directory / "two.jsonl").unlink()
    assert str(bench.sync_path(directory)) == "0 added, 0 changed, 0 deleted, 3 unchanged, 0 rejected"
    assert bench.headers() == before


def test_a_file_that_is_renamed(bench: Workbench) -> None:
    """A file may have any name, earlier or later than before: harvesters see no difference."""
    directory = bench.write({"id": "x"}, {"id": "y"}, name="b.jsonl").parent
    bench.write({"id": "keep"}, name="k.jsonl")
    bench.sync_path(directory)
    before = bench.headers()
    for old, new in (("b", "z"), ("z", "a")):
        (directory / f"{old}.jsonl").rename(directory / f"{new}.jsonl")
        assert str(bench.sync_path(directory)) == "0 added, 0 changed, 0 deleted, 3 unchanged, 0 rejected"
    assert bench.headers() == before


def test_the_second_of_two_takes_the_place_of_the_first(bench: Workbench) -> None:
    """Where two files name one item the first counts; when that one goes, the second does."""
    directory = bench.write({"id": "x", "title": "First"}, {"id": "k"}, name="a.jsonl").parent
    bench.write({"id": "x", "title": "Second"}, {"id": "m"}, name="b.jsonl")
    for _ in range(2):
        report = bench.sync_path(directory)
        assert report.rejected == 1
        assert "b.jsonl:1: the id 'x' is already that of a.jsonl:1" in str(report.findings[0])
    bench.write({"id": "k"}, name="a.jsonl")
    report = bench.sync_path(directory)
    assert (report.changed, report.deleted, report.rejected) == (1, 0, 0)
    assert "Second" in [title for page in bench.harvest("ListRecords") for title in page.texts(".//dc:title")]
    bench.write({"id": "x", "title": "Earlier", "tags": ["T"]}, name="0.jsonl")
    report = bench.sync_path(directory)
    assert (report.changed, report.rejected) == (1, 1)
    (directory / "0.jsonl").unlink()
    assert bench.sync_path(directory).changed == 1
    assert bench.headers()["x"][1:] == (False, ())


def test_a_bad_line_beside_a_good_one_of_the_same_item(bench: Workbench) -> None:
    """A good line counts, whether a bad one of the same id stands before or behind it."""
    bench.sync({"id": "x"}, {"id": "y"})
    for order in (1, -1):
        lines = [{"id": "x", "title": f"New {order}"}, {"id": "x", "title": ""}][::order]
        report = bench.sync(*lines, {"id": "y"})
        assert (report.changed, report.deleted, report.rejected) == (1, 0, 1)
        assert bench.sync(*lines, {"id": "y"}).unchanged == 3
    other = bench.write({"id": "x", "title": "Other"}, {"id": "x", "title": ""}, name="other.jsonl")
    assert bench.sync_path(other).rejected == 1


def test_an_item_of_which_no_record_can_be_made(bench: Workbench) -> None:
    """It keeps its last good version, is told once, and is tried again when the crosswalk is mended."""

    def broken(item: Item, page: str, context: Context) -> Any:
        if item.title.startswith("Bad"):
            raise ValueError("cannot be written")
        return oai_dc.crosswalk(item, page, context)

    good = bench.library
    bench.sync({"id": "x"}, {"id": "y"})
    bench.library = replace(good, formats={"oai_dc": replace(oai_dc.FORMAT, crosswalk=broken)})
    items = ({"id": "x", "title": "Bad x"}, {"id": "y"}, {"id": "n", "title": "Bad n"})
    for _ in range(2):
        assert bench.sync(*items).rejected == 2
    assert "Title of x" in bench.harvest("ListRecords")[0].texts(".//dc:title")
    bench.library = replace(good, formats={"oai_dc": replace(oai_dc.FORMAT, version=99)})
    report = bench.sync(*items)
    assert (report.added, report.changed, report.rejected) == (1, 1, 0)
    assert {"x", "y", "n"} <= set(bench.headers())


def test_an_export_is_the_same_from_a_store_that_it_has_made(stores: Stores, tmp_path: Path) -> None:
    """The tags of a deleted item are in one order, whichever of them came first to the store."""
    path = tmp_path / "exported.jsonl"
    with temporary(stores) as bench:
        bench.sync({"id": "a", "tags": ["B", "A"]}, {"id": "b", "deleted": True, "tags": ["A"]})
        bench.sync({"id": "b", "deleted": True, "tags": ["A"]})
        first = exported(bench, datestamps=True)
    path.write_bytes(first)
    with temporary(stores) as bench:
        bench.sync_path(path, at=START + 1000, keep_datestamps=True)
        assert exported(bench, datestamps=True) == first


def test_problems_that_quote_anything(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A problem that quotes what no database can keep is told with it escaped, at first and later."""

    def quoting(fields: dict[str, Any], line: int) -> Iterator[Entry | Problem]:
        if fields["id"] == "x":
            yield Problem(line, "a \0 and a \ud800", "\x1b[2J left out", fields["id"], rejected=True)
        else:
            yield from read(fields, line)

    def broken(item: Item, page: str, context: Context) -> Written | etree._Element:
        if item.id == "y":
            raise ValueError("of \0 and \udfff no XML can be made")
        return oai_dc.crosswalk(item, page, context)

    read = checked.read
    monkeypatch.setattr(checked, "read", quoting)
    bench.library = replace(bench.library, formats={"oai_dc": replace(oai_dc.FORMAT, crosswalk=broken)})
    for _ in range(2):
        told = list(map(str, bench.sync({"id": "x"}, {"id": "y"}, {"id": "z"}).findings))
        assert told == [
            r"items.jsonl:1: a \x00 and a \ud800; \x1b[2J left out",
            r"items.jsonl:2: oai_dc: of \x00 and \udfff no XML can be made; what was served of it before stays",
        ]
        assert list(map(str, status(bench.database, bench.library, bench.now).rejected)) == told
    assert set(bench.headers()) == {"z"}


def test_members_are_counted_while_a_format_is_not_served(bench: Workbench) -> None:
    """How many items a set has does not depend on records that are not kept up to date."""
    bench.sync({"id": "x", "tags": ["T"]}, {"id": "y", "tags": ["T"]})
    one = bench.again(formats=("oai_dc",))
    for title in ("1", "2", "3"):
        one.sync({"id": "x", "title": title}, {"id": "y", "tags": ["T"]})
    sizes = dict(
        zip(
            one.ask("ListSets").texts(".//o:setSpec"),
            one.ask("ListSets").texts(".//dc:description"),
            strict=True,
        )
    )
    assert sizes == {"tag": "1 item", "tag:t": "1 item"}


def test_a_file_whose_name_is_no_text(bench: Workbench) -> None:
    """A file name of any bytes is shown as far as it can be, and the file read like any other."""
    directory = bench.write({"id": "a"}).parent
    Path(os.fsdecode(os.fsencode(directory) + b"/caf\xe9.jsonl")).write_text('{"id": "b"}\n')
    report = bench.sync_path(directory)
    assert (report.added, report.rejected) == (1, 1)
    assert report.findings[0].file == "caf\\xe9.jsonl"


def test_the_guard_counts_what_only_tombstones_are_left_of(bench: Workbench) -> None:
    """A source that loses its items is refused, though another one has tombstones of them."""
    items: list[dict[str, Any]] = [{"id": f"i{n}"} for n in range(40)]
    path = bench.write(*items, name="live.jsonl")
    tombstones = bench.write(*({"id": f"i{n}", "deleted": True} for n in range(40)), name="dead.jsonl")
    bench.sync_path(path, tombstones)
    bench.write({"id": "i0"}, name="live.jsonl")
    with pytest.raises(SourceError, match="39 of the 40"):
        bench.sync_path(path)


def test_lines_are_those_of_the_last_reading(bench: Workbench) -> None:
    """A message names the line at which an item stands now, though nothing else is said of it."""
    directory = bench.write({"id": "k"}, {"id": "x"}, name="a.jsonl").parent
    bench.write({"id": "x"}, name="b.jsonl")
    bench.sync_path(directory)
    bench.write({"id": "k"}, {"id": "l"}, {"id": "m"}, {"id": "x"}, name="a.jsonl")
    assert "already that of a.jsonl:4" in str(bench.sync_path(directory).findings[0])


def test_a_renamed_file_that_is_broken(bench: Workbench) -> None:
    """While a new file cannot be read, one that is gone keeps its items: it may be the same file."""
    directory = bench.write({"id": "x"}, name="a.jsonl").parent
    bench.write({"id": "k"}, name="k.jsonl")
    bench.sync_path(directory)
    (directory / "a.jsonl").unlink()
    (directory / "b.jsonl").write_bytes(b"\x00\x01")
    assert bench.sync_path(directory).deleted == 0
    bench.write({"id": "x"}, name="b.jsonl")
    assert str(bench.sync_path(directory)) == "0 added, 0 changed, 0 deleted, 2 unchanged, 0 rejected"
    (directory / "b.jsonl").unlink()
    assert bench.sync_path(directory).deleted == 1


def test_the_first_second_of_1970_is_a_datestamp(bench: Workbench) -> None:
    """Every datestamp that a source names is kept, the first that a computer counts as well."""
    bench.sync(
        {"id": "a", "datestamp": "1970-01-01"}, {"id": "b", "datestamp": "1969-12-31"}, keep_datestamps=True
    )
    assert [header[0] for header in bench.headers().values()] == [
        "1969-12-31T00:00:00Z",
        "1970-01-01T00:00:00Z",
    ]


def test_the_guard_against_mass_deletion(bench: Workbench) -> None:
    """A source that lost a fifth of its items and more than ten is refused until that is allowed."""
    items: list[dict[str, Any]] = [{"id": f"i{n}", "tags": ["T"]} for n in range(40)]
    bench.sync(*items)
    before = bench.headers()
    with pytest.raises(SourceError, match=r"11 of the 41 items .* --allow-mass-delete"):
        bench.sync(*items[11:])
    assert bench.headers() == before
    assert bench.ask("Identify").response_date > before["i0"][0]
    assert bench.sync(*items[8:]).deleted == 8
    with pytest.raises(SourceError, match="22 of the 33"):
        bench.sync(*items[30:])
    assert bench.sync(*items[30:], allow_mass_delete=True).deleted == 22


def test_a_few_may_go_whatever_part_they_are(bench: Workbench) -> None:
    """Ten items may go at once, though they be nearly all."""
    bench.sync(*({"id": f"i{n}"} for n in range(10)))
    assert bench.sync().deleted == 10


@pytest.mark.parametrize("line", ["{broken", "[]", '{"title": "no id"}', "\udcff", '{"id": 5, "title": "T"}'])
def test_a_line_that_cannot_be_read_deletes_nothing(bench: Workbench, line: str) -> None:
    """When a line is broken, the item that stood there may be the one that is missing: it stays."""
    bench.sync({"id": "a"}, {"id": "b"})
    before = bench.headers()
    path = bench.write({"id": "b", "title": "Changed"}, {"id": "always-here"})
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogateescape") + b"\n")
    report = bench.sync_path(path)
    assert (report.changed, report.deleted, report.rejected) == (1, 0, 1)
    assert report.findings[0].line == 3
    assert bench.headers()["a"] == before["a"]
    report = bench.sync_path(path)
    assert (report.changed, report.unchanged, report.rejected) == (0, 3, 1)
    bench.write({"id": "b"}, {"id": "always-here"})
    assert bench.sync_path(path).deleted == 1


def test_a_rejected_item_keeps_its_last_good_version(bench: Workbench) -> None:
    """An item whose new version is not right is served as it was, and others go on."""
    bench.sync({"id": "a"}, {"id": "b"}, {"id": "c"})
    before = bench.headers()
    report = bench.sync({"id": "a", "title": ""}, {"id": "b", "title": "Changed"}, {"id": "x"})
    assert [str(finding) for finding in report.findings] == [
        "items.jsonl:1: title is missing or empty; rejected"
    ]
    assert (report.added, report.changed, report.deleted, report.rejected) == (1, 1, 1, 1)
    after = bench.headers()
    assert after["a"] == before["a"]
    assert after["c"][1] is True


def test_two_items_with_one_id(bench: Workbench) -> None:
    """Of two items with one id in a source the first is kept, and both places are named."""
    directory = bench.write(
        {"id": "a", "title": "First"}, {"id": "a", "title": "Second"}, name="1.jsonl"
    ).parent
    bench.write({"id": "b"}, {"id": "a", "title": "Third"}, name="2.jsonl")
    report = bench.sync_path(directory)
    assert (report.added, report.rejected) == (2, 2)
    assert "1.jsonl:2: the id 'a' is already that of 1.jsonl:1" in str(report.findings[0])
    assert "2.jsonl:2: the id 'a' is already that of 1.jsonl:1" in str(report.findings[1])
    titles = bench.harvest("ListRecords")[0].texts(".//dc:title")
    assert titles == ["First", "Title of b"]


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 100, b"\xff\xfe", b"hello", b"  \n \n"])
def test_a_file_that_is_none_of_ours(bench: Workbench, content: bytes) -> None:
    """A file that cannot be read is named with line and reason; others go on, and its items stay."""
    directory = bench.write({"id": "a"}, name="1.jsonl").parent
    path = bench.write({"id": "b"}, name="2.jsonl")
    bench.sync_path(directory)
    bench.write({"id": "a", "title": "Changed"}, name="1.jsonl")
    path.write_bytes(content)
    report = bench.sync_path(directory)
    assert (report.changed, report.deleted, report.rejected) == (1, 0, 1)
    assert report.findings[0].file == "2.jsonl"
    assert bench.headers()["b"][1] is False
    bench.write({"id": "b"}, name="2.jsonl")
    assert bench.sync_path(directory).unchanged == 2


def test_what_is_no_file_at_all(bench: Workbench) -> None:
    """A pipe or a broken link in a directory is named like any file that cannot be read, and not waited for."""
    directory = bench.write({"id": "a"}).parent
    os.mkfifo(directory / "pipe.jsonl")
    (directory / "link.jsonl").symlink_to("nowhere")
    report = bench.sync_path(directory)
    assert (report.added, report.rejected) == (1, 2)
    assert {finding.file for finding in report.findings} == {"pipe.jsonl", "link.jsonl"}


def test_nothing_to_read_is_a_mistake(bench: Workbench, tmp_path: Path) -> None:
    """A source that is missing, empty or unreadable as a whole is refused, and nothing is deleted."""
    bench.sync({"id": "a"})
    before = bench.headers()
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk").write_bytes(b"\x00")
    for name, message in (
        ("nowhere", "no such file"),
        ("empty", "no file in this directory"),
        ("junk", "neither"),
    ):
        with pytest.raises(SourceError, match=message):
            bench.sync_path(tmp_path / name)
    assert bench.headers() == before


def test_a_dry_run_changes_nothing(bench: Workbench) -> None:
    """A dry run says what would happen, and nothing does."""
    bench.sync({"id": "a"}, {"id": "b"})
    before = exported(bench, datestamps=True)
    report = bench.sync({"id": "a", "title": "Changed"}, {"id": "c"}, dry_run=True)
    assert (report.added, report.changed, report.deleted) == (1, 1, 1)
    assert [(file, line, item.title) for file, line, item in report.items] == [
        ("items.jsonl", 1, "Changed"),
        ("items.jsonl", 2, "Title of c"),
    ]
    assert exported(bench, datestamps=True) == before


def test_datestamps_kept(bench: Workbench) -> None:
    """A store that moves here keeps its datestamps, its order, and the earliest of them."""
    items: list[dict[str, Any]] = [
        {"id": "a", "datestamp": "2020-05-05T05:05:05Z"},
        {"id": "b", "datestamp": "2019-05-05", "deleted": True, "tags": ["T"]},
        {"id": "c"},
    ]
    bench.sync(*items, keep_datestamps=True)
    headers = bench.headers()
    assert headers["a"][0] == "2020-05-05T05:05:05Z"
    assert headers["b"] == ("2019-05-05T00:00:00Z", True, ("tag:t",))
    assert list(headers) == ["b", "a", "c"]
    assert bench.ask("Identify").texts(".//o:earliestDatestamp") == ["2019-05-05T00:00:00Z"]
    with pytest.raises(SourceError, match="empty store"):
        bench.sync(*items, keep_datestamps=True)
    bench.sync(*items, {"id": "d", "datestamp": "2019-05-05"})
    assert bench.headers()["d"][0] > "2026"


def test_a_clock_that_runs_backwards(bench: Workbench) -> None:
    """Datestamps never run backwards, though the clock does, and though nobody has asked meanwhile."""
    bench.sync({"id": "a"}, at=START + 10_000)
    bench.sync({"id": "a", "title": "Changed"}, at=START + 5_000)
    assert bench.headers()["a"][0] == "2026-01-01T02:46:40Z"


def test_touching(bench: Workbench) -> None:
    """Records that are touched have new datestamps and say what they said, deleted ones too; others stay."""
    bench.sync({"id": "a", "tags": ["One"]}, {"id": "b", "tags": ["One"]}, {"id": "c"})
    bench.sync({"id": "a", "tags": ["One"]}, {"id": "c"})
    before, qualified = bench.headers(), bench.headers(prefix="oai_qdc")
    assert bench.touch("oai_dc", "tag:one") == 2
    after = bench.headers()
    assert {local for local in after if after[local] != before[local]} == {"a", "b"}
    assert [after[local][1:] for local in "ab"] == [before[local][1:] for local in "ab"]
    assert after["a"][0] > before["a"][0]
    assert bench.headers(prefix="oai_qdc") == qualified
    assert bench.headers(set="tag:one") == {local: after[local] for local in "ab"}
    assert {local: header[0] for local, header in bench.headers("tag:one").items()} == {
        local: after[local][0] for local in "ab"
    }
    assert bench.sync({"id": "a", "tags": ["One"]}, {"id": "c"}).changed == 0
    assert bench.touch() == 8
    assert bench.headers("tag:one")["b"][1]
    with pytest.raises(SourceError, match="no format none"):
        bench.touch(prefix="none")
    with pytest.raises(SourceError, match="no set none"):
        bench.touch(set_spec="none")


def test_another_namespace_is_refused(bench: Workbench) -> None:
    """Identifiers are never given anew: a store keeps the namespace of its first sync."""
    bench.sync({"id": "a"})
    other = bench.again(namespace="other.example.org")
    with pytest.raises(StoreError, match="namespace"):
        other.sync({"id": "a"})


def test_another_base_url_makes_new_records(bench: Workbench) -> None:
    """The address of an item's page is in its records: they change with it, and none gets lost."""
    bench.sync({"id": "a"}, {"id": "b"})
    other = bench.again(base_url="https://library.example.org/oai")
    report = other.sync({"id": "a"}, {"id": "b"})
    assert (report.changed, report.unchanged) == (3, 0)
    identifiers = other.harvest("ListRecords")[0].texts(".//dc:identifier")
    assert identifiers[0] == "https://library.example.org/records/a"


def test_a_format_that_is_added_later(bench: Workbench) -> None:
    """A new format has records of all items at the next sync, and moves no datestamp of another."""
    one = bench.again(formats=("oai_dc",))
    one.sync({"id": "a", "tags": ["T"]})
    one.sync({"id": "a", "tags": ["U"]})
    before = one.headers()
    assert one.ask("ListRecords", metadataPrefix="oai_qdc").codes == ["cannotDisseminateFormat"]
    bench.now = one.now
    bench.sync({"id": "a", "tags": ["U"]})
    assert bench.headers() == before
    assert bench.headers(prefix="oai_qdc")["a"][0] > before["a"][0]
    assert set(bench.headers(prefix="oai_qdc", set="tag:u")) == {"a"}
    assert bench.headers("tag:t", prefix="oai_qdc") == {}


ITEMS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abc"), "title": st.sampled_from(["One", "Two"])},
        optional={
            "tags": st.lists(st.sampled_from(["T", "U"]), unique=True),
            "deleted": st.just(True),  # noqa: FBT003
        },
    ),
    unique_by=lambda item: item["id"],
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(history=st.lists(ITEMS, min_size=1, max_size=4))
def test_any_history_ends_as_its_last_state(stores: Stores, history: list[list[dict[str, Any]]]) -> None:
    """Whatever came before, live items say what the last sync said, and no deleted one is lost."""
    with temporary(stores) as bench:
        check_history(bench, history)


def check_history(bench: Workbench, history: list[list[dict[str, Any]]]) -> None:
    """Sync each of the states, and assert that the last one is what there is."""
    seen: set[str] = set()
    for items in history:
        bench.sync(*items)
        seen |= {item["id"] for item in items}
    headers = bench.headers()
    assert set(headers) == seen
    live = {item["id"]: item for item in history[-1] if not item.get("deleted")}
    assert {local for local, (_, deleted, _) in headers.items() if not deleted} == set(live)
    for spec in ("tag:t", "tag:u"):
        members = {local for local, item in live.items() if spec[4:].upper() in item.get("tags", ())}
        found = bench.headers(set=spec)
        assert {local for local, (_, deleted, _) in found.items() if not deleted} == members
        own = bench.headers(spec)
        assert {local for local, (_, deleted, _) in own.items() if not deleted} == members
        assert set(found) <= set(own)


@settings(max_examples=15, deadline=None)
@given(items=ITEMS)
def test_what_is_exported_is_what_was_synced(stores: Stores, items: list[dict[str, Any]]) -> None:
    """Export, sync and export again is the identity, for deleted items too."""
    with temporary(stores) as one, temporary(stores) as two:
        one.sync(*items)
        lines = exported(one)
        path = two.directory / "exported.jsonl"
        path.write_bytes(lines)
        report: Report = two.sync_path(path)
        assert not report.findings
        assert exported(two) == lines
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [
        *(item["id"] for item in items),
        "always-here",
    ]


def test_progress_is_told_while_a_file_is_read(bench: Workbench) -> None:
    """Whoever watches sees the total at first, steps within a file, and the total reached at the end."""
    told: list[tuple[str, int] | int] = []

    class Watcher:
        def begin(self, what: str, total: int) -> None:
            """Note it."""
            told.append((what, total))

        def advance(self, by: int) -> None:
            """Note it."""
            told.append(by)

    path = bench.write(*({"id": f"i{n}"} for n in range(1200)))
    sync(bench.database, bench.library, [find_source(str(path))], clock=lambda: START, progress=Watcher())
    phases = [n for n, each in enumerate(told) if isinstance(each, tuple)]
    # What is new in a file that is read alone is written as it is read.
    assert [told[n] for n in phases] == [(f"Reading {path}", path.stat().st_size), ("Writing records", 0)]
    reading = told[phases[0] + 1 : phases[1]]
    assert len(reading) > 2
    assert sum(step for step in reading if isinstance(step, int)) == path.stat().st_size
    told.clear()
    path = bench.write(*({"id": f"i{n}", "title": "Another"} for n in range(1200)))
    sync(bench.database, bench.library, [find_source(str(path))], clock=lambda: START, progress=Watcher())
    begun = told.index(("Writing records", 1200))
    assert sum(step for step in told[begun + 1 :] if isinstance(step, int)) == 1200


def test_a_source_is_remembered_by_its_name_in_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configured source is the same one after the installation has moved; another has its full path."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.jsonl").write_text('{"id": "a", "title": "T"}\n')
    (tmp_path / "pages" / ".hidden").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert find_source("pages", ["pages"]).name == "pages"
    assert find_source(str(tmp_path / "pages"), ["pages"]).name == "pages"
    source = find_source("pages/a.jsonl", ["pages"])
    assert source.name == str(tmp_path / "pages" / "a.jsonl")
    assert [file.name for file in find_source("pages").files] == ["a.jsonl"]
