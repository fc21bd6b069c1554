"""The Flask application: thin routes around the provider.

``/oai`` and ``/oai/sets/<setSpec>`` answer the protocol, always as text/xml and HTTP 200, whatever
the Accept header says: Java's default one prefers text/html, and harvesters read no 4xx. A
response is built and compressed before its first byte leaves. When the store cannot be read, the
answer is 503 with Retry-After and never a false noRecordsMatch. Nothing in a response comes from
the Host or a forwarding header.
"""

import logging
import time

from flask import Flask, Response, request
from sqlalchemy import Connection, select
from werkzeug.exceptions import BadRequest, HTTPException

from oai import compression, metrics
from oai.library import Library
from oai.protocol.model import Identity
from oai.protocol.request import Pairs
from oai.protocol.resumption import Tokens
from oai.provider import Provider
from oai.render import render
from oai.repository import Unavailable
from oai.settings import Settings
from oai.site import create_site
from oai.store.database import Database, StoreError
from oai.store.horizon import horizon
from oai.store.repository import SqlRepository
from oai.store.schema import ItemRow, SetRow, SigningKeyRow

RETRY_AFTER = 60
"""Seconds after which a harvester may ask again when the store could not be read."""

_LARGEST_BODY = 1_000_000  # bytes of a POST: no request of the protocol comes near it

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> Flask:
    """Return the application that serves the library of *settings*.

    Raises :class:`oai.settings.SettingsError`. It does not need the database to be there yet.
    """
    library = Library.of(settings)
    database = Database(settings.database_url)
    endpoint = Endpoint(library, database)
    app = Flask("oai", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.add_url_rule("/oai", "oai", endpoint.answer, methods=["GET", "POST"], strict_slashes=False)
    app.add_url_rule("/oai/sets/<path:set_spec>", "oai_set", endpoint.answer, methods=["GET", "POST"])
    app.add_url_rule("/healthz", "healthz", lambda: _plain("ok"))
    app.add_url_rule("/readyz", "readyz", lambda: _ready(database))
    app.add_url_rule("/metrics", "metrics", lambda: _metrics(database, library))
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(StoreError, _unavailable)
    app.register_blueprint(create_site(library, database))
    app.extensions["oai.database"] = database
    return app


class Endpoint:
    """Answers the protocol for the library as a whole, and for each set as a repository of its own."""

    def __init__(self, library: Library, database: Database) -> None:
        self._library = library
        self._database = database
        self._formats = [known.metadata_format() for known in library.formats.values()]
        self._providers: dict[str | None, Provider] = {}

    def answer(self, set_spec: str | None = None) -> Response:
        """Answer the request that is being served; *set_spec* is the set that is the whole repository."""
        now = int(time.time())
        pairs = _pairs()
        settings = self._library.settings
        with self._database.reading() as connection:
            complete_until = horizon(self._database, connection, now)
            provider = self._providers.get(set_spec) or self._provider(connection, set_spec)
            if provider is None:
                return _plain(f"There is no set {set_spec} here.", 404)
            repository = SqlRepository(
                connection,
                self._formats,
                settings.namespace,
                settings.page_bytes,
                complete_until=complete_until,
                own_set=set_spec,
            )
            envelope = provider.answer(pairs, repository, now)
        return _xml(render(envelope))

    def _provider(self, connection: Connection, set_spec: str | None) -> Provider | None:
        settings = self._library.settings
        keys = [key.encode() for key in settings.token_keys] or list(
            connection.scalars(select(SigningKeyRow.secret).order_by(SigningKeyRow.id))
        )
        sample = connection.scalar(select(ItemRow.local).where(ItemRow.deleted.is_not(None)).limit(1))
        identity = self._library.identity(sample, compressions=tuple(compression.CODINGS))
        if set_spec is not None:
            name = connection.scalar(select(SetRow.name).where(SetRow.spec == set_spec))
            if name is None:
                return None
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


def _pairs() -> Pairs:
    """Return all that was sent, in order: the query, then the body of a POST, as one list of arguments."""
    pairs = list(request.args.items(multi=True))
    try:
        pairs += request.form.items(multi=True)
    except HTTPException:
        raise
    except Exception as error:  # each server has its own for a body that is malformed
        raise BadRequest("The body cannot be read.") from error
    return pairs


def _xml(body: bytes) -> Response:
    response = Response(content_type="text/xml; charset=utf-8")
    coding = compression.chosen(request.accept_encodings)
    if coding:
        body = compression.CODINGS[coding](body)
        response.headers["Content-Encoding"] = coding
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "no-cache"
    response.set_data(body)
    return response


def _ready(database: Database) -> Response:
    """Say whether requests can be answered: the database is there, and its tables are up to date."""
    try:
        pending = database.pending()
    except StoreError as error:
        return _plain(str(error), 503)
    return _plain("migrations are pending", 503) if pending else _plain("ok")


def _metrics(database: Database, library: Library) -> Response:
    return Response(metrics.exposition(database, library), content_type=metrics.CONTENT_TYPE)


def _unavailable(error: Unavailable | StoreError) -> Response:
    logger.error("%s", error)
    response = _plain("The repository cannot answer now. Please try again later.", 503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _plain(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")
