"""``oai harvest``: another repository as a source."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from oai import remote
from oai.harvest import Harvest, Wanted
from oai.item import Item, Provenance
from oai.protocol import datestamp
from oai.remote import Patience, Remote, RemoteError
from oai.sources import Entry, Unreadable, jsonl, safe_xml
from oai.sources.files import SourceError
from oai.status import status
from oai.store.publishing import Publication
from oai.sync import Report
from tests.server.conftest import CATALOGUE, Commands, Place, Server
from tests.stores import Stores
from tests.workbench import NS, START, Quiet, Workbench

P = "{http://www.openarchives.org/OAI/2.0/provenance}"
HASTE = Patience(timeout=2, attempts=3, pause=0.05, backoff=0.01)
PROVENANCE = """<about><provenance xmlns="http://www.openarchives.org/OAI/2.0/provenance">
<originDescription harvestDate="2001-02-03T04:05:06Z" altered="false"><baseURL>http://first.example.org/oai</baseURL>
<identifier>oai:first.example.org:1</identifier><datestamp>2000-01-01</datestamp>
<metadataNamespace>http://www.openarchives.org/OAI/2.0/oai_dc/</metadataNamespace></originDescription>
</provenance></about>"""


@dataclass(frozen=True)
class Record:
    """A record of the fake repository."""

    name: str
    stamp: int
    sets: tuple[str, ...] = ()
    deleted: bool = False
    title: str = "A title"
    about: str = ""
    more: str = ""


@dataclass
class Reply:
    """What the fake repository answers; with *cut* it says that it is longer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class Fake:
    """A small repository that does as it is told. ``odd`` answers a request in its own way, or not."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.records: list[Record] = []
        self.names = {"s": "Sheep & Goats"}
        self.now = START
        self.size = 2
        self.granularity = "YYYY-MM-DDThh:mm:ssZ"
        self.deleted_record = "persistent"
        self.asked: list[dict[str, str]] = []
        self.odd: Callable[[dict[str, str]], Reply | None] = lambda _: None

    def have(self, *names: str, **more: Any) -> None:
        """Have records with these names, changed now."""
        self.records = [each for each in self.records if each.name not in names]
        self.records += [Record(name, self.now, **more) for name in names]

    @property
    def lists(self) -> list[dict[str, str]]:
        """The requests for records, and forget them."""
        found = [query for query in self.asked if query.pop("verb") == "ListRecords"]
        self.asked.clear()
        return found

    def answer(self, query: dict[str, str]) -> Reply:
        """Answer a request."""
        self.asked.append(dict(query))
        return self.odd(query) or Reply(self.whole(self.said(query)))

    def whole(self, content: str) -> bytes:
        """Return a response."""
        self.now += 1
        return (
            f'<OAI-PMH xmlns="{NS["o"]}"><responseDate>{datestamp.write(self.now)}</responseDate>'
            f"<request>{self.url}</request>{content}</OAI-PMH>"
        ).encode()

    def said(self, query: dict[str, str]) -> str:
        """Return what stands in a response."""
        if query["verb"] == "Identify":
            return (
                f"<Identify><granularity>{self.granularity}</granularity>"
                f"<deletedRecord>{self.deleted_record}</deletedRecord></Identify>"
            )
        if query["verb"] == "ListSets":
            names = "".join(
                f"<set><setSpec>{spec}</setSpec><setName>{escape(name)}</setName></set>"
                for spec, name in self.names.items()
            )
            return f"<ListSets>{names}</ListSets>"
        if query.get("metadataPrefix", "oai_dc") != "oai_dc":
            return '<error code="cannotDisseminateFormat">Only\noai_dc</error>'
        since, at = query.get("from", ""), 0
        if "resumptionToken" in query:
            at, since = int(query["resumptionToken"].split("|")[0]), query["resumptionToken"].split("|")[1]
        listed = [each for each in self.records if datestamp.write(each.stamp) >= since]
        if not listed:
            return '<error code="noRecordsMatch"/>'
        end = at + self.size
        token = f"{end}|{since}" if end < len(listed) else ""
        shown = "".join(map(self.record, listed[at:end]))
        return (
            f'<ListRecords>{shown}<resumptionToken completeListSize="{len(listed)}">{token}'
            "</resumptionToken></ListRecords>"
        )

    def record(self, record: Record) -> str:
        """Return a record as XML."""
        sets = "".join(f"<setSpec>{spec}</setSpec>" for spec in record.sets)
        stamp = datestamp.write(record.stamp)[: len(self.granularity)]
        state = ' status="deleted"' if record.deleted else ""
        head = f"<header{state}><identifier>oai:o.example.org:{record.name}</identifier>"
        head += f"<datestamp>{stamp}</datestamp>{sets}</header>"
        if record.deleted:
            return f"<record>{head}</record>"
        title = f"<dc:title>{record.title}</dc:title>" if record.title else ""
        return (
            f'<record>{head}<metadata><oai_dc:dc xmlns:oai_dc="{NS["oai_dc"]}" xmlns:dc="{NS["dc"]}">'
            f"{title}{record.more}</oai_dc:dc></metadata>{record.about}</record>"
        )


@pytest.fixture(name="fake")
def _fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """Give a small repository over HTTP."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = fake.answer(dict(parse_qsl(self.path.partition("?")[2])))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + 100 * reply.cut))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = Fake(f"http://127.0.0.1:{server.server_port}/oai")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


def take(bench: Workbench, fake: Fake, told: list[str] | None = None, **wanted: Any) -> Harvest:
    """Harvest; what is said besides goes to *told*."""
    harvest = begin(bench, Remote(fake.url, HASTE, ([] if told is None else told).append), **wanted)
    with harvest.remote:
        harvest.run()
    return harvest


def begin(bench: Workbench, other: Remote, **wanted: Any) -> Harvest:
    """Return a harvest that has not begun."""
    bench.now += 10
    return Harvest(bench.database, bench.library, other, Wanted(**wanted), lambda: bench.now, Quiet())


def counts(report: Report) -> tuple[int, int, int, int, int]:
    """Return what is counted: added, changed, deleted, unchanged, rejected."""
    return report.added, report.changed, report.deleted, report.unchanged, report.rejected


def record(bench: Workbench, name: str) -> etree._Element:
    """Return a record as it is served; it is validated."""
    answer = bench.ask(
        "GetRecord", identifier=f"oai:library.example.org:oai:o.example.org:{name}", prefix="oai_dc"
    )
    found = answer.root.find(".//o:record", NS)
    assert found is not None, answer.body
    return found


def stamp(bench: Workbench, name: str) -> str:
    """Return the datestamp of a record as it is served."""
    return record(bench, name).findtext("o:header/o:datestamp", "", NS)


def origins(found: etree._Element) -> list[dict[str, str]]:
    """Return the provenance of a record, the latest step first."""
    return [
        {str(name): str(value) for name, value in step.attrib.items()}
        | {etree.QName(child).localname: child.text or "" for child in step if not len(child)}
        for step in found.iter(P + "originDescription")
    ]


def test_what_is_new_is_asked_for(bench: Workbench, fake: Fake) -> None:
    """The first harvest takes all, the next asks from the first responseDate, and what is listed twice is as it was."""
    fake.have("a", "b", "c", sets=("s", "unknown"))
    assert counts(take(bench, fake).report) == (3, 0, 0, 0, 0)
    first, second = fake.lists
    assert first == {"metadataPrefix": "oai_dc"}
    assert second["resumptionToken"].startswith("2|")
    assert bench.headers()["oai:o.example.org:a"][2] == ("tag:sheep-goats", "tag:unknown")
    before = stamp(bench, "a")
    fake.now += 100
    fake.have("b", title="Another")
    fake.have("c", deleted=True)
    fake.have("d")
    fake.now -= 50
    assert counts(take(bench, fake).report) == (1, 1, 1, 0, 0)
    assert fake.lists[0]["from"] == datestamp.write(START + 2)  # Identify came before
    assert stamp(bench, "a") == before
    assert bench.headers()["oai:o.example.org:c"][1:] == (True, ("tag:sheep-goats", "tag:unknown"))
    moved = bench.headers()
    again = take(bench, fake)
    assert counts(again.report) == (0, 0, 0, 3, 0)
    assert again.notes == []
    assert bench.headers() == moved


def test_nothing_new(bench: Workbench, fake: Fake) -> None:
    """A list that has no records is nothing new, whether it is the first or a later one."""
    assert counts(take(bench, fake).report) == (0, 0, 0, 0, 0)
    fake.have("a")
    assert counts(take(bench, fake).report) == (1, 0, 0, 0, 0)
    fake.odd = lambda query: Reply(fake.whole('<error code="noRecordsMatch"/>')) if "from" in query else None
    assert counts(take(bench, fake).report) == (0, 0, 0, 0, 0)
    assert len(bench.headers()) == 1


def test_granularity_of_days(bench: Workbench, fake: Fake) -> None:
    """A repository that counts days is asked from a day, and its datestamps are passed on as they are."""
    fake.granularity = "YYYY-MM-DD"
    fake.have("a")
    take(bench, fake)
    take(bench, fake)
    assert fake.lists[-1] == {"metadataPrefix": "oai_dc", "from": "2026-01-01"}
    assert origins(record(bench, "a"))[0]["datestamp"] == "2026-01-01"


def test_lists_are_kept_apart(bench: Workbench, fake: Fake) -> None:
    """Each set and format of a repository has a mark of its own."""
    fake.have("a", sets=("s",))
    take(bench, fake)
    take(bench, fake, set_spec="s")
    assert [("from" in query, query.get("set")) for query in fake.lists] == [(False, None), (False, "s")]
    sources = status(bench.database, bench.library, bench.now).sources
    assert list(sources) == [f"{fake.url}?metadataPrefix=oai_dc", f"{fake.url}?metadataPrefix=oai_dc&set=s"]
    assert len(bench.headers()) == 1


def test_provenance(bench: Workbench, fake: Fake) -> None:
    """A record says where it came from, keeps what it said before, and does not move when it is only read again."""
    fake.have("a", about=PROVENANCE)
    take(bench, fake)
    steps = origins(record(bench, "a"))
    assert steps[0] == {
        "harvestDate": datestamp.write(START + 2),
        "altered": "true",
        "baseURL": fake.url,
        "identifier": "oai:o.example.org:a",
        "datestamp": datestamp.write(START),
        "metadataNamespace": NS["oai_dc"],
    }
    assert [step["harvestDate"] for step in steps[1:]] == ["2001-02-03T04:05:06Z"]
    assert steps[1]["altered"] == "false"
    fake.now += 1000
    take(bench, fake, full=True)
    assert origins(record(bench, "a")) == steps
    assert bench.day_lines()  # the record's digest takes its about part in


def test_provenance_that_is_not_right(bench: Workbench, fake: Fake) -> None:
    """An earlier provenance that no schema allows is left out, and the record is taken all the same."""
    fake.have("a", about=PROVENANCE.replace("2000-01-01<", "yesterday<"))
    assert "datestamp is missing" in take(bench, fake).notes[0]
    assert len(origins(record(bench, "a"))) == 1


def test_what_is_ours_is_not_taken_back(bench: Workbench, fake: Fake) -> None:
    """A record that the other side harvested from here is left out: it would come again and again."""
    fake.have("a", about=PROVENANCE.replace("http://first.example.org/oai", bench.settings.base_url))
    fake.have("b")
    harvest = take(bench, fake)
    assert list(bench.headers()) == ["oai:o.example.org:b"]
    assert "1 records are ours" in harvest.notes[0]


def test_the_round_trip_of_provenance(bench: Workbench, tmp_path: Path) -> None:
    """What an export says of provenance is read back as it was."""
    step = Provenance(
        "http://a.example.org/oai", "oai:a.example.org:1", "2020-01-01", "http://n/", "2021-01-01T00:00:00Z"
    )
    item = Item("x", "X", provenance=replace(step, altered=False, origin=step))
    line = jsonl.write(item)
    path = tmp_path / "x.jsonl"
    path.write_bytes(line + b"\n")
    assert jsonl.load(line) == item
    assert [each.item for each in jsonl.read(path) if isinstance(each, Entry)] == [item]
    bench.sync_path(path)
    path.write_bytes(line.replace(b'"2020-01-01"', b'"soon"', 1) + b"\n")
    assert "provenance: datestamp" in bench.sync_path(path).findings[0].reason


@pytest.mark.parametrize("failure", ["cut", "broken", "500", "entity", "other"])
def test_a_list_that_is_cut_off(bench: Workbench, fake: Fake, failure: str) -> None:
    """What was taken before a cut stays, and the next harvest goes on from the token; the mark is of the first list."""
    fake.have(*"abcde")
    replies = {
        "cut": Reply(b"<OAI-PMH", cut=True),
        "broken": Reply(fake.whole("<ListRecords>")[:-10]),
        "500": Reply(b"sorry", 500),
        "entity": Reply(b'<!DOCTYPE x [<!ENTITY e "e">]>' + fake.whole("<ListRecords>&e;</ListRecords>")),
        "other": Reply(b"<html>come back later</html>"),
    }
    fake.odd = lambda query: replies[failure] if query.get("resumptionToken", "").startswith("4") else None
    with pytest.raises(RemoteError) as error:
        take(bench, fake)
    assert str(error.value).startswith(fake.url)
    assert set(bench.headers()) == {f"oai:o.example.org:{name}" for name in "abcd"}
    begun = datestamp.write(fake.now)
    fake.lists  # noqa: B018
    fake.odd = lambda _: None
    assert counts(take(bench, fake).report) == (1, 0, 0, 0, 0)
    assert [query["resumptionToken"] for query in fake.lists] == ["4|"]
    take(bench, fake)
    assert fake.lists[0]["from"] < begun


def test_a_token_that_is_not_good_any_more(bench: Workbench, fake: Fake) -> None:
    """Where the token of a list that was cut off has expired, the list begins anew, and nothing is skipped."""
    fake.have(*"abc")
    fake.odd = lambda query: Reply(b"", 500) if "resumptionToken" in query else None
    with pytest.raises(RemoteError):
        take(bench, fake)
    fake.have("d")
    expired = iter([Reply(fake.whole('<error code="badResumptionToken">old</error>'))])
    fake.odd = lambda query: next(expired, None) if "resumptionToken" in query else None
    assert counts(take(bench, fake).report) == (2, 0, 0, 2, 0)


def test_a_connection_that_breaks_once(bench: Workbench, fake: Fake) -> None:
    """A response that breaks off is asked for again."""
    fake.have(*"abc")
    broken = iter([Reply(b"<OAI-PMH", cut=True)])
    fake.odd = lambda query: next(broken, None) if "resumptionToken" in query else None
    assert counts(take(bench, fake).report) == (3, 0, 0, 0, 0)


def test_killed_between_the_writing_and_the_commit(
    bench: Workbench, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A harvest that is interrupted while it writes a page leaves that page, and its token, for the next one."""
    fake.have(*"abc")
    finish = Publication.finish

    def interrupted(self: Publication) -> None:
        if "resumptionToken" in fake.asked[-1]:
            raise KeyboardInterrupt
        finish(self)

    monkeypatch.setattr(Publication, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        take(bench, fake)
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert len(bench.headers()) == 2
    assert counts(take(bench, fake).report) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("after", ["0", formatdate(0, usegmt=True), "soon"])
def test_asked_to_wait(bench: Workbench, fake: Fake, after: str) -> None:
    """A repository that asks to come again later is asked again then, whether it gives seconds or a date."""
    fake.have("a")
    busy = iter([Reply(b"busy", 503, {"Retry-After": after})])
    fake.odd = lambda _: next(busy, None)
    told: list[str] = []
    assert counts(take(bench, fake, told).report) == (1, 0, 0, 0, 0)
    assert len(told) == (after != "soon")


def test_asked_to_wait_too_long(bench: Workbench, fake: Fake) -> None:
    """A repository that asks for days of rest is asked another day."""
    fake.odd = lambda _: Reply(b"", 503, {"Retry-After": "99999"})
    with pytest.raises(RemoteError, match="99999 seconds"):
        take(bench, fake)


def test_moved(bench: Workbench, fake: Fake) -> None:
    """A redirect is followed, and one that goes round in a circle is not for ever."""
    fake.have("a")

    def elsewhere(query: dict[str, str]) -> Reply | None:
        there = "&".join(f"{name}={value}" for name, value in query.items())
        return None if "moved" in query else Reply(b"", 301, {"Location": f"{fake.url}?{there}&moved=1"})

    fake.odd = elsewhere
    assert counts(take(bench, fake).report) == (1, 0, 0, 0, 0)
    fake.odd = lambda _: Reply(b"", 302, {"Location": fake.url})
    with pytest.raises(RemoteError, match="redirected"):
        take(bench, fake)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"not here", 404), "HTTP 404"),
        (Reply(b"<html><p>not here</html>", 500), "HTTP 500"),
        (Reply(b"words"), "cannot be read"),
        (Reply(b""), "cannot be read"),
        (Reply(b"<html/>"), "no OAI-PMH repository"),
        (Reply(b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"/>'), "says nothing"),
    ],
)
def test_no_repository(bench: Workbench, fake: Fake, reply: Reply, reason: str) -> None:
    """An address at which there is something else is named in one line."""
    fake.odd = lambda _: reply
    with pytest.raises(RemoteError, match=reason):
        take(bench, fake)


def test_a_response_that_is_too_large(bench: Workbench, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response without end is not read to its end."""
    monkeypatch.setattr(remote, "LARGEST", 10_000)
    fake.odd = lambda _: Reply(b" " * 1_000_000)
    with pytest.raises(RemoteError, match="larger than 10000 bytes"):
        take(bench, fake)


def test_errors_of_the_protocol(bench: Workbench, fake: Fake) -> None:
    """An error of the other side is told with its code, in one line."""
    fake.have("a")
    with pytest.raises(RemoteError, match=r"cannotDisseminateFormat: Only oai_dc$"):
        take(bench, fake, prefix="marc21")
    for code in ("badArgument", "noSetHierarchy", "strangeCode"):
        answer = Reply(fake.whole(f'<error code="{code}">No sets</error>'))
        fake.odd = lambda query, answer=answer: answer if "set" in query else None  # type: ignore[misc]
        with pytest.raises(RemoteError, match="No sets"):
            take(bench, fake, set_spec="s")


def test_a_repository_without_sets_that_names_one(bench: Workbench, fake: Fake) -> None:
    """Where ListSets is refused, the setSpec is the tag."""
    fake.have("a", sets=("s",))
    none = Reply(fake.whole('<error code="noSetHierarchy"/>'))
    fake.odd = lambda query: none if query["verb"] == "ListSets" else None
    take(bench, fake)
    assert bench.headers()["oai:o.example.org:a"][2] == ("tag:s",)


def test_a_list_without_end(bench: Workbench, fake: Fake) -> None:
    """A repository that gives the same token again and again is left."""
    fake.have("a")
    page = f"<ListRecords>{fake.record(fake.records[0])}<resumptionToken>x</resumptionToken></ListRecords>"
    fake.odd = lambda query: Reply(fake.whole(page)) if query["verb"] == "ListRecords" else None
    with pytest.raises(RemoteError, match="does not go on"):
        take(bench, fake)


def test_rejected_records(bench: Workbench, fake: Fake) -> None:
    """A bad record harms only itself, is named with its reason, keeps its last good version, and can be mended."""
    fake.have("a", "b")
    take(bench, fake)
    fake.now += 10
    fake.have("a", title="", more="<dc:subject>x</dc:subject>")
    fake.have("c c")
    for full in (False, True):
        report = take(bench, fake, full=full).report
        assert report.rejected == 2
        assert [str(finding) for finding in report.findings] == [
            "oai:o.example.org:a: title is missing or empty; rejected",
            "oai:o.example.org:c c: its identifier 'oai:o.example.org:c c' is no URI; rejected",
        ]
    assert len(status(bench.database, bench.library, bench.now).rejected) == 2
    assert record(bench, "a").findtext(".//dc:title", "", NS) == "A title"
    fake.have("a")
    take(bench, fake)
    assert [found.id for found in status(bench.database, bench.library, bench.now).rejected] == [
        "oai:o.example.org:c c"
    ]


def test_what_there_is_no_place_for(bench: Workbench, fake: Fake) -> None:
    """What an item has no place for is left out, and told in one line for all records."""
    fake.have(
        "a", "b", more="<dc:relation>x</dc:relation><dc:identifier>http://b.example.org/1</dc:identifier>"
    )
    (note,) = take(bench, fake).notes
    assert "2 times" in note
    assert "dc:relation" in note
    assert record(bench, "a").xpath("string(.//dc:identifier[2])", namespaces=NS) == "http://b.example.org/1"


def test_a_repository_that_forgets(bench: Workbench, fake: Fake) -> None:
    """Where deleted records are not kept that is noted, and a full harvest finds what is gone, but no accident."""
    fake.deleted_record = "no"
    names = [f"n{number}" for number in range(30)]
    fake.size = 7
    fake.have(*names)
    assert "deletedRecord is no" in take(bench, fake).notes[0]
    del fake.records[:2]
    assert take(bench, fake).report.deleted == 0
    assert counts(take(bench, fake, full=True).report) == (0, 0, 2, 28, 0)
    assert bench.headers()["oai:o.example.org:n0"][1]
    del fake.records[:15]
    with pytest.raises(SourceError, match=r"15 of the 28 .* --allow-mass-delete"):
        take(bench, fake, full=True)
    assert sum(deleted for _, deleted, _ in bench.headers().values()) == 2
    assert take(bench, fake, full=True, allow_mass_delete=True).report.deleted == 15
    fake.records.clear()
    with pytest.raises(SourceError, match="nothing is listed"):
        take(bench, fake, full=True)


def test_a_full_harvest_that_is_cut_off(bench: Workbench, fake: Fake) -> None:
    """A full harvest that breaks off deletes nothing, and moves no mark."""
    fake.have(*"abc")
    take(bench, fake)
    mark = fake.now
    fake.records.pop(0)
    fake.have("d", "e")
    fake.odd = lambda query: Reply(b"", 500) if "resumptionToken" in query else None
    with pytest.raises(RemoteError):
        take(bench, fake, full=True)
    fake.lists  # noqa: B018
    fake.odd = lambda _: None
    assert take(bench, fake).report.deleted == 0
    assert fake.lists[0]["from"] < datestamp.write(mark)
    assert take(bench, fake, full=True).report.deleted == 1


@pytest.mark.parametrize(
    "url", ["nonsense", "http://x/oai?verb=Identify", "http://u:p@x/oai", "file:///etc/passwd"]
)
def test_addresses_that_are_none(url: str) -> None:
    """What is no base URL is refused before anything is asked."""
    with pytest.raises(RemoteError, match="no base URL"):
        Remote(url)


def test_documents_with_entities_are_refused() -> None:
    """No declaration of entities is read, whatever it would do."""
    with pytest.raises(Unreadable, match="DOCTYPE"):
        safe_xml.document(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>')


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """Give the command line."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = Commands(tmp_path)
    yield found
    found.close()


def values(place: Place) -> dict[str, list[tuple[str, str]]]:
    """Return the metadata of all records but for the pages at which they are, by title."""
    root = etree.fromstring(place.oai("export", "--format", "xml").encode())
    found = {}
    for each in root.iterfind(".//oai_dc:dc", NS):
        said = [(etree.QName(child).localname, child.text or "") for child in each]
        found[each.findtext("dc:title", "", NS)] = [one for one in said if "/records/" not in one[1]]
    return found


def test_a_chain_of_repositories(tmp_path: Path, commands: Commands, stores: Stores) -> None:
    """What is harvested from one that harvested it says so twice, is the same otherwise, and is deleted with it."""
    directories = [tmp_path / name for name in "abc"]
    for directory in directories:
        directory.mkdir()
    first = Server(directories[0], commands, stores, namespace="a.example.org")
    second = Server(directories[1], commands, stores, namespace="b.example.org")
    third = Place(
        directories[2], commands, stores, namespace="c.example.org", base_url="http://127.0.0.1/oai"
    )
    first.write(*CATALOGUE)
    first.start()
    try:
        out = second.oai("harvest", first.base_url)
        assert out.splitlines()[-1] == "7 added, 0 changed, 1 deleted, 0 unchanged, 0 rejected"
        second.start("--no-sync")
        try:
            third.oai("harvest", second.base_url)
            assert values(first) == values(second) == values(third)
            _check_chain(first, second, third)
        finally:
            second.stop()
    finally:
        first.stop()
        for place in (first, second, third):
            place.close()


def _check_chain(first: Server, second: Server, third: Place) -> None:
    exported = {item["id"]: item for item in third.exported()}
    alpha = exported["oai:b.example.org:oai:a.example.org:alpha"]["provenance"]
    assert alpha["identifier"] == "oai:b.example.org:oai:a.example.org:alpha"
    assert alpha["base_url"] == second.base_url
    assert (alpha["origin"]["base_url"], alpha["origin"]["identifier"]) == (
        first.base_url,
        "oai:a.example.org:alpha",
    )
    assert exported["oai:b.example.org:oai:a.example.org:eta"]["deleted"]
    for place, other in ((second, first), (third, second)):
        again = place.oai("harvest", other.base_url)
        assert again.splitlines()[-1].startswith("0 added, 0 changed, 0 deleted")
    answer = second.ask("GetRecord", identifier="oai:b.example.org:oai:a.example.org:alpha", prefix="oai_dc")
    assert len(origins(answer.root)) == 1
    first.sync(*CATALOGUE[1:])
    for place, other in ((second, first), (third, second)):
        assert ", 1 deleted," in place.oai("harvest", other.base_url)
    assert {item["id"]: item for item in third.exported()}[alpha["identifier"]]["deleted"]
    qualified = third.oai("harvest", first.base_url, "--prefix", "oai_qdc", "--set", "tag:prisons")
    assert qualified.splitlines()[-1] == "2 added, 0 changed, 2 deleted, 0 unchanged, 0 rejected"


def test_the_command_says_what_went_wrong_in_one_line(
    tmp_path: Path, commands: Commands, stores: Stores, fake: Fake
) -> None:
    """No answer, no repository, no format: one line, exit status 1, and what was counted is printed otherwise."""
    place = Place(tmp_path, commands, stores)
    fake.have("a", title="", more="<dc:subject>x</dc:subject>")
    fake.have("b")
    fake.deleted_record = "transient"
    assert "no answer" in place.run("harvest", "http://127.0.0.1:9/oai").error
    assert "base URL" in place.run("harvest", "nonsense").error
    assert "cannotDisseminateFormat" in place.run("harvest", fake.url, "--prefix", "marc").error
    note, rejected, counted = place.oai("harvest", fake.url).splitlines()
    assert note.startswith(f"note: {fake.url}: it does not keep deleted records")
    assert rejected == "rejected: oai:o.example.org:a: title is missing or empty; rejected"
    assert counted == "1 added, 0 changed, 0 deleted, 0 unchanged, 1 rejected"
    place.close()
