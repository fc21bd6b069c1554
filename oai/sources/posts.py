"""A post of a site's own software: a title that is known, and a body in HTML.

The body is what the same post shows on a tag page: byline, abstract and imprint, with nothing to
mark them. So it is made lines and goes through the same stages (:mod:`oai.sources.pages`). Here
more is certain than there: where the post begins and ends, its title, its tags, and its links.
Hence what the stages take for another title is a heading in the abstract, and of several
imprints the last is the post's.

Who wrote the post is not who wrote the thing it is about, and when it was posted is not when
that came out: neither makes a creator or a date.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lxml import etree

from oai.item import Item, normalise, unique
from oai.sources import Entry, Problem, Unreadable
from oai.sources.pages import blocks, fields, glued, segment, shape
from oai.sources.pages.blocks import Line
from oai.sources.pages.header import Header
from oai.sources.pages.segment import Post, Role
from oai.text import CONTROLS, ENTITIES, MARKUP, clean

LONGEST = 2 * 1024 * 1024
"""Characters of the longest body; what is longer holds pictures or a whole book, and no abstract."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A post as its site gives it. ``title`` and ``tags`` may be escaped as HTML.

    ``line_breaks`` says that the ends of lines in ``body`` part lines and paragraphs, as they do
    where people write without tags; in HTML they are spaces.
    """

    id: str
    title: str
    body: str
    tags: Sequence[str] = ()
    sections: Sequence[str] = ()
    url: str | None = None
    links: Sequence[str] = ()
    line_breaks: bool = False


def read(posted: Posted, line: int) -> Iterator[Entry | Problem]:
    """Yield the item of a post that begins at *line*, after what was doubted of it."""
    mended: list[str] = []
    title = " ".join(plain(posted.title, mended).split())
    if not title:
        yield Problem(line, "a post without a title", "rejected", id=posted.id, rejected=True)
        return
    if len(posted.body) > LONGEST:
        reason = f"a post of more than {LONGEST} characters"
        yield Problem(line, reason, "rejected", id=posted.id, rejected=True)
        return
    text, links = _printed(posted.body, mended, line_breaks=posted.line_breaks)
    try:
        body = blocks.lines(text.encode()) if text else blocks.Lines((), ())
    except Unreadable as error:
        yield Problem(line, error.reason, "rejected", id=posted.id, rejected=True)
        return
    mended += (reason for _, reason in body.mended)
    post, dropped = _parted(title, body.lines, line)
    found = fields.read(post, Header(), last=False)
    item = found.entry.item if found.entry else Item("", title, description=_plainly(post))
    item = replace(
        item,
        id=posted.id,
        tags=unique(tag for text in posted.tags if (tag := plain(text, mended))),
        sections=unique(section for text in posted.sections if (section := plain(text, mended))),
        url=posted.url,
        identifiers=unique((*item.identifiers, *_addresses((*posted.links, *links), posted.url))),
    )
    for mend in dict.fromkeys(mended):
        reason, _, done = mend.partition(": ")
        yield Problem(line, reason, done or "mended", item.id)
    for text in dropped:
        yield Problem(line, f"“{text[:80]}” belongs to no part of a post", "left out", item.id)
    for problem in found.problems:
        done = "taken as it is" if problem.rejected else problem.done
        yield Problem(problem.line, problem.reason, done, item.id)
    yield Entry(item, line)


def plain(text: str, mended: list[str]) -> str:
    """Return *text*, which may be HTML, as text; what else had to be mended is added to *mended*."""
    cleaned = clean(text)
    mended += (reason for reason in cleaned.mended if reason not in {ENTITIES, MARKUP})
    return cleaned.text


# ── from HTML to lines ────────────────────────────────────────────────────────────────────────

_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")
_PARAGRAPHS = re.compile(r"\s*\n\s*\n\s*")
_BLOCKS = frozenset(
    """address article aside blockquote center dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6
    header hr main ol p pre section table ul""".split()
)
_LINES = frozenset({"br", "li", "tr"})
_UNPRINTED = frozenset({"script", "style", "noscript", "iframe", "template", "head", "svg", "form"})


def _printed(html: str, mended: list[str], *, line_breaks: bool) -> tuple[str, list[str]]:
    """Return the text of *html*, paragraphs a blank line apart, and the addresses it links to."""
    safe = _UNSAFE.sub("", html)
    if safe != html:
        mended.append(CONTROLS)
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(f"<body>{safe}</body>", parser)
    except (etree.LxmlError, ValueError):
        return safe, []
    if any(mistake.type_name == "ERR_RESOURCE_LIMIT" for mistake in parser.error_log):
        mended.append("HTML nested deeper than any is: cut there")
    parts: list[str] = []
    links: list[str] = []
    hidden = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = str(element.tag)
        gap = "\n\n" if tag in _BLOCKS else "\n" if tag in _LINES else ""
        if event == "start":
            hidden += tag in _UNPRINTED
            parts.append(gap + ("• " if tag == "li" else ""))
            text = element.text
            if tag == "a" and not hidden:
                links.append(element.get("href", ""))
        else:
            hidden -= tag in _UNPRINTED
            parts.append(gap if tag in _BLOCKS else " " if tag in {"td", "th"} else "")
            text = element.tail
        if text and not hidden:
            parts.append(text if line_breaks else _SPACES.sub(" ", text))
    return _PARAGRAPHS.sub("\n\n", "".join(parts)).strip(), links


# ── from lines to a post ──────────────────────────────────────────────────────────────────────

_IMPRINTS = frozenset({Role.IMPRINT, Role.EARLY_IMPRINT})
_SHORT = 100  # characters; what follows an imprint and has fewer points to something else


def _parted(title: str, body: Sequence[Line], number: int) -> tuple[Post, list[str]]:
    """Return the post of *title* and *body*, which begins at line *number*, and what is no part of it."""
    if body and normalise(body[0].text) == normalise(title):
        body = body[1:]
    parted = glued.parted(body)
    lines = [replace(line, number=number) for line in parted.lines]
    post = Post(title=[Line(title, number)])
    roles = segment.roles([*post.title, *lines])[1:]
    kept = [(line, role) for line, role in zip(lines, roles, strict=True) if role is not Role.NOTICE]
    notices = [line for line, role in zip(lines, roles, strict=True) if role is Role.NOTICE]
    runs = [(alike, list(run)) for alike, run in groupby(kept, lambda each: each[1] in _IMPRINTS)]
    last = max((index for index, (is_imprint, _) in enumerate(runs) if is_imprint), default=None)
    for index, (_, run) in enumerate(runs):
        for line, role in run:
            if index == last:
                post.imprint.append(line)
            elif role is Role.BYLINE and not post.abstract:
                post.byline.append(line)
            elif post.imprint and len(line.text) < _SHORT:
                notices.append(line)
            else:
                post.abstract.append(line)
    return post, [line.text for line in (*parted.dropped, *notices) if not shape.is_notice(line.text)]


def _plainly(post: Post) -> str | None:
    return "\n\n".join(line.text for line in post.abstract) or None


# ── links ─────────────────────────────────────────────────────────────────────────────────────

_DOI = re.compile(r"(?:https?://(?:dx\.|www\.)?doi\.org/|doi:\s*)(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s/<>\"\[\]]+(?:/[^\s<>\"]*)?", re.IGNORECASE)
_LONGEST_ADDRESS = 2000


def _addresses(links: Sequence[str], own: str | None) -> Iterator[str]:
    """Yield those of *links* that are whole and lead elsewhere, a DOI in the form that it has now."""
    for link in links:
        text = clean(link).text
        if doi := _DOI.fullmatch(text):
            text = f"https://doi.org/{doi[1]}"
        if text != own and is_address(text):
            yield text


def is_address(text: str) -> bool:
    """Say whether *text* is an address on the web, and a whole one."""
    return len(text) <= _LONGEST_ADDRESS and bool(_ADDRESS.fullmatch(text)) and clean(text).text == text
