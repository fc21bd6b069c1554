"""A site's export in WordPress eXtended RSS."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.item import derived_id
from oai.sources import Entry, Problem, Unreadable
from oai.sources.wordpress import looks_like, read
from tests.sources.test_posts import BODY, ITEM

HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<!-- generator="WordPress/6.4" -->
<rss version="2.0"
    xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
    xmlns:content="http://purl.org/rss/1.0/modules/content/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Swan Library</title><link>https://library.example.org</link>
<wp:wxr_version>1.2</wp:wxr_version><wp:author><wp:author_login>guest</wp:author_login></wp:author>
"""
POST = f"""<item>
<title><![CDATA[A Title of Some &#8220;Kind&#8221;]]></title>
<link>https://library.example.org/2020/09/a-title/</link>
<pubDate>Tue, 01 Sep 2020 10:00:00 +0000</pubDate>
<dc:creator><![CDATA[guest]]></dc:creator>
<guid isPermaLink="false">http://library.example.org/?p=123</guid>
<content:encoded><![CDATA[<!-- wp:html -->{BODY}<!-- /wp:html -->]]></content:encoded>
<excerpt:encoded><![CDATA[]]></excerpt:encoded>
<wp:post_id>123</wp:post_id><wp:status>publish</wp:status><wp:post_type>post</wp:post_type>
<category domain="category" nicename="uncategorized"><![CDATA[Uncategorized]]></category>
<category domain="category" nicename="reeds"><![CDATA[Reeds &amp; Rushes]]></category>
<category domain="post_tag" nicename="mute-swans"><![CDATA[mute swans]]></category>
<category domain="post_format" nicename="post-format-link"><![CDATA[Link]]></category>
<wp:comment><wp:comment_content>Nice!</wp:comment_content></wp:comment>
</item>
"""
TAIL = "</channel></rss>\n"
LOCAL = derived_id("library.example.org/?p=123", None, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where an export may be written."""
    return tmp_path / "export.xml"


def _read(path: Path, text: str | bytes) -> tuple[list[Entry], list[Problem]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = list(read(path))
    return (
        [entry for entry in found if isinstance(entry, Entry)],
        [problem for problem in found if isinstance(problem, Problem)],
    )


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_item(path: Path, version: str) -> None:
    """A post is an item with its tags, its categories and its address; who posted it made nothing."""
    text = (HEAD + POST + TAIL).replace("export/1.2/", f"export/{version}/")
    assert looks_like(text[:500].encode())
    ((entry,), problems) = _read(path, text)
    assert problems == []
    item = entry.item
    assert entry.line == 10
    assert item.id == LOCAL
    assert item.title == "A Title of Some “Kind”"
    assert item.creators[0].name == "Quill, Ada"
    assert item.description == ITEM.description
    assert item.tags == ("Reeds & Rushes", "mute swans")
    assert item.url == "https://library.example.org/2020/09/a-title/"
    assert item.identifiers == ITEM.identifiers
    assert item.date == "2020"


GUID = '<guid isPermaLink="false">http://library.example.org/?p=123</guid>\n'
LINK = "<link>https://library.example.org/2020/09/a-title/</link>\n"
NUMBER = "<wp:post_id>123</wp:post_id>"


@pytest.mark.parametrize(
    ("removed", "named"),
    [
        ((LINK, NUMBER), "library.example.org/?p=123"),
        ((GUID, NUMBER), "library.example.org/2020/09/a-title"),
        ((GUID, LINK), "123"),
        ((GUID, LINK, NUMBER), None),
    ],
)
def test_identity(path: Path, removed: tuple[str, ...], named: str | None) -> None:
    """An item is named by its guid, else by its address, else by its number; without all three it is none."""
    post = POST
    for part in removed:
        assert part in post
        post = post.replace(part, "")
    entries, problems = _read(path, HEAD + post + TAIL)
    assert [entry.item.id for entry in entries] == ([derived_id(named, None, None)] if named else [])
    assert [problem.rejected for problem in problems] == ([] if named else [True])


def test_what_may_change(path: Path) -> None:
    """Another title, permalink, number or scheme leaves an item the same one."""
    changed = POST.replace("A Title", "No Title").replace("2020/09/a-title", "a").replace("_id>123", "_id>7")
    changed = changed.replace("http://library.example.org/?p", "https://library.example.org/?p")
    ((entry,), _) = _read(path, HEAD + changed + TAIL)
    assert entry.item.id == LOCAL
    assert LOCAL.startswith("library-example-org-p-123-")


def test_left_out(path: Path) -> None:
    """What is no published post or page with content is counted, and nothing of it rejected."""
    others = [
        POST.replace(">publish<", ">draft<"),
        POST.replace(">publish<", ">private<"),
        POST.replace(">post<", ">attachment<"),
        POST.replace(">post<", ">attachment<"),
        POST.replace(f"<!-- wp:html -->{BODY}<!-- /wp:html -->", ""),
    ]
    page = POST.replace("p=123", "page_id=5").replace(">post<", ">page<")
    entries, problems = _read(path, HEAD + "".join((*others, POST, page)) + TAIL)
    assert len({entry.item.id for entry in entries}) == 2
    reason = (
        "5 entries are no published posts or pages with content"
        " (2 of type attachment, 1 with status draft, 1 with status private, 1 without content)"
    )
    assert problems == [Problem(1, reason, "left out")]


def test_written_without_tags(path: Path) -> None:
    """In posts without blocks the ends of lines count, and shortcodes are no text."""
    body = (
        "By Ada Quill\n\nAn abstract says what the report is about, at some length.\n\n"
        '[caption id="x" width="3"]<img src="a.jpg"/>[/caption]London: Swan House, 2020. 10p.'
    )
    ((entry,), _) = _read(path, HEAD + POST.replace(f"<!-- wp:html -->{BODY}<!-- /wp:html -->", body) + TAIL)
    assert entry.item.description == "An abstract says what the report is about, at some length."
    assert entry.item.date == "2020"


def test_encodings(path: Path) -> None:
    """The encoding that the file declares is obeyed."""
    text = (HEAD + POST.replace("A Title", "Über den Titel") + TAIL).replace("UTF-8", "ISO-8859-1")
    ((entry,), _) = _read(path, text.encode("latin-1"))
    assert entry.item.title.startswith("Über den Titel")
    ((entry,), _) = _read(path, text.replace("ISO-8859-1", "UTF-16").encode("utf-16"))
    assert entry.item.title.startswith("Über den Titel")


def test_control_characters(path: Path) -> None:
    """Characters that no XML may have cost themselves alone, and are counted."""
    ((entry,), problems) = _read(path, HEAD + POST.replace("A Title", "A\x08 Tit\x0ble\x00") + TAIL)
    assert entry.item.title.startswith("A Title")
    assert [problem.reason for problem in problems] == ["3 control characters, which no XML may have"]


@pytest.mark.parametrize("cut", ["<item>", "</wp:status>", "Quill"])
def test_truncated(path: Path, cut: str) -> None:
    """What stands before a break is taken; that more may follow is told, so that nothing is deleted."""
    post = POST.replace("p=123", "p=124")
    entries, problems = _read(path, HEAD + POST + post[: post.index(cut) + len(cut)])
    assert [entry.item.id for entry in entries] == [LOCAL]
    assert [(problem.id, problem.rejected) for problem in problems] == [(None, True)]


ENTITIES = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not XML"),
        ("<rss", "not XML"),
        ("\x00" * 100, "not XML"),
        (HEAD + TAIL, "there is no item"),
        (HEAD + "<item>", "not XML"),
        (HEAD.replace("UTF-8", "klingon") + POST + TAIL, "not XML: Unsupported encoding"),
        (HEAD + POST.replace("A Title", "\udcff") + TAIL, "not XML"),
        (HEAD + "<item>" + "<a>" * 100_000, "not XML: Excessive depth"),
        (
            HEAD.replace("<rss", f'<!DOCTYPE rss [<!ENTITY a "lol">{ENTITIES}]><rss')
            + "<item>&i;</item>"
            + TAIL,
            "DOCTYPE",
        ),
        (
            HEAD.replace("<rss", '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/hostname">]><rss')
            + POST
            + TAIL,
            "DOCTYPE",
        ),
        (HEAD.replace("<rss", '<!DOCTYPE rss SYSTEM "http://127.0.0.1/x.dtd"><rss') + POST + TAIL, "DOCTYPE"),
    ],
)
def test_unreadable(path: Path, text: str, reason: str) -> None:
    """A file of which nothing can be believed, or that is hostile, says why before it gives anything."""
    with pytest.raises(Unreadable, match=reason):
        _read(path, text.encode(errors="surrogateescape"))


def test_deep_html(path: Path) -> None:
    """A body nested without end makes an item like any other, and the next one is read."""
    deep = POST.replace("p=123", "p=1").replace(BODY, "<div>" * 50_000 + "x")
    entries, problems = _read(path, HEAD + deep + POST + TAIL)
    assert [entry.item.id for entry in entries][1] == LOCAL
    assert "nested" in problems[0].reason


def test_looks_like() -> None:
    """An export is RSS in a namespace of WordPress, and no other."""
    assert not looks_like(HEAD.replace("wordpress.org", "example.org").encode())
    assert not looks_like(HEAD.replace("<rss", "<feed").encode())
    assert not looks_like(b"wordpress.org/export/")
    assert not looks_like(b"")


def _big(megabytes: int) -> Iterator[bytes]:
    # Many posts, a text of some size in each, and much beside them that is nothing to us.
    yield HEAD.encode()
    filler = b"<wp:tag><wp:tag_slug>" + b"swan " * 2_000 + b"</wp:tag_slug></wp:tag>\n"
    for number in range(megabytes * 10):
        yield filler * 5
        yield POST.replace("p=123", f"p={number}").replace("one thing", "One thing").encode()
        yield POST.replace(">publish<", ">draft<").replace("And another", "And another " * 4_000).encode()
    yield TAIL.encode()


_MEASURED = """
import resource, sys
from pathlib import Path
from oai.sources.wordpress import read
path = Path(sys.argv[1])
next(read(path))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(1 for _ in read(path)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory(path: Path) -> None:
    """An export of any size is read in the memory of a few entries."""
    megabytes = 8
    with path.open("wb") as file:
        file.writelines(_big(megabytes))
    ran = subprocess.run([sys.executable, "-c", _MEASURED, str(path)], capture_output=True, check=True)
    found, kilobytes = map(int, ran.stdout.split())
    assert found == megabytes * 10 + 1
    assert kilobytes < 8 * 1024


@given(st.binary(max_size=100), st.sampled_from(["", HEAD, HEAD + POST, HEAD + "<item>"]), st.booleans())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: str, ended: bool) -> None:  # noqa: FBT001
    """Reading raises nothing but Unreadable."""
    path = tmp_path_factory.getbasetemp() / "any.xml"
    path.write_bytes(head.encode() + data + (TAIL.encode() if ended else b""))
    looks_like(path.read_bytes())
    with contextlib.suppress(Unreadable):
        list(read(path))


@pytest.mark.parametrize("name", ["}}post_id", "content:encoded", "}"])
def test_namespaces_that_are_none(tmp_path: Path, name: str) -> None:
    """An export whose namespaces are damaged is read as far as it goes, or refused, and nothing else."""
    path = tmp_path / "export.xml"
    path.write_text(
        '<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"><channel>'
        f'<item><title>T</title><a xmlns="{name}">1</a></item></channel></rss>'
    )
    with contextlib.suppress(Unreadable):
        assert all(isinstance(each, Problem) for each in read(path))
