"""The Flask application: thin routes around the provider.

``/oai`` and ``/oai/sets/<setSpec>`` answer the protocol, always as text/xml and HTTP 200, whatever
the Accept header says: Java's default one prefers text/html, and harvesters read no 4xx. A
response is built and compressed before its first byte leaves. When the store cannot be read, the
answer is 503 with Retry-After and never a false noRecordsMatch. Nothing in a response comes from
the Host or a forwarding header.
"""

import itertools
import logging
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response, abort, request
from sqlalchemy import Connection, select
from werkzeug.exceptions import BadRequest, HTTPException

from oai import compression, inventory, metrics
from oai.library import Library
from oai.protocol.errors import ProtocolErrors
from oai.protocol.model import Identity, Position, Selection
from oai.protocol.request import ListIdentifiers, Pairs, parse_request
from oai.protocol.response import Envelope
from oai.protocol.resumption import Tokens
from oai.provider import Provider
from oai.render import pieces
from oai.repository import Behind, Unavailable
from oai.settings import Settings
from oai.site import create_site
from oai.status import status
from oai.store.database import StoreError
from oai.store.horizon import horizon
from oai.store.repository import Known, SqlRepository, refuse_other_namespace
from oai.store.schema import ItemRow, SetRow, SigningKeyRow
from oai.store.servers import Servers

RETRY_AFTER = 60
"""Seconds after which a harvester may ask again when the store could not be read."""

RETRY_SOON = 5
"""The same where all that is missing is a change that replicas have not received yet."""

KEPT_FOR = 3600
"""Seconds for which a cache may give a page within a list to others."""

_SETTLED = ("Cache-Control", f"public, max-age={KEPT_FOR}")
_UNSETTLED = ("Cache-Control", "no-cache")
_LARGEST_BODY = 1_000_000  # bytes of a POST: no request of the protocol comes near it

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> Flask:
    """Return the application that serves the library of *settings*.

    Raises :class:`oai.settings.SettingsError`. It does not need the database to be there yet.
    """
    library = Library.of(settings)
    servers = Servers.of(
        settings.database_url,
        settings.replica_urls,
        connections=settings.database_connections,
        timeout=settings.database_timeout,
        lag=settings.replica_lag,
    )
    endpoint = Endpoint(library, servers)
    app = Application(endpoint)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    # A redirect would be to the Host that the request names, and would lose the body of a POST.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    for rule in ("/oai", "/oai/sets/<set_spec>"):
        app.add_url_rule(rule, rule, endpoint.respond, methods=["GET", "POST"])
    for rule, view in (
        ("/oai/inventory", endpoint.inventory_of_days),
        ("/oai/inventory/records", endpoint.inventory_of_records),
        ("/oai/sets/<set_spec>/inventory", endpoint.inventory_of_days),
        ("/oai/sets/<set_spec>/inventory/records", endpoint.inventory_of_records),
    ):
        app.add_url_rule(rule, rule, view)
    app.add_url_rule("/healthz", "healthz", lambda: _plain("ok"))
    app.add_url_rule("/readyz", "readyz", lambda: _ready(servers))
    app.add_url_rule("/metrics", "metrics", lambda: _metrics(servers, library))
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(StoreError, _unavailable)
    app.register_blueprint(create_site(library, servers))
    app.extensions["oai.servers"] = servers
    return app


class Application(Flask):
    """Flask, but for the requests that a harvest is made of.

    ``GET /oai`` needs neither routing nor a session nor the context that views share, which
    together took a sixth of the time of a page (docs/performance.md). So it is answered before
    them; every other request takes Flask's way.
    """

    def __init__(self, endpoint: "Endpoint") -> None:
        super().__init__("oai", static_folder=None)
        self._endpoint = endpoint

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request as WSGI asks."""
        query = environ.get("QUERY_STRING", "")
        if environ["PATH_INFO"] != "/oai" or environ["REQUEST_METHOD"] != "GET" or not query.isascii():
            return super().wsgi_app(environ, start_response)
        pairs = parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote")
        try:
            answered = self._endpoint.answer(pairs, environ.get("HTTP_ACCEPT_ENCODING", ""))
        except (Unavailable, StoreError) as error:
            return _unavailable(error)(environ, start_response)
        start_response("200 OK", answered.headers)
        return [answered.body]


class Answered(NamedTuple):
    """A response of the protocol as it goes over HTTP; its status is always 200."""

    body: bytes
    headers: list[tuple[str, str]]


class Endpoint:
    """Answers the protocol for the library as a whole, and for each set as a repository of its own."""

    def __init__(self, library: Library, servers: Servers) -> None:
        self._library = library
        self._servers = servers
        self._formats = [known.metadata_format() for known in library.formats.values()]
        self._providers: dict[str | None, Provider] = {}
        self._known = Known()

    def respond(self, set_spec: str | None = None) -> Response:
        """Answer the request that Flask serves; *set_spec* is the set that is the whole repository."""
        answered = self.answer(
            _pairs(), request.headers.get("Accept-Encoding", ""), set_spec, is_get=request.method == "GET"
        )
        return Response(answered.body, headers=answered.headers)

    def answer(
        self, pairs: Pairs, accept_encoding: str, set_spec: str | None = None, *, is_get: bool = True
    ) -> Answered:
        """Answer a request of the protocol that sent *pairs*."""
        now = int(time.time())
        coding = compression.chosen(accept_encoding)

        def ask(connection: Connection) -> Envelope:
            repository = self._repository(connection, set_spec, now, pairs, coding)
            provider = self._providers.get(set_spec) or self._provider(connection, set_spec)
            return provider.answer(pairs, repository, now)

        envelope = self._servers.answer(ask, newest=_is_of_one(pairs) or self._is_new(set_spec))
        headers = [
            ("Content-Type", "text/xml; charset=utf-8"),
            ("Vary", "Accept-Encoding"),
            _SETTLED if is_get and envelope.is_settled else _UNSETTLED,
        ]
        if coding:
            headers.append(("Content-Encoding", coding))
        body = compression.body(pieces(envelope), coding)
        headers.append(("Content-Length", str(len(body))))
        return Answered(body, headers)

    def _is_new(self, set_spec: str | None) -> bool:
        """Say whether a set has not been asked for here before: a replica need not have it yet."""
        return set_spec is not None and set_spec not in self._providers

    def inventory_of_days(self, set_spec: str | None = None) -> Response:
        """Answer with the digest of each day of a list (:mod:`oai.inventory`).

        Inventories do not say how old they are, and are compared with what may have come from anywhere.
        """
        if any("T" in request.args.get(name, "") for name in ("from", "until")):
            return _plain("The digests are of whole days: from and until are YYYY-MM-DD here.", 400)
        selection = self._selection()
        now = int(time.time())
        days = self._servers.answer(
            lambda connection: self._list(connection, set_spec, selection, now).days(selection),
            newest=True,
        )
        return _streamed(map(_line, itertools.starmap(inventory.day_line, days)))

    def inventory_of_records(self, set_spec: str | None = None) -> Response:
        """Answer with a line for each record of a list (:mod:`oai.inventory`)."""
        selection = self._selection()
        now = int(time.time())

        def read(after: Position | None, seen: int) -> tuple[list[bytes], Position | None, int]:
            """Return some lines, the position to go on behind, and the last change that could be seen."""

            def ask(connection: Connection) -> tuple[list[bytes], Position | None, int]:
                repository = self._list(connection, set_spec, selection, now)
                if seen > repository.last_serial and repository.may_be_behind:
                    raise Behind(seen)
                found, following = repository.digests_behind(selection, after)
                lines = [_line(inventory.line_of(*each)) for each in found]
                return lines, following, repository.last_serial

            return self._servers.answer(ask, newest=True)

        def stream(lines: list[bytes], following: Position | None, seen: int) -> Iterator[bytes]:
            # Whoever reads slowly holds no connection meanwhile.
            yield from lines
            while following:
                lines, following, seen = read(following, seen)
                yield from lines

        return _streamed(stream(*read(None, 0)))

    def _selection(self) -> Selection:
        """Return what an inventory is of: as ListIdentifiers is asked, with oai_dc for a default."""
        pairs = [("verb", "ListIdentifiers"), *request.args.items(multi=True)]
        if "metadataPrefix" not in request.args:
            pairs.append(("metadataPrefix", "oai_dc"))
        try:
            asked = parse_request(pairs)
        except ProtocolErrors as errors:
            abort(_plain("\n".join(str(error) for error in errors.exceptions), 400))
        if not isinstance(asked, ListIdentifiers) or not isinstance(asked.selection, Selection):
            abort(_plain("An inventory takes metadataPrefix, from, until and set.", 400))
        selection = asked.selection
        if selection.metadata_prefix not in self._library.formats:
            abort(_plain(f"There is no format {selection.metadata_prefix} here.", 404))
        return selection

    def _list(
        self, connection: Connection, set_spec: str | None, selection: Selection, now: int
    ) -> SqlRepository:
        """Return the repository that has the list of an inventory."""
        repository = self._repository(connection, set_spec, now)
        asked_set = selection.set_spec
        if asked_set is not None and not (repository.has_sets and repository.has_set(asked_set)):
            abort(_plain(f"There is no set {asked_set} here.", 404))
        return repository

    def _repository(
        self,
        connection: Connection,
        set_spec: str | None,
        now: int,
        pairs: Pairs = (),
        coding: str | None = None,
    ) -> SqlRepository:
        settings = self._library.settings
        repository = SqlRepository(
            connection,
            self._formats,
            settings.namespace,
            settings.page_bytes,
            horizon=horizon(self._servers.primary, connection, now),
            own_set=set_spec,
            known=self._known,
            may_be_behind=self._servers.may_be_behind(connection),
            coding=coding,
        )
        if set_spec not in self._providers and set_spec is not None and not repository.has_set(set_spec):
            if repository.may_be_behind and any(name == "resumptionToken" for name, _ in pairs):
                raise Behind(repository.last_serial + 1)  # whoever goes on with a list has seen its set
            abort(_plain(f"There is no set {set_spec} here.", 404))
        return repository

    def _provider(self, connection: Connection, set_spec: str | None) -> Provider:
        settings = self._library.settings
        refuse_other_namespace(connection, settings.namespace)
        keys = [key.encode() for key in settings.token_keys] or list(
            connection.scalars(select(SigningKeyRow.secret).order_by(SigningKeyRow.id))
        )
        sample = connection.scalar(select(ItemRow.local).where(ItemRow.deleted.is_not(None)).limit(1))
        identity = self._library.identity(sample, compressions=tuple(compression.CODINGS))
        if set_spec is not None:
            name = connection.scalar(select(SetRow.name).where(SetRow.spec == set_spec))
            identity = Identity(
                f"{identity.repository_name}: {name}",
                f"{settings.base_url}/sets/{set_spec}",
                identity.admin_emails,
                identity.compressions,
                identity.descriptions,
            )
        provider = Provider(identity, Tokens(keys, identity.base_url), settings.page_size)
        if sample is not None:  # until there is an item, the next request looks again for one to show
            self._providers[set_spec] = provider
        return provider


def _is_of_one(pairs: Pairs) -> bool:
    """Say whether a request names an item: whoever does has read of it, and is to find it as it was there.

    A list says by its responseDate how old it is, and is asked for again from there; a record does not.
    """
    return any(name == "identifier" for name, _ in pairs)


def _pairs() -> Pairs:
    """Return all that was sent, in order: the query, then the body of a POST, as one list of arguments."""
    pairs = list(request.args.items(multi=True))
    if request.method != "POST":  # caches go by the address alone
        return pairs
    try:
        pairs += request.form.items(multi=True)
    except HTTPException:
        raise
    except Exception as error:  # each server has its own for a body that is malformed
        raise BadRequest("The body cannot be read.") from error
    return pairs


def _streamed(lines: Iterator[bytes]) -> Response:
    """Return plain text that is longer than memory should be, compressed if gzip is asked for."""
    response = Response(content_type="text/plain; charset=utf-8")
    if compression.chosen(request.headers.get("Accept-Encoding", "")) == "gzip":
        response.headers["Content-Encoding"] = "gzip"
        lines = compression.streamed(lines)
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "no-cache"
    response.response = lines
    return response


def _line(text: str) -> bytes:
    return f"{text}\n".encode()


def _ready(servers: Servers) -> Response:
    """Say whether requests can be answered: some server is there, and its tables are up to date."""
    answer = _plain("the database cannot be used", 503)
    for database in servers.databases():
        try:
            pending = database.pending()
        except StoreError as error:
            logger.warning("%s", error)  # where the database is, is nobody else's business
            continue
        if not pending:
            return _plain("ok")
        answer = _plain("migrations are pending", 503)
    return answer


def _metrics(servers: Servers, library: Library) -> Response:
    now = int(time.time())
    state = servers.ask(lambda database: status(database, library, now))
    return Response(metrics.exposition(state, servers), content_type=metrics.CONTENT_TYPE)


def _unavailable(error: Unavailable | StoreError) -> Response:
    logger.error("%s", error)
    response = _plain("The repository cannot answer now. Please try again later.", 503)
    response.headers["Retry-After"] = str(RETRY_SOON if isinstance(error, Behind) else RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    return response


def _plain(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")
