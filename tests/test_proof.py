from oai.intake import Finding
from oai.item import Item, Name
from oai.proof import sheet


def test_the_sheet_shows_what_each_post_became() -> None:
    """A proof sheet has every field of every item, what is missing as a dash, and each doubt beside its item."""
    item = Item(
        "a",
        "Counting Sheep",
        creators=(Name("Tansley, Moira", "personal"), Name("Fellside Institute", "corporate")),
        description="One sentence.\n\n" + "words " * 50 + "at its end.",
        publisher="Fellside Institute",
        date="2022",
        tags=("livestock theft",),
    )
    doubt = Finding("pages", "001.txt", 9, "no extent found", "left out", rejected=False, id="a")
    other = Finding("pages", "001.txt", 19, "no title", "rejected", rejected=True, id=None)
    assert list(sheet([("001.txt", 7, item), ("002.txt", 1, Item("b", deleted=True))], [doubt, other])) == [
        "001.txt:7  a",
        "  title       Counting Sheep",
        "  creators    Tansley, Moira; Fellside Institute [body]",
        (
            "  abstract    One sentence. words words words words words words words word …"
            " words words words words words words words words at its end. (326 characters)"
        ),
        "  place       –",
        "  publisher   Fellside Institute",
        "  date        2022",
        "  extent      –",
        "  source      –",
        "  tags        livestock theft",
        "  ?           no extent found (left out)",
        "",
        "002.txt:1  b",
        "  deleted",
        "",
    ]
