from oai.metrics import exposition
from oai.status import status
from tests.workbench import START, Workbench


def test_the_figures(bench: Workbench) -> None:
    """Records, deletions and sets are counted by format and set, and what was rejected is named."""
    bench.sync({"id": "a", "tags": ["T"]}, {"id": "b", "tags": ["T"]}, {"id": "c"}, {"id": "d", "title": ""})
    bench.sync({"id": "a", "tags": ["T"]}, {"id": "c", "tags": ["U"]}, {"id": "d", "title": ""})
    found = status(bench.database, bench.library, bench.now)
    assert (found.records, found.deleted, found.sets) == (3, 1, 3)
    assert {prefix: (count.records, count.deleted) for prefix, count in found.per_format.items()} == {
        "oai_dc": (4, 1),
        "oai_qdc": (4, 1),
    }
    assert {spec: counts["oai_dc"].records for spec, counts in found.per_set.items()} == {
        "tag": 3,
        "tag:t": 2,
        "tag:u": 1,
    }
    assert [finding.id for finding in found.rejected] == ["d"]
    assert found.newest_datestamp == "2026-01-01T00:00:20Z"
    text = str(found)
    assert "records    3, and 1 deleted" in text
    assert "rejected   items.jsonl:3: title is missing or empty" in text
    assert "clock" not in text


def test_clock_trouble_is_told(bench: Workbench) -> None:
    """A clock that is behind what was given out before is named in the status and the metrics."""
    bench.sync({"id": "a"}, at=START + 5_000)
    found = status(bench.database, bench.library, START)
    assert found.clock_behind == 5_000
    assert "clock      5000 seconds behind" in str(found)
    assert b"oai_clock_behind_seconds 5000.0" in exposition(status(bench.database, bench.library, START))
    assert status(bench.database, bench.library, START + 5_000).clock_behind == 0


def test_an_empty_store(bench: Workbench) -> None:
    """A store without records has a status, too."""
    found = status(bench.database, bench.library, START)
    assert (found.records, found.sets, found.newest_datestamp) == (0, 0, None)
