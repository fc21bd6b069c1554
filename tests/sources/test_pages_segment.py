from oai.sources.pages.blocks import Line, lines
from oai.sources.pages.glued import parted
from oai.sources.pages.segment import Role, posts, roles

POST = "A Title of Some Kind\n\nBy Ada Quill\n\nAn abstract says what the report is about.\n\nLondon: Swan, 2020. 10p.\n\n"


def _lines(text: str) -> tuple[Line, ...]:
    return lines(text.encode()).lines


def _roles(text: str) -> list[str]:
    return [role.name for role in roles(_lines(text))]


def test_plain_post() -> None:
    """A post is a title, a byline, an abstract and an imprint."""
    assert _roles(POST * 2) == ["TITLE", "BYLINE", "ABSTRACT", "IMPRINT"] * 2


def test_no_lines() -> None:
    """No lines have no roles."""
    assert roles(()) == []


def test_missing_byline() -> None:
    """A post may have no byline."""
    text = (
        POST
        + "Another Title Here\n\nText without an author is text all the same, it seems.\n\nYork: Swan, 2019. 9p."
    )
    assert _roles(text)[4:] == ["TITLE", "ABSTRACT", "IMPRINT"]


def test_missing_imprint() -> None:
    """A post may have no imprint where the next one's byline shows that it begins."""
    text = POST.replace("London: Swan, 2020. 10p.\n\n", "") + POST
    assert _roles(text) == ["TITLE", "BYLINE", "ABSTRACT", "TITLE", "BYLINE", "ABSTRACT", "IMPRINT"]


def test_missing_abstract() -> None:
    """A post may have no abstract."""
    text = "A Title of Some Kind\n\nBy Ada Quill\n\nLondon: Swan, 2020. 10p.\n\n" + POST
    assert _roles(text)[3:] == ["TITLE", "BYLINE", "ABSTRACT", "IMPRINT"]


def test_headings_in_an_abstract() -> None:
    """Headings, lists and chapters within an abstract are part of it."""
    abstract = "Key Findings\n\n• One thing.\n\nWhat We Did\n\nChapter 1 - Production\nChapter 2 - Transfer\n\nThen we left.\n\n"
    text = POST.replace("London", abstract + "London") + POST
    assert _roles(text) == [
        "TITLE",
        "BYLINE",
        *["ABSTRACT"] * 7,
        "IMPRINT",
        "TITLE",
        "BYLINE",
        "ABSTRACT",
        "IMPRINT",
    ]


def test_heading_like_a_byline() -> None:
    """A heading in an abstract that begins with "By" is a heading."""
    text = (
        POST.replace("London", "By the Numbers\n\nOne in nine swans was counted, it says here.\n\nLondon")
        + POST
    )
    assert _roles(text)[:6] == ["TITLE", "BYLINE", "ABSTRACT", "ABSTRACT", "ABSTRACT", "IMPRINT"]


def test_names_without_by() -> None:
    """A byline need not begin with "By"."""
    for names in (
        "Quill, Ada; Rowan, Ben",
        "Ada Quill and Ben Rowan",
        "UNITED PONDS. SWAN BOARD",
        "Swan Institute",
    ):
        assert _roles(POST.replace("By Ada Quill", names)) == ["TITLE", "BYLINE", "ABSTRACT", "IMPRINT"]


def test_title_with_a_date() -> None:
    """A title that ends like an imprint is a title."""
    text = POST + POST.replace("A Title of Some Kind", "Report on Ponds. May 1999")
    assert _roles(text) == ["TITLE", "BYLINE", "ABSTRACT", "IMPRINT"] * 2


def test_two_lines() -> None:
    """Titles and imprints may take two lines."""
    text = POST.replace("Kind\n", "Kind:\nThe Rest of It\n").replace("Swan, ", "Swan Press\n") + POST
    assert _roles(text)[:7] == ["TITLE", "MORE_TITLE", "BYLINE", "ABSTRACT", "IMPRINT", "IMPRINT", "TITLE"]


def test_notices() -> None:
    """What the site prints between posts belongs to none."""
    between = "Share\nRead/Download Part 1\nGuest Userponds\ndownload\n"
    assert _roles(POST + between + POST)[4:9] == [*["NOTICE"] * 4, "TITLE"]
    found = posts(_lines(POST + between + POST))
    assert len(found.posts) == 2
    assert found.dropped == ()


def test_cut() -> None:
    """A page may end in the middle of an imprint."""
    assert _roles(POST + POST.replace(", 2020. 10p.\n\n", ""))[-1] == "IMPRINT"
    assert _roles(POST.replace("London: Swan, 2020. 10p.\n\n", "Swan Cham"))[-1] == "IMPRINT"


def test_early_imprint() -> None:
    """An imprint may stand above the abstract."""
    text = "A Title of Some Kind\n\nBy Ada Quill\n\nLondon: Swan, 2020. 10p.\n\nAn abstract says what it is about, at length.\n\n"
    assert _roles(text * 2) == [Role.TITLE.name, "BYLINE", "EARLY_IMPRINT", "ABSTRACT"] * 2


def _parted(text: str) -> list[str]:
    return [line.text for line in parted(_lines(text)).lines]


def test_glued_byline() -> None:
    """A byline that runs into the abstract is parted where the sentence begins."""
    assert _parted("By K. Quill-Rowan Brewers and constables have long shared a street, and it shows.") == [
        "By K. Quill-Rowan",
        "Brewers and constables have long shared a street, and it shows.",
    ]
    assert _parted("By Ada Quill and Ben Rowan. This report examines what swans do when no one looks.") == [
        "By Ada Quill and Ben Rowan.",
        "This report examines what swans do when no one looks.",
    ]


def test_glued_imprint() -> None:
    """An imprint at the end of an abstract is parted from it, whole."""
    assert _parted(
        "We saw 75 swans in 40 ponds and asked them why. Swan Notes no. 3. York: Swan, 2008. 133p."
    ) == [
        "We saw 75 swans in 40 ponds and asked them why.",
        "Swan Notes no. 3. York: Swan, 2008. 133p.",
    ]


def test_not_glued() -> None:
    """What only looks a little like two things stays one."""
    for text in (
        "By 2020, the share of swans that had been counted twice was larger than ever before.",
        "By the Department of Swans and Herons, in partnership with the Institute of Ponds and Reeds",
        "The first study appeared in 2018 (London: Swan, 2018). This is the second, and it is longer.",
        "Swans by Number were counted in 1999. Nobody knows what became of the list, or of the swans.",
    ):
        assert _parted(text) == [text]


def test_glued_subtitle() -> None:
    """A subtitle with the byline in it is parted, and what is left over is named."""
    found = parted(_lines("A Pond Chronicle 1788-1851 by T. W. Quill. “The swans held that it was theirs.”"))
    assert [line.text for line in found.lines] == ["by T. W. Quill", "“The swans held that it was theirs.”"]
    assert [line.text for line in found.dropped] == ["A Pond Chronicle 1788-1851"]
