import pytest

from oai.sources.pages import figures, places


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("London: Swan, 2024.", "2024"),
        ("Swan,2024.", "2024"),
        ("Swan (1907)", "1907"),
        ("Swan, [1998]", "1998"),
        ("Swan, c1998", "1998"),
        ("Swan, © 1998", "1998"),
        ("Swan, May 1999", "1999-05"),
        ("Swan, Sept. 1999", "1999-09"),
        ("Swan, 12 May 1999", "1999-05-12"),
        ("Swan, May 12th, 1999", "1999-05-12"),
        ("Swan, 1999 May 12", "1999-05-12"),
        ("Swan, 1999-05-12", "1999-05-12"),
        ("Swan, 1999-05", None),
        ("Swan, 29 February 1999", "1999-02"),
        ("Swan, 29 February 2000", "2000-02-29"),
        ("Swan, 45 May 1999", "1999-05"),
        ("Swan, 1999-45-12", None),
        ("Swan, May–June 1999", "1999"),
        ("Swan, Spring 1999", "1999"),
        ("Swan 1998. Reprinted 2005", "1998"),
        ("Report 2019", None),
        ("Working Paper 2019-05", None),
        ("Swan, 1998–1999", None),
        ("Swan, 1998/99", None),
        ("Swan, 20222", None),
        ("Swan, 2319", None),
        ("Swan, n.d.", None),
        ("Swan, pp. 1998-2010", None),
        ("Swan", None),
    ],
)
def test_date(text: str, expected: str | None) -> None:
    """A date is what is one for certain, as exact as it is printed."""
    assert figures.date(text).date == expected


@pytest.mark.parametrize(
    ("text", "expected", "before", "after"),
    [
        ("Swan, 2024. 139p.", "139p.", "Swan, 2024. ", ""),
        ("Swan, 2024. 139 pp", "139 pp", "Swan, 2024. ", ""),
        ("Swan, 2024. (139 pages) Free", "139 pages", "Swan, 2024. ", " Free"),
        ("Swan, 2024. xii, 234 pp.", "xii, 234 pp.", "Swan, 2024. ", ""),
        ("Swan, 2024. 2 v.", "2 v.", "Swan, 2024. ", ""),
        ("Swan (1907) 312.", "312", "Swan (1907) ", ""),
        ("Swan, 1907. 312", "312", "Swan, 1907. ", ""),
        ("Swan, 1907. 1908", None, "Swan, 1907. 1908", ""),
        ("Swan, 9:115–138p", None, "Swan, 9:115–138p", ""),
        ("Swan, no. 5 p", None, "Swan, no. 5 p", ""),
        ("Swan", None, "Swan", ""),
    ],
)
def test_extent(text: str, expected: str | None, before: str, after: str) -> None:
    """An extent is a number of pages or volumes, as printed, and no range of pages."""
    assert figures.extent(text) == (expected, before, after)


@pytest.mark.parametrize(
    "text", ["New York", "NY", "Washington, DC", "Washington, D.C.", "The Hague", "Halifax, NS"]
)
def test_known_places(text: str) -> None:
    """Cities of print, regions, and what stands before a region are places without more ado."""
    assert places.is_known(text)


@pytest.mark.parametrize("text", ["Swan", "Swan Institute", "in", "IN BRIEF", "", ",", "5th of May"])
def test_unknown_places(text: str) -> None:
    """Other words are not."""
    assert not places.is_known(text)


def test_shape_of_places() -> None:
    """Few words with capitals can be a place where one is expected; anything else cannot."""
    assert places.has_shape("Chapel Rise, NC")
    assert places.has_shape("Stratford-upon-Avon")
    assert not places.has_shape("Report 5")
    assert not places.has_shape("the end of it")
    assert not places.has_shape("A b c d e f g h")
