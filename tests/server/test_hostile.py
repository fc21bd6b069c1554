"""Requests that nobody should send, as bytes on a socket: each has an answer, and harms nobody."""

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import oai
from tests.server.conftest import FORM, Reply, Server

pytestmark = pytest.mark.allow_hosts("127.0.0.1")

HOST = b"Host: library.example.org\r\n"
FORM_TYPE = f"Content-Type: {FORM}\r\n".encode()
LEAKS = re.compile(
    rb"Traceback|File \"|\.py\b|sqlite|SELECT |werkzeug|gunicorn/"
    rb"|" + re.escape(str(Path(oai.__file__).parent).encode()) + rb"|" + re.escape(sys.prefix.encode()),
)
VALUES: dict[str, bytes] = {
    "nothing": b"",
    "NUL": b"\0",
    "controls": b"\x01\x02\x08\x0b\x0c\x0e\x1f\x7f",
    "white space": b" \t\r\n ",
    "C1 controls": "\x80\x85\x9f".encode(),
    "not UTF-8": b"\xff",
    "overlong NUL": b"\xc0\x80",
    "overlong slash": b"\xe0\x80\xaf",
    "high surrogate": b"\xed\xa0\x80",
    "surrogates as CESU-8": b"\xed\xa0\xbd\xed\xb3\x9a",
    "low surrogate": b"\xed\xbf\xbf",
    "cut off": b"\xe2\x82",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "U+FFFE": "\ufffe".encode(),
    "U+FFFF": "\uffff".encode(),
    "U+1FFFF": "\U0001ffff".encode(),
    "byte order mark": "\ufeff".encode(),
    "right to left": "\u202e\u2067abc\u200f".encode(),
    "combining": ("e" + "\u0301" * 200).encode(),
    "line separators": "\u2028\u2029".encode(),
    "markup": b"<script>alert(1)</script>",
    "a tag closed": b"</request><error code='x'/>",
    "quotes": b"\"'`",
    "CDATA": b"]]>",
    "CDATA opened": b"<![CDATA[ ]]>",
    "entities": b"&amp;&lt;&nbsp;&#0;&#xD800;&#x1F4DA;",
    "a comment": b"<!-- -- -->",
    "a document type": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
    "percent": b"%zz%%25%0",
    "format": b"%s%n{0}{self}$(id)`id`",
    "SQL": b"' OR '1'='1'; DROP TABLE item; --",
    "SQL wildcards": b"%_*?[a]",
    "path": b"../../../../etc/passwd",
    "new header": b"x\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "digits of another script": "٢٠٢٠-٠١-٠١".encode(),
    "wide letters": "ＩｄｅｎｔｉｆyＯ".encode(),
    "10 KB": b"x" * 10_240,
    "10 KB of quotes": b'"' * 10_240,
    "a huge number": b"9" * 5_000,
    "brackets": b"[" * 2_000 + b"{" * 2_000,
}
NAMES = ("verb", "metadataPrefix", "identifier", "set", "from", "until", "resumptionToken", "foo")
REST = {
    "verb": b"",
    "metadataPrefix": b"verb=ListRecords&",
    "identifier": b"verb=GetRecord&metadataPrefix=oai_dc&",
    "set": b"verb=ListRecords&metadataPrefix=oai_dc&",
    "from": b"verb=ListIdentifiers&metadataPrefix=oai_dc&",
    "until": b"verb=ListRecords&metadataPrefix=oai_dc&",
    "resumptionToken": b"verb=ListSets&",
    "foo": b"verb=Identify&",
}


def get(target: bytes, more: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """Return a GET request."""
    return b"GET " + target + b" " + version + b"\r\n" + HOST + more + b"\r\n"


def post(body: bytes, more: bytes = FORM_TYPE, length: bytes | None = None, target: bytes = b"/oai") -> bytes:
    """Return a POST request."""
    counted = str(len(body)).encode() if length is None else length
    return (
        b"POST "
        + target
        + b" HTTP/1.1\r\n"
        + HOST
        + more
        + b"Content-Length: "
        + counted
        + b"\r\n\r\n"
        + body
    )


def chunked(body: bytes, more: bytes = FORM_TYPE, coding: bytes = b"chunked") -> bytes:
    """Return a POST request whose body comes in chunks, as they are given."""
    return b"POST /oai HTTP/1.1\r\n" + HOST + more + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + body


def escaped(value: bytes) -> bytes:
    """Return bytes as a URL has them."""
    return quote_from_bytes(value, safe="").encode()


def is_sound(reply: Reply, server: Server) -> bool:
    """Say whether a reply is an answer of the protocol, which it asserts to be valid, or a plain refusal."""
    assert not LEAKS.search(reply.body.replace(b"sqlite:///", b"")), reply.body
    assert str(server.directory).encode() not in reply.body
    if reply.status == 200:
        assert reply.answer
        return True
    assert 400 <= reply.status < 500, reply.body
    assert "xml" not in reply.headers.get("Content-Type", "")
    return False


def answers(server: Server) -> None:
    """Assert that the server answers, as if nothing had been."""
    assert server.ask("Identify").texts(".//o:baseURL") == [server.base_url]


@pytest.fixture(scope="module", autouse=True)
def _alive(server: Server) -> Iterator[None]:
    """After all of it the same processes still answer."""
    workers = server.workers
    yield
    answers(server)
    assert server.workers == workers


@pytest.mark.parametrize("value", VALUES)
def test_values(server: Server, value: str) -> None:
    """Whatever stands in an argument, GET and POST have the same valid answer."""
    for name in NAMES:
        query = REST[name] + name.encode() + b"=" + escaped(VALUES[value])
        (posted,) = server.raw(post(query))
        assert is_sound(posted, server)
        (got,) = server.raw(get(b"/oai?" + query))
        if is_sound(got, server):
            assert got.said == posted.said
        else:
            assert got.status == 414
            assert len(query) > 8_000


@pytest.mark.parametrize("value", VALUES)
def test_names(server: Server, value: str) -> None:
    """Whatever an argument is called, it is a badArgument, or nothing at all."""
    for query in (b"verb=Identify&" + escaped(VALUES[value]) + b"=1", escaped(VALUES[value])):
        (reply,) = server.raw(post(query))
        assert is_sound(reply, server)
        assert set(reply.answer.codes) <= {"badArgument", "badVerb"}
        assert reply.answer.codes or value == "nothing"


QUERIES: dict[str, bytes] = {
    "no arguments": b"",
    "separators alone": b"&&&&",
    "equals signs": b"=&==&===",
    "no value": b"verb",
    "empty value": b"verb=",
    "name escaped": b"%76erb=Identify",
    "as PHP has it": b"verb[]=Identify",
    "as PHP has it, escaped": b"verb%5B%5D=Identify",
    "semicolon": b"verb=ListRecords;metadataPrefix=oai_dc",
    "a question mark more": b"?verb=Identify",
    "two query strings": b"verb=Identify?verb=Identify",
    "the verb at the end": b"metadataPrefix=oai_dc&verb=ListRecords",
    "separator at the end": b"verb=Identify&",
    "escaped twice": b"verb=%49dentify&%2566oo=%2531",
    "not escapes": b"verb=%zz&%=%&%g1",
    "half an escape": b"verb=Identify%4",
    "fragment": b"verb=Identify%23fragment",
    "the same twice": b"verb=Identify&verb=Identify",
    "a thousand arguments": b"&".join(b"a%d=1" % n for n in range(1000)),
    "a thousand known ones": b"verb=ListRecords&" + b"&".join([b"set=tag"] * 1000),
    "a thousand verbs": b"&".join([b"verb=Identify"] * 1000),
    "a thousand tokens": b"verb=ListSets&" + b"&".join([b"resumptionToken=x"] * 1000),
    "all wrong": b"verb=ListRecords&from=x&until=y&set=a%20b&metadataPrefix=%20&identifier=z&resumptionToken=",
}


@pytest.mark.parametrize("query", QUERIES)
def test_queries(server: Server, query: str) -> None:
    """However arguments are put together, GET and POST have the same valid answer."""
    (posted,) = server.raw(post(QUERIES[query]))
    assert is_sound(posted, server)
    (got,) = server.raw(get(b"/oai?" + QUERIES[query]))
    if is_sound(got, server):
        assert got.said == posted.said
    else:
        assert len(QUERIES[query]) > 8_000


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/oai?verb=Identify#fragment", {200}),
        (b"http://evil.example/oai?verb=Identify", {200}),
        (b"HTTPS://evil.example:1/oai?verb=Identify", {200, 400}),
        (b"//oai?verb=Identify", {200, 404}),
        (b"/oa%69?verb=Identify", {200}),
        (b"http://[/oai?verb=Identify", {400}),
        (b"http://[::1/oai", {400}),
        (b"*", {400, 404}),
        (b"foo:bar", {400, 404}),
        (b"oai?verb=Identify", {400, 404}),
        (b"/oai%3Fverb=Identify", {404}),
        (b"/oai%00?verb=Identify", {404}),
        (b"/oai%0A", {404}),
        (b"/oai%FF", {404}),
        (b"/oai%zz", {404}),
        (b"/OAI?verb=Identify", {404}),
        (b"/oai;a=b?verb=Identify", {404}),
        (b"/./oai", {404}),
        (b"/x/../oai", {404}),
        (b"/oai/../../../etc/passwd", {404}),
        (b"/" + b"a" * 8_000, {404}),
        (b"/" + b"a/" * 4_000, {404}),
        (b"/" + b"a" * 100_000, {414}),
        (b"/oai/sets", {404}),
        (b"/oai/sets/", {404}),
        (b"/oai/sets/%zz", {404}),
        (b"/oai/sets/%", {404}),
        (b"/oai/sets/%FF?verb=Identify", {404}),
        (b"/oai/sets/%C0%80?verb=Identify", {404}),
        (b"/oai/sets/%ED%A0%80?verb=Identify", {404}),
        (b"/oai/sets/%E2%82", {404}),
        (b"/oai/sets/%00", {404}),
        (b"/oai/sets/tag%00", {404}),
        (b"/oai/sets/%3Cscript%3E", {404}),
        (b"/oai/sets/..", {404}),
        (b"/oai/sets/../../etc/passwd", {404}),
        (b"/oai/sets/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {404}),
        (b"/oai/sets/....//....//etc/passwd", {404}),
        (b"/oai/sets/..%5c..%5cwindows", {404}),
        (b"/oai/sets/" + b"a" * 8_000, {404}),
        (b"/oai/sets/" + b"a:" * 3_000, {404}),
        (b"/oai/sets/tag:prisons'--?verb=Identify", {404}),
        (b"/oai/sets/tag%3Aprisons?verb=Identify", {200}),
        (b"/records/..", {404}),
        (b"/records/../../etc/passwd", {404}),
        (b"/records/%2e%2e/%2e%2e/%2e%2e/etc/passwd", {404}),
        (b"/records/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {404}),
        (b"/records//etc/passwd", {404}),
        (b"/records/%00", {404}),
        (b"/records/%FF", {404}),
        (b"/records/%ED%A0%80", {404}),
        (b"/records/%3Cscript%3Ealert(1)%3C/script%3E", {404}),
        (b"/records/" + b"a" * 8_000, {404}),
        (b"/records/?after=%FF", {404}),
        (b"/records/?after=1.999999999999999999999", {404}),
        (b"/sets/..%2f..%2fetc%2fpasswd", {404}),
        (b"/sets/%FF", {404}),
        (b"/sets/?from=%00", {404}),
        (b"/style/../../etc/passwd.css", {404}),
    ],
)
def test_targets(server: Server, target: bytes, status: set[int]) -> None:
    """A request target leads to an answer or is refused; never to a file, a redirect or an error of ours."""
    (reply,) = server.raw(get(target))
    is_sound(reply, server)
    assert reply.status in status
    assert b"root:" not in reply.body
    assert b"<script>alert" not in reply.body


WELL = b"verb=Identify"
PART = b'--b\r\nContent-Disposition: form-data; name="verb"'
MULTIPART = b"Content-Type: multipart/form-data; boundary=b\r\n"

MESSAGES: dict[str, tuple[bytes, set[int]]] = {
    # The body of a POST.
    "text/plain": (post(WELL, b"Content-Type: text/plain\r\n"), {200}),
    "JSON": (post(b'{"verb": "Identify"}', b"Content-Type: application/json\r\n"), {200}),
    "XML": (post(b"<verb/>", b"Content-Type: text/xml\r\n"), {200}),
    "no Content-Type": (post(WELL, b""), {200}),
    "a Content-Type that is none": (post(WELL, b"Content-Type: \xff;;=\r\n"), {200}),
    "UTF-16": (post(WELL, FORM_TYPE[:-2] + b"; charset=utf-16\r\n"), {200}),
    "a codec that is no charset": (post(WELL, FORM_TYPE[:-2] + b"; charset=zlib\r\n"), {200}),
    "bytes that are no form": (post(bytes(range(256)) * 20), {200}),
    "compressed": (post(b"\x1f\x8b" + WELL, FORM_TYPE + b"Content-Encoding: gzip\r\n"), {200}),
    "multipart": (post(PART + b"\r\n\r\nIdentify\r\n--b--\r\n", MULTIPART), {200}),
    "multipart, a file": (post(PART + b'; filename="../x"\r\n\r\nIdentify\r\n--b--\r\n', MULTIPART), {200}),
    "multipart, cut off": (post(PART, MULTIPART), {200, 400}),
    "multipart, no boundary": (post(PART, b"Content-Type: multipart/form-data\r\n"), {200, 400}),
    "multipart, another boundary": (post(PART, MULTIPART[:-2] + b"c\r\n"), {200, 400}),
    "multipart, no name": (post(b"--b\r\nContent-Disposition: x\r\n\r\n\r\n--b--", MULTIPART), {200, 400}),
    "multipart, a codec": (
        post(PART + b"\r\nContent-Type: text/plain; charset=rot13\r\n\r\nIdentify\r\n--b--", MULTIPART),
        {200, 400},
    ),
    "multipart, many parts": (post((PART + b"\r\n\r\nx\r\n") * 3000 + b"--b--", MULTIPART), {200, 413}),
    "multipart, a long header": (post(PART + b"x" * 200_000, MULTIPART), {200, 400, 413}),
    "10 KB": (post(b"verb=" + b"x" * 10_240), {200}),
    "half a megabyte": (post(b"verb=" + b"%22" * 160_000), {200, 413}),
    "2 MB": (post(b"verb=" + b"x" * 2_000_000), {413}),
    "2 MB of arguments": (post(b"a&" * 1_000_000), {413}),
    "2 MB of text": (post(b"x" * 2_000_000, b"Content-Type: text/plain\r\n"), {200, 413}),
    "2 MB in a chunk": (chunked(b"%x\r\n" % 2_000_000 + b"x" * 2_000_000 + b"\r\n0\r\n\r\n"), {200, 413}),
    "60,000 arguments": (post(b"verb=Identify&" + b"&".join(b"%d" % n for n in range(60_000))), {200, 413}),
    # Its length.
    "chunked": (chunked(b"5\r\nverb=\r\n8\r\nIdentify\r\n0\r\n\r\n"), {200}),
    "chunked, with a trailer": (chunked(b"d\r\nverb=Identify\r\n0\r\nX: y\r\n\r\n"), {200}),
    "chunked, with an extension": (chunked(b"d;a=b\r\nverb=Identify\r\n0\r\n\r\n"), {200, 400}),
    "chunked, no number": (chunked(b"zz\r\nverb=\r\n0\r\n\r\n"), {400}),
    "chunked, a negative number": (chunked(b"-5\r\nverb=\r\n0\r\n\r\n"), {400}),
    "chunked, an endless number": (chunked(b"f" * 40 + b"\r\nverb=\r\n0\r\n\r\n"), {400, 413}),
    "chunked, too long a line": (chunked(b"5;" + b"a" * 100_000 + b"\r\nverb=\r\n0\r\n\r\n"), {400, 413}),
    "chunked, wrong length": (chunked(b"3\r\nverb=\r\n0\r\n\r\n"), {400}),
    "chunked, cut off": (chunked(b"50\r\nverb=\r\n"), {400}),
    "chunked, nothing at all": (chunked(b""), {200, 400}),
    "chunked, a GET": (get(b"/oai?verb=Identify", b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n", {200}),
    "chunked and counted": (post(b"0\r\n\r\n", FORM_TYPE + b"Transfer-Encoding: chunked\r\n"), {400}),
    "chunked twice": (chunked(b"0\r\n\r\n", coding=b"chunked, chunked"), {400}),
    # RFC 9112, §6.1, wants a 501 for a transfer coding that is not known.
    "another transfer coding": (chunked(b"0\r\n\r\n", coding=b"junk"), {400, 501}),
    "longer than it is": (post(WELL, length=b"1000"), {200, 400}),
    "shorter than it is": (post(WELL, length=b"4"), {200}),
    "of no length": (b"POST /oai HTTP/1.1\r\n" + HOST + FORM_TYPE + b"\r\n" + WELL, {200, 411}),
    "a negative length": (post(WELL, length=b"-1"), {400}),
    "a length with a sign": (post(WELL, length=b"+13"), {400}),
    "a length in words": (post(WELL, length=b"abc"), {400}),
    "a gigabyte announced": (post(WELL, length=b"1000000000"), {413}),
    "an endless length": (post(WELL, length=b"9" * 40), {400, 413}),
    "two lengths": (post(WELL, FORM_TYPE + b"Content-Length: 12\r\n"), {400}),
    # The request line.
    "HTTP/1.0": (get(b"/oai?verb=Identify", version=b"HTTP/1.0"), {200}),
    "HTTP/1.0, no Host": (b"GET /oai?verb=Identify HTTP/1.0\r\n\r\n", {200}),
    "HTTP/0.9": (b"GET /oai?verb=Identify\r\n\r\n", {400}),
    "HTTP/2.0": (get(b"/oai?verb=Identify", version=b"HTTP/2.0"), {400}),
    "HTTP/9.9": (get(b"/oai?verb=Identify", version=b"HTTP/9.9"), {400}),
    "no version": (get(b"/oai?verb=Identify", version=b"HTTP"), {400}),
    "HTTP/2, as a matter of course": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "no Host": (b"GET /oai?verb=Identify HTTP/1.1\r\n\r\n", {200, 400}),
    "two Hosts": (get(b"/oai?verb=Identify", b"Host: evil.example\r\n"), {400}),
    "a Host of bytes": (b"GET /oai?verb=Identify HTTP/1.1\r\nHost: \xff\x80\r\n\r\n", {200, 400}),
    "a Host that is none, lost": (b"GET /nowhere HTTP/1.1\r\nHost: [::1\r\n\r\n", {404, 400}),
    "lower case": (b"get /oai?verb=Identify HTTP/1.1\r\n" + HOST + b"\r\n", {400, 405}),
    "a method that is none": (b"G<T /oai HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    "CONNECT": (b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST + b"\r\n", {400, 404, 405}),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", {400, 404, 405}),
    "line feeds alone": (b"GET /oai?verb=Identify HTTP/1.1\nHost: x\n\n", {200, 400}),
    "bytes in the query": (get(b"/oai?verb=\xff\xfe"), {200, 400}),
    "UTF-8 in the query": (get("/oai?verb=“Identify”".encode()), {200, 400}),
    "NUL in the query": (get(b"/oai?verb=Identify\0"), {400}),
    "a tab in the query": (get(b"/oai?verb=Identify\tx"), {400}),
    "a space in the query": (get(b"/oai?verb=Identify x"), {400}),
    "a kilobyte of spaces": (get(b"/oai?verb=Identify" + b" " * 1_000), {200, 400}),
    "a megabyte of query": (get(b"/oai?verb=" + b"x" * 1_000_000), {414}),
    # Headers.
    "a thousand headers": (get(b"/oai?verb=Identify", b"X: y\r\n" * 1000), {400, 431}),
    "a megabyte of header": (get(b"/oai?verb=Identify", b"X: " + b"y" * 1_000_000 + b"\r\n"), {400, 431}),
    "a folded header": (get(b"/oai?verb=Identify", b"X: y\r\n z\r\n"), {200, 400}),
    "a space before the colon": (get(b"/oai?verb=Identify", b"X : y\r\n"), {400}),
    "no colon": (get(b"/oai?verb=Identify", b"X\r\n"), {400}),
    "NUL in a header": (get(b"/oai?verb=Identify", b"X: \0\r\n"), {400}),
    "bytes in headers": (get(b"/oai?verb=Identify", b"Cookie: \xff\r\nUser-Agent: \xfe\r\n"), {200, 400}),
    "authorization": (get(b"/oai?verb=Identify", b"Authorization: Basic \xff\r\n"), {200}),
    "an expectation": (get(b"/oai?verb=Identify", b"Expect: the worst\r\n"), {200, 417}),
    "100-continue": (post(WELL, FORM_TYPE + b"Expect: 100-continue\r\n"), {200}),
    "a web socket": (
        get(b"/oai?verb=Identify", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        {200, 400},
    ),
    "an upgrade": (get(b"/oai?verb=Identify", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), {200}),
    "schemes that differ": (
        get(b"/oai?verb=Identify", b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"),
        {200, 400},
    ),
    "codings that are none": (get(b"/oai?verb=Identify", b"Accept-Encoding: gzip;q=nan, \xff\r\n"), {200}),
    "many codings": (get(b"/oai?verb=Identify", b"Accept-Encoding: " + b"a;q=1," * 1_300 + b"\r\n"), {200}),
    "a script name": (get(b"/oai?verb=Identify", b"SCRIPT_NAME: /evil\r\n"), {200, 400}),
    "a proxy's line": (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(b"/oai?verb=Identify"), {400}),
    # No HTTP at all.
    "every byte": (bytes(range(256)) * 10, {400, 414}),
    "NULs": (b"\0" * 10_000, {400, 414}),
    "a blank line first": (b"\r\n" + get(b"/oai?verb=Identify"), {200, 400}),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(server: Server, name: str) -> None:
    """However HTTP is bent, the first reply is a valid answer or a plain refusal, and the server goes on."""
    message, status = MESSAGES[name]
    first, *others = server.raw(message)
    assert first.status in status, first.body
    if first.status != 501:
        is_sound(first, server)
    for reply in others:  # what was left over is taken for a request, and refused
        is_sound(reply, server)
    answers(server)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300,
        b"GET /oai?verb=Ide",
        b"GET /oai HTTP/1.1\r\nX",
    ],
    ids=["nothing", "TLS", "half a line", "half a header"],
)
def test_no_request(server: Server, message: bytes) -> None:
    """What is no request, or ends before it is one, is hung up on or refused."""
    for reply in server.raw(message):
        assert reply.status in (400, 408)
        is_sound(reply, server)
    answers(server)


def test_pipelined_requests(server: Server) -> None:
    """Requests that come in one go are all answered, in order."""
    verbs = ("Identify", "ListSets", "nothing", "ListMetadataFormats", "Identify")
    replies = server.raw(b"".join(get(f"/oai?verb={verb}".encode()) for verb in verbs))
    assert all(is_sound(reply, server) for reply in replies)
    said = [reply.answer.root[2].tag.rpartition("}")[2] for reply in replies]
    assert said == ["Identify", "ListSets", "error", "ListMetadataFormats", "Identify"]


def test_a_request_byte_by_byte(server: Server) -> None:
    """A request that comes in pieces is answered like any other."""
    message = post(WELL)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(message)):
            connection.sendall(message[n : n + 1])
        received = connection.recv(1 << 16)
    assert received.startswith(b"HTTP/1.1 200 ")


def test_connections_dropped(server: Server) -> None:
    """Whoever hangs up before the answer harms nobody."""
    for n in range(40):
        message = (get(b"/oai?verb=ListRecords&metadataPrefix=oai_dc"), post(WELL, length=b"500"))[n % 2]
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(message[: len(message) - n // 8])
    answers(server)


def test_idle_connections(server: Server) -> None:
    """A dozen requests that never end do not keep others from an answer."""
    half = [b"GET /oai?verb=Iden", b"GET /oai HTTP/1.1\r\nHost: a\r\nX", post(WELL, length=b"500")]
    with ExitStack() as stack:
        for message in half * 4:
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            idle.sendall(message)
        received = b""
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(get(b"/oai?verb=Identify", b"Connection: close\r\n"))
            with suppress(TimeoutError):
                received = connection.recv(1 << 16)
    assert received.startswith(b"HTTP/1.1 200 "), "no answer within five seconds"


NAME = st.one_of(
    st.sampled_from([name.encode() for name in NAMES]),
    st.binary(max_size=8),
    st.text(max_size=6).map(str.encode),
)
VALUE = st.one_of(
    st.sampled_from(
        b"Identify ListRecords ListSets GetRecord ListIdentifiers ListMetadataFormats oai_dc oai_qdc tag"
        b" tag:prisons oai:library.example.org:alpha 2026-01-01 2026-01-01T00:00:00Z 9999-12-31T23:59:59Z"
        b" 0001-01-01".split()
    ),
    st.sampled_from([value for value in VALUES.values() if len(value) < 1000]),
    st.binary(max_size=12),
    st.text(st.characters(codec="utf-8"), max_size=12).map(str.encode),
    st.text(st.characters(categories=["Cs"]), max_size=3).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    ),
)
PAIRS = st.lists(st.tuples(NAME, VALUE), max_size=6)
of_server = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@of_server
@given(PAIRS)
@example([(b"verb", b"ListRecords"), (b"resumptionToken", b"\xff")])
@example([(b"verb", b"ListSets"), (b"resumptionToken", b"\xef\xbf\xbf")])
def test_any_pairs(server: Server, pairs: list[tuple[bytes, bytes]]) -> None:
    """Any arguments at all have a valid answer, the same by GET and by POST."""
    query = b"&".join(escaped(name) + b"=" + escaped(value) for name, value in pairs)
    (posted,) = server.raw(post(query, FORM_TYPE + b"Connection: close\r\n"))
    (got,) = server.raw(get(b"/oai?" + query, b"Connection: close\r\n"))
    assert is_sound(posted, server)
    assert is_sound(got, server)
    assert got.said == posted.said


@of_server
@given(
    st.binary(max_size=60), st.sampled_from([b"/oai?", b"/oai/sets/", b"/oai", b"/records/", b"/sets/", b""])
)
def test_any_bytes(server: Server, junk: bytes, before: bytes) -> None:
    """Any bytes at all in the place of a request target, and as a body, are answered or refused."""
    for reply in (*server.raw(get(before + junk)), *server.raw(post(junk)), *server.raw(chunked(junk))):
        if reply.status == 200 and not reply.headers["Content-Type"].startswith("text/xml"):
            assert before in (b"/records/", b"/sets/") or junk.startswith((b"/", b"?"))  # a page for people
        else:
            is_sound(reply, server)
