"""The provider over a repository in memory: no database, no application, no clock."""

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai.compression import body
from oai.protocol.model import Identity, Set
from oai.protocol.resumption import Tokens
from oai.protocol.verbs import Verb
from oai.provider import Provider
from oai.render import pieces
from oai.repository import Behind
from tests.memory import EARLIEST, Held, MemoryRepository
from tests.workbench import Answer

BASE_URL = "https://library.example.org/oai"
NOW = EARLIEST + 1_000_000
SETS = [Set("tag", "Tags", 2), Set("tag:a", "A & B", 2), Set("tag:ab", "AB", 0)]


def item(number: int, stamp: int = EARLIEST, title: str | None = "Title", sets: tuple[str, ...] = ()) -> Held:
    """Return a record of item *number*."""
    return Held(f"oai:library.example.org:{number}", stamp, number, title, sets)


def provider(page_size: int = 2) -> Provider:
    """Return a provider at the base URL."""
    identity = Identity(
        "A <Library> & more", BASE_URL, ["a@library.example.org", "b@library.example.org"], ["gzip"]
    )
    return Provider(identity, Tokens([b"key"], BASE_URL), page_size)


class Endpoint:
    """A provider and a repository, asked in the protocol's words."""

    def __init__(self, *held: Held, page_size: int = 2) -> None:
        self.repository = MemoryRepository(held, SETS)
        self.provider = provider(page_size)

    def ask(self, *pairs: tuple[str, str]) -> Answer:
        """Return the answer."""
        return Answer(body(pieces(self.provider.answer(pairs, self.repository, NOW)), None))

    def pages(self, verb: str, *pairs: tuple[str, str]) -> list[Answer]:
        """Return the pages of a whole list."""
        pages = [self.ask(("verb", verb), *pairs)]
        while pages[-1].token:
            pages.append(self.ask(("verb", verb), ("resumptionToken", pages[-1].token)))
        return pages


FIVE = [item(n, EARLIEST + n, sets=("tag:a",) if n % 2 else ()) for n in range(1, 6)]
LIST = ("metadataPrefix", "oai_dc")


def test_the_core_needs_no_framework() -> None:
    """The provider runs without Flask, SQLAlchemy or lxml: the layers import one way."""
    code = (
        "import sys, oai.provider;"
        "print({m.split('.')[0] for m in sys.modules} & {'flask', 'sqlalchemy', 'lxml'})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 5, 6])
def test_a_list_in_pages(verb: str, page_size: int) -> None:
    """However a list is cut, each record comes once, in order, with an empty token at its end only."""
    pages = Endpoint(*FIVE, page_size=page_size).pages(verb, LIST)
    assert [local for page in pages for local in page.identifiers] == ["1", "2", "3", "4", "5"]
    assert [page.token for page in pages][-1] == (None if page_size >= 5 else "")
    cursors = [page.root.find(".//{*}resumptionToken") for page in pages]
    for number, token in enumerate(cursors if len(pages) > 1 else []):
        assert token is not None
        assert token.get("cursor") == str(number * page_size)
        assert token.get("completeListSize") == "5"


def test_a_token_can_be_used_again() -> None:
    """The last token and the ones before it give the same page, any number of times (§3.5.1)."""
    endpoint = Endpoint(*FIVE)
    pages = endpoint.pages("ListRecords", LIST)
    for before, page in list(pairwise(pages)) * 2:
        again = endpoint.ask(("verb", "ListRecords"), ("resumptionToken", before.token or ""))
        assert again.body == page.body


def test_what_changes_during_a_list_comes_at_its_end() -> None:
    """A record that changes while the list is read comes again at its end, and moves no other."""
    endpoint = Endpoint(*FIVE)
    first = endpoint.ask(("verb", "ListRecords"), LIST)
    endpoint.repository = MemoryRepository([*FIVE[1:], Held(FIVE[0].identifier, NOW, 6)], SETS)
    rest = endpoint.pages("ListRecords", ("resumptionToken", first.token or ""))
    assert [local for page in [first, *rest] for local in page.identifiers] == ["1", "2", "3", "4", "5", "1"]


def test_no_page_is_older_than_the_page_before_it() -> None:
    """A copy that lacks what an earlier page could show does not go on with the list; one that has it does."""
    endpoint = Endpoint(*FIVE, page_size=1)
    old = endpoint.repository
    first = endpoint.ask(("verb", "ListRecords"), LIST)
    new = endpoint.repository = MemoryRepository([*FIVE, item(6, NOW)], SETS)
    second = endpoint.ask(("verb", "ListRecords"), ("resumptionToken", first.token or ""))
    old.may_be_behind = new.may_be_behind = True
    for repository in (old, new):
        endpoint.repository = repository
        again = endpoint.ask(("verb", "ListRecords"), ("resumptionToken", first.token or ""))
        assert again.identifiers == ["2"]
    assert endpoint.ask(("verb", "ListRecords"), ("resumptionToken", second.token or "")).identifiers == ["3"]
    endpoint.repository = old
    with pytest.raises(Behind) as behind:
        endpoint.ask(("verb", "ListRecords"), ("resumptionToken", second.token or ""))
    assert behind.value.serial == 6
    old.may_be_behind = False  # a backup that was restored is all that there is
    assert endpoint.ask(("verb", "ListRecords"), ("resumptionToken", second.token or "")).identifiers == ["3"]


def test_sets_that_are_not_known_yet() -> None:
    """A copy that lacks the sets that a list goes on with does not say that there are none."""
    endpoint = Endpoint(*FIVE)
    first = endpoint.ask(("verb", "ListSets"))
    endpoint.repository = MemoryRepository(FIVE, SETS[:2])
    endpoint.repository.may_be_behind = True
    with pytest.raises(Behind):
        endpoint.ask(("verb", "ListSets"), ("resumptionToken", first.token or ""))


def test_a_list_whose_rest_has_gone() -> None:
    """A token always gives a valid list: where nothing is left, the last record comes once more."""
    endpoint = Endpoint(*FIVE)
    until = ("until", "2026-01-01T00:00:05Z")
    first = endpoint.ask(("verb", "ListRecords"), LIST, until)
    endpoint.repository = MemoryRepository([*FIVE[:2], *(item(n, NOW) for n in (3, 4, 5))], SETS)
    last = endpoint.ask(("verb", "ListRecords"), ("resumptionToken", first.token or ""))
    assert last.identifiers == ["2"]
    assert last.token == ""
    endpoint.repository = MemoryRepository([item(n, NOW) for n in range(1, 6)], SETS)
    none = endpoint.ask(("verb", "ListRecords"), ("resumptionToken", first.token or ""))
    assert none.codes == ["noRecordsMatch"]


def test_response_dates_are_held_back_while_something_is_written() -> None:
    """No response, not even noRecordsMatch, claims more than what has been committed."""
    endpoint = Endpoint(*FIVE)
    endpoint.repository.complete_until = EARLIEST + 3
    for pairs in ((LIST,), (LIST, ("from", "2030-01-01"))):
        assert endpoint.ask(("verb", "ListRecords"), *pairs).response_date == "2026-01-01T00:00:03Z"


@pytest.mark.parametrize(
    ("pairs", "codes"),
    [
        ([("verb", "GetRecord"), ("identifier", "oai:library.example.org:9"), LIST], ["idDoesNotExist"]),
        (
            [("verb", "GetRecord"), ("identifier", "oai:library.example.org:9"), ("metadataPrefix", "x")],
            ["idDoesNotExist", "cannotDisseminateFormat"],
        ),
        (
            [("verb", "GetRecord"), ("identifier", "oai:library.example.org:1"), ("metadataPrefix", "x")],
            ["cannotDisseminateFormat"],
        ),
        ([("verb", "ListMetadataFormats"), ("identifier", "oai:library.example.org:9")], ["idDoesNotExist"]),
        ([("verb", "ListRecords"), ("metadataPrefix", "x")], ["cannotDisseminateFormat"]),
        ([("verb", "ListRecords"), LIST, ("until", "1999-01-01")], ["noRecordsMatch"]),
        ([("verb", "ListRecords"), LIST, ("from", "2999-01-01")], ["noRecordsMatch"]),
        ([("verb", "ListRecords"), LIST, ("set", "tag:ab")], ["noRecordsMatch"]),
        ([("verb", "ListRecords"), LIST, ("set", "unknown")], ["noRecordsMatch"]),
        ([("verb", "ListSets"), ("resumptionToken", "junk")], ["badResumptionToken"]),
        ([("verb", "ListRecords"), ("resumptionToken", "junk"), LIST], ["badArgument"]),
    ],
)
def test_errors(pairs: list[tuple[str, str]], codes: list[str]) -> None:
    """What cannot be answered is said in the protocol's codes, and the request repeated (§3.2, §3.6)."""
    answer = Endpoint(*FIVE).ask(*pairs)
    assert answer.codes == codes
    request = answer.root.find("{*}request")
    assert request is not None
    assert dict(request.items()) == ({} if "badArgument" in codes else dict(pairs))
    assert request.text == BASE_URL


def test_an_unknown_set_is_said_to_be_unknown() -> None:
    """An empty list of a set that does not exist says so, lest it be taken for an empty set."""
    endpoint = Endpoint(*FIVE)
    unknown = endpoint.ask(("verb", "ListRecords"), LIST, ("set", "unknown"))
    empty = endpoint.ask(("verb", "ListRecords"), LIST, ("set", "tag:ab"))
    assert "there is no set 'unknown'" in unknown.texts("o:error")[0]
    assert "there is no set" not in empty.texts("o:error")[0]


def test_a_repository_without_sets() -> None:
    """Where there are no sets, each way to ask for one is answered noSetHierarchy."""
    endpoint = Endpoint(*FIVE)
    endpoint.repository.has_sets = False
    assert endpoint.ask(("verb", "ListSets")).codes == ["noSetHierarchy"]
    assert endpoint.ask(("verb", "ListRecords"), LIST, ("set", "tag:a")).codes == ["noSetHierarchy"]
    assert endpoint.ask(("verb", "ListIdentifiers"), LIST, ("set", "tag:a")).codes == ["noSetHierarchy"]


def test_sets_in_pages() -> None:
    """The list of sets is paged as every other, and names the sets as they are printed."""
    pages = Endpoint().pages("ListSets")
    assert [spec for page in pages for spec in page.texts(".//o:setSpec")] == ["tag", "tag:a", "tag:ab"]
    assert [name for page in pages for name in page.texts(".//o:setName")] == ["Tags", "A & B", "AB"]
    assert [page.token for page in pages][-1] == ""


def test_identify() -> None:
    """Identify has each thing once, in order, and every address of the administrators."""
    answer = Endpoint(*FIVE).ask(("verb", "Identify"))
    assert answer.texts("o:Identify/o:repositoryName") == ["A <Library> & more"]
    assert answer.texts("o:Identify/o:baseURL") == [BASE_URL]
    assert len(answer.texts("o:Identify/o:adminEmail")) == 2
    assert answer.texts("o:Identify/o:earliestDatestamp") == ["2026-01-01T00:00:01Z"]
    assert answer.texts("o:Identify/o:deletedRecord") == ["persistent"]
    assert answer.texts("o:Identify/o:granularity") == ["YYYY-MM-DDThh:mm:ssZ"]


WORDS = st.sampled_from(
    [*Verb, "oai_dc", "tag:a", "tag", "2026-01-01", "2026-01-01T00:00:03Z", "oai:library.example.org:1", "junk", "",
     "<x>&\"'", "]]>", "\x00", "\ufffe", "\ud800", "%zz", "a\tb\nc", "\u202e"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["verb", "identifier", "metadataPrefix", "from", "until", "set", "resumptionToken", "x<y", ""]
)


@settings(max_examples=400)
@given(st.lists(st.tuples(NAMES | st.text(max_size=4), WORDS | st.text(max_size=20)), max_size=6))
def test_any_pairs_have_a_valid_answer(pairs: list[tuple[str, str]]) -> None:
    """Whatever is sent, the answer is valid, and no exception comes out."""
    Endpoint(*FIVE).ask(*pairs)


@given(
    st.sampled_from(Verb),
    st.dictionaries(st.sampled_from(["metadataPrefix", "from", "until", "set", "identifier"]), WORDS),
)
def test_nearly_right_requests_have_a_valid_answer(verb: Verb, arguments: dict[str, str]) -> None:
    """A request with the right names and odd values has a valid answer too."""
    Endpoint(*FIVE).ask(("verb", verb), *arguments.items())


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12), st.integers(1, 5))
def test_any_list_cut_anyhow_is_whole(stamps: list[tuple[int, bool]], page_size: int) -> None:
    """Each record of a list comes once and in order, also where many have the same datestamp."""
    held = [item(n, EARLIEST + stamp, None if gone else "T") for n, (stamp, gone) in enumerate(stamps, 1)]
    endpoint = Endpoint(*held, page_size=page_size)
    found = [local for page in endpoint.pages("ListIdentifiers", LIST) for local in page.identifiers]
    assert found == [each.identifier.rsplit(":", 1)[1] for each in endpoint.repository.held]
