"""Pages that a cache may keep: shared by lists that have come as far alike, and by no others."""

from tests.workbench import Workbench


def test_lists_that_begin_alike_share_their_pages(bench: Workbench) -> None:
    """As long as nothing changes, every harvester asks for the same addresses."""
    bench.sync(*({"id": f"i{n}", "tags": ["T"]} for n in range(9)))
    lists: list[dict[str, str]] = [{}, {"set": "tag:t"}, {"from_": "2020-01-01"}]
    for arguments in lists:
        tokens = {bench.ask("ListRecords", None, None, prefix="oai_dc", **arguments).token for _ in range(3)}
        assert len(tokens) == 1
        assert None not in tokens


def test_no_list_shares_a_page_that_is_older_than_the_page_before_it(bench: Workbench) -> None:
    """Whoever has read a page after a change gets none from before it, though the list be as long as it was."""
    bench.sync(*({"id": f"i{n}", "tags": ["T"]} for n in range(9)), {"id": "other"})
    before = bench.ask("ListRecords", prefix="oai_dc", set="tag:t")
    second = bench.ask("ListRecords", token=before.token or "")
    bench.sync(
        *({"id": f"i{n}", "tags": ["T"]} for n in range(8)), {"id": "i8"}, {"id": "other", "tags": ["T"]}
    )
    after = bench.ask("ListRecords", prefix="oai_dc", set="tag:t")
    assert before.identifiers == after.identifiers
    assert before.token != after.token
    again = bench.ask("ListRecords", token=before.token or "")
    assert again.identifiers == second.identifiers
    assert again.token != second.token
    # The list that began before the change has caught up with it, and goes on as the one that began after.
    assert again.token == bench.ask("ListRecords", token=after.token or "").token
