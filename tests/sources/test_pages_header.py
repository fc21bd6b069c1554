from oai.sources.pages.blocks import lines
from oai.sources.pages.header import Header, read


def _read(text: str) -> Header:
    return read(lines(text.encode()).lines)


def test_all_facts() -> None:
    """Library, heading, blurb and tag are told apart; the picture's file name is none of them."""
    head = _read(
        "The Free Library\n09-x.jpg\n\nSWANS\n\nSWANS-PONDS-REEDS\n\nPosts tagged mute swans\nA Title\n"
    )
    assert head == Header(5, "The Free Library", "SWANS", "SWANS-PONDS-REEDS", "mute swans", None)


def test_category() -> None:
    """A line "Posts in X" names a category."""
    head = _read("The Free Library\nSWANS.jpeg\n\nPosts in Law\nA Title\n")
    assert (head.heading, head.category, head.tags) == (None, "Law", ("Law",))


def test_prose_blurb() -> None:
    """Prose under the heading is no heading, nor is prose alone."""
    prose = "Swan study looks at how swans live side by side, and what they make of it."
    head = _read(f"Free Library\nS.png\n\nSWANS\n\n{prose}\n\nPosts tagged trust\nA Title\n")
    assert (head.heading, head.blurb) == ("SWANS", prose)
    head = _read(f"Free Library\nS.png\n\n{prose}\n\nPosts tagged trust\nA Title\n")
    assert (head.heading, head.blurb) == (None, prose)


def test_no_posts_line() -> None:
    """Without a "Posts …" line the head ends above the title over the first byline."""
    head = _read("Free Library\nS.png\n\nSWANS\n\nSWANS-PONDS\n\nA Title:\nIn Two Lines\n\nBy Ada Quill\n")
    assert (head.length, head.heading, head.tags) == (4, "SWANS", ())


def test_no_posts_line_and_no_byline() -> None:
    """Without a byline either, a heading in capitals and the line that repeats it end the head."""
    head = _read("Free Library\nS.png\n\nSWANS\n\nSwans-Ponds\n\nA Title\n\nSome text of a post.\n")
    assert (head.length, head.heading, head.blurb) == (4, "SWANS", "Swans-Ponds")


def test_bare() -> None:
    """A page that begins with a title has no head."""
    assert _read("A Title\n\nBy Ada Quill\n\nText.\n").length == 0


def test_title_that_begins_like_a_tag() -> None:
    """A line "Posts in …" below the first byline is a title."""
    head = _read(
        "Free Library\n\nFirst Title\n\nBy Ada Quill\n\nText.\n\nPosts in Peril: Sentries of the Border\n"
    )
    assert head.tags == ()
