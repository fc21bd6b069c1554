"""Harvesters that others wrote, at the real server: Sickle and oaipmh-scythe."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import oaipmh_scythe.exceptions
import pytest
import sickle.oaiexceptions
from lxml import etree
from oaipmh_scythe import Scythe
from sickle import Sickle

from tests.server.conftest import CATALOGUE, Server, canonical
from tests.validation import validate
from tests.workbench import NS

pytestmark = pytest.mark.allow_hosts("127.0.0.1")

OAI = "{http://www.openarchives.org/OAI/2.0/}"
OF_TAG_TWO = "/sets/tag:two"

Selection = dict[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """What a mirror holds of a record."""

    datestamp: str
    sets: tuple[str, ...]
    deleted: bool
    metadata: str | None


Mirror = dict[str, Held]


def held(record: etree._Element) -> tuple[str, Held]:
    """Read a record, or the header of one."""
    header = record if record.tag == f"{OAI}header" else record.find("o:header", NS)
    assert header is not None
    metadata = record.find("o:metadata", NS)
    return header.findtext("o:identifier", "", NS), Held(
        header.findtext("o:datestamp", "", NS),
        tuple(each.text or "" for each in header.findall("o:setSpec", NS)),
        header.get("status") == "deleted",
        None if metadata is None else canonical(metadata[0]),
    )


class Harvester(Protocol):
    """Somebody else's harvester."""

    def __init__(self, base_url: str) -> None: ...

    def list(self, verb: str, selection: Selection) -> tuple[str, list[Any]]:
        """Return the first responseDate of a list, and what is in the list; nothing if nothing matches."""

    def get(self, identifier: str) -> Any:
        """Return one record."""

    def identify(self) -> Any:
        """Return what the repository says of itself."""

    def close(self) -> None:
        """Close its connections."""


class BySickle:
    """Sickle, which asks with GET."""

    http_method = "GET"

    def __init__(self, base_url: str) -> None:
        self._client = Sickle(base_url, http_method=self.http_method, timeout=20)

    def list(self, verb: str, selection: Selection) -> tuple[str, list[Any]]:
        """Let Sickle follow a list."""
        try:
            items = getattr(self._client, verb)(**selection)
        except sickle.oaiexceptions.NoRecordsMatch:
            return "", []
        first = items.oai_response.xml.findtext(f"{OAI}responseDate")
        return first, list(items)

    def get(self, identifier: str) -> Any:
        """Let Sickle get a record."""
        return self._client.GetRecord(identifier=identifier, metadataPrefix="oai_dc")

    def identify(self) -> Any:
        """Let Sickle identify the repository."""
        return self._client.Identify()

    def close(self) -> None:
        """Do nothing: it keeps no connection."""


class BySickleWithPost(BySickle):
    """Sickle, which asks with POST."""

    http_method = "POST"


class ByScythe:
    """oaipmh-scythe, which asks for compressed responses."""

    def __init__(self, base_url: str) -> None:
        self._client = Scythe(base_url)

    def list(self, verb: str, selection: Selection) -> tuple[str, list[Any]]:
        """Let oaipmh-scythe follow a list."""
        try:
            items = self._client.iterator(self._client, {"verb": verb, **selection})
        except oaipmh_scythe.exceptions.NoRecordsMatch:
            return "", []
        response: Any = items.oai_response
        return response.xml.findtext(f"{OAI}responseDate"), list(items)

    def get(self, identifier: str) -> Any:
        """Let oaipmh-scythe get a record."""
        return self._client.get_record(identifier=identifier)

    def identify(self) -> Any:
        """Let oaipmh-scythe identify the repository."""
        return self._client.identify()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


HARVESTERS: list[type[Harvester]] = [BySickle, BySickleWithPost, ByScythe]
Open = Callable[[str], Harvester]


@pytest.fixture(params=HARVESTERS)
def harvester(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Each harvester in turn, to be opened at a base URL."""
    opened: list[Harvester] = []

    def open_at(base_url: str) -> Harvester:
        opened.append(request.param(base_url))
        return opened[-1]

    yield open_at
    for client in opened:
        client.close()


def records(harvester: Harvester, verb: str = "ListRecords", **selection: str) -> Mirror:
    """Harvest a whole list; no record may come twice while nothing changes."""
    _, items = harvester.list(verb, {"metadataPrefix": "oai_dc", **selection})
    found = [held(item.xml) for item in items]
    assert len(dict(found)) == len(found)
    return dict(found)


def store(server: Server) -> Mirror:
    """Return what is in the store, as ``oai export`` writes it."""
    body = server.oai("export", "--format", "xml").encode()
    validate(body)
    return dict(map(held, etree.fromstring(body).iter(f"{OAI}record")))


def members(server: Server, tag: str) -> set[str]:
    """Return the identifiers of the live items that have a tag, as ``oai export`` writes them."""
    items = [item for item in server.exported() if not item.get("deleted")]
    return {f"oai:library.example.org:{item['id']}" for item in items if tag in item.get("tags", [])}


@dataclass
class Kept:
    """A mirror that asks next time from the first responseDate of its last list."""

    harvester: Harvester
    selection: Selection = field(default_factory=dict)
    mirror: Mirror = field(default_factory=dict)
    mark: str | None = None

    def update(self, meanwhile: Callable[[], object] = lambda: None) -> list[str]:
        """Ask for what has changed, and return its identifiers."""
        since = {"from": self.mark} if self.mark else {}
        selection = {"metadataPrefix": "oai_dc", **self.selection, **since}
        first, items = self.harvester.list("ListRecords", selection)
        meanwhile()
        found = [held(item.xml) for item in items]
        self.mirror.update(found)
        self.mark = first or self.mark
        return [identifier for identifier, _ in found]

    @property
    def live(self) -> set[str]:
        """The identifiers that are not deleted."""
        return {identifier for identifier, each in self.mirror.items() if not each.deleted}


def test_every_verb(server: Server, harvester: Open) -> None:
    """Each harvester understands the answer to each verb."""
    client = harvester(server.base_url)
    identity = client.identify()
    assert (identity.baseURL, identity.deletedRecord) == (server.base_url, "persistent")
    _, formats = client.list("ListMetadataFormats", {})
    assert {each.metadataPrefix for each in formats} >= {"oai_dc"}
    _, sets = client.list("ListSets", {})
    assert {each.setSpec for each in sets} == {
        *("section", "section:reports", "tag", "tag:child-abuse", "tag:courts", "tag:police", "tag:prisons")
    }
    for identifier, listed in records(client).items():
        assert dict([held(client.get(identifier).xml)]) == {identifier: listed}


def test_the_same_records_for_all(server: Server, harvester: Open) -> None:
    """Every harvester gets what ``oai export`` writes, by ListRecords and by ListIdentifiers."""
    exported = store(server)
    headers = {name: Held(each.datestamp, each.sets, each.deleted, None) for name, each in exported.items()}
    assert len(exported) == len(CATALOGUE)
    client = harvester(server.base_url)
    assert records(client) == exported
    assert records(client, "ListIdentifiers") == headers


def test_a_set(server: Server, harvester: Open) -> None:
    """A tag has its items, its parent the items of all tags, and a tombstone is in each set it was in."""
    everything = store(server)
    client = harvester(server.base_url)
    for spec in ("tag", "tag:prisons", "section", "section:reports"):
        expected = {
            name: each
            for name, each in everything.items()
            if any(f"{one}:".startswith(f"{spec}:") for one in each.sets)
        }
        assert records(client, set=spec) == expected
        assert records(client, "ListIdentifiers", set=spec).keys() == expected.keys()
        assert server.oai("export", "--set", spec).count("\n") == len(expected)
    assert records(client, set="tag:unknown") == {}
    assert any(each.deleted for each in records(client, set="tag:prisons").values())


def test_the_base_url_of_a_set(server: Server, harvester: Open) -> None:
    """A set's own base URL has the set's items, with their identifiers, and no sets."""
    client = harvester(f"{server.base_url}/sets/tag:prisons")
    assert client.identify().baseURL == f"{server.base_url}/sets/tag:prisons"
    found = records(client)
    assert {name for name, each in found.items() if not each.deleted} == members(server, "Prisons")
    whole = {name: each for name, each in store(server).items() if "tag:prisons" in each.sets}
    assert {name: each.metadata for name, each in found.items()} == {
        name: each.metadata for name, each in whole.items()
    }
    assert not any(each.sets for each in found.values())


def item(name: str, *tags: str, **more: Any) -> dict[str, Any]:
    """Return an item with tags."""
    return {"id": name, "title": f"Title of {name}", "tags": list(tags), **more}


ONE, TWO, THREE = (item(name, "One", "Two") for name in ("one", "two", "three"))
OTHERS = [item(f"other-{n}", "Other") for n in range(5)]
STEPS: dict[str, list[dict[str, Any]]] = {
    "added": [ONE, TWO, THREE, item("four", "Two"), item("five")],
    "edited": [ONE, TWO | {"title": "Another title"}, THREE, item("four", "Two"), item("five")],
    "deleted": [ONE, THREE, item("four", "Two"), item("five")],
    "left a set": [ONE, THREE | {"tags": ["One"]}, item("four", "Two"), item("five")],
    "joined a set": [ONE, THREE | {"tags": ["One"]}, item("four", "Two"), item("five", "Two", "New")],
    "undeleted": [ONE, TWO, THREE | {"tags": ["One"]}, item("four", "Two"), item("five", "Two", "New")],
    "withdrawn by name": [ONE, TWO, item("four", deleted=True), item("five", "Two", "New")],
    "unchanged": [ONE, TWO, item("four", deleted=True), item("five", "Two", "New")],
    "all back, at once": [ONE, TWO, THREE, item("four", "Two", "One"), item("six", "New")],
}


@pytest.fixture
def fresh(changing: Server) -> Iterator[Server]:
    """Give the server, with items that are always there, and some for the test to take away."""
    changing.sync(ONE, TWO, *OTHERS)
    yield changing
    changing.sync(ONE, TWO, *OTHERS)


def test_a_mirror_after_each_step(fresh: Server, harvester: Open) -> None:
    """A mirror kept by harvests from the first responseDate equals the store after each step."""
    whole = Kept(harvester(fresh.base_url))
    of_two = Kept(harvester(fresh.base_url + OF_TAG_TWO))
    whole.update()
    of_two.update()
    for step, items in STEPS.items():
        fresh.sync(*items, *OTHERS)
        whole.update()
        of_two.update()
        assert whole.mirror == store(fresh), step
        assert of_two.live == members(fresh, "Two"), step
        assert of_two.mirror == records(of_two.harvester), step


def test_deletions_arrive(fresh: Server, harvester: Open) -> None:
    """A deleted item arrives with status deleted, its sets and no metadata; an undeleted one is whole again."""
    kept = Kept(harvester(fresh.base_url))
    kept.update()
    name = "oai:library.example.org:two"
    live = kept.mirror[name]
    fresh.sync(ONE, *OTHERS)
    assert name in kept.update()
    gone = kept.mirror[name]
    assert (gone.deleted, gone.metadata, gone.sets) == (True, None, live.sets)
    assert gone.datestamp >= live.datestamp
    fresh.sync(ONE, TWO, *OTHERS)
    assert name in kept.update()
    assert kept.mirror[name] == Held(
        kept.mirror[name].datestamp, live.sets, deleted=False, metadata=live.metadata
    )
    assert kept.mirror[name].datestamp >= gone.datestamp


def test_an_item_that_leaves_a_set(fresh: Server, harvester: Open) -> None:
    """At the set's own base URL who left is deleted, while at /oai it lives on without the set."""
    name = "oai:library.example.org:two"
    whole, of_two = Kept(harvester(fresh.base_url)), Kept(harvester(fresh.base_url + OF_TAG_TWO))
    whole.update()
    of_two.update()
    fresh.sync(ONE, TWO | {"tags": ["One"]}, *OTHERS)
    assert name in whole.update()
    assert name in of_two.update()
    assert of_two.mirror[name].deleted
    assert (whole.mirror[name].deleted, whole.mirror[name].sets) == (False, ("tag:one",))
    assert held(harvester(fresh.base_url + OF_TAG_TWO).get(name).xml) == (name, of_two.mirror[name])


def test_changes_while_a_list_is_read(fresh: Server, harvester: Open) -> None:
    """What changes between the pages of a list is in the mirror at the latest after one more harvest."""
    several = [item(f"several-{n}", "Two") for n in range(8)]
    fresh.sync(ONE, TWO, *several, *OTHERS)
    kept = Kept(harvester(fresh.base_url))
    changed = [several[0] | {"title": "Changed"}, *several[2:6], several[7] | {"tags": ["Three"]}]
    pages = _paged(kept, between=lambda: fresh.sync(ONE, item("new"), *changed, *OTHERS))
    assert pages > 2
    kept.update()
    assert kept.mirror == store(fresh)


def _paged(kept: Kept, between: Callable[[], object]) -> int:
    """Harvest everything, with a change behind the first page; return how many requests that took."""
    requests = 0
    client = kept.harvester
    original = cast("Any", Sickle.harvest if isinstance(client, BySickle) else Scythe.harvest)

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal requests
        if requests == 1:
            between()
        requests += 1
        return original(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sickle if isinstance(client, BySickle) else Scythe, "harvest", counted)
        kept.update()
    return requests


def test_nothing_changes_by_syncing_again(fresh: Server) -> None:
    """A sync of the same source moves no datestamp and makes nothing new to harvest."""
    before = store(fresh)
    assert fresh.sync(ONE, TWO, *OTHERS).startswith("0 added, 0 changed, 0 deleted")
    assert store(fresh) == before


def test_a_worker_killed_between_pages(fresh: Server) -> None:
    """A harvest goes on with its token when the process that gave it has died."""
    first = fresh.ask("ListRecords", prefix="oai_dc")
    identifiers = first.identifiers
    for worker in fresh.workers:
        fresh.kill(worker)
    page = first
    while page.token:
        page = fresh.ask("ListRecords", token=page.token)
        identifiers += page.identifiers
    assert sorted(identifiers) == sorted(name.split(":", 2)[2] for name in store(fresh))
