"""Which kind of source a file is, and what a directory of all kinds comes to."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai import export
from oai.item import Item
from oai.sources import Entry, Unreadable
from oai.sources.kinds import HEAD, KINDS, kind_of
from tests.sources import test_squarespace, test_static_repository, test_wordpress
from tests.sources.test_posts import BODY
from tests.stores import Stores
from tests.workbench import Workbench, temporary

TAG_PAGE = (
    "Swan Library\nswans.jpg\n\nSWANS\n\nPosts tagged mute swans\n\n"
    "Swans in a Time of Frost\n\nBy Ada Quill\n\nAn abstract says what the report is about.\n\nLondon: Swan, 2020. 10p.\n"
)
FILES = {
    "CSV with a header of id, title, …": b'id,title,creators\nc1,"T, U","Quill, Ada; The Swan Institute"\n',
    "JSON Lines": b'{"id": "j1", "title": "T", "tags": ["mute swans"]}\n{"id": "j2", "title": "U"}\n',
    "OAI-PMH static repository": (
        test_static_repository.HEAD
        + test_static_repository.LIST
        + test_static_repository.RECORD
        + test_static_repository.TAIL
    ).encode(),
    "Squarespace page (?format=json)": json.dumps(test_squarespace.PAGE).encode(),
    "WordPress export (WXR)": (
        test_wordpress.HEAD + test_wordpress.POST + test_wordpress.TAIL
    ).encode(),
    "tag page": TAG_PAGE.encode(),
}  # fmt: skip


def test_each_kind_has_its_file() -> None:
    """There is a file of each kind here."""
    assert {kind.name for kind in KINDS} == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_kind_of(tmp_path: Path, name: str) -> None:
    """A file shows its kind by what it holds, and no other kind takes it that comes before."""
    path = tmp_path / "file"
    path.write_bytes(FILES[name])
    assert kind_of(path).name == name
    path.write_bytes(b"\xef\xbb\xbf" + FILES[name])
    assert kind_of(path).name == name
    path.write_bytes(FILES[name] + b" " * 2 * HEAD)
    assert kind_of(path).name == name


@pytest.mark.parametrize(
    "data",
    [
        b'{\n  "name": "swans"\n}\n',
        b'[{"id": "a", "title": "T"}]',
        b"<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'/>",
        b"<rss version='2.0'><channel><item><title>T</title></item></channel></rss>",
        b"<!doctype html><html><body><p>Hello</p></body></html>",
        b"title;creators\nT;Quill\n",
        b"%PDF-1.7\n\xe2\xe3\xcf\xd3",
        b"PK\x03\x04\x14\x00",
    ],
    ids=["json", "json array", "atom", "rss", "html", "csv without id", "pdf", "xlsx"],
)
def test_refused(tmp_path: Path, data: bytes) -> None:
    """What is of no kind is refused, with all that was expected."""
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(Unreadable) as error:
        kind_of(path)
    assert all(kind.name in error.value.reason for kind in KINDS)


def _items(directory: Path) -> list[Item]:
    return [
        entry.item
        for path in sorted(directory.iterdir())
        for entry in kind_of(path).read(path)
        if isinstance(entry, Entry)
    ]


def test_a_directory_of_all_kinds(bench: Workbench, tmp_path: Path, stores: Stores) -> None:
    """All kinds together are one source; exported and synced again, every item is the same."""
    directory = tmp_path / "mixed"
    directory.mkdir()
    for number, data in enumerate(FILES.values()):
        (directory / f"{number}.txt").write_bytes(data)
    report = bench.sync_path(directory)
    assert (report.added, report.rejected) == (7, 0)
    assert bench.sync_path(directory).unchanged == 7
    with bench.database.reading() as connection:
        lines = b"".join(export.as_jsonl(connection))
    again = tmp_path / "again"
    again.mkdir()
    (again / "items.jsonl").write_bytes(lines)
    assert sorted(_items(again), key=lambda item: item.id) == sorted(
        _items(directory), key=lambda item: item.id
    )
    with temporary(stores) as other:
        assert other.sync_path(again).added == 7
        assert {local: each[1:] for local, each in other.headers().items()} == {
            local: each[1:] for local, each in bench.headers().items()
        }


def test_one_post_on_many_pages(bench: Workbench, tmp_path: Path) -> None:
    """The same Squarespace post in the JSON of two tags is one item with the tags of both."""
    directory = tmp_path / "site"
    directory.mkdir()
    for tag in ("One", "Two"):
        post = test_squarespace.POST | {"tags": [tag], "categories": [], "body": BODY}
        (directory / f"{tag}.json").write_text(json.dumps(test_squarespace.PAGE | {"items": [post]}))
    report = bench.sync_path(directory)
    assert (report.added, report.rejected) == (1, 0)
    ((_, _, sets),) = bench.headers().values()
    assert sets == ("section:swans", "tag:one", "tag:two")


def test_a_draft_that_was_live_is_deleted(bench: Workbench, tmp_path: Path) -> None:
    """A post that is taken back becomes a tombstone, and one that cannot be read stays."""
    directory = tmp_path / "site"
    directory.mkdir()
    path = directory / "page.json"
    posts = [test_squarespace.POST | {"id": id_} for id_ in "abc"]
    path.write_text(json.dumps(test_squarespace.PAGE | {"items": posts}))
    bench.sync_path(directory)
    posts[0]["workflowState"] = 3
    posts[1]["title"] = None
    path.write_text(json.dumps(test_squarespace.PAGE | {"items": posts}))
    report = bench.sync_path(directory)
    assert (report.deleted, report.rejected) == (1, 1)
    assert {local: deleted for local, (_, deleted, _) in bench.headers().items()} == {
        "a": True,
        "b": False,
        "c": False,
    }


@given(st.sampled_from(sorted(FILES)), st.integers(0, 400), st.binary(max_size=8), st.integers(0, 8))
def test_damage(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: int, put: bytes, gone: int
) -> None:
    """A file of any kind, damaged anywhere, is told and read without failing, or is Unreadable."""
    path = tmp_path_factory.getbasetemp() / "damaged"
    data = FILES[name]
    place = place * len(data) // 400
    path.write_bytes(data[:place] + put + data[place + gone :])
    with contextlib.suppress(Unreadable):
        list(kind_of(path).read(path))
