"""The reading of whole pages against truth made by hand, field by field."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oai.item import Item, Name
from oai.sources import Entry
from oai.sources.pages import read

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DEV = ROOT.parent / "shared" / "pages"

Truth = dict[str, Any]


def _name(printed: str, kind: str) -> Truth:
    return {"name": printed, "kind": kind}


def _people(*names: str) -> list[Truth]:
    return [_name(printed, "personal") for printed in names]


def _bodies(*names: str) -> list[Truth]:
    return [_name(printed, "corporate") for printed in names]


PANEL: Truth = {
    "title": (
        "“I wanted them all to notice” Protecting children and responding to child sexual abuse "
        "within the family environment"
    ),
    "creators": _bodies("The Child Safeguarding Practice Review Panel"),
    "description_first": "This report describes very shocking things about the lives, ",
    "description_last": " their corrosive and abusive power in many children’s lives.",
    "date": "2024",
    "publisher": "Child Safeguarding Practice Review Panel",
    "place": "London",
    "extent": "139p.",
}
SEEDS: dict[str, tuple[Truth, list[Truth]]] = {
    "000_0edb1bde2c479242.txt": (
        {"tag": "Child Sexual Abuse", "section": "VICTIMIZATION"},
        [
            PANEL,
            {
                "title": (
                    "Improving The Response to Child Sexual Abuse in London: Learning From a Pilot Programme Led by "
                    "The Centre of Expertise on Child Sexual Abuse and The London Safeguarding Children Partnership"
                ),
                "creators": _bodies("The CSA - Centre The Centre of expertise on child sexual abuse"),
                "description_first": "In 2021, the CSA Centre was commissioned by the London Safeg",
                "description_last": "ng a learning report from this work, and sharing it in 2023.",
                "date": "2022",
                "publisher": "The Centre of expertise on child sexual abuse (CSA Centre)",
                "place": "Barkingside Ilford",
                "extent": "19p.",
            },
            {
                "title": (
                    "Crime Commission Processes in Child Sexual Abuse Material Production and Distribution: "
                    "A Systematic Review"
                ),
                "creators": _people(
                    "Jesse Cale", "Thomas Holt", "Benoit Leclerc", "Sara Singh", "Jacqueline Drew"
                ),
                "description_first": "This review synthesises empirical studies from the past deca",
                "description_last": "ion strategies for this increasingly prolific type of crime.",
                "date": "2021",
                "publisher": "Australian Institute of Criminology",
                "place": "Canberra",
                "extent": "22p.",
                "source": "Trends & issues in crime and criminal justice no. 617",
            },
            {
                "title": (
                    "Enhancing Evidence-Based Treatment of Child Sexual Abuse Material Offenders: "
                    "The Development of The CEM-COPE Program"
                ),
                "creators": _people(
                    "Marie Henshaw", "Chelsea Arnold", "Rajan Darjee", "James RP Ogloff", "Jonathan A Cloug"
                ),
                "description_first": "Recent research suggests that child sexual abuse material (C",
                "description_last": "a and considerations for future research are also addressed.",
                "date": "2020",
                "publisher": "Australian Institute of Criminology",
                "place": "Canberra",
                "extent": "14p.",
                "source": "Trends & issues in crime and criminal justice no. 607",
            },
        ],
    ),
    "001_d028a47fc20dcedf.txt": (
        {"tag": "children", "section": None},
        [
            {
                "title": (
                    "Scale of Harm: Research Method, Findings, and Recommendations: Estimating the Prevalence of "
                    "Trafficking to Produce Child Sexual Exploitation Material in the Philippines"
                ),
                "creators": _bodies(
                    "The International Justice Mission", "University of Nottingham Rights Lab"
                ),
                "description_first": "In 2021 International Justice Mission (IJM), together with t",
                "description_last": "national survey and study. You can the Summary Report below.",
                "date": "2023",
                "publisher": "International Justice Mission",
                "extent": "78p.",
            },
            PANEL,
            {
                "title": "Improving lives – The power of better data in the family justice system",
                "creators": _people("Aliya Saied-Tessier"),
                "description_first": "Every day, judges and magistrates make decisions in family c",
                "description_last": "ertaken by the National Centre for Social Research (NatCen).",
                "date": "2024",
                "publisher": "Nuffield Family Justice Observatory",
                "place": "London",
                "extent": "25p.",
            },
            {
                "title": (
                    "Drivers and deterrents of child sexual offending: "
                    "Analysis of offender interactions on the darknet"
                ),
                "creators": _people(
                    "Heather Wolbers",
                    "Timothy Cubitt",
                    "Michael John Cahill",
                    "Matthew Ball",
                    "John Hancock",
                    "Sarah Napier",
                    "Roderic Broadhurst",
                ),
                "description_first": "This study examined 17 threads on a darknet forum for undete",
                "description_last": "mily and friends acted as deterrents to continued offending.",
                "date": "2024",
                "publisher": "Australian Institute of Criminology",
                "place": "Canberra",
                "extent": "16p",
                "source": "Trends & issues in crime and criminal justice no. 703",
            },
            {
                "title": (
                    "I Believe You: Children and young people's experiences of seeking help, securing help "
                    "and navigating the family violence system"
                ),
                "creators": _people("Kate Fitz-Gibbon", "Jasmine McGowan", "Rebecca Stewart"),
                "description_first": "This study privileges the voices of children and young peopl",
                "description_last": "best be developed, implemented and embedded across Victoria.",
                "date": "2023",
                "publisher": "Monash University",
                "place": "Melbourne, VIC",
                "extent": "52p.",
            },
            {
                "title": "Police and Children's Court outcomes for children aged 10 to 13",
                "creators": _people("Susan Baidawi", "Rubini Ball", "Rosemary Sheehan", "Nina Papalia"),
                "description_first": "This paper outlines a retrospective follow-up study of all V",
                "description_last": "n (49%) had no alleged offending in the following two years.",
                "date": "2024",
                "publisher": "Australian Institute of Criminology",
                "place": "Canberra",
                "extent": "21p",
                "source": "Trends & issues in crime and criminal justice no. 679",
            },
        ],
    ),
}


def _pages() -> Iterator[tuple[Path, Truth, list[Truth]]]:
    for name, (facts, posts) in SEEDS.items():
        yield ROOT / "seeds" / name, facts, posts
    for truth in (*sorted((HERE / "pages").glob("*.json")), *sorted((DEV / "dev-truth").glob("*.json"))):
        page = (DEV / "dev" if truth.parent.name == "dev-truth" else truth.parent) / f"{truth.stem}.txt"
        document = json.loads(truth.read_text(encoding="utf-8"))
        yield page, document["page"], document["posts"]


PAGES = list(_pages())


@pytest.mark.parametrize(("page", "facts", "posts"), PAGES, ids=[page.stem for page, _, _ in PAGES])
def test_page(page: Path, facts: Truth, posts: list[Truth]) -> None:
    """The posts of the page are found, all of them and no more, and every field is right."""
    items = [entry.item for entry in read(page.read_bytes(), page.name) if isinstance(entry, Entry)]
    assert [_folded(item.title) for item in items] == [_folded(post["title"]) for post in posts]
    wrong = [
        (item.title, field, expected, found)
        for item, post in zip(items, posts, strict=True)
        for field, expected, found in (*_page_fields(item, facts), *_fields(item, post))
        if expected != found
    ]
    assert wrong == []


def _page_fields(item: Item, facts: Truth) -> Iterator[tuple[str, object, object]]:
    tag = facts.get("tag") or facts.get("category")
    yield "tags", (tag,) if tag else (), item.tags
    yield "sections", (facts["section"],) if facts.get("section") else (), item.sections


def _fields(item: Item, post: Truth) -> Iterator[tuple[str, object, object]]:
    for role in ("creators", "editors"):
        expected = {(_words(name["name"]), name["kind"]) for name in post.get(role, ())}
        yield role, expected, {(_words(name.name), name.kind) for name in _names(item, role)}
    description = _folded(item.description)
    first, last = _folded(post.get("description_first"))[:50], _folded(post.get("description_last"))[-40:]
    yield (
        "description",
        (first, last),
        (description[: len(first)], description[len(description) - len(last) :]),
    )
    yield "date", post.get("date"), item.date
    for name in ("publisher", "place", "extent", "source"):
        yield name, _folded(post.get(name)), _folded(getattr(item, name))
    printed = " ".join(item.identifiers).casefold()
    for identifier in post.get("identifiers", ()):
        yield "identifiers", True, re.sub(r"^(doi:|isbn:?)\s*", "", identifier.casefold()) in printed


def _names(item: Item, role: str) -> tuple[Name, ...]:
    return item.creators if role == "creators" else item.editors


def _folded(text: str | None) -> str:
    """Return *text* as the library's own comparison folds it."""
    text = unicodedata.normalize("NFKC", text or "")
    text = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-"})
    return re.sub(r"\s+", " ", text).strip().strip(".,; ").casefold()


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"\w+", _folded(name))))
