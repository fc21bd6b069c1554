"""The head of a page: what stands above its first post, and what it says of all of them.

A page opens with the library's name, perhaps the file name of a picture, a heading in capitals
("VICTIMIZATION") with a line or two about it, and "Posts tagged X" or "Posts in X". Any of these may be
missing. Where no "Posts …" line ends the head, it ends before the line above the first byline.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from oai.sources.pages import imprint
from oai.sources.pages.blocks import Line

_POSTS = re.compile(
    r"(?:posts|entries|items|articles)\s+(?:(tagged(?:\s+with)?)|in|filed under)\s*:?\s+(?=\S)(.+)",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"\S.{0,200}\.(?:jpe?g|png|gif|webp|svg|avif|tiff?|bmp)", re.IGNORECASE)
_LIBRARY = re.compile(
    r"\b(?:library|libraries|bibliothe[ck]|bibliothèque|biblioteca|librarian)", re.IGNORECASE
)
_BYLINE = re.compile(r"(?:edited\s+)?by\s", re.IGNORECASE)
_DEEPEST = 40  # lines within which a head ends
_MOST_LINES = 6  # between the picture and the first title, where no "Posts …" line ends the head
_IMPRINT = 3.0  # what is as much like an imprint as this belongs to a post
_LONGEST_HEADING, _LONGEST_NAME, _LONGEST_TAG = 80, 120, 200


@dataclass(frozen=True, slots=True)
class Header:
    """What a page says above its posts; ``length`` is how many of its lines that takes."""

    length: int = 0
    library: str | None = None
    heading: str | None = None
    blurb: str | None = None
    tag: str | None = None
    category: str | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag or the category, whichever the page has."""
        return tuple(tag for tag in (self.tag, self.category) if tag)


def read(lines: Sequence[Line]) -> Header:
    """Return what the first of *lines* say of the page."""
    library, start = _library(lines)
    for index in range(start, min(len(lines), _DEEPEST)):
        match = _POSTS.fullmatch(lines[index].text)
        if match and len(match[2]) <= _LONGEST_TAG:
            heading, blurb = _heading(lines[start:index])
            tag, category = (match[2], None) if match[1] else (None, match[2])
            return Header(index + 1, library, heading, blurb, tag, category)
        if _BYLINE.match(lines[index].text):
            break
    end = _above_byline(lines, start) if start else 0
    heading, blurb = _heading(lines[start:end])
    if heading is None and end == start:
        heading, blurb, end = _by_shape(lines, start)
    return Header(end, library, heading, blurb)


def _library(lines: Sequence[Line]) -> tuple[str | None, int]:
    """Return the library's name, and the line after it and the picture's file name."""
    first, second = (line.text for line in (*lines[:2], *[Line("", 0)] * 2)[:2])
    named = bool(_LIBRARY.search(first)) and not _BYLINE.match(second)
    if not first or len(first) > _LONGEST_NAME or not (named or _IMAGE.fullmatch(second)):
        return None, 0
    start = 1
    while start < len(lines) and _IMAGE.fullmatch(lines[start].text):
        start += 1
    return first, start


def _above_byline(lines: Sequence[Line], start: int) -> int:
    """Return the line at which the title above the first byline begins, or *start* if a post is before."""
    first = next((index for index in range(start, len(lines)) if _BYLINE.match(lines[index].text)), 0)
    title = first - 1
    # A title may take two lines; a heading and its blurb stand apart by blank lines.
    while title - 1 >= start and lines[title].gap == 0 and not lines[title - 1].text.isupper():
        title -= 1
    above = lines[start : max(start, title)]
    if len(above) > _MOST_LINES or any(imprint.likeness(line.text) >= _IMPRINT for line in above):
        return start
    return start + len(above)


def _heading(lines: Sequence[Line]) -> tuple[str | None, str | None]:
    short = [
        line
        for line in lines
        if len(line.text) <= _LONGEST_HEADING and not line.text.endswith((".", ":", ","))
    ]
    heading = next(
        (line for line in short if line.text.isupper()), short[0] if short and short[0] is lines[0] else None
    )
    blurb = "\n".join(line.text for line in lines if line is not heading) or None
    return heading.text if heading else None, blurb


def _by_shape(lines: Sequence[Line], start: int) -> tuple[str | None, str | None, int]:
    """Find a heading in capitals, and the line about it which repeats it, where nothing ends the head."""
    heading, follows = (line.text for line in (*lines[start : start + 2], *[Line("", 0)] * 2)[:2])
    if not start or not heading.isupper() or len(heading) > _LONGEST_HEADING or _BYLINE.match(follows):
        return None, None, start
    if follows.casefold().startswith(heading.casefold()):
        return heading, follows, start + 2
    return heading, None, start + 1
