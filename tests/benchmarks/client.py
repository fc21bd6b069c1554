"""A harvester that costs far less than the server it measures: it does not parse what it gets.

Latency is from the request to the last byte of the response; what is compressed is unpacked after that.
"""

import gzip
import html
import http.client
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import zstandard

from oai.protocol.verbs import Verb
from tests.benchmarks.figures import Failed

_TOKEN = re.compile(rb"<resumptionToken[^>]*>([^<]+)</resumptionToken>")
_TAIL = 16_384  # bytes at the end of a page in which its token stands
_UNPACK: Mapping[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: how many seconds it took, how many bytes came, and what they say."""

    seconds: float
    wire: int
    body: bytes

    @property
    def records(self) -> int:
        """How many records, or headers, are in it."""
        return self.body.count(b"<header")

    @property
    def token(self) -> str | None:
        """The resumptionToken for the next page, if one follows."""
        found = _TOKEN.search(self.body, max(0, len(self.body) - _TAIL))
        return html.unescape(found[1].decode()) if found else None


class Client:
    """Asks at *base_url* over one connection that is kept alive, for responses in *coding*."""

    def __init__(self, base_url: str, coding: str | None = None) -> None:
        parts = urlsplit(base_url)
        self._path = parts.path
        self._coding = coding
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, verb: Verb, arguments: Mapping[str, str] = MappingProxyType({})) -> Reply:
        """Return the response to a request."""
        target = f"{self._path}?{urlencode({'verb': verb.value, **arguments})}"
        headers = {"Accept-Encoding": self._coding} if self._coding else {}
        begin = time.perf_counter()
        self._connection.request("GET", target, headers=headers)
        response = self._connection.getresponse()
        wire = response.read()
        seconds = time.perf_counter() - begin
        coding = response.getheader("Content-Encoding")
        if response.status != http.HTTPStatus.OK or coding != self._coding:
            raise Failed(f"{target}: HTTP {response.status}, Content-Encoding {coding}")
        body = _UNPACK[coding](wire)
        if b"<error" in body[:4096]:
            raise Failed(f"{target}: {body[:1000]!r}")
        return Reply(seconds, len(wire), body)

    def pages(
        self, verb: Verb, arguments: Mapping[str, str] = MappingProxyType({}), most: int | None = None
    ) -> Iterator[Reply]:
        """Yield the pages of a list that begins as *arguments* say, at *most* so many of them."""
        page = self.ask(verb, arguments)
        yield page
        count = 1
        while page.token and count != most:
            page = self.ask(verb, {"resumptionToken": page.token})
            yield page
            count += 1


def together(count: int, work: Callable[[int], list[float]]) -> list[float]:
    """Let *count* processes do *work* at the same time, each with a number, and return all they found."""
    forking = multiprocessing.get_context("fork")
    gate, found = forking.Barrier(count), forking.SimpleQueue()
    processes = [
        forking.Process(target=_work, args=(work, number, gate, found), daemon=True)
        for number in range(count)
    ]
    for process in processes:
        process.start()
    results = [found.get() for _ in processes]
    for process in processes:
        process.join()
    for result in results:
        if isinstance(result, str):
            raise Failed(result)
    return [seconds for result in results for seconds in result]


def _work(work: Callable[[int], list[float]], number: int, gate: Any, found: Any) -> None:
    try:
        gate.wait()
        found.put(work(number))
    except Exception as error:  # noqa: BLE001 - whoever waits for it is told
        found.put(f"{type(error).__name__}: {error}")
