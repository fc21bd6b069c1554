"""The saved tag pages of an open-access library: one page, many posts.

A page goes through stages, each a module that can be read and tested by itself:

- :mod:`.blocks`: bytes become lines of clean text
- :mod:`.header`: the lines above the first post say what holds for all of them
- :mod:`.glued`: lines that hold two parts of a post are parted
- :mod:`.segment`: the whole page is decided at once, each line's part in a post, by its :mod:`.shape`
- :mod:`.byline` (with :mod:`.grouping`): names and roles
- :mod:`.imprint` (with :mod:`.figures`, :mod:`.publisher`, :mod:`.series`, :mod:`.places`): the rest
- :mod:`.fields`: a post becomes an item, and every doubt on the way a problem

A page is text as it stood on the screen: the library's name, a heading, "Posts tagged X", and
then posts, each a title, a byline, an abstract and an imprint with nothing to mark them. They
are told by shape and position alone, never by a list of known titles, names or publishers.
"""

from collections.abc import Iterator, Sequence

from oai.item import normalise
from oai.sources import Entry, Problem, Unreadable
from oai.sources.pages import blocks, fields, glued, header, segment

__all__ = ["looks_like", "read"]

_QUOTED = 80  # characters of a text that a problem quotes
_HEAD = 4096  # bytes that suffice to tell a tag page


def read(data: bytes, file: str) -> Iterator[Entry | Problem]:
    """Return what the page *data* holds, in its order; raise :class:`Unreadable` if it is no tag page."""
    return iter(_read(data, file))


def _read(data: bytes, file: str) -> list[Entry | Problem]:
    del file  # problems carry the line; who asked knows the file
    page = blocks.lines(data)
    head = header.read(page.lines)
    parted = glued.parted(line for line in page.lines[head.length :] if line.text != head.library)
    segments = segment.posts(parted.lines)
    if not _is_page(head, segments.posts):
        raise Unreadable("not a tag page: no post with title, byline and imprint found")
    results: list[Entry | Problem] = [Problem(line, reason, "mended") for line, reason in page.mended]
    results += [_dropped(line) for line in (*parted.dropped, *segments.dropped)]
    if not head.tags:
        results.append(Problem(1, "the page names neither a tag nor a category", "items take none from it"))
    results += _items(segments.posts, head)
    return sorted(results, key=lambda result: result.line)


def _items(posts: Sequence[segment.Post], head: header.Header) -> Iterator[Entry | Problem]:
    ids: set[str] = set()
    titles: set[str] = set()
    for post in posts:
        found = fields.read(post, head, last=post is posts[-1])
        if found.entry:
            item, line = found.entry.item, found.entry.line
            if item.id in ids:
                yield Problem(line, "a post printed twice", "the first is kept", item.id, rejected=True)
                continue
            if normalise(item.title) in titles:
                yield Problem(line, "two posts with one title", "both are kept", item.id)
            ids.add(item.id)
            titles.add(normalise(item.title))
            yield found.entry
        yield from found.problems


def _dropped(line: blocks.Line) -> Problem:
    text = line.text if len(line.text) <= _QUOTED else line.text[:_QUOTED].rstrip() + "…"
    return Problem(line.number, f"“{text}” belongs to no part of a post", "left out")


def _is_page(head: header.Header, posts: tuple[segment.Post, ...]) -> bool:
    titled = [post for post in posts if post.title]
    full = [post for post in titled if post.imprint and (post.byline or post.abstract)]
    if head.tags or head.library:
        return bool(full) or any(post.byline for post in titled)
    return any(post.byline for post in full)


def looks_like(head: bytes) -> bool:
    """Return whether a file that begins with *head* looks like a tag page."""
    try:
        lines = blocks.lines(_whole_lines(head[:_HEAD])).lines
    except Unreadable:
        return False
    found = header.read(lines)
    if found.tags or (found.library and found.length > 1):
        return True
    return any(post.title and post.byline for post in segment.posts(lines[found.length :]).posts)


def _whole_lines(head: bytes) -> bytes:
    """Return *head* without a last character that was cut."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2]
    cut = head.rfind(b"\n")
    return head if cut < 0 or len(head) < _HEAD else head[:cut]
