"""An endpoint checked against the protocol, from outside, with no network but its own.

What one response says is checked by :mod:`oai.conformance`. Here the responses are asked for and
held against each other: errors where they belong, lists that are whole, tokens that can be
used again, records that say the same by every way that leads to them.
"""

import gzip
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import zstandard
from flask import Flask
from lxml import etree

from oai.conformance import problems_in
from oai.protocol.syntax import is_uri

PAGES = 5
"""Most pages of a list that are followed."""

_NS = {"o": "http://www.openarchives.org/OAI/2.0/"}
_LIST = ("verb", "ListRecords"), ("metadataPrefix", "oai_dc")
_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": zstandard.ZstdDecompressor().decompress,
}

Pairs = Sequence[tuple[str, str]]


class CheckError(Exception):
    """The endpoint cannot be asked at all."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from a request, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client(Protocol):
    """Who asks."""

    base_url: str

    def ask(self, pairs: Pairs, *, post: bool = False, coding: str | None = None) -> Reply:
        """Return the reply to *pairs*; raises CheckError where there is none."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check: what must be so, and what is wrong where it is not."""

    what: str
    problems: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        return "\n     ".join([f"{'ok  ' if self.passed else 'FAIL'} {self.what}", *self.problems])


class HttpClient:
    """Asks an endpoint by its address."""

    def __init__(self, base_url: str) -> None:
        try:
            parts = urlsplit(base_url)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            right = False
        if not right or not is_uri(base_url):
            raise CheckError(f"{base_url}: an http or https address is expected")
        self.base_url = base_url

    def ask(self, pairs: Pairs, *, post: bool = False, coding: str | None = None) -> Reply:
        """Return the reply to *pairs*."""
        data = urlencode(pairs)
        url = self.base_url if post else f"{self.base_url}?{data}"
        request = urllib.request.Request(url, data.encode() if post else None)  # noqa: S310 - checked above
        if coding:
            request.add_header("Accept-Encoding", coding)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
                return Reply(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())
        except (OSError, http.client.HTTPException) as error:
            raise CheckError(f"{self.base_url} does not answer: {error or type(error).__name__}") from None


class OwnClient:
    """Asks an application in this process, without a server."""

    def __init__(self, app: Flask, base_url: str) -> None:
        self.base_url = base_url
        self._client = app.test_client()

    def ask(self, pairs: Pairs, *, post: bool = False, coding: str | None = None) -> Reply:
        """Return the reply to *pairs*."""
        headers = {"Accept-Encoding": coding} if coding else {}
        if post:
            reply = self._client.post("/oai", data=urlencode(pairs), headers=headers, content_type=_FORM)
        else:
            reply = self._client.get("/oai", query_string=urlencode(pairs), headers=headers)
        return Reply(reply.status_code, dict(reply.headers), reply.data)


_FORM = "application/x-www-form-urlencoded"


def check(client: Client) -> Iterator[Result]:
    """Yield the result of each check, in the order in which they build on each other."""
    checks = _Checks(client)
    yield checks.identify()
    yield checks.formats()
    yield checks.sets()
    for verb in ("ListRecords", "ListIdentifiers"):
        yield checks.list_(verb)
    yield checks.token_again()
    yield checks.one_record()
    yield checks.by_datestamp()
    yield checks.by_set()
    for pairs, codes in MISUSE:
        yield checks.misuse(pairs, codes)
    yield checks.post()
    yield checks.coding()


MISUSE: Sequence[tuple[Pairs, Sequence[set[str]]]] = [
    ((), [{"badVerb"}]),
    ((("verb", ""),), [{"badVerb"}]),
    ((("verb", "identify"),), [{"badVerb"}]),
    ((("verb", "Identify"), ("verb", "Identify")), [{"badVerb"}]),
    ((("verb", "Identify"), ("foo", "1")), [{"badArgument"}]),
    ((("verb", "ListMetadataFormats"), ("metadataPrefix", "oai_dc")), [{"badArgument"}]),
    (
        (("verb", "ListMetadataFormats"), ("identifier", "oai:nowhere.example.invalid:none")),
        [{"idDoesNotExist"}],
    ),
    ((("verb", "GetRecord"),), [{"badArgument"}]),
    ((("verb", "GetRecord"), ("metadataPrefix", "oai_dc")), [{"badArgument"}]),
    (
        (("verb", "GetRecord"), ("metadataPrefix", "oai_dc"), ("identifier", 'invalid"id')),
        [{"idDoesNotExist"}, {"badArgument"}],
    ),
    (
        (
            ("verb", "GetRecord"),
            ("metadataPrefix", "none"),
            ("identifier", "oai:nowhere.example.invalid:none"),
        ),
        [{"idDoesNotExist", "cannotDisseminateFormat"}, {"idDoesNotExist"}, {"cannotDisseminateFormat"}],
    ),
    ((("verb", "ListRecords"),), [{"badArgument"}]),
    ((("verb", "ListRecords"), ("metadataPrefix", "really_wrong_prefix")), [{"cannotDisseminateFormat"}]),
    ((*_LIST, ("metadataPrefix", "oai_dc")), [{"badArgument"}]),
    *(
        ((*_LIST, ("from", value)), [{"badArgument"}])
        for value in ("junk", "2002", "2002-02", "2002-02-30", "")
    ),
    ((*_LIST, ("from", "2002-02-05T12:00:00+01:00")), [{"badArgument"}]),
    ((*_LIST, ("from", "2002-02-05T12:00:00.0Z")), [{"badArgument"}]),
    ((*_LIST, ("from", "2002-02-06"), ("until", "2002-02-05")), [{"badArgument"}]),
    ((*_LIST, ("from", "2002-02-05"), ("until", "2002-02-06T05:35:00Z")), [{"badArgument"}]),
    ((*_LIST, ("until", "1000-01-01")), [{"noRecordsMatch"}]),
    ((*_LIST, ("set", "a b")), [{"badArgument"}, {"noSetHierarchy"}]),
    ((("verb", "ListRecords"), ("resumptionToken", "junk")), [{"badResumptionToken"}]),
    (
        (("verb", "ListRecords"), ("resumptionToken", "junk"), ("metadataPrefix", "oai_dc")),
        [{"badArgument"}, {"badArgument", "badResumptionToken"}],
    ),
]
"""Requests that are wrong, and the sets of error codes that answer each of them rightly."""


class _Checks:
    """The checks, and what they have found out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._compressions: list[str] = []
        self._header: etree._Element | None = None
        self._token: str | None = None
        self._tokens_verb = "ListRecords"

    def _get(self, problems: list[str], *pairs: tuple[str, str], post: bool = False) -> etree._Element | None:
        """Ask, note what is wrong with the reply, and return its root if it has one."""
        reply = self._client.ask(pairs, post=post)
        if reply.status != 200:  # noqa: PLR2004
            problems.append(f"the HTTP status is {reply.status}; the protocol's answers are 200")
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if not headers.get("content-type", "").startswith("text/xml"):
            problems.append(f"Content-Type is {headers.get('content-type', 'missing')!r}, not text/xml")
        if "content-encoding" in headers:
            problems.append("the reply is compressed, and nothing had asked for that")
            return None
        found = problems_in(reply.body)
        problems += found
        try:
            return etree.fromstring(reply.body, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError:
            return None

    def identify(self) -> Result:
        problems: list[str] = []
        root = self._get(problems, ("verb", "Identify"))
        if root is not None:
            base_url = _first(root, "o:Identify/o:baseURL")
            if base_url != self._client.base_url:
                problems.append(f"baseURL is {base_url}, but {self._client.base_url} was asked")
            self._compressions = [each.text or "" for each in _find(root, "o:Identify/o:compression")]
        return Result("Identify says who answers, at the address that was asked", problems)

    def formats(self) -> Result:
        problems: list[str] = []
        root = self._get(problems, ("verb", "ListMetadataFormats"))
        if root is not None and "oai_dc" not in {each.text for each in _find(root, ".//o:metadataPrefix")}:
            problems.append("oai_dc is not among the formats")
        return Result("ListMetadataFormats has oai_dc", problems)

    def sets(self) -> Result:
        problems: list[str] = []
        root = self._get(problems, ("verb", "ListSets"))
        if root is not None and _codes(root) not in (set(), {"noSetHierarchy"}):
            problems.append(f"the answer is {_codes(root)}")
        return Result("ListSets lists sets, or says that there are none", problems)

    def list_(self, verb: str) -> Result:
        problems: list[str] = []
        seen: set[str] = set()
        pairs: tuple[tuple[str, str], ...] = (("verb", verb), ("metadataPrefix", "oai_dc"))
        cursor = 0
        for _ in range(PAGES):
            root = self._get(problems, *pairs)
            if root is None or _codes(root):
                break
            headers = _find(root, ".//o:header")
            identifiers = [_first(header, "o:identifier") for header in headers]
            problems += [
                f"{identifier} is in the list twice" for identifier in identifiers if identifier in seen
            ]
            seen.update(identifiers)
            if self._header is None:
                self._header = next((each for each in headers if not each.get("status")), None)
            token = next(iter(_find(root, ".//o:resumptionToken")), None)
            if token is not None and token.get("cursor") not in (None, str(cursor)):
                problems.append(f"the cursor is {token.get('cursor')} behind {cursor} records")
            if token is None or not token.text:
                break
            if self._token is None:
                self._token, self._tokens_verb = token.text, verb
            cursor += len(headers)
            pairs = (("verb", verb), ("resumptionToken", token.text))
        return Result(f"{verb} pages through its list, each record once", problems)

    def token_again(self) -> Result:
        problems: list[str] = []
        if self._token:
            pairs = ("verb", self._tokens_verb), ("resumptionToken", self._token)
            first, second = (self._get(problems, *pairs) for _ in range(2))
            if first is not None and second is not None and _listed(first) != _listed(second):
                problems.append("the same token gave two different pages")
            other = "ListSets" if self._tokens_verb != "ListSets" else "ListRecords"
            root = self._get(problems, ("verb", other), ("resumptionToken", self._token))
            if root is not None and _codes(root) not in ({"badResumptionToken"}, {"noSetHierarchy"}):
                problems.append(f"{other} took a token of {self._tokens_verb}")
        return Result("A resumptionToken can be used again, and by its own verb alone", problems)

    def one_record(self) -> Result:
        problems: list[str] = []
        if self._header is not None:
            identifier = _first(self._header, "o:identifier")
            root = self._get(
                problems, ("verb", "GetRecord"), ("identifier", identifier), ("metadataPrefix", "oai_dc")
            )
            found = None if root is None else next(iter(_find(root, ".//o:header")), None)
            if found is None or _flat(found) != _flat(self._header):
                problems.append(f"the header of {identifier} is another one in GetRecord than in the list")
            self._get(problems, ("verb", "ListMetadataFormats"), ("identifier", identifier))
        return Result("GetRecord has the header that the list has", problems)

    def by_datestamp(self) -> Result:
        problems: list[str] = []
        if self._header is not None:
            stamp = _first(self._header, "o:datestamp")
            for moment in dict.fromkeys((stamp, stamp[:10])):
                problems += self._missing_from(("from", moment), ("until", moment))
        return Result(
            "A record is in the list from and until its own datestamp, to the second and to the day", problems
        )

    def by_set(self) -> Result:
        problems: list[str] = []
        for spec in (
            () if self._header is None else [each.text or "" for each in _find(self._header, "o:setSpec")]
        ):
            parts = spec.split(":")
            for n in range(1, len(parts) + 1):
                problems += self._missing_from(("set", ":".join(parts[:n])))
        return Result("A record is in the list of each of its sets, and of those above them", problems)

    def _missing_from(self, *selected: tuple[str, str]) -> list[str]:
        assert self._header is not None
        problems: list[str] = []
        identifier = _first(self._header, "o:identifier")
        pairs: tuple[tuple[str, str], ...] = (
            ("verb", "ListIdentifiers"),
            ("metadataPrefix", "oai_dc"),
            *selected,
        )
        for _ in range(PAGES):
            root = self._get(problems, *pairs)
            if root is None or identifier in {each.text for each in _find(root, ".//o:identifier")}:
                return problems
            token = _first(root, ".//o:resumptionToken")
            if not token:
                return [*problems, f"{identifier} is missing with {urlencode(selected)}"]
            pairs = (("verb", "ListIdentifiers"), ("resumptionToken", token))
        return problems

    def misuse(self, pairs: Pairs, right: Sequence[set[str]]) -> Result:
        problems: list[str] = []
        root = self._get(problems, *pairs)
        if root is not None and _codes(root) not in right:
            problems.append(f"the answer is {', '.join(sorted(_codes(root))) or 'no error'}")
        expected = " or ".join(" and ".join(sorted(codes)) for codes in right)
        return Result(f"{urlencode(pairs) or '(no arguments)'} is {expected}", problems)

    def post(self) -> Result:
        problems: list[str] = []
        pairs = ("verb", "ListIdentifiers"), ("metadataPrefix", "oai_dc")
        got, posted = self._get(problems, *pairs), self._get(problems, *pairs, post=True)
        if got is not None and posted is not None and _listed(got) != _listed(posted):
            problems.append("POST has another answer than GET")
        return Result("POST is answered as GET is", problems)

    def coding(self) -> Result:
        problems: list[str] = []
        for coding in self._compressions:
            if coding not in _DECODERS:
                continue
            reply = self._client.ask((("verb", "Identify"),), coding=coding)
            if {name.lower(): value for name, value in reply.headers.items()}.get(
                "content-encoding"
            ) != coding:
                problems.append(f"Identify lists {coding}, and does not answer in it")
                continue
            problems += problems_in(_DECODERS[coding](reply.body))
        return Result("What Identify lists as compression is given to who asks for it", problems)


def _find(element: etree._Element, path: str) -> list[etree._Element]:
    return element.findall(path, _NS)


def _first(element: etree._Element, path: str) -> str:
    return element.findtext(path, "", _NS)


def _codes(root: etree._Element) -> set[str]:
    return {error.get("code", "") for error in _find(root, "o:error")}


def _listed(root: etree._Element) -> list[bytes]:
    return [_flat(header) for header in _find(root, ".//o:header")]


def _flat(element: etree._Element) -> bytes:
    return re.sub(rb">\s+<", b"><", etree.tostring(element, method="c14n", exclusive=True, with_tail=False))
