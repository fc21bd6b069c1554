"""A post's lines as an item, and every doubt on the way as a problem."""

from collections.abc import Iterator
from dataclasses import dataclass

from oai.item import Item, derived_id, unique
from oai.sources import Entry, Problem
from oai.sources.pages import byline, imprint
from oai.sources.pages.blocks import Line
from oai.sources.pages.header import Header
from oai.sources.pages.segment import Post

_LONGEST_TITLE = 600
_SHORTEST_ABSTRACT = 80  # below this, and with nothing else, a title is none


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a post: the item, unless it was rejected, and the problems."""

    entry: Entry | None
    problems: tuple[Problem, ...]


def read(post: Post, header: Header, *, last: bool) -> Found:
    """Return the item of *post*; *last* says that the page ends with it."""
    title = " ".join(line.text for line in post.title)
    description = _description(post)
    if not title:
        return Found(None, (Problem(post.line, "a post without a title", "not taken", rejected=True),))
    if not (post.byline or post.imprint or len(description or "") >= _SHORTEST_ABSTRACT):
        reason = f"“{title[:80]}” has neither byline nor abstract nor imprint"
        return Found(None, (Problem(post.line, reason, "not taken for a post", rejected=True),))
    names = _names(post)
    bodies = tuple(name.name for name in (*names.creators, *names.editors) if name.kind == "corporate")
    imprinted = imprint.read(_joined(post.imprint), bodies)
    first = next(iter((*names.creators, *names.editors)), None)
    item = Item(
        id=derived_id(title, first.name if first else None, imprinted.date),
        title=title,
        creators=names.creators,
        editors=names.editors,
        contributors=names.contributors,
        description=description,
        publisher=imprinted.publisher,
        place=imprinted.place,
        date=imprinted.date,
        extent=imprinted.extent,
        source=imprinted.source,
        tags=unique(header.tags),
        sections=(header.heading,) if header.heading else (),
        type=imprinted.type,
        identifiers=imprinted.identifiers,
    )
    problems = tuple(
        Problem(line, reason, done, item.id)
        for line, reason, done in _doubts(post, item, names, imprinted, last=last)
    )
    return Found(Entry(item, post.line), problems)


def _joined(lines: list[Line]) -> str:
    """Return *lines* as one, each but the last with an end."""
    text = ""
    for line in lines:
        text += ("" if not text else " " if text.endswith((".", ",", ":", ";")) else ". ") + line.text
    return text


def _names(post: Post) -> byline.Byline:
    printed: list[str] = []
    for line in post.byline:
        if (
            printed
            and line.gap == 0
            and not byline.OPENING.match(line.text)
            and not byline.ROLE.match(line.text)
        ):
            printed[-1] += f", {line.text}"  # a list goes on
        else:
            printed.append(line.text)
    read = [byline.read(text) for text in printed]
    return byline.Byline(
        creators=tuple(dict.fromkeys(name for names in read for name in names.creators)),
        editors=tuple(dict.fromkeys(name for names in read for name in names.editors)),
        contributors=tuple(dict.fromkeys(name for names in read for name in names.contributors)),
        unread=tuple(text for names in read for text in names.unread),
    )


def _description(post: Post) -> str | None:
    text = ""
    for line in post.abstract:
        text += ("" if not text else "\n\n" if line.gap else "\n") + line.text
    return text or None


def _doubts(
    post: Post, item: Item, names: byline.Byline, imprinted: imprint.Imprint, *, last: bool
) -> Iterator[tuple[int, str, str]]:
    line = post.line
    if not post.byline:
        yield line, "no byline found", "no creator given"
    elif not names:
        yield post.byline[0].number, "no name found in the byline", "no creator given"
    elif not (names.creators or names.editors):
        yield post.byline[0].number, "the byline names neither author nor editor", "no creator given"
    for text in names.unread:
        yield post.byline[0].number, f"“{text}” in the byline is no name", "left out"
    if not post.abstract:
        yield line, "no abstract found", "no description given"
    if not post.imprint:
        reason = "the page looks cut: its last post has no imprint" if last else "no imprint found"
        yield line, reason, "neither publisher nor date given"
        return
    number = post.imprint[0].number
    if last and not imprinted.date and not imprinted.extent:
        yield number, "the page looks cut in its last imprint", "taken as far as it goes"
    for reason, done in imprinted.doubts:
        yield number, reason, done
    if len(item.title) > _LONGEST_TITLE:
        yield line, "a title of unusual length", "taken as it is"
