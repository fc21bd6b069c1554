"""The small site for people beside the endpoint: the library, its sets, and a page for each item.

Every page is rendered here and needs no script, and nothing from elsewhere. Links lead to where
``base_url`` says that the site is, and nothing on a page comes from the Host or a forwarding
header. Pages carry a validator, so that who comes again is told in a few bytes that nothing has
changed, and who comes for a withdrawn item is told that it was withdrawn (410).
"""

import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from flask import Blueprint, Response, abort, render_template, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import BaseConverter

from oai import compression
from oai.item import Item, merged
from oai.library import Library
from oai.protocol import datestamp, syntax
from oai.protocol.model import Position, Set
from oai.repository import Unavailable
from oai.site.landing import Landing, readable_date
from oai.sources import jsonl
from oai.store.catalogue import PARENTS, Catalogue, Entry
from oai.store.servers import Servers

NEWEST = 6
"""Records on the front page."""

MOST_USED = 40
"""Tags on the front page."""

SECTIONS = 200
"""Sections on the front page, and on the page of sets beside the tags."""

SHELF = 50
"""Records on a page of a list."""

SETS = 500
"""Tags, or sections, on a page of a list."""

RETRY_AFTER = 60
"""Seconds after which to come again when the store could not be read."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
"""What every page is sent with."""

logger = logging.getLogger(__name__)

_Read = TypeVar("_Read")

_PAGE = "private, max-age=60, must-revalidate"
_STYLE = "public, max-age=31536000, immutable"
_STYLE_OF_OTHERS = "public, max-age=300"  # asked for by a page of a newer or older version than this one
_AFTER = re.compile(r"(-?\d{1,17})\.(\d{1,18})", re.ASCII)


def create_site(library: Library, servers: Servers) -> Blueprint:
    """Return the pages of *library*, read from *servers*; they need not be there yet."""
    site = _Site(library)
    pages = _Pages(site, servers)
    blueprint = Blueprint("site", __name__, template_folder="templates")
    blueprint.record_once(_add_converter)
    blueprint.add_url_rule("/", view_func=pages.front)
    blueprint.add_url_rule("/records/", view_func=pages.records)
    # Slashes are part of an identifier, however many stand side by side.
    blueprint.add_url_rule("/records/<local:local>", view_func=pages.record, merge_slashes=False)
    blueprint.add_url_rule("/sets/", view_func=pages.sets)
    blueprint.add_url_rule("/sets/<set_spec>", view_func=pages.set_)
    blueprint.add_url_rule("/style/<digest>.css", view_func=pages.style)
    blueprint.register_error_handler(Unavailable, pages.unavailable)
    blueprint.register_error_handler(HTTPException, pages.error)
    blueprint.register_error_handler(InternalServerError, pages.error)
    # What leads nowhere at all is no blueprint's, so the application is told where to send it.
    blueprint.app_errorhandler(HTTPStatus.NOT_FOUND)(pages.error)
    blueprint.app_errorhandler(HTTPStatus.METHOD_NOT_ALLOWED)(pages.error)
    return blueprint


class _Local(BaseConverter):
    """The local part of an identifier: anything, slashes at both ends and new lines included."""

    regex = r"(?s:.+)"
    part_isolating = False


def _add_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["local"] = _Local


@dataclass(frozen=True, slots=True)
class Row:
    """An item in a list."""

    item: Item
    href: str
    imprint: str


class _Site:
    """What templates ask of the site as a whole; its addresses are those of the settings alone."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.name = library.settings.repository_name
        self.about = library.settings.eprints_content
        self.address = library.settings.site_url
        self.base_url = library.settings.base_url
        self.emails = library.settings.admin_email
        self.css = files(__name__).joinpath("static", "site.css").read_bytes()
        self.digest = hashlib.sha256(self.css).hexdigest()[:12]
        # The path that the site is mounted under, for links that hold wherever a page was opened from.
        self._prefix = urlsplit(self.address).path.rstrip("/")

    def link(self, path: str) -> str:
        """Return where a link to a page of this site leads."""
        return self._prefix + path

    def absolute(self, path: str) -> str:
        """Return the address of a page of this site."""
        return self.address + path

    def record_link(self, local: str) -> str:
        """Return where a link to an item's page leads."""
        return self._prefix + self.library.page_of(local).removeprefix(self.address)

    def set_path(self, spec: str) -> str:
        """Return the path of a set's page, within the site."""
        return f"/sets/{spec}"

    def style_path(self) -> str:
        """Return the path of the stylesheet, which changes with it."""
        return f"/style/{self.digest}.css"

    @staticmethod
    def moment(seconds: int) -> str:
        """Return a datestamp as the protocol writes it."""
        return datestamp.write(seconds)

    @staticmethod
    def day(seconds: int) -> str:
        """Return the day of a datestamp in words."""
        return readable_date(datestamp.write(seconds, datestamp.Granularity.DAY)) or ""

    def landing(self, item: Item) -> Landing:
        """Return what the page of *item* says."""
        return Landing(item, self.library.page_of(item.id), self.library)

    def rows(self, entries: Sequence[Entry]) -> list[Row]:
        """Return items as a list shows them."""
        items = (_item(entry) for entry in entries)
        return [
            Row(item, self.record_link(item.id), self.landing(item).imprint)
            for item in items
            if not item.deleted
        ]


def _item(entry: Entry) -> Item:
    return merged([jsonl.load(content) for content in entry.said])


class _Pages:
    """The views."""

    def __init__(self, site: _Site, servers: Servers) -> None:
        self._site = site
        self._servers = servers

    def front(self) -> Response:
        """Show the library: what it is, what is in it, and how to harvest it."""
        figures, shelf, tags, sections = self._read(
            lambda catalogue: (
                catalogue.figures(),
                catalogue.shelf(None, None, NEWEST),
                catalogue.most_used("tag", MOST_USED),
                catalogue.sets("section", "", SECTIONS),
            )
        )
        by_name = sorted(tags, key=lambda tag: tag.spec)
        return self._page(
            "front",
            "/",
            figures=figures,
            rows=self._site.rows(shelf.entries),
            tags=by_name,
            sections=sections,
        )

    def records(self) -> Response:
        """List all items, those that changed last first."""
        after = _after()
        total, shelf = self._read(
            lambda catalogue: (catalogue.figures().records, catalogue.shelf(None, after, SHELF))
        )
        return self._page(
            "records",
            _with("/records/", after=_written(after)),
            total=total,
            first=after is None,
            rows=self._site.rows(shelf.entries),
            next=shelf.next and _with("/records/", after=_written(shelf.next)),
        )

    def sets(self) -> Response:
        """List tags and sections; from some setSpec on, only those of its kind."""
        start = request.args.get("from")
        parent = start.partition(":")[0] if start is not None else None
        if start is not None and not _starts_list(start):
            abort(404)

        def read(catalogue: Catalogue) -> dict[str, Any]:
            lists = {}
            counts = catalogue.figures().sets
            for kind in (parent,) if parent else reversed(PARENTS):
                limit = SECTIONS if parent is None and kind == "section" else SETS
                lists[kind] = catalogue.sets(kind, start or "", limit)
            long = [kind for kind in lists if counts[kind] > len(lists[kind].sets)]
            initials = {kind: catalogue.initials(kind) for kind in long}
            return {"lists": lists, "counts": counts, "initials": initials}

        return self._page("sets", _with("/sets/", **{"from": start}), start=start, **self._read(read))

    def set_(self, set_spec: str) -> Response:
        """Show a set: how to harvest it, and its items."""
        after = _after()
        if not syntax.is_set_spec(set_spec):
            abort(404)
        set_, shelf = self._read(
            lambda catalogue: (catalogue.set_(set_spec), catalogue.shelf(set_spec, after, SHELF))
        )
        if set_ is None:
            abort(404)
        path = self._site.set_path(set_spec)
        return self._page(
            "set",
            _with(path, after=_written(after)),
            set=set_,
            path=path,
            first=after is None,
            rows=self._site.rows(shelf.entries),
            next=shelf.next and _with(path, after=_written(shelf.next)),
        )

    def record(self, local: str) -> Response:
        """Show an item; one that was deleted has a page that says so."""
        meant = [each for each in _locals(local) if syntax.is_xml_text(each)]
        entry = self._read(
            lambda catalogue: next((entry for entry in map(catalogue.entry, meant) if entry), None)
        )
        if entry is None:
            abort(404)
        if entry.deleted:
            return self._render("withdrawn", HTTPStatus.GONE, entry=entry)
        landing = self._site.landing(_item(entry))
        response = self._page(
            "record",
            None,
            landing=landing,
            item=landing.item,
            entry=entry,
            identifier=self._site.library.identifier(entry.local),
            kinds=_by_kind(entry.sets),
        )
        collections = [self._site.absolute(self._site.set_path(each.spec)) for each in entry.sets]
        for link in landing.links(collections):
            response.headers.add("Link", link)
        return response

    def style(self, digest: str) -> Response:
        """Give the stylesheet, for good under the address that has its digest."""
        response = Response(self._site.css, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = _STYLE if digest == self._site.digest else _STYLE_OF_OTHERS
        response.headers["X-Content-Type-Options"] = "nosniff"
        return _finished(response)

    def error(self, error: HTTPException) -> Response:
        """Say what is wrong with a request, or that we are at a loss."""
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        response = self._render("error", status, status=status)
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                response.headers.setdefault(name, value)
        return response

    def unavailable(self, _: Unavailable) -> Response:
        """Say that the store cannot be read now, and nothing about what is in it."""
        response = self._render(
            "error", HTTPStatus.SERVICE_UNAVAILABLE, status=HTTPStatus.SERVICE_UNAVAILABLE
        )
        response.headers["Retry-After"] = str(RETRY_AFTER)
        return response

    def _read(self, question: Callable[[Catalogue], _Read]) -> _Read:
        """Return what is read from the catalogue for one page, all of it from one server."""
        return self._servers.answer(lambda connection: question(Catalogue(connection)))

    def _page(self, name: str, path: str | None, /, **shown: Any) -> Response:
        """Return a page that can be kept and asked for again; *path* is its canonical one."""
        canonical = self._site.absolute(path) if path is not None else None
        response = self._render(name, HTTPStatus.OK, canonical=canonical, **shown)
        response.headers["Cache-Control"] = _PAGE
        return _finished(response)

    def _render(self, name: str, status: HTTPStatus, /, **shown: Any) -> Response:
        html = render_template(f"site/{name}.html", site=self._site, **shown)
        response = Response(html, status, HEADERS, content_type="text/html; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        return response


def _finished(response: Response) -> Response:
    """Give a response its validator, and compress it where that is asked for."""
    response.add_etag(weak=True)  # it is the same page in whatever coding
    coding = compression.chosen(request.headers.get("Accept-Encoding", ""))
    if coding:
        response.set_data(compression.body([response.get_data()], coding))
        response.headers["Content-Encoding"] = coding
    response.headers["Vary"] = "Accept-Encoding"
    response.make_conditional(request)
    response.headers.pop("Date", None)  # the server dates all that it sends
    return response


def _locals(local: str) -> Sequence[str]:
    """Return the local parts that the request may mean, the likelier first.

    A "?" needs no escape in an identifier, and ends the path of an address. So what follows it
    is first taken for the rest of the identifier, then for the addition of somebody on the way.
    """
    query = request.query_string
    if not query:
        return (local, f"{local}?")
    try:
        rest = unquote(query.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        return (local,)
    return (f"{local}?{rest}", local)


def _after() -> Position | None:
    """Return the position that a page of a list is asked for behind."""
    text = request.args.get("after")
    if text is None:
        return None
    match = _AFTER.fullmatch(text)
    return Position(int(match[1]), int(match[2])) if match else abort(404)


def _written(position: Position | None) -> str | None:
    return None if position is None else f"{position.datestamp}.{position.serial}"


def _starts_list(start: str) -> bool:
    parent, _, rest = start.partition(":")
    return parent in PARENTS and syntax.is_set_spec(start if rest else parent)


def _with(path: str, **query: str | None) -> str:
    """Return *path* with those parts of a query that are given."""
    given = "&".join(f"{key}={quote(value, safe=':')}" for key, value in query.items() if value is not None)
    return f"{path}?{given}" if given else path


def _by_kind(sets: Sequence[Set]) -> Mapping[str, Sequence[Set]]:
    return {kind: [each for each in sets if each.spec.startswith(f"{kind}:")] for kind in PARENTS}
