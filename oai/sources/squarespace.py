"""A page of a Squarespace site as the site itself gives it: what ``?format=json`` adds to its address.

One JSON object: the ``website``, the ``collection`` that the page shows, and its ``items``, or
the one ``item``. An item has an ``id`` of its own that neither a new title nor a new address
changes; it names the item here as well. The same post stands in the JSON of many pages (each
tag's, each category's, its own), so it is one item with the tags of all.

Tags and categories both become tags, as "Posts tagged X" and "Posts in X" do on saved pages; the
collection's title, which such a page prints as its heading, is the section.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from oai.sources import Entry, Problem, Unreadable, posts

MOST_BYTES = 16 * 1024 * 1024
"""The largest page that is read; the site itself gives some twenty items at a time."""

_PUBLISHED = 1  # the workflowState
_TOKEN = re.compile(rb'("(?:[^"\\]|\\.)*+(?:"|\\?\Z))(\s*:\s*[{\[])?|[{}\[\]]', re.DOTALL)
_OWN = frozenset({b'"website"', b'"collection"', b'"items"', b'"item"'})
_ID = re.compile(r'"id"\s*:\s*"([^"\\\n]+)"')


def looks_like(head: bytes) -> bool:
    """Say whether a file that begins with *head* is such a page: an object of website, collection or items.

    A line of JSON Lines is an object too, but one with an id.
    """
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body.startswith(b"{"):
        return False
    depth = 0
    found: set[bytes] = set()
    for match in _TOKEN.finditer(body):
        string, opening = match[1], match[2]
        if string is None:
            depth += 1 if match[0] in b"{[" else -1
        elif depth == 1 and (opening or string == b'"id"'):
            found.add(string)
        depth += bool(opening)
        if not depth:
            break
    return b'"id"' not in found and not found.isdisjoint(_OWN)


def read(path: Path) -> Iterator[Entry | Problem]:
    """Yield the items of a page, and what was doubted or left out, as they stand in it."""
    page, lines = _page(path)
    base = _base(page.get("website"))
    collection = page.get("collection")
    heading = collection.get("title") if isinstance(collection, dict) else None
    sections = (heading,) if isinstance(heading, str) else ()
    one, items = page.get("item"), page.get("items")
    if not isinstance(items, list | None) or (one is None and items is None):
        raise Unreadable("not a Squarespace page: neither item nor a list of items in it")
    if not base:
        yield Problem(1, "the page does not say where its site is", "items have no address")
    for item in [*(items or ()), *([] if one is None else [one])]:
        id_ = item.get("id") if isinstance(item, dict) else None
        if not isinstance(id_, str) or not re.fullmatch(r"[!-~]+", id_):
            yield Problem(1, "an item without id", "rejected", rejected=True)
            continue
        yield from _read_item(item, id_, lines.get(id_, 1), base, sections)


def _page(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return what the file at *path* holds, and the line at which each id stands first."""
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"larger than {MOST_BYTES // 1024 // 1024} MiB, which no page is")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
        page = json.loads(text)
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8", data.count(b"\n", 0, error.start) + 1) from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg}", error.lineno) from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"not JSON that can be read: {error}") from None
    if not isinstance(page, dict):
        raise Unreadable("not a JSON object")
    lines: dict[str, int] = {}
    number, start = 1, 0
    for match in _ID.finditer(text):
        number += text.count("\n", start, match.start())
        start = match.start()
        lines.setdefault(match[1], number)
    return page, lines


def _base(website: Any) -> str | None:
    """Return the address of the site."""
    if not isinstance(website, dict):
        return None
    for key in ("authenticUrl", "baseUrl"):
        address = website.get(key)
        if isinstance(address, str) and re.match(r"https?://[^\s/]", address):
            return address
    return None


def _read_item(
    item: dict[str, Any], id_: str, line: int, base: str | None, sections: tuple[str, ...]
) -> Iterator[Entry | Problem]:
    if item.get("workflowState", _PUBLISHED) != _PUBLISHED:
        yield Problem(line, "an item that is not published", "left out", id_)
        return
    for key, kind in _KINDS.items():
        if not isinstance(item.get(key), kind | None):
            yield Problem(line, f"{key} is not what it always is", "rejected", id=id_, rejected=True)
            return
    tags = [*(item.get("tags") or ()), *(item.get("categories") or ())]
    posted = posts.Posted(
        id_,
        item.get("title") or "",
        item.get("body") or item.get("excerpt") or "",
        [tag for tag in tags if isinstance(tag, str)],
        sections,
        _address(base, item.get("fullUrl")),
        # What the title leads to, in a post that only points to something else.
        [item.get("sourceUrl") or ""],
    )
    yield from posts.read(posted, line)


_KINDS: dict[str, type] = {
    **dict.fromkeys(("title", "body", "excerpt", "fullUrl", "sourceUrl"), str),
    **dict.fromkeys(("tags", "categories"), list),
}


def _address(base: str | None, path: str | None) -> str | None:
    """Return the address of an item's own page."""
    if not base or not path:
        return None
    try:
        address = urljoin(base, path)
    except ValueError:
        return None
    return address if posts.is_address(address) else None
