import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from lxml.html import HtmlElement, document_fromstring
from sqlalchemy import event, select, update
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from oai import site as site_module
from oai.item import Item, Name
from oai.library import Library
from oai.protocol.model import Position
from oai.sets import slug
from oai.settings import Settings
from oai.site import create_site
from oai.site.landing import COLLECTIONS, href, readable_date
from oai.sources import jsonl
from oai.sources.files import find_source
from oai.store import catalogue as catalogue_module
from oai.store import queries
from oai.store.catalogue import Catalogue
from oai.store.cutting import Place, unpacked
from oai.store.database import Database
from oai.store.packing import Packing
from oai.store.publishing import Change, publishing
from oai.store.schema import (
    BlockRow,
    ContributionRow,
    FormatRow,
    ItemRow,
    PlacementRow,
    RecordRow,
    Scope,
    SetRow,
)
from oai.store.servers import Servers
from oai.sync import Options, sync
from oai.text import clean
from tests.stores import SQLITE, Stores, sqlite_only

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
SITE = "https://example.org/repo"
SCRIPT = "</script><script>alert(1)</script>"
HOSTILE_TITLE = f"\"'><img src=x onerror=alert(1)>{SCRIPT} & “quotes”"
LONG = "w" * 5000

ODD_IDS = (
    "a/b", "a//b", "/a", "a/", "a:b", "a?b", "a?", "a?b=c&d", "a&b", "50%", "a%2Fb", "a%3Fb", "é", "日本/語",
    "a b", "a+b", "a#b", "a\\b", "<i>", "'\"", "(x)*!~$,;=@", "a?é%?",
)  # fmt: skip

HOSTILE: list[dict[str, Any]] = [
    {
        "id": "hostile",
        "title": HOSTILE_TITLE,
        "creators": [{"name": f"O'Brien, {SCRIPT}", "kind": "personal"}, "<b>Body</b>"],
        "editors": [{"name": "Editor, Some", "kind": "personal"}],
        "description": f"First {SCRIPT} paragraph.\n\nSecond -->]]> & paragraph.",
        "publisher": '"Publisher" <i>',
        "place": "Some Place",
        "date": "2021-05-17",
        "extent": "22p.",
        "source": "Series <no. 1>",
        "tags": ["<b>bold</b>", "plain", "Café & “Bar”"],
        "sections": ["A SECTION"],
        "rights": ["https://creativecommons.org/licenses/by/4.0/", "javascript:alert(1)"],
        "identifiers": [
            "doi:10.1234/ab<c>",
            "10.5555/fine",
            "ISBN 978-3-16-148410-0",
            "javascript:alert(2)",
            "N-17",
        ],
        "url": "https://elsewhere.example/report?x=1&y=2",
        "language": "eng",
    },
    {
        "id": "rtl",
        "title": "كتاب عن المكتبات المفتوحة",
        "creators": [{"name": "مكتبة", "kind": "corporate"}],
        "tags": ["plain", "עברית"],
        "language": "ara",
        "type": "book",
        "publisher": "دار",
    },
    {"id": "long", "title": LONG, "creators": [LONG], "tags": [LONG[:300], "plain"], "description": LONG},
    {"id": "many", "title": "Many tags", "tags": [f"tag {n}" for n in range(120)], "date": "2020-02"},
    {"id": "bare", "title": "Nothing but a title"},
    {"id": "gone", "deleted": True, "tags": ["plain"]},
    *({"id": odd, "title": f"odd {n}", "tags": ["odd"]} for n, odd in enumerate(ODD_IDS)),
]


class _Silent:
    def begin(self, what: str, total: int) -> None:
        """Show nothing."""

    def advance(self, by: int) -> None:
        """Show nothing."""


@dataclass
class Shop:
    """A library with a store of its own, and a browser's view of its site."""

    folder: Path
    stores: Stores
    settings: Settings = field(init=False)
    now: int = 1_700_000_000

    def __post_init__(self) -> None:
        self.settings = Settings.model_validate(
            {
                "database_url": self.stores.url(self.folder, upgraded=False),
                "base_url": f"{SITE}/oai",
                "namespace": "library.example.net",
            }
        )
        self.library = Library.of(self.settings)
        self.database = Database(self.settings.database_url)

    def close(self) -> None:
        """Take the store away."""
        self.database.dispose()
        self.stores.drop(self.settings.database_url)

    def sync(self, *sources: Path) -> None:
        """Make the store equal to *sources*, a minute after the last time."""
        self.database.upgrade()
        found = [find_source(str(source)) for source in sources]
        options = Options(allow_mass_delete=True)
        sync(self.database, self.library, found, clock=lambda: self.now, progress=_Silent(), options=options)
        self.now += 60

    def sync_items(self, *items: dict[str, Any]) -> None:
        """Make the store equal to a JSON Lines file of *items*."""
        file = self.folder / "items.jsonl"
        file.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
        self.sync(file)

    def smuggle(self, fields: dict[str, Any]) -> None:
        """Put an item into the store as it is: the readers would have taken its markup away."""
        names = {
            key: tuple(Name(**name) if isinstance(name, dict) else Name(name, "corporate") for name in value)
            for key, value in fields.items()
            if key in ("creators", "editors")
        }
        lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
        item = Item(**{**fields, **lists, **names})
        content = self.library.content(item, "oai_dc")
        with publishing(self.database, lambda: self.now - 60) as publication:
            connection = publication.connection
            item_id = connection.scalars(select(ItemRow.id).where(ItemRow.local == item.id)).one()
            oai_dc = connection.scalars(select(FormatRow.id).where(FormatRow.prefix == "oai_dc")).one()
            sets = frozenset(
                connection.scalars(
                    select(PlacementRow.set_id).where(
                        PlacementRow.item_id == item_id, PlacementRow.scope == Scope.BOTH
                    )
                )
            )
            identifier = self.library.identifier(item.id)
            change = Change(item_id, identifier, {oai_dc: content}, sets, was_deleted=False)
            publication.publish([change])
            said = update(ContributionRow).where(ContributionRow.item_id == item_id)
            connection.execute(said.values(content=Packing().pack(jsonl.write(item))))
            for tag in item.tags:
                name = update(SetRow).where(SetRow.spec == f"tag:{slug(clean(tag).text)}")
                assert connection.execute(name.values(name=tag)).rowcount == 1

    def client(self) -> FlaskClient:
        """Return a client of an application that has the site and nothing else."""
        app = Flask("shop", static_folder=None)
        app.register_blueprint(create_site(self.library, Servers(self.database)))
        return app.test_client()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Iterator[Shop]:
    """Make the library of the seeds and the hostile items."""
    made = Shop(tmp_path_factory.mktemp("site"), stores)
    made.sync(SEEDS)
    made.sync_items(*HOSTILE)
    made.smuggle(HOSTILE[0])
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(shop: Shop) -> FlaskClient:
    """Return a client of that library's site."""
    return shop.client()


@pytest.fixture
def own(tmp_path: Path, stores: Stores) -> Iterator[Shop]:
    """Make an empty library that a test may fill."""
    made = Shop(tmp_path, stores)
    yield made
    made.close()


def page_at(client: FlaskClient, path: str, status: int = 200) -> HtmlElement:
    """Return the page at *path*, parsed."""
    response = client.get(path)
    assert response.status_code == status, response.text
    assert response.content_type == "text/html; charset=utf-8"
    return document_fromstring(response.text)


def texts(page: HtmlElement, xpath: str) -> list[str]:
    """Return the texts of what *xpath* finds, one space at a time."""
    return [
        " ".join((found if isinstance(found, str) else found.text_content()).split())
        for found in page.xpath(xpath)
    ]


def metas(page: HtmlElement, name: str) -> list[str]:
    """Return the contents of the meta elements called *name*."""
    return [str(each) for each in page.xpath("//meta[@name=$name]/@content", name=name)]


def path_of(link: str) -> str:
    """Return the path of a link within the site, with its query."""
    assert link.startswith("/repo/"), link
    return link.removeprefix("/repo")


def record_path(shop: Shop, local: str) -> str:
    """Return the path of an item's page within the site."""
    return shop.library.page_of(local).removeprefix(SITE)


def links_of(response: TestResponse) -> list[tuple[str, dict[str, str]]]:
    """Return the Link headers: address and attributes."""
    found = []
    for value in response.headers.getlist("Link"):
        match = re.fullmatch(r'<([^<>\s]+)>((?:; \w+="[^"]*")+)', value)
        assert match, value
        found.append((match[1], dict(re.findall(r'(\w+)="([^"]*)"', match[2]))))
    return found


PAGES = (
    "/",
    "/records/",
    "/sets/",
    "/sets/?from=tag:",
    "/sets/tag:plain",
    "/sets/section",
    "/records/hostile",
)


class TestFront:
    def test_says_what_there_is(self, shop: Shop, client: FlaskClient) -> None:
        """The front page names the library and counts its live records, its tags and its sections."""
        page = page_at(client, "/")
        assert texts(page, "//h1") == [shop.settings.repository_name]
        live = 9 + sum(not item.get("deleted") for item in HOSTILE)
        figures = texts(page, "//ul[@class='figures']/li")
        assert figures[0] == f"{live} records"
        assert figures[2] == "2 sections"
        assert figures[3] == "last change 14 November 2023"
        assert page.xpath("//ul[@class='figures']//time/@datetime") == ["2023-11-14T22:14:20Z"]

    def test_shows_the_newest_and_the_most_used(self, client: FlaskClient) -> None:
        """It lists a few records, the most used tags, and every section."""
        page = page_at(client, "/")
        assert len(page.xpath("//ol[@class='records']/li")) == site_module.NEWEST
        tags = texts(page, "//section[@aria-labelledby='tags']//li/a")
        assert len(tags) == site_module.MOST_USED
        assert {"odd", "children", "plain"} <= set(tags)
        assert texts(page, "//section[@aria-labelledby='sections']//li/a") == ["A Section", "Victimization"]

    def test_tells_harvesters_where_to_go(self, client: FlaskClient) -> None:
        """The base URL and the first requests stand there as text, and the sets are a link away."""
        page = page_at(client, "/")
        codes = texts(page, "//section[@aria-labelledby='harvesters']//code")
        assert codes == [
            f"{SITE}/oai",
            f"{SITE}/oai?verb=Identify",
            f"{SITE}/oai?verb=ListRecords&metadataPrefix=oai_dc",
            f"{SITE}/oai/sets/setSpec",
            f"{SITE}/oai/inventory",
            "/inventory/records",
        ]
        links = page.xpath("//section[@aria-labelledby='harvesters']//a/@href")
        assert links == ["/repo/sets/", "/repo/oai/inventory"]

    def test_of_an_empty_library(self, own: Shop) -> None:
        """A library without records has its pages."""
        own.database.upgrade()
        client = own.client()
        assert "There are no records yet." in page_at(client, "/").text_content()
        assert "There are no records yet." in page_at(client, "/records/").text_content()
        assert "There are none yet." in page_at(client, "/sets/").text_content()

    def test_says_what_the_settings_say(self, own: Shop) -> None:
        """What the collection holds, where the settings say it, is what the front page says."""
        own.database.upgrade()
        own.library = Library.of(own.settings.model_copy(update={"eprints_content": "Reports & papers."}))
        page = page_at(own.client(), "/")
        assert texts(page, "//p[@class='lead']") == ["Reports & papers."]
        assert metas(page, "description") == ["Reports & papers."]


class TestEveryPage:
    def test_is_sound(self, client: FlaskClient) -> None:
        """Each page has a language, a title, one main heading, landmarks, a skip link, and no id twice."""
        for path in PAGES:
            page = page_at(client, path)
            assert page.get("lang") == "en"
            assert len(page.xpath("//title[normalize-space()]")) == 1
            assert len(page.xpath("//h1[normalize-space()]")) == 1
            for landmark in ("header", "nav", "main", "footer"):
                assert page.xpath(f"//body//{landmark}"), (path, landmark)
            assert page.xpath("//body/*[1]/@href") == ["#" + page.xpath("//main/@id")[0]]
            assert metas(page, "viewport") == ["width=device-width, initial-scale=1"]
            ids = page.xpath("//@id")
            assert len(ids) == len(set(ids)), path
            assert set(page.xpath("//@aria-labelledby")) <= set(ids), path

    def test_runs_and_loads_nothing(self, client: FlaskClient) -> None:
        """No page has a script that runs, a style of its own, or anything from elsewhere."""
        for path in PAGES:
            page = page_at(client, path)
            assert set(page.xpath("//script/@type")) <= {"application/ld+json"}
            assert len(page.xpath("//script")) == len(page.xpath("//script/@type"))
            assert not page.xpath("//img | //style | //iframe | //object | //base | //form | //b")
            assert not page.xpath("//@style | //@*[starts-with(name(), 'on')] | //@src")
            assert not [
                link for link in page.xpath("//@href") if re.match(r"(?i)\s*(javascript|vbscript):", link)
            ]
            (style,) = page.xpath("//link[@rel='stylesheet']/@href")
            assert style.startswith("/repo/style/")
            assert page.xpath("//link[@rel='icon']/@href")[0].startswith("data:image/svg+xml,")

    def test_has_security_headers(self, client: FlaskClient) -> None:
        """Whatever the answer, it says that nothing may be run, framed, or taken for something else."""
        for path in (*PAGES, "/nope", "/records/gone", "/sets/tag:nope"):
            headers = client.get(path).headers
            assert headers["Content-Security-Policy"] == (
                "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none';"
                " form-action 'self'; frame-ancestors 'none'"
            )
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"

    def test_knows_its_address_from_the_settings_alone(self, client: FlaskClient) -> None:
        """Neither the Host nor a forwarding header changes a byte of a page."""
        forged = {
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "gopher",
            "X-Forwarded-Prefix": "/evil",
            "Forwarded": "host=evil.example",
        }
        for path in (*PAGES, "/nope", "/records/gone"):
            plain, other = client.get(path), client.get(path, headers=forged)
            assert plain.data == other.data
            assert plain.headers.getlist("Link") == other.headers.getlist("Link")
            assert plain.headers.get("ETag") == other.headers.get("ETag")

    def test_leads_nowhere_in_vain(self, client: FlaskClient) -> None:
        """Every link within the site, followed from the front page on, leads to a page."""
        seen = {"/"}
        waiting = ["/"]
        while waiting:
            page = page_at(client, waiting.pop())
            for link in page.xpath("//body//a/@href"):
                is_page = link.startswith("/repo/") and not link.startswith("/repo/oai/")
                if is_page and path_of(link) not in seen:
                    seen.add(path_of(link))
                    waiting.append(path_of(link))
        live = 9 + sum(not item.get("deleted") for item in HOSTILE)
        assert sum(path.startswith("/records/") and "after=" not in path for path in seen) == live + 1

    def test_has_no_list_of_the_endpoint_as_a_link(self, client: FlaskClient) -> None:
        """No link leads a crawler into a list of the endpoint, where resumptionTokens would lead it on."""
        for path in PAGES:
            for link in page_at(client, path).xpath("//@href"):
                assert "verb=" not in link or "verb=GetRecord" in link

    def test_can_be_asked_for_again(self, client: FlaskClient) -> None:
        """A page that has not changed is not sent again."""
        for path in PAGES:
            first = client.get(path)
            assert first.headers["Cache-Control"] == "private, max-age=60, must-revalidate"
            assert "Set-Cookie" not in first.headers
            again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["ETag"] == first.headers["ETag"]
            assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
            head = client.head(path, headers={"If-None-Match": first.headers["ETag"]})
            assert (head.status_code, head.headers["ETag"]) == (304, first.headers["ETag"])

    def test_is_one_page_in_every_coding(self, client: FlaskClient) -> None:
        """Who has a page compressed, or not, need not take it again in another coding."""
        for path in PAGES:
            etags = {
                client.get(path, headers={"Accept-Encoding": each}).headers["ETag"]
                for each in ("gzip", "zstd", "")
            }
            (etag,) = etags
            again = client.get(path, headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
            assert (again.status_code, again.headers["Vary"]) == (304, "Accept-Encoding")
            assert "Content-Encoding" not in again.headers

    def test_that_has_changed_is_sent_again(self, own: Shop) -> None:
        """After a sync that changed what a page shows, the page kept before is out of date."""
        one, two = {"id": "one", "title": "One", "tags": ["t"]}, {"id": "two", "title": "Two", "tags": ["t"]}
        own.sync_items(one, two)
        client = own.client()
        paths = ("/", "/records/", "/records/one", "/records/two", "/sets/tag:t")
        kept = {path: client.get(path).headers["ETag"] for path in paths}
        own.sync_items(one | {"title": "Other"}, two)
        sent = {path: client.get(path, headers={"If-None-Match": kept[path]}) for path in paths}
        assert sent.pop("/records/two").status_code == 304
        for path, response in sent.items():
            assert response.status_code == 200
            assert response.headers["ETag"] != kept[path]
            assert "Other" in response.text

    def test_is_compressed_for_those_who_ask(self, client: FlaskClient) -> None:
        """A browser that takes gzip gets it, and the same page."""
        plain = client.get("/")
        packed = client.get("/", headers={"Accept-Encoding": "gzip, deflate, br"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(packed.data) == plain.data

    def test_holds_without_a_prefix(self, own: Shop) -> None:
        """At the root of a host, links begin there, and absolute addresses have no prefix."""
        own.library = Library.of(Settings.model_validate({"database_url": own.settings.database_url}))
        own.sync_items({"id": "a", "title": "A", "tags": ["T"]})
        client = own.client()
        page = page_at(client, "/records/a")
        assert page.xpath("//link[@rel='canonical']/@href") == ["http://127.0.0.1:8080/records/a"]
        assert page.xpath("//a[@rel='tag']/@href") == ["/sets/tag:t"]
        assert client.get(page.xpath("//link[@rel='stylesheet']/@href")[0]).status_code == 200


class TestRecord:
    def test_shows_what_the_catalogue_says(self, client: FlaskClient) -> None:
        """A record's page has its title, people, imprint, abstract, sets, numbers, rights and identifier."""
        page = page_at(client, "/records/hostile")
        assert texts(page, "//h1") == [HOSTILE_TITLE]
        assert texts(page, "//p[@class='by']") == [
            f"O'Brien, {SCRIPT}; <b>Body</b>",
            "Edited by Editor, Some",
        ]
        assert texts(page, "//p[@class='imprint']") == ['Some Place: "Publisher" <i>, 17 May 2021. 22p.']
        assert texts(page, "//section[@aria-labelledby='abstract']/p") == [
            f"First {SCRIPT} paragraph.",
            "Second -->]]> & paragraph.",
        ]
        assert texts(page, "//a[@rel='tag']") == ["<b>bold</b>", "Café & “Bar”", "plain", "A Section"]
        assert page.xpath("//a[@rel='tag']/@href")[2] == "/repo/sets/tag:plain"
        details = texts(page, "//dl[@class='details']/*")
        assert details[:4] == ["In", "Series <no. 1>", "Language", "English"]
        for shown in (
            "Open access",
            "https://creativecommons.org/licenses/by/4.0/",
            "ISBN 978-3-16-148410-0",
            "N-17",
            "oai:library.example.net:hostile",
            "14 November 2023",
        ):
            assert shown in details
        assert page.xpath("//dl[@class='details']//time/@datetime") == ["2023-11-14T22:14:20Z"]

    def test_links_addresses_and_nothing_else(self, client: FlaskClient) -> None:
        """DOIs, licences and web addresses are links; other schemes are text."""
        page = page_at(client, "/records/hostile")
        links = [link for link in page.xpath("//dl//a/@href") if "verb=" not in link]
        assert links == [
            "https://elsewhere.example/report?x=1&y=2",
            "https://doi.org/10.1234/ab%3Cc%3E",
            "https://doi.org/10.5555/fine",
            "https://creativecommons.org/licenses/by/4.0/",
        ]

    def test_of_the_seeds(self, client: FlaskClient) -> None:
        """The post that both pages of the seeds have is one record with the tags of both."""
        local = "i-wanted-them-all-to-notice-protecting-children-and-610703a0"
        page = page_at(client, f"/records/{local}")
        assert texts(page, "//a[@rel='tag']") == ["Child Sexual Abuse", "children", "Victimization"]
        assert texts(page, "//p[@class='imprint']") == [
            "London: Child Safeguarding Practice Review Panel, 2024. 139p."
        ]
        assert len(page.xpath("//section[@aria-labelledby='abstract']/p")) == 2

    def test_has_citation_tags(self, client: FlaskClient) -> None:
        """Google Scholar and reference managers find title, each author, date, institution and numbers."""
        page = page_at(client, "/records/hostile")
        assert metas(page, "citation_title") == [HOSTILE_TITLE]
        assert metas(page, "citation_author") == [f"O'Brien, {SCRIPT}", "<b>Body</b>"]
        assert metas(page, "citation_editor") == ["Editor, Some"]
        assert metas(page, "citation_publication_date") == ["2021/05/17"]
        assert metas(page, "citation_technical_report_institution") == ['"Publisher" <i>']
        assert metas(page, "citation_series_title") == ["Series <no. 1>"]
        assert metas(page, "citation_language") == ["en"]
        assert metas(page, "citation_doi") == ["10.1234/ab%3Cc%3E", "10.5555/fine"]
        assert metas(page, "citation_isbn") == ["978-3-16-148410-0"]
        assert metas(page, "citation_abstract_html_url") == [f"{SITE}/records/hostile"]
        book = page_at(client, "/records/rtl")
        assert metas(book, "citation_publisher") == ["دار"]
        assert metas(book, "citation_technical_report_institution") == []

    def test_has_the_elements_of_its_oai_dc_record(self, shop: Shop, client: FlaskClient) -> None:
        """The Dublin Core tags of a page are those of the record that harvesters get."""
        for local in ("hostile", "rtl", "bare", "long"):
            page = page_at(client, f"/records/{local}")
            with shop.database.reading() as connection:
                query = select(*queries.PACKED, *queries.LIES).select_from(RecordRow)
                for table, key in ((BlockRow, "block_id"), (ItemRow, "item_id"), (FormatRow, "format_id")):
                    query = query.join(table, table.id == getattr(RecordRow, key))
                query = query.where(ItemRow.local == local, FormatRow.prefix == "oai_dc")
                size, crc32, lz4, *found = connection.execute(query).one()
                body = Place(*found).body(unpacked(size, crc32, lz4))
            record = [(etree.QName(each).localname, each.text) for each in etree.fromstring(body)[0]]
            tags = page.xpath("//meta[starts-with(@name, 'DC.')]")
            assert [(tag.get("name").removeprefix("DC."), tag.get("content")) for tag in tags] == record

    def test_has_schema_org_data(self, client: FlaskClient) -> None:
        """Search engines get the item as JSON-LD, which no title can break out of."""
        response = client.get("/records/hostile")
        (raw,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', response.text, re.DOTALL)
        assert "<" not in raw
        said = json.loads(raw)
        assert said["@type"] == "Report"
        assert said["name"] == HOSTILE_TITLE
        assert said["author"][0] == {
            "@type": "Person",
            "name": f"{SCRIPT} O'Brien",
            "familyName": "O'Brien",
            "givenName": SCRIPT,
        }
        assert said["publisher"] == {"@type": "Organization", "name": '"Publisher" <i>'}
        assert said["datePublished"] == "2021-05-17"
        assert said["license"] == "https://creativecommons.org/licenses/by/4.0/"
        assert said["url"] == f"{SITE}/records/hostile"

    def test_has_signposting_links(self, client: FlaskClient) -> None:
        """HTTP headers name what to cite, the type, the licence, the record and the sets."""
        links = links_of(client.get("/records/hostile"))
        by_relation: dict[str, list[str]] = {}
        for address, attributes in links:
            by_relation.setdefault(attributes["rel"], []).append(address)
        record = f"{SITE}/oai?verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:library.example.net:hostile"
        assert by_relation["cite-as"] == ["https://doi.org/10.1234/ab%3Cc%3E"]
        assert by_relation["type"] == ["https://schema.org/AboutPage", "https://schema.org/Report"]
        assert by_relation["license"] == ["https://creativecommons.org/licenses/by/4.0/"]
        assert f"{SITE}/sets/tag:plain" in by_relation["collection"]
        assert (
            record,
            {
                "rel": "describedby",
                "type": "text/xml",
                "profile": "http://www.openarchives.org/OAI/2.0/oai_dc/",
            },
        ) in links

    def test_is_cited_by_its_page_without_a_doi(self, shop: Shop, client: FlaskClient) -> None:
        """An item without DOI is cited by its page, and one without licence names none."""
        links = links_of(client.get("/records/bare"))
        relations = [attributes["rel"] for _, attributes in links]
        assert links[0] == (shop.library.page_of("bare"), {"rel": "cite-as"})
        assert "license" not in relations
        assert "collection" not in relations

    def test_keeps_its_headers_short(self, client: FlaskClient) -> None:
        """An item of very many sets names only some of them in its headers, and all on its page."""
        response = client.get("/records/many")
        assert sum(attributes["rel"] == "collection" for _, attributes in links_of(response)) == COLLECTIONS
        assert len(page_at(client, "/records/many").xpath("//a[@rel='tag']")) == 120

    def test_says_only_what_it_knows(self, client: FlaskClient) -> None:
        """A record with nothing but a title has a page without empty places."""
        page = page_at(client, "/records/bare")
        assert not page.xpath("//p[@class='by' or @class='imprint'] | //ul[@class='tags']")
        assert texts(page, "//section[@aria-labelledby='abstract']/p") == ["There is no abstract."]
        assert metas(page, "description") == ["Nothing but a title"]
        assert not [content for content in page.xpath("//meta/@content") if not content]

    def test_lets_text_run_its_own_way(self, client: FlaskClient) -> None:
        """Titles and names find their direction by themselves and name their language."""
        page = page_at(client, "/records/rtl")
        (title,) = page.xpath("//h1")
        assert (title.get("dir"), title.get("lang")) == ("auto", "ar")
        assert page.get("lang") == "en"
        assert texts(page, "//p[@class='kind']") == ["Book"]

    @pytest.mark.parametrize("local", ODD_IDS)
    def test_round_trips_any_identifier(self, shop: Shop, client: FlaskClient, local: str) -> None:
        """Whatever an identifier is made of, its address leads to its page, and the page names both."""
        page = page_at(client, record_path(shop, local))
        assert texts(page, "//h1") == [f"odd {ODD_IDS.index(local)}"]
        assert page.xpath("//link[@rel='canonical']/@href") == [shop.library.page_of(local)]
        assert shop.library.identifier(local) in texts(page, "//dd/code")
        given = [link for link in page.xpath("//link[@rel='describedby']/@href") if "oai_dc" in link]
        assert unquote(urlsplit(given[0]).query).endswith("identifier=" + shop.library.identifier(local))

    def test_tells_an_identifier_from_an_addition(self, client: FlaskClient) -> None:
        """What a "?" begins may be of the identifier or of a campaign, and the address says which."""
        assert texts(page_at(client, "/records/a?b"), "//h1") == [f"odd {ODD_IDS.index('a?b')}"]
        assert texts(page_at(client, "/records/a%3Fb"), "//h1") == [f"odd {ODD_IDS.index('a?b')}"]
        page = page_at(client, "/records/bare?utm_source=news")
        assert texts(page, "//h1") == ["Nothing but a title"]
        assert page.xpath("//link[@rel='canonical']/@href") == [f"{SITE}/records/bare"]

    def test_that_was_withdrawn(self, client: FlaskClient) -> None:
        """A deleted record has a page that says so and when, and nothing of what it was."""
        page = page_at(client, "/records/gone", 410)
        assert texts(page, "//h1") == ["This record was withdrawn"]
        assert page.xpath("//main//time/@datetime") == ["2023-11-14T22:14:20Z"]
        assert texts(page, "//main//code") == ["oai:library.example.net:gone"]
        assert metas(page, "robots") == ["noindex"]
        response = client.get("/records/gone")
        assert response.headers["Cache-Control"] == "no-store"
        assert not response.headers.getlist("Link")

    def test_that_was_withdrawn_later(self, own: Shop) -> None:
        """An item that its source no longer has is gone from its page and from every list at once."""
        one, two = {"id": "one", "title": "One", "tags": ["t"]}, {"id": "two", "title": "Two", "tags": ["t"]}
        own.sync_items(one, two)
        client = own.client()
        etag = client.get("/records/one").headers["ETag"]
        own.sync_items(two)
        assert client.get("/records/one", headers={"If-None-Match": etag}).status_code == 410
        assert texts(page_at(client, "/sets/tag:t"), "//h3") == ["Two"]
        assert texts(page_at(client, "/records/"), "//h3") == ["Two"]
        assert texts(page_at(client, "/"), "//ul[@class='figures']/li")[0] == "1 record"

    @pytest.mark.parametrize(
        "path", ["/records/nope", "/records/%00", "/records/%FF", "/records/a?%FF", "/x"]
    )
    def test_that_never_was(self, client: FlaskClient, path: str) -> None:
        """An address of nothing is a page in the same style that says so."""
        page = page_at(client, path, 404)
        assert texts(page, "//h1") == ["There is no such page"]
        assert page.xpath("//link[@rel='stylesheet']")

    def test_without_a_record_is_not_there_yet(self, own: Shop) -> None:
        """An item that has an identifier and no record does not exist for the site."""
        own.sync_items({"id": "one", "title": "One"})
        with own.database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO item (id, local) VALUES (99, 'draft')")
        assert own.client().get("/records/draft").status_code == 404


class TestSets:
    def test_lists_tags_and_sections(self, client: FlaskClient) -> None:
        """The page of sets has each tag and section that has records, and how many."""
        page = page_at(client, "/sets/")
        sections = texts(page, "//section[@aria-label='Sections']//li")
        assert sections == ["A Section , 1 record", "Victimization , 4 records"]
        tags = texts(page, "//section[@aria-label='Tags']//li/a")
        assert {"children", "plain", "<b>bold</b>", "עברית"} <= set(tags)

    def test_stays_usable_with_very_many(self, own: Shop) -> None:
        """Of very many tags a page has some, the initials lead into them, and paging shows each once."""
        total = 2 * site_module.SETS + 7
        own.sync_items(
            {"id": "i", "title": "T", "tags": [f"{'abc'[n % 3]} tag {n:05}" for n in range(total)]}
        )
        client = own.client()
        page = page_at(client, "/sets/")
        assert texts(page, "//nav[@class='letters']/a") == ["A", "B", "C"]
        assert len(page.xpath("//section[@aria-label='Tags']//li")) == site_module.SETS
        (letter,) = page.xpath("//nav[@class='letters']/a[text()='C']/@href")
        assert texts(page_at(client, path_of(letter)), "//section//li/a")[0].startswith("c tag")
        seen: list[str] = []
        links = ["/repo/sets/?from=tag:"]
        while links:
            page = page_at(client, path_of(links[0]))
            seen += texts(page, "//section//li/a")
            links = page.xpath("//a[@rel='next']/@href")
            assert [SITE + path_of(link) for link in links] == page.xpath("//link[@rel='next']/@href")
        assert len(seen) == len(set(seen)) == total
        front = page_at(client, "/")
        assert len(front.xpath("//section[@aria-labelledby='tags']//li")) == site_module.MOST_USED

    def test_says_how_to_harvest_one(self, client: FlaskClient) -> None:
        """A set's page has its name, its setSpec, its own base URL, and its items."""
        page = page_at(client, "/sets/tag:cafe-bar")
        assert texts(page, "//h1") == ["Café & “Bar”"]
        assert texts(page, "//p[@class='kind']") == ["Tag"]
        assert texts(page, "//section[@class='box']//code") == [
            "tag:cafe-bar",
            f"{SITE}/oai/sets/tag:cafe-bar",
            f"{SITE}/oai?verb=ListRecords&metadataPrefix=oai_dc&set=tag:cafe-bar",
        ]
        assert texts(page, "//h3") == [HOSTILE_TITLE]
        assert page.xpath("//h3/a/@href") == ["/repo/records/hostile"]

    def test_lists_live_items_alone(self, client: FlaskClient) -> None:
        """A set's items are those that are in it and not deleted, as many as it says."""
        page = page_at(client, "/sets/tag:plain")
        assert len(page.xpath("//h3")) == 3
        assert texts(page, "//p[@class='lead']") == ["3 records"]

    def test_that_is_left_has_a_page(self, own: Shop) -> None:
        """A set that no item is in any more is not listed, and its page says that it is empty."""
        own.sync_items({"id": "a", "title": "A", "tags": ["Left"]})
        own.sync_items({"id": "a", "title": "A", "tags": ["New"]})
        client = own.client()
        assert texts(page_at(client, "/sets/"), "//section[@aria-label='Tags']//li/a") == ["New"]
        page = page_at(client, "/sets/tag:left")
        assert "No record is in this set now." in page.text_content()
        assert not page.xpath("//h3")

    def test_names_some_of_very_many_creators(self, own: Shop) -> None:
        """A list names the first creators of an item that has very many, and its page all of them."""
        names = [{"name": f"Family{n}, Given", "kind": "personal"} for n in range(30)]
        own.sync_items({"id": "a", "title": "A", "creators": names})
        client = own.client()
        (by,) = texts(page_at(client, "/records/"), "//p[@class='by']")
        assert by.endswith("Family5, Given and 24 others")
        assert len(page_at(client, "/records/a").xpath("//p[@class='by']/span[@class='name']")) == 30

    @pytest.mark.parametrize(
        "path",
        [
            "/sets/tag:nope", "/sets/tag:", "/sets/:", "/sets/a%20b", "/sets/tag:plain?after=x",
            "/sets/tag:plain?after=1", "/sets/tag:plain?after=1.2.3", f"/sets/tag:plain?after={'9' * 30}.1",
            "/sets/tag:plain?after=", "/sets/?from=", "/sets/?from=x:y", "/sets/?from=tag:%00",
            "/sets/?from=tag:a%27b%22", "/records/?after=%F0",
        ],
    )  # fmt: skip
    def test_refuses_what_no_link_has(self, client: FlaskClient, path: str) -> None:
        """An unknown set, and a position that was never given out, is no page."""
        page_at(client, path, 404)


class TestPaging:
    def walk(self, client: FlaskClient, path: str) -> list[list[str]]:
        """Return the titles of each page from *path* on."""
        found = []
        links = [f"/repo{path}"]
        while links:
            page = page_at(client, path_of(links[0]))
            assert page.xpath("//link[@rel='canonical']/@href") == [SITE + path_of(links[0])]
            found.append(texts(page, "//h3"))
            links = page.xpath("//a[@rel='next']/@href")
            assert [SITE + path_of(link) for link in links] == page.xpath("//link[@rel='next']/@href")
        return found

    def test_shows_each_item_once_newest_first(self, own: Shop) -> None:
        """Page after page has every item once, of the library and of a set alike."""
        items = [{"id": f"i{n}", "title": f"T{n}", "tags": ["t"]} for n in range(120)]
        own.sync_items(*items)
        items[3]["title"] = "changed"
        own.sync_items(*items)
        client = own.client()
        for path in ("/records/", "/sets/tag:t"):
            pages = self.walk(client, path)
            assert [len(page) for page in pages] == [50, 50, 20]
            assert pages[0][0] == "changed"
            assert len({title for page in pages for title in page}) == 120

    def test_is_not_shifted_by_what_changes(self, own: Shop) -> None:
        """An item that changes while one reads comes to the front and takes none of the others away."""
        items: list[dict[str, Any]] = [{"id": f"i{n}", "title": f"T{n}", "tags": ["t"]} for n in range(60)]
        own.sync_items(*items)
        client = own.client()
        page = page_at(client, "/sets/tag:t")
        first = texts(page, "//h3")
        for item in items[20:40]:
            item["title"] += " changed"
        own.sync_items(*items)
        (link,) = page.xpath("//a[@rel='next']/@href")
        rest = texts(page_at(client, path_of(link)), "//h3")
        assert not set(first) & set(rest)
        assert set(rest) == {f"T{n}" for n in range(60)} - set(first)

    def test_passes_over_tombstones_in_bounded_steps(
        self, own: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A long row of deleted items makes pages short, and never hides what comes behind it."""
        monkeypatch.setattr(catalogue_module, "SCANNED", 10)
        items = [{"id": f"i{n}", "title": f"T{n}", "tags": ["t"]} for n in range(45)]
        own.sync_items(*items)
        own.sync_items(*items[:7], {"id": "new", "title": "T new", "tags": ["t"]})
        client = own.client()
        for path in ("/records/", "/sets/tag:t"):
            pages = self.walk(client, path)
            assert sorted(title for page in pages for title in page) == sorted(
                ["T new", *(f"T{n}" for n in range(7))]
            )

    def test_costs_the_same_at_any_depth(self, own: Shop) -> None:
        """The number of statements of a page depends neither on its place nor on what is in the library."""
        own.sync_items({"id": "i0", "title": "T", "tags": ["t", "u"]})
        client = own.client()
        paths = ("/", "/records/", "/sets/", "/sets/tag:t", "/records/i0")
        few = [statements(client, path) for path in paths]
        own.sync_items(*({"id": f"i{n}", "title": "T", "tags": ["t", f"u{n}"]} for n in range(120)))
        assert [statements(client, path) for path in paths] == few
        (link,) = page_at(client, "/sets/tag:t").xpath("//a[@rel='next']/@href")
        assert statements(client, path_of(link)) == few[3]
        assert max(few) <= 9

    @sqlite_only
    def test_reads_a_stretch_of_an_index(self, shop: Shop) -> None:
        """A shelf is entered at its position, also among items of one datestamp, and never sorted."""
        with shop.database.reading() as connection:
            catalogue = Catalogue(connection)
            for spec in (None, "tag:plain"):
                query = catalogue._places(spec, Position(1_700_000_000, 3)).limit(50)
                compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
                steps = [str(row[-1]) for row in plan]
                assert any("(datestamp,serial)<(?,?)" in step for step in steps), steps
                assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in steps), steps


def statements(client: FlaskClient, path: str) -> int:
    """Return how many statements a page takes."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        page_at(client, path)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return count


class TestFailure:
    def test_of_a_store_that_is_not_there(self, own: Shop) -> None:
        """Where there is no store, each page asks to come again, in the same style, and says nothing else."""
        own.stores.drop(own.settings.database_url)
        client = own.client()
        for path in ("/", "/records/", "/records/a", "/sets/", "/sets/tag:t"):
            response = client.get(path)
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "60"
            assert response.headers["Cache-Control"] == "no-store"
            assert "Content-Security-Policy" in response.headers
            assert "The library cannot answer now" in response.text
            assert str(own.folder) not in response.text

    def test_of_a_store_without_tables(self, own: Shop) -> None:
        """A store that is not made yet cannot answer yet."""
        if own.stores is SQLITE:
            (own.folder / "oai.sqlite").touch()
        assert own.client().get("/").status_code == 503

    def test_of_ours_shows_no_traceback(self, own: Shop) -> None:
        """A mistake in the program is a plain page."""
        own.sync_items({"id": "a", "title": "A"})

        def crosswalk(*_: object) -> Any:
            raise RuntimeError("the secret reason")

        broken = replace(own.library.formats["oai_dc"], crosswalk=crosswalk)
        own.library = replace(own.library, formats={"oai_dc": broken})
        response = own.client().get("/records/a")
        assert response.status_code == 500
        assert "Something went wrong here" in response.text
        assert "secret" not in response.text
        assert "Traceback" not in response.text
        assert "Content-Security-Policy" in response.headers

    def test_of_a_method(self, client: FlaskClient) -> None:
        """Pages can only be read, and the answer says how."""
        response = client.post("/sets/")
        assert response.status_code == 405
        assert "GET" in response.headers["Allow"]
        assert "Content-Security-Policy" in response.headers

    def test_leaves_the_other_addresses_alone(self, client: FlaskClient) -> None:
        """The site takes nothing under the endpoint, nor the addresses of those who watch over it."""
        rules = [rule.rule for rule in client.application.url_map.iter_rules()]
        assert not [rule for rule in rules if re.match(r"/(oai|healthz|readyz|metrics)", rule)]


class TestStyle:
    def test_is_kept_for_good_under_its_digest(self, client: FlaskClient) -> None:
        """The stylesheet's address changes with it, so that it can be kept; another digest is not kept long."""
        path = path_of(page_at(client, "/").xpath("//link[@rel='stylesheet']/@href")[0])
        response = client.get(path)
        assert response.content_type == "text/css; charset=utf-8"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        other = client.get("/style/0123456789ab.css")
        assert other.data == response.data
        assert other.headers["Cache-Control"] == "public, max-age=300"

    def test_loads_nothing(self, client: FlaskClient) -> None:
        """The stylesheet needs nothing from elsewhere."""
        css = client.get(path_of(page_at(client, "/").xpath("//link[@rel='stylesheet']/@href")[0])).text
        assert not re.search(r"url\(|@import|@font-face|//", css)

    def test_has_contrast(self, client: FlaskClient) -> None:
        """Text has a contrast of 4.5 to 1 and more with what is behind it, by day and by night (WCAG 1.4.3)."""
        css = client.get(path_of(page_at(client, "/").xpath("//link[@rel='stylesheet']/@href")[0])).text
        schemes = [
            dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in css.split(":root {")[1:3]
        ]
        assert len(schemes) == 2
        for colours in schemes:
            for text in ("ink", "quiet", "accent"):
                for behind in ("paper", "raised"):
                    assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind, colours)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


class TestWords:
    @pytest.mark.parametrize(
        ("date", "words"),
        [("2024", "2024"), ("2024-05", "May 2024"), ("2024-05-07", "7 May 2024"), (None, None)],
    )
    def test_of_dates(self, date: str | None, words: str | None) -> None:
        """A date is as exact in words as it was in figures."""
        assert readable_date(date) == words

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
            ("https://example.org/é%20<x>", "https://example.org/%C3%A9%20%3Cx%3E"),
            ("HTTP://example.org", "HTTP://example.org"),
            ("https://example.org/a b", None),
            ("javascript:alert(1)//https://x", None),
            ("//example.org", None),
            ("urn:isbn:978-3-16-148410-0", None),
        ],
    )
    def test_that_are_addresses(self, text: str, address: str | None) -> None:
        """Only an address of the web becomes a link, and it is written as a URI."""
        assert href(text) == address
