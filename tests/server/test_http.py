"""What stands between the protocol and the wire: methods, headers, codings, connections, outages."""

import gzip
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from urllib.parse import urlencode

import pytest
import zstandard

from tests.server.conftest import FORM, Reply, Server
from tests.stores import SQLITE
from tests.workbench import NS

pytestmark = pytest.mark.allow_hosts("127.0.0.1")

RECORDS = {"verb": "ListRecords", "metadataPrefix": "oai_dc"}
ALPHA = "oai:library.example.org:alpha"
IN_SET = "/oai/sets/tag:prisons"

REQUESTS: dict[str, Mapping[str, str]] = {
    "Identify": {"verb": "Identify"},
    "ListMetadataFormats": {"verb": "ListMetadataFormats"},
    "formats of an item": {"verb": "ListMetadataFormats", "identifier": ALPHA},
    "ListSets": {"verb": "ListSets"},
    "ListRecords": RECORDS,
    "ListIdentifiers": {"verb": "ListIdentifiers", "metadataPrefix": "oai_dc", "set": "tag"},
    "GetRecord": {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": ALPHA},
    "between": RECORDS | {"from": "2020-01-01", "until": "2099-12-31"},
    "nothing": {},
    "bad verb": {"verb": "identify"},
    "bad argument": {"verb": "Identify", "ünknown": "<&\"'> ]]>"},
    "several": {"verb": "ListRecords", "from": "junk", "foo": "1"},
    "no item": {"verb": "GetRecord", "metadataPrefix": "x", "identifier": "oai:a.b:c%20d"},
    "no record": RECORDS | {"until": "1000-01-01"},
    "no set": RECORDS | {"set": "tag:nobody"},
    "bad token": {"verb": "ListSets", "resumptionToken": "junk"},
}
by_request = pytest.mark.parametrize("name", REQUESTS)


@by_request
@pytest.mark.parametrize("path", ["/oai", IN_SET])
def test_post_is_answered_as_get(server: Server, path: str, name: str) -> None:
    """POST has the answer that GET has, at /oai and at a set's own base URL."""
    got, posted = server.get(REQUESTS[name], path), server.post(REQUESTS[name], path)
    assert got.said == posted.said
    assert got.headers["Content-Type"] == posted.headers["Content-Type"] == "text/xml; charset=utf-8"


def test_post_with_a_token(server: Server) -> None:
    """A list can be followed with GET and POST by turns."""
    token = server.get(RECORDS).answer.token
    assert token
    following = {"verb": "ListRecords", "resumptionToken": token}
    assert server.post(following).said == server.get(following).said


def test_post_with_a_query_string(server: Server) -> None:
    """Query and body of a POST are one list of arguments: together they are whole, twice is repeated."""
    split = server.fetch("POST", "/oai?verb=ListRecords", b"metadataPrefix=oai_dc", {"Content-Type": FORM})
    assert split.answer.codes == []
    assert len(split.answer.identifiers) == 3
    twice = server.fetch("POST", "/oai?verb=Identify", b"verb=Identify", {"Content-Type": FORM})
    assert twice.answer.codes == ["badVerb"]
    target = f"/oai?{urlencode(RECORDS)}"
    repeated = server.fetch("POST", target, b"metadataPrefix=oai_dc", {"Content-Type": FORM})
    assert repeated.answer.codes == ["badArgument"]
    charset = server.fetch("POST", "/oai", b"verb=Identify", {"Content-Type": f"{FORM}; charset=UTF-8"})
    assert charset.said == server.get({"verb": "Identify"}).said


def test_head(server: Server) -> None:
    """HEAD has the status and headers of GET and no body, or is not allowed."""
    head = server.fetch("HEAD", "/oai?verb=Identify")
    assert head.body == b""
    if head.status == 405:
        assert {"GET", "POST"} <= _allowed(head)
        return
    got = server.get({"verb": "Identify"})
    assert head.status == 200
    for name in ("Content-Type", "Content-Length", "Vary"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("path", ["/oai", "/oai/", IN_SET])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods(server: Server, method: str, path: str) -> None:
    """Methods that the protocol does not know are 405, and Allow names those that it does."""
    reply = server.fetch(method, f"{path}?verb=Identify")
    assert reply.status == 405
    assert {"GET", "POST"} <= _allowed(reply)
    assert method not in _allowed(reply)


def _allowed(reply: Reply) -> set[str]:
    return {method.strip() for method in (reply.headers["Allow"] or "").split(",")}


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json",
        "*/*;q=0",
        "text/xml;q=0, */*;q=0",
        "",
        "junk",
    ],
)
def test_whatever_accept_says(server: Server, accept: str) -> None:
    """Every response is text/xml, and the same one, whatever the client would rather have."""
    for name in ("ListRecords", "bad verb"):
        reply = server.get(REQUESTS[name], headers={"Accept": accept, "Accept-Language": "de"})
        assert reply.headers["Content-Type"] == "text/xml; charset=utf-8"
        assert reply.said == server.get(REQUESTS[name]).said
        assert b"xml-stylesheet" not in reply.body


FORGED = {
    "Host": {"Host": "evil.example"},
    "Host with a port": {"Host": "evil.example:99999"},
    "a Host that is none": {"Host": "[::1"},
    "markup in Host": {"Host": "a\"><script>'"},
    "X-Forwarded-Host": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "666"},
    "X-Forwarded-Proto": {"X-Forwarded-Proto": "https", "X-Forwarded-For": "1.2.3.4, evil"},
    "X-Forwarded-Prefix": {"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil"},
    "Forwarded": {"Forwarded": "for=1.2.3.4;host=evil.example;proto=https"},
    "addresses": {"X-Original-URL": "/evil", "X-Rewrite-URL": "/evil", "Front-End-Https": "on"},
    "SCRIPT_NAME": {"SCRIPT_NAME": "/evil"},
    "SCRIPT_NAME of ours": {"SCRIPT_NAME": "/oai"},
    "PATH_INFO": {"PATH_INFO": "/evil"},
    "method": {"X-HTTP-Method-Override": "DELETE"},
}


@pytest.mark.parametrize("forged", FORGED)
def test_forged_headers(server: Server, forged: str) -> None:
    """No header that says where the request came in or was meant for changes the response."""
    for path in ("/oai", IN_SET):
        for name in ("Identify", "ListRecords", "bad argument"):
            plain = server.get(REQUESTS[name], path)
            reply = server.get(REQUESTS[name], path, FORGED[forged])
            assert reply.status == 200, reply.body
            assert reply.said == plain.said
            assert b"evil" not in reply.body


@pytest.mark.parametrize(
    "target", ["/oai//", "/oai///?verb=Identify", "/oai/sets//tag", "//oai", "/sets", "/records", "/nowhere"]
)
def test_a_forged_host_in_other_answers(server: Server, target: str) -> None:
    """Redirects and refusals do not lead to the Host of the request."""
    reply = server.fetch("GET", target, None, {"Host": "evil.example"})
    assert "evil" not in reply.headers.get("Location", "")
    assert b"evil" not in reply.body


def decoded(reply: Reply) -> Reply:
    """Return a reply as it was before it was compressed."""
    coding = reply.headers["Content-Encoding"]
    body = reply.body
    if coding == "gzip":
        body = gzip.decompress(body)
    elif coding == "zstd":
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return Reply(reply.status, reply.headers, body)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, {None}),
        ("", {None}),
        ("identity", {None}),
        ("gzip", {"gzip"}),
        ("GZip", {"gzip"}),
        ("zstd", {"zstd"}),
        ("gzip, deflate", {"gzip"}),
        ("gzip, deflate, br, zstd", {"gzip", "zstd"}),
        ("deflate, br", {None}),
        ("compress", {None}),
        ("gzip;q=0", {None}),
        ("gzip;q=0.000", {None}),
        ("gzip;q=0, zstd", {"zstd"}),
        ("gzip;q=0.5, zstd;q=0.4", {"gzip"}),
        ("gzip;q=0.4, zstd;q=0.5", {"zstd"}),
        ("gzip;q=0.001", {"gzip"}),
        ("*", {None, "gzip", "zstd"}),
        ("*;q=0", {None}),
        ("gzip;q=0, *", {None, "zstd"}),
        ("*;q=0, gzip", {"gzip"}),
        ("identity;q=0", {None, "gzip", "zstd"}),
        ("identity;q=0, gzip", {"gzip"}),
        ("identity;q=0, gzip;q=0, zstd", {"zstd"}),
        ("identity, gzip;q=0.5", {None}),
        ("identity;q=0.5, gzip", {"gzip"}),
        ("gzip;q=junk", {None, "gzip"}),
        ("gzip;q=1;x=y", {None, "gzip"}),
        (",,;;,", {None}),
        ("gzipped", {None}),
    ],
)
def test_codings(server: Server, accepted: str | None, coding: set[str | None]) -> None:
    """A response comes in a coding that was asked for, and says the same in each."""
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    for name in ("Identify", "ListRecords", "bad verb"):
        plain, reply = server.get(REQUESTS[name]), server.get(REQUESTS[name], headers=headers)
        assert reply.status == 200
        assert reply.headers["Content-Encoding"] in coding
        assert "accept-encoding" in reply.headers["Vary"].lower()
        assert int(reply.headers["Content-Length"]) == len(reply.body)
        assert decoded(reply).said == plain.said
        assert decoded(reply).answer


def test_the_codings_of_identify(server: Server) -> None:
    """Identify lists the codings that are given, and each of them is given to who asks for it."""
    listed = server.ask("Identify").texts(".//o:compression")
    assert set(listed) == {"gzip", "zstd"}
    for coding in listed:
        assert server.get(RECORDS, headers={"Accept-Encoding": coding}).headers["Content-Encoding"] == coding


@pytest.mark.parametrize("path", ["/oai", "/oai/"])
def test_a_slash_at_the_end(server: Server, path: str) -> None:
    """/oai and /oai/ have the same answer, without a redirect that a POST would lose its body to."""
    expected = server.get(RECORDS).said
    assert server.get(RECORDS, path).said == expected
    assert server.post(RECORDS, path).said == expected


def test_many_requests_on_one_connection(server: Server) -> None:
    """A connection stays open for a whole harvest, whatever is asked on it."""
    with closing(server.connect()) as connection:
        connection.connect()
        kept = connection.sock
        for n in range(100):
            pairs = list(REQUESTS.values())[n % len(REQUESTS)]
            if n % 3:
                reply = server.fetch("GET", f"/oai?{urlencode(pairs)}", connection=connection)
            else:
                body = urlencode(pairs).encode()
                reply = server.fetch("POST", "/oai", body, {"Content-Type": FORM}, connection)
            assert reply.status == 200
            assert connection.sock is kept


def test_many_harvesters_at_once(server: Server) -> None:
    """Harvesters that come at the same time all get the same list."""

    def harvest(_: int) -> list[str]:
        return [name for page in server.pages("ListRecords", prefix="oai_dc") for name in page.identifiers]

    with ThreadPoolExecutor(12) as pool:
        lists = list(pool.map(harvest, range(24)))
    assert len(lists[0]) == 8
    assert all(each == lists[0] for each in lists)


@pytest.mark.parametrize("spec", ["tag:nobody", "nothing", "tag:", ":", "tag:prisons:more", "TAG", "tag%20x"])
def test_the_base_url_of_no_set(server: Server, spec: str) -> None:
    """There is no repository at the base URL of a set that is not known: 404."""
    for reply in (
        server.get({"verb": "Identify"}, f"/oai/sets/{spec}"),
        server.post({"verb": "Identify"}, f"/oai/sets/{spec}"),
    ):
        assert reply.status == 404


def test_identify_at_the_base_url_of_a_set(server: Server) -> None:
    """A set's own base URL says that it is one, and has no sets."""
    answer = server.ask("Identify", IN_SET)
    assert answer.texts(".//o:baseURL") == [f"{server.base_url}/sets/tag:prisons"]
    assert answer.texts("o:request") == [f"{server.base_url}/sets/tag:prisons"]
    assert "Prisons" in answer.texts(".//o:repositoryName")[0]
    assert answer.texts(".//o:deletedRecord") == ["persistent"]
    whole = server.ask("Identify")
    for name in ("adminEmail", "granularity", "compression", "protocolVersion"):
        assert answer.texts(f".//o:{name}") == whole.texts(f".//o:{name}")
    assert server.ask("ListSets", IN_SET).codes == ["noSetHierarchy"]
    assert server.ask("ListRecords", IN_SET, prefix="oai_dc", set="tag").codes == ["noSetHierarchy"]
    elsewhere = server.ask("GetRecord", IN_SET, prefix="oai_dc", identifier="oai:library.example.org:zeta")
    assert elsewhere.codes == ["idDoesNotExist"]


def test_health(server: Server) -> None:
    """/healthz and /readyz are 200 while all is well."""
    for path in ("/healthz", "/readyz", "/metrics"):
        assert server.fetch("GET", path).status == 200


def test_the_store_out_of_reach(server: Server) -> None:
    """Without its store the server says 503 and when to come again, and answers as before when it is back."""
    before = [server.get(pairs).said for pairs in REQUESTS.values()]
    with server.away():
        for n in range(8):
            path, name = (("/oai", "ListRecords"), (IN_SET, "Identify"), ("/oai/", "no record"))[n % 3]
            reply = (server.post if n % 2 else server.get)(REQUESTS[name], path)
            assert reply.status == 503
            assert 1 <= int(reply.headers["Retry-After"]) <= 3600
            assert str(server.directory).encode() not in reply.body
        assert server.fetch("GET", "/readyz").status == 503
        assert server.fetch("GET", "/healthz").status == 200
        assert server.fetch("GET", "/").status == 503
        assert server.fetch("GET", "/metrics").status in (200, 503)
    assert [server.get(pairs).said for pairs in REQUESTS.values()] == before
    assert server.fetch("GET", "/readyz").status == 200


@contextmanager
def without_tables(server: Server) -> Iterator[None]:
    """Put an empty file in the place of the store, or an empty schema."""
    if server.stores is SQLITE:
        with server.away():
            server.database.parent.mkdir()
            server.database.touch()
            yield
        return
    server.change("ALTER SCHEMA public RENAME TO elsewhere; CREATE SCHEMA public")
    try:
        yield
    finally:
        server.change("DROP SCHEMA public; ALTER SCHEMA elsewhere RENAME TO public")


def test_a_store_without_tables(server: Server) -> None:
    """A store that has no tables is no empty library: 503, and never noRecordsMatch."""
    with without_tables(server):
        # In SQLite connections that were open before still reach the store; each answer is right or 503.
        for _ in range(8):
            reply = server.get(RECORDS)
            assert reply.status in (200, 503)
            if reply.status == 200:
                assert reply.answer.codes == []
    assert server.get(RECORDS).answer.codes == []


def tokens(server: Server) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield path, verb, and each token that its list gives, with the page that the token leads to."""
    for path, verb, arguments in (
        ("/oai", "ListRecords", {"prefix": "oai_dc"}),
        ("/oai", "ListIdentifiers", {"prefix": "oai_qdc"}),
        ("/oai", "ListRecords", {"prefix": "oai_dc", "set": "tag", "until": "2999-01-01"}),
        ("/oai", "ListSets", {}),
        (IN_SET, "ListIdentifiers", {"prefix": "oai_dc"}),
    ):
        token = server.ask(verb, path, **arguments).token
        assert token
        while token:
            reply = server.get({"verb": verb, "resumptionToken": token}, path)
            yield path, verb, token, reply.said
            token = reply.answer.token


def test_tokens_again(server: Server) -> None:
    """Every token ever given leads to the same page: again, from every worker, after a restart, in any order."""
    given = list(tokens(server))
    assert len(given) >= 8

    def replay() -> None:
        for path, verb, token, page in (*given, *reversed(given)):
            assert server.get({"verb": verb, "resumptionToken": token}, path).said == page

    replay()
    for worker in server.workers:
        with server.only(worker):
            replay()
    server.restart()
    replay()


def test_tokens_in_the_wrong_place(server: Server) -> None:
    """A token is good at the base URL and for the verb that gave it, and badResumptionToken elsewhere."""
    given = list(tokens(server))
    for path, verb, token, _ in given:
        for other_path in ("/oai", IN_SET, "/oai/sets/tag:courts"):
            for other_verb in ("ListRecords", "ListIdentifiers", "ListSets"):
                if (other_path, other_verb) == (path, verb):
                    continue
                codes = server.ask(other_verb, other_path, token=token).codes
                no_sets = other_verb == "ListSets" and other_path != "/oai"
                assert codes == ["noSetHierarchy" if no_sets else "badResumptionToken"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token[1:],
        lambda token: token.swapcase(),
        lambda token: token[:40] + token[41:],
        lambda token: token[:40] + "." + token[40:],
        lambda token: "." + token,
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token * 3,
        lambda token: token[len(token) // 2 :],
        lambda token: token[: len(token) // 2],
        lambda token: token.replace(token[0], "é", 1),
    ],
)
def test_spoilt_tokens(server: Server, spoil: Callable[[str], str]) -> None:
    """A token of which anything was changed is a badResumptionToken."""
    token = server.ask("ListRecords", prefix="oai_dc").token
    assert token
    assert server.ask("ListRecords", token=spoil(token)).codes == ["badResumptionToken"]


def test_what_a_token_is_made_of(server: Server) -> None:
    """Tokens need no escape in a URL, are short, and do not expire."""
    for path, verb, token, _ in tokens(server):
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
        assert len(token) < 500
        found = server.ask(verb, path, token=token).root.find(".//o:resumptionToken", NS)
        assert found is None or found.get("expirationDate") is None


def test_nothing_to_keep(server: Server) -> None:
    """No response may be answered from a cache that was not asked to look whether it is still right."""
    for name in REQUESTS:
        assert server.get(REQUESTS[name]).headers["Cache-Control"] in ("no-cache", "no-store")


def test_headers_for_others(server: Server) -> None:
    """A range or a condition is none of the protocol's: the response is whole."""
    for headers in (
        {"Range": "bytes=0-10"},
        {"If-None-Match": "*"},
        {"If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 GMT"},
    ):
        assert server.get(RECORDS, headers=headers).said == server.get(RECORDS).said


def test_the_inventory_of_a_window(server: Server) -> None:
    """Digests are of whole days, within from and until; what else is asked for is refused in words."""
    (day,) = server.get(path="/oai/inventory").body.decode().splitlines()
    today = day.split("\t")[0]
    for arguments, lines in (
        ({"from": today, "until": today}, [day]),
        ({"from": "2001-01-01", "until": "2001-12-31"}, []),
        ({"until": "2001-12-31"}, []),
        ({"from": "2999-01-01"}, []),
    ):
        assert server.get(arguments, "/oai/inventory").body.decode().splitlines() == lines
    assert server.get({"from": f"{today}T00:00:00Z"}, "/oai/inventory").status == 400
    assert server.get([("set", "tag"), ("set", "tag")], "/oai/inventory").status == 400
    records = server.get({"from": today}, "/oai/inventory/records").body.decode().splitlines()
    assert len(records) == int(day.split("\t")[1])
