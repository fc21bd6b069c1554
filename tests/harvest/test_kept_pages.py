"""Pages that a cache may keep: shared by lists that began alike, and by no others."""

from tests.workbench import Workbench


def test_lists_that_begin_alike_share_their_pages(bench: Workbench) -> None:
    """As long as nothing changes, every harvester asks for the same addresses."""
    bench.sync(*({"id": f"i{n}", "tags": ["T"]} for n in range(9)))
    lists: list[dict[str, str]] = [{}, {"set": "tag:t"}, {"from_": "2020-01-01"}]
    for arguments in lists:
        tokens = {bench.ask("ListRecords", None, None, prefix="oai_dc", **arguments).token for _ in range(3)}
        assert len(tokens) == 1
        assert None not in tokens


def test_a_list_never_shares_pages_with_an_older_one(bench: Workbench) -> None:
    """Whoever begins after a change gets no page from before it, though the list be as long as it was."""
    bench.sync(*({"id": f"i{n}", "tags": ["T"]} for n in range(9)), {"id": "other"})
    before = bench.ask("ListRecords", prefix="oai_dc", set="tag:t")
    bench.sync(
        *({"id": f"i{n}", "tags": ["T"]} for n in range(8)), {"id": "i8"}, {"id": "other", "tags": ["T"]}
    )
    after = bench.ask("ListRecords", prefix="oai_dc", set="tag:t")
    assert before.identifiers == after.identifiers
    assert before.token != after.token
    followed = bench.ask("ListRecords", token=before.token or "")
    assert followed.token != bench.ask("ListRecords", token=after.token or "").token
