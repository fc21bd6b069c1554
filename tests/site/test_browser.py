"""The pages in a browser: Debian's chromium without a window, over a server on a free port.

Nothing on a page runs, so a second server measures them: it gives each page in a frame of its own,
with the headers that forbid it taken away, and a script writes down what it finds.
"""

import json
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from lxml.html import document_fromstring
from werkzeug.serving import WSGIRequestHandler, make_server

from oai.library import Library
from oai.settings import Settings
from oai.site import create_site
from oai.sources.files import find_source
from oai.store.database import Database
from oai.store.servers import Servers
from oai.sync import sync
from tests.programs import installed
from tests.stores import Stores, sqlite_only

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
RECORD = "/records/i-wanted-them-all-to-notice-protecting-children-and-610703a0"
PAGES = ("/", "/records/", "/sets/", "/sets/tag:children", RECORD, "/records/hard", "/records/rtl", "/nope")
HARD: list[dict[str, Any]] = [
    {
        "id": "hard",
        "title": "w" * 5000,
        "creators": ["n" * 500],
        "description": "d" * 5000,
        "tags": [f"{'t' * 200}{n}" for n in range(60)],
        "identifiers": ["https://example.org/" + "x" * 500],
        "publisher": "p" * 500,
    },
    {"id": "rtl", "title": "كتاب عن المكتبات المفتوحة", "creators": ["مكتبة"], "language": "ara"},
]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --hide-scrollbars --enable-logging=stderr"
).split()

MEASURING = """<!doctype html><title>measuring</title><body><script>
const pages = %s, found = {};
for (const page of pages) {
  const frame = document.createElement("iframe");
  frame.width = %d; frame.height = 800; frame.style.border = 0;
  frame.onload = () => {
    const inner = frame.contentDocument, root = inner.documentElement, look = frame.contentWindow.getComputedStyle;
    const styles = (query) => { const each = inner.querySelector(query); return each ? look(each) : {}; };
    const link = inner.querySelector("main a") || inner.querySelector("a");
    link.focus({focusVisible: true});
    found[page] = {
      width: root.scrollWidth,
      background: look(root).backgroundColor,
      colour: look(root).color,
      family: look(root).fontFamily,
      outline: look(link).outlineStyle,
      direction: styles("h1").direction,
      by: styles(".by").direction,
      skip: inner.querySelector(".skip").getBoundingClientRect().bottom,
    };
    if (Object.keys(found).length === pages.length) {
      const out = document.createElement("pre");
      out.id = "found"; out.textContent = JSON.stringify(found); document.body.append(out);
    }
  };
  frame.src = page;
  document.body.append(frame);
}
</script>"""


class _Silent:
    def begin(self, what: str, total: int) -> None:
        """Show nothing."""

    def advance(self, by: int) -> None:
        """Show nothing."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own
        """Write nothing."""


def unguarded(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return *app* without the header that keeps its pages out of frames, and with one that measures them."""

    def measured(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/measure":
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
            return [(MEASURING % (json.dumps(PAGES), int(environ["QUERY_STRING"]))).encode()]

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [each for each in headers if each[0] != "Content-Security-Policy"]
            return start_response(status, kept, *rest)

        return app(environ, start)

    return measured


@contextmanager
def serving(app: Callable[..., Iterable[bytes]]) -> Iterator[str]:
    """Serve *app* on a free port and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Iterator[Flask]:
    """Make an application that has the site, over the seeds and what is hard to lay out."""
    folder = tmp_path_factory.mktemp("browser")
    items = folder / "items.jsonl"
    items.write_text("".join(json.dumps(item) + "\n" for item in HARD), encoding="utf-8")
    settings = Settings.model_validate({"database_url": stores.url(folder)})
    library, database = Library.of(settings), Database(settings.database_url)
    database.upgrade()
    sources = [find_source(str(SEEDS)), find_source(str(items))]
    sync(database, library, sources, clock=lambda: 1_700_000_000, progress=_Silent())
    made = Flask("browser", static_folder=None)
    made.register_blueprint(create_site(library, Servers(database)))
    yield made
    database.dispose()
    stores.drop(settings.database_url)


@pytest.fixture(scope="module")
def chromium() -> str:
    """Return where the browser is; without one, skip here and fail in continuous integration."""
    return installed("chromium", "chromium")


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Return a function that opens an address in a new browser and gives what it prints and logs."""

    def opened(address: str, *flags: str) -> tuple[str, str]:
        profile = tmp_path / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        profile.mkdir()
        done = subprocess.run(
            [chromium, *FLAGS, f"--user-data-dir={profile}", *flags, address],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout, done.stderr

    return opened


def console(log: str) -> list[str]:
    """Return what pages wrote to the browser's console, refused resources and policies included."""
    return re.findall(r"CONSOLE.*", log)


def corner(png: bytes) -> tuple[int, ...]:
    """Return the colour of the first pixel of a PNG that has 8 bits a channel."""
    data = b""
    at = 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompressobj().decompress(data, 4)[1:4])  # before it is only the row's filter


@pytest.mark.parametrize(
    ("stores", "path"),
    [("sqlite", "/"), ("sqlite", "/sets/tag:children"), ("sqlite", RECORD), ("postgresql", RECORD)],
    indirect=["stores"],
)
def test_renders_without_complaint(app: Flask, browse: Callable[..., tuple[str, str]], path: str) -> None:
    """A page arrives whole in the browser, which has nothing to complain of, its policy included.

    What a page says is the same from PostgreSQL, as test_site.py has it; so the browser looks at one.
    """
    with serving(app) as address:
        dom, log = browse(address + path, "--dump-dom")
    page = document_fromstring(dom)
    assert page.xpath("//h1")
    assert page.xpath("//footer")
    assert console(log) == []


@sqlite_only
def test_would_hear_complaints(app: Flask, browse: Callable[..., tuple[str, str]]) -> None:
    """What a policy forbids is written to the console that the other tests read."""

    def hostile(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        body = b"".join(app(environ, start_response))
        return [body.replace(b"</main>", b"<script>1</script></main>")]

    with serving(_whole(hostile)) as address:
        _, log = browse(f"{address}/", "--dump-dom")
    assert any("Content Security Policy" in line for line in console(log))


def _whole(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return *app* without Content-Length, since its body was changed."""

    def served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [each for each in headers if each[0] != "Content-Length"], *rest)

        return app(environ, start)

    return served


@sqlite_only
@pytest.mark.parametrize(
    ("scheme", "paper"),
    [("1", (0xFB, 0xFA, 0xF7)), ("0", (0x19, 0x17, 0x14))],
    ids=["light", "dark"],
)
def test_is_styled_by_day_and_by_night(
    app: Flask, browse: Callable[..., tuple[str, str]], tmp_path: Path, scheme: str, paper: tuple[int, ...]
) -> None:
    """The stylesheet passes the policy and applies, and follows the reader's preference for dark pages."""
    picture = tmp_path / "page.png"
    with serving(app) as address:
        _, log = browse(
            f"{address}/",
            f"--screenshot={picture}",
            "--window-size=400,300",
            f"--blink-settings=preferredColorScheme={scheme}",
        )
    assert corner(picture.read_bytes()) == paper
    assert console(log) == []


@sqlite_only
def test_fits_a_small_screen(app: Flask, browse: Callable[..., tuple[str, str]]) -> None:
    """At a width of 320 no page scrolls sideways, the longest words included, and focus can be seen."""
    with serving(unguarded(app)) as address:
        dom, _ = browse(f"{address}/measure?320", "--dump-dom", "--virtual-time-budget=10000")
    match = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert match, dom[-500:]
    found = json.loads(unescape(match[1]))
    assert found.keys() == set(PAGES)
    for path, measured in found.items():
        assert measured["width"] <= 320, path
        assert measured["outline"] == "solid", path
        assert measured["skip"] < 0, path
        assert "serif" in measured["family"], path
    assert found["/records/rtl"]["direction"] == found["/records/rtl"]["by"] == "rtl"
    assert found[RECORD]["direction"] == "ltr"
