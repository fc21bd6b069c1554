"""Another repository, asked over HTTP.

The asking is scythe's: it knows the errors of the protocol, and waits and asks again where it is
told to (503 with Retry-After, §3.1.2.2) or the connection breaks. It reads XML leniently, though,
so that a response that breaks off would pass for the end of a list. What is taken here is
therefore read by :func:`oai.sources.safe_xml.document` alone.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, Self

import httpx2
from lxml import etree
from oaipmh_scythe import Scythe
from oaipmh_scythe.config import HTTPConfig, RetryConfig
from oaipmh_scythe.exceptions import NoRecordsMatch, NoSetHierarchy, OAIPMHException

from oai.protocol.datestamp import Granularity
from oai.protocol.syntax import is_base_url
from oai.sources import Unreadable, oai_pmh, safe_xml
from oai.sources.oai_pmh import OAI, NotAResponse, Page
from oai.text import clean

LARGEST = 64 * 1024 * 1024
"""Bytes of the largest response that is taken, uncompressed."""

LONGEST = 900
"""Seconds that one response may take to come, however steadily it trickles."""

LONGEST_WAIT = 900
"""Seconds for which a repository may ask to be left alone; if it asks for more, it is asked another day."""

MOST_SETS = 200_000
"""So many names of sets are remembered."""

_MOST_WORDS = 300
_REDIRECTS = 5

logging.getLogger("oaipmh_scythe").setLevel(logging.ERROR)  # that it asks again is said here


class RemoteError(Exception):
    """Another repository does not answer, or not as the protocol asks: one line for the operator."""


class BadToken(RemoteError):
    """It does not know a resumptionToken any more."""


@dataclass(frozen=True, slots=True)
class About:
    """What matters of an answer to Identify: how finely it counts, and whether it keeps deleted records."""

    granularity: Granularity
    deleted_record: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for an answer, and how often and after what time it is asked for again."""

    timeout: float = 60
    attempts: int = 5
    pause: float = 10
    backoff: float = 1


class Remote:
    """The repository at *base_url*; *tell* is called with a line when it asks to be left alone for a time."""

    def __init__(
        self, base_url: str, patience: Patience | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        if not is_base_url(base_url) or "@" in base_url:
            raise RemoteError(f"{base_url}: this is no base URL; one is like https://example.org/oai")
        self.base_url = base_url
        self._names: dict[str, str] | None = None
        patience = patience or Patience()
        self._retrying = RetryConfig(
            max_retries=patience.attempts - 1,
            retry_status_codes=(429, 502, 503, 504),
            default_retry_after=patience.pause,
            initial_backoff=patience.backoff,
        )
        config = HTTPConfig(timeout=patience.timeout, user_agent=f"oai/{version('oai')} (OAI-PMH harvester)")
        self._scythe = _Scythe(base_url, config, self._retrying, tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scythe.close()

    def about(self) -> About:
        """Ask who it is (§4.2), once: where there is no answer, the address is wrong more often than not."""
        root = self._ask(verb="Identify")
        # A break in what follows is worth another try.
        self._retrying.retry_on_transport_error = True
        identify = root.find(OAI + "Identify")
        if identify is None:
            raise RemoteError(f"{self.base_url}: its answer to Identify says nothing of it")
        # Days are understood by all, so they will do where it is not plain.
        is_second = oai_pmh.text_of(identify, "granularity") == Granularity.SECOND.value
        return About(
            Granularity.SECOND if is_second else Granularity.DAY, oai_pmh.text_of(identify, "deletedRecord")
        )

    def page(self, **arguments: str) -> Page | None:
        """Return a page of ListRecords; None where no records match.

        Raises :class:`BadToken` for a resumptionToken that is not good any more.
        """
        try:
            root = self._ask(verb="ListRecords", **arguments)
        except _NoRecordsMatch:
            return None
        try:
            return oai_pmh.read_page(root, self.base_url, self._name_of_set)
        except NotAResponse as error:
            raise RemoteError(f"{self.base_url}: {error}") from None

    def _name_of_set(self, spec: str) -> str:
        """Return the name of a set, or its setSpec; the list is asked for when it is needed."""
        if self._names is None:
            self._names = {}
            with suppress(_NoSets):
                self._read_sets(self._names)
        return self._names.get(spec) or spec

    def _read_sets(self, names: dict[str, str]) -> None:
        arguments: dict[str, str] = {}
        while len(names) < MOST_SETS:
            listed = self._ask(verb="ListSets", **arguments).find(OAI + "ListSets")
            if listed is None:
                raise RemoteError(f"{self.base_url}: its answer to ListSets is no list")
            before = len(names)
            for element in listed.iterchildren(OAI + "set"):
                names[oai_pmh.text_of(element, "setSpec")] = oai_pmh.text_of(element, "setName")
            token = oai_pmh.text_of(listed, "resumptionToken")
            if not token or len(names) == before:
                return
            arguments = {"resumptionToken": token}

    def _ask(self, **query: str) -> etree._Element:
        """Return the root of the answer to a request; whatever goes wrong is a :class:`RemoteError`."""
        try:
            return _root(self._scythe.harvest(query).http_response.content)
        except _Refused as error:
            raise RemoteError(f"{self.base_url}: {error}") from None
        except NoRecordsMatch:
            raise _NoRecordsMatch(f"{self.base_url}: noRecordsMatch") from None
        except NoSetHierarchy as error:
            raise _NoSets(self._told(error)) from None
        except OAIPMHException as error:
            # Whatever code it has, a token is no argument that one could mend.
            kind = BadToken if "resumptionToken" in query else RemoteError
            raise kind(self._told(error)) from None
        except httpx2.HTTPStatusError as error:
            raise RemoteError(f"{self.base_url}: HTTP {error.response.status_code}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            words = str(error) or type(error).__name__
            raise RemoteError(f"{self.base_url}: no answer: {words}") from None

    def _told(self, error: OAIPMHException) -> str:
        """Return the code of an error and what is said about it."""
        name = type(error).__name__
        words = " ".join(clean(str(error)).text.split())[:_MOST_WORDS]
        return f"{self.base_url}: {name[0].lower()}{name[1:]}" + (f": {words}" if words else "")


class _NoRecordsMatch(RemoteError):
    """Nothing is listed."""


class _NoSets(RemoteError):
    """It has no sets."""


class _Refused(Exception):
    """A response that is not taken."""


def _root(body: bytes) -> etree._Element:
    try:
        root = safe_xml.document(body)
    except Unreadable as error:
        raise _Refused(f"its answer cannot be read: line {error.line}: {error.reason}") from None
    if root.tag != OAI + "OAI-PMH":
        raise _Refused("this is no OAI-PMH repository: its answer is something else")
    return root


class _Scythe(Scythe):
    """A scythe whose responses are of a size that can be borne."""

    def __init__(
        self, base_url: str, config: HTTPConfig, retrying: RetryConfig, tell: Callable[[str], None]
    ) -> None:
        super().__init__(base_url, http_config=config, retry_config=retrying)
        self._tell = tell

    @property
    def client(self) -> httpx2.Client:
        """The client, one for all requests."""
        if self._client is None:
            headers = {"Accept": "text/xml, application/xml", "User-Agent": self.http_config.user_agent}
            self._client = _Client(self.endpoint, self._tell, headers=headers, timeout=self.timeout)
        return self._client


class _Client(httpx2.Client):
    """Takes responses whole, up to :data:`LARGEST`, and follows redirects to where a repository has moved."""

    def __init__(self, base_url: str, tell: Callable[[str], None], **options: Any) -> None:
        super().__init__(**options)
        self._repository = base_url
        self._tell = tell

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request, and return the response, read.

        Scythe looks into every response for an error of the protocol, and stumbles over what is no
        XML. Such a body is not handed on, and refused at once where HTTP says that all is well.
        """
        options |= {"stream": True, "follow_redirects": False}
        for _ in range(_REDIRECTS + 1):
            response = super().send(request, **options)
            try:
                body = b"" if response.next_request else self._body(response)
            finally:
                response.close()
            if response.next_request is None:
                break
            request = response.next_request
        else:
            raise _Refused(f"redirected more than {_REDIRECTS} times")
        headers = {}
        if response.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            headers = self._wait(response.headers.get("retry-after"))
        try:
            _root(body)
        except _Refused:
            if response.is_success:
                raise
            body = b""
        return httpx2.Response(response.status_code, headers=headers, content=body, request=request)

    @staticmethod
    def _body(response: httpx2.Response) -> bytes:
        end = time.monotonic() + LONGEST
        body = bytearray()
        for piece in response.iter_bytes(1 << 16):
            body += piece
            if len(body) > LARGEST:
                raise _Refused(f"its answer is larger than {LARGEST} bytes")
            if time.monotonic() > end:
                raise _Refused(f"its answer was not complete after {LONGEST} seconds")
        return bytes(body)

    def _wait(self, said: str | None) -> dict[str, str]:
        """Return a Retry-After in seconds, which is all that scythe reads; it may be a date."""
        if said is None:
            return {}
        try:
            seconds = (
                int(said) if said.isdecimal() else int(parsedate_to_datetime(said).timestamp() - time.time())
            )
        except ValueError:
            return {}
        if seconds > LONGEST_WAIT:
            raise _Refused(f"it asks to be left alone for {seconds} seconds")
        self._tell(f"Waiting: {self._repository} asks to be left alone for {max(seconds, 0)} seconds")
        return {"retry-after": str(max(seconds, 0))}
