"""Pages of a Squarespace site as JSON."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.sources import Entry, Problem, Unreadable
from oai.sources.squarespace import looks_like, read
from tests.sources.test_posts import BODY, ITEM

ITEM_ID = "5f3a9c1d2e4b6a7c8d9e0f1a"
POST: dict[str, Any] = {
    "id": ITEM_ID,
    "collectionId": "5f3a9c1d2e4b6a7c8d9e0f00",
    "recordType": 1,
    "addedOn": 1600000000000,
    "updatedOn": 1600000000001,
    "publishOn": 1600000000000,
    "authorId": "5f3a9c1d2e4b6a7c8d9e0f02",
    "author": {"id": "5f3a9c1d2e4b6a7c8d9e0f02", "displayName": "Guest User"},
    "urlId": "2020/9/1/a-title",
    "title": "A Title of Some Kind",
    "sourceUrl": "",
    "body": BODY,
    "excerpt": "",
    "tags": ["mute swans", "Ponds"],
    "categories": ["ponds", "Reports"],
    "workflowState": 1,
    "fullUrl": "/swans/2020/9/1/a-title",
    "assetUrl": "https://images.example.org/swans.jpg",
}
PAGE: dict[str, Any] = {
    "website": {
        "id": "w",
        "authenticUrl": "https://library.example.org",
        "baseUrl": "https://www.example.org",
    },
    "websiteSettings": {"id": "s"},
    "collection": {"id": "c", "title": "SWANS", "urlId": "swans"},
    "items": [POST],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a page may be written."""
    return tmp_path / "page.json"


def _read(path: Path, page: Any, indent: int | None = None) -> tuple[list[Entry], list[Problem]]:
    data = page if isinstance(page, bytes) else json.dumps(page, indent=indent).encode()
    path.write_bytes(data)
    found = list(read(path))
    return (
        [entry for entry in found if isinstance(entry, Entry)],
        [problem for problem in found if isinstance(problem, Problem)],
    )


@pytest.mark.parametrize("indent", [None, 2])
def test_item(path: Path, indent: int | None) -> None:
    """A post has its id, its address, tags and categories as tags, and the collection as section."""
    ((entry,), problems) = _read(path, PAGE, indent)
    assert problems == []
    item = entry.item
    assert (item.id, item.title, item.description) == (ITEM_ID, ITEM.title, ITEM.description)
    assert item.tags == ("mute swans", "Ponds", "Reports")
    assert item.sections == ("SWANS",)
    assert item.url == "https://library.example.org/swans/2020/9/1/a-title"
    assert item.identifiers == ITEM.identifiers
    assert item.date == "2020"
    assert entry.line == (
        path.read_text().splitlines().index(f'      "id": "{ITEM_ID}",') + 1 if indent else 1
    )


def test_one_item(path: Path) -> None:
    """The page of one post has it as "item"."""
    page = {key: value for key, value in PAGE.items() if key != "items"} | {"item": POST}
    ((entry,), problems) = _read(path, page)
    assert (entry.item.id, problems) == (ITEM_ID, [])


def test_a_post_that_points_elsewhere(path: Path) -> None:
    """What a post's title leads to is an identifier."""
    ((entry,), _) = _read(path, PAGE | {"items": [POST | {"sourceUrl": "https://example.org/report"}]})
    assert entry.item.identifiers == ("https://doi.org/10.1234/AB%20c", "https://example.org/report")[::-1]


def test_drafts(path: Path) -> None:
    """What is not published is left out and told; it is not rejected, so an item that was live goes."""
    entries, problems = _read(path, PAGE | {"items": [POST | {"workflowState": 3}]})
    assert entries == []
    assert problems == [Problem(1, "an item that is not published", "left out", ITEM_ID)]


@pytest.mark.parametrize(
    ("item", "id_"),
    [
        (5, None),
        ({"title": "T"}, None),
        (POST | {"id": 7}, None),
        (POST | {"id": " "}, None),
        (POST | {"title": None}, ITEM_ID),
        (POST | {"title": ["T"]}, ITEM_ID),
        (POST | {"body": 5}, ITEM_ID),
        (POST | {"tags": "swans"}, ITEM_ID),
    ],
)
def test_rejected(path: Path, item: Any, id_: str | None) -> None:
    """An item that is not as it should be harms only itself."""
    entries, problems = _read(path, PAGE | {"items": [item, POST | {"id": "other"}]})
    assert [entry.item.id for entry in entries] == ["other"]
    assert [(problem.id, problem.rejected) for problem in problems] == [(id_, True)]


@pytest.mark.parametrize("website", [None, {}, {"baseUrl": "//x"}, {"authenticUrl": 5}, []])
def test_no_address(path: Path, website: Any) -> None:
    """Without the site's address items have none, which is told."""
    ((entry,), problems) = _read(path, PAGE | {"website": website})
    assert entry.item.url is None
    assert [problem.reason for problem in problems] == ["the page does not say where its site is"]


def test_looks_like() -> None:
    """A page is known by the keys of its object, on one line or many, and from its beginning alone."""
    for indent in (None, 1, 4):
        data = json.dumps(PAGE, indent=indent).encode()
        assert all(looks_like(data[:size]) for size in (40, 100, len(data) - 1, len(data)))
        assert looks_like(b"\xef\xbb\xbf\n" + data)
    assert not looks_like(b'{"id": "a", "title": "T", "collection": {"title": "x"}}\n')
    assert not looks_like(b'{"collection": {"title": "x"}, "id": "a", "title": "T"}\n')
    assert not looks_like(b'{"a": {"items": []}}')
    assert not looks_like(b'[{"items": []}]')
    assert not looks_like(b'{"items" "')
    for length in (32_000, 32_001):  # a head that is cut within a string, or within an escape
        assert not looks_like((b'{"' + b'\\"' * 33_000)[:length])


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"", 1, "not JSON"),
        (b'{"items":\n [', 2, "not JSON"),
        (b'{"items": "\xff"}', 1, "not UTF-8"),
        (b'{"items": ' + b"[" * 100_000, 1, "not JSON"),
        (b'{"items": [' + b"1" * 5_000 + b"]}", 1, "not JSON"),
        (b"[]", 1, "not a JSON object"),
        (b'{"website": {}}', 1, "neither item nor a list of items"),
        (b'{"items": {}}', 1, "neither item nor a list of items"),
    ],
)
def test_unreadable(path: Path, data: bytes, line: int, reason: str) -> None:
    """A file of which nothing can be believed says why, and where."""
    with pytest.raises(Unreadable, match=reason) as error:
        _read(path, data)
    assert error.value.line == line


def test_enormous(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than any page is not read at all."""
    monkeypatch.setattr("oai.sources.squarespace.MOST_BYTES", 100)
    with pytest.raises(Unreadable, match="larger"):
        _read(path, PAGE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "title", "items", "item", "website", "tags", "body"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60)), st.booleans())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, framed: bool) -> None:  # noqa: FBT001
    """Reading raises nothing but Unreadable."""
    if framed:
        data = b'{"website": {"baseUrl": "http://[x"}, "items": [' + data + b"]}"
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    looks_like(data)
    with contextlib.suppress(Unreadable):
        list(read(path))
