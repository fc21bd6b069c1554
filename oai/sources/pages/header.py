"""The head of a page: what stands above its first post, and what it says of all of them.

A page opens with the library's name, perhaps the file name of a picture, a heading in capitals
("VICTIMIZATION") with a line or two about it, and "Posts tagged X" or "Posts in X". Any of these may be
missing. Where no "Posts …" line ends the head, it ends before the line above the first byline.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
    start = 0
    library = None
    image = False
    if start < len(lines) and len(lines[0].text) <= _LONGEST_NAME and _LIBRARY.search(lines[0].text):
        library = lines[0].text
        start = 1
    while start < min(len(lines), _DEEPEST) and _IMAGE.fullmatch(lines[start].text):
        image = True
        if start == 1 and library is None:
            library = lines[0].text
        start += 1
    if library is None and len(lines) > 1 and _IMAGE.fullmatch(lines[1].text):
        library, image, start = lines[0].text, True, 2
    tag = category = None
    end, after = start, start
    for index in range(start, min(len(lines), _DEEPEST)):
        text = lines[index].text
        if _BYLINE.match(text):
            end = after = _above_byline(lines, start, index) if library else start
            break
        match = _POSTS.fullmatch(text)
        if match and len(match[2]) <= _LONGEST_TAG:
            tag, category = (match[2], None) if match[1] else (None, match[2])
            end, after = index, index + 1
            break
    heading, blurb = _heading(lines[start:end])
    if heading is None and after == start and (library or image):
        heading, blurb, after = _by_shape(lines, start)
    return Header(after, library, heading, blurb, tag, category)


def _above_byline(lines: Sequence[Line], start: int, byline: int) -> int:
    """Return the line at which the title above the first byline begins."""
    title = byline - 1
    # A title may take two lines; a heading and its blurb stand apart by blank lines.
    while title - 1 >= start and lines[title].gap == 0 and not lines[title - 1].text.isupper():
        title -= 1
    return max(start, title)


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
    if start >= len(lines) or not lines[start].text.isupper() or len(lines[start].text) > _LONGEST_HEADING:
        return None, None, start
    heading = lines[start].text
    follows = lines[start + 1].text if start + 1 < len(lines) else ""
    if follows.casefold().startswith(heading.casefold()):
        return heading, follows, start + 2
    return heading, None, start + 1
