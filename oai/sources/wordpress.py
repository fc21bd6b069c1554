"""A site's export in WordPress eXtended RSS (WXR 1.0 to 1.2), which Squarespace writes as well.

RSS 2.0, each ``item`` with what WordPress knows of it. Published posts and pages that have
content are taken; attachments, menus, drafts and the rest are counted in one problem.

What stays the same from one export to the next is the ``guid``: WordPress gives it to a post
once, and keeps it when the post gets another title or permalink, when the site changes hosts,
and when the export is imported elsewhere, where it may get another ``wp:post_id``. Squarespace
writes no guid and numbers its posts anew in each export; there the address is what stays. So an
item is named by guid, else by link, else by number: a slug of it for the reader's eye, and a
hash. The scheme is no part of it, since sites move to https.

``dc:creator`` is whose login posted it, and ``pubDate`` when: neither is the work's.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from oai.item import derived_id
from oai.sources import Entry, Problem, posts, safe_xml

_WXR = "http://wordpress.org/export/"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_TAXONOMIES = frozenset({"post_tag", "category"})
_NO_CATEGORY = "uncategorized"  # what WordPress files under when nobody chose
_TYPES = frozenset({"post", "page"})

# Written without tags until 2018, with comments that part blocks since then.
_BLOCKS = "<!-- wp:"
_SHORTCODE = re.compile(r"\[/?(?:audio|caption|embed|gallery|playlist|video|wp_caption)(?:\s[^\[\]]*)?\]")


def looks_like(head: bytes) -> bool:
    """Say whether a file that begins with *head* is such an export: RSS in a namespace of WordPress."""
    root = safe_xml.root(head)
    return bool(root and root.tag == "rss" and any(uri.startswith(_WXR) for uri in root.namespaces))


def read(path: Path) -> Iterator[Entry | Problem]:
    """Yield the posts of an export, and what was doubted or left out, as they stand in it."""
    left_out: Counter[str] = Counter()

    def entries(element: etree._Element) -> Iterator[Entry | Problem]:
        said = _said(element)
        if reason := _unfit(said):
            left_out[reason] += 1
        else:
            yield from _read_item(element, said)

    def end() -> Iterator[Problem]:
        if left_out:
            kinds = ", ".join(f"{count} {what}" for what, count in sorted(left_out.items()))
            reason = f"{left_out.total()} entries are no published posts or pages with content ({kinds})"
            yield Problem(1, reason, "left out")

    yield from safe_xml.read(path, "item", entries, end)


def _said(item: etree._Element) -> dict[str, str]:
    """Return the texts of *item*, those of WordPress under "wp:" and the name, whatever the version."""
    said: dict[str, str] = {}
    for child in item:
        namespace, local = safe_xml.name(child)
        key = str(child.tag)
        if namespace.startswith(_WXR):
            key = ("excerpt:" if namespace.endswith("/excerpt/") else "wp:") + local
        said.setdefault(key, safe_xml.text(child))
    return said


def _unfit(said: dict[str, str]) -> str | None:
    """Return what sort of entry it is that makes no item."""
    kind = said.get("wp:post_type", "post")
    if kind not in _TYPES:
        return f"of type {kind[:40]}"
    status = said.get("wp:status", "publish").casefold()
    if status != "publish":
        return f"with status {status[:40]}"
    return None if said.get(_CONTENT) or said.get("excerpt:encoded") else "without content"


def _read_item(item: etree._Element, said: dict[str, str]) -> Iterator[Entry | Problem]:
    line = safe_xml.line(item)
    link = said.get("link", "")
    named = said.get("guid") or link or said.get("wp:post_id")
    if not named:
        yield Problem(line, "a post without guid, link and number", "rejected", rejected=True)
        return
    body = said.get(_CONTENT) or said["excerpt:encoded"]
    posted = posts.Posted(
        derived_id(re.sub(r"^https?://(?:www\.)?", "", named).rstrip("/") or named, None, None),
        said.get("title", ""),
        _SHORTCODE.sub("\n\n", body),
        _tags(item),
        url=link if posts.is_address(link) else None,
        line_breaks=_BLOCKS not in body,
    )
    yield from posts.read(posted, line)


def _tags(item: etree._Element) -> list[str]:
    """Return the tags and categories of *item*, a category that only says that there is none left out."""
    return [
        safe_xml.text(category)
        for category in item.findall("category")
        if category.get("domain") in _TAXONOMIES and category.get("nicename") != _NO_CATEGORY
    ]
