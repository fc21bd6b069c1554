import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.protocol import datestamp
from oai.protocol.datestamp import Granularity

SECONDS = st.integers(-62_135_596_800, 253_402_300_799)  # years 1 to 9999


@given(SECONDS)
def test_seconds_come_back(moment: int) -> None:
    """What is written to the second is read as the same second."""
    assert datestamp.read(datestamp.write(moment)) == (moment, Granularity.SECOND)


@given(SECONDS)
def test_days_come_back(moment: int) -> None:
    """What is written to the day is read as its first second, and lasts until its last."""
    first, granularity = datestamp.read(datestamp.write(moment, Granularity.DAY))
    assert granularity is Granularity.DAY
    assert first <= moment <= datestamp.last_second(first, granularity)
    assert first % 86_400 == 0


@given(st.text(max_size=25))
def test_nothing_else_is_a_datestamp(text: str) -> None:
    """Text is refused unless it is what would be written for the same moment."""
    try:
        moment, granularity = datestamp.read(text)
    except ValueError:
        return
    assert datestamp.write(moment, granularity) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01Z", 1),
        ("2024-02-29T23:59:59Z", 1_709_251_199),
        ("1957-03-20", -403_488_000),
    ],
)
def test_known_moments(text: str, seconds: int) -> None:
    """Datestamps count the seconds of UTC since 1970."""
    assert datestamp.read(text)[0] == seconds
