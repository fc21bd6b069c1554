"""Bylines: the names in them, and their roles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.item import Name
from oai.sources.pages import byline


def _printed(names: tuple[Name, ...]) -> list[str]:
    return [name.name if name.kind == "personal" else f"[{name.name}]" for name in names]


CREATORS = [
    ("By Ada Quill", ["Quill, Ada"]),
    ("by Ada Quill", ["Quill, Ada"]),
    ("By: Ada Quill", ["Quill, Ada"]),
    ("BY ADA QUILL AND BEN MCROWAN", ["Quill, Ada", "McRowan, Ben"]),
    ("Written by Ada Quill", ["Quill, Ada"]),
    ("Authors: Ada Quill, Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("Ada Quill", ["Quill, Ada"]),
    ("By Ada Quill, Ben Rowan and Cy Stone", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada Quill, Ben Rowan, and Cy Stone.", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada Quill; Ben Rowan; Cy Stone", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada Quill; Ben Rowan; and Cy Stone", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada Quill·Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill & Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill with Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("Quill, Ada; Rowan, Ben", ["Quill, Ada", "Rowan, Ben"]),
    ("Quill, Ada, and Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("Quill, Ada and Rowan, Ben", ["Quill, Ada", "Rowan, Ben"]),
    ("By Quill, A., Rowan, B.C., & Stone, C.", ["Quill, A.", "Rowan, B.C.", "Stone, C."]),
    ("By Quill A, Rowan BC and Stone C", ["Quill, A", "Rowan, BC", "Stone, C"]),
    ("By Ada Quill, et al.", ["Quill, Ada"]),
    ("By Ada Quill et al", ["Quill, Ada"]),
    ("By Ada Quill, Ben Rowan and others", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill, Ph.D. & Ben Rowan, JD", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill, PhD, MPH, Ben Rowan, MSW, and Cy Stone, MD", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Dr. Ada Quill and Prof. Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill, Jr., and Ben Rowan III", ["Quill, Ada, Jr.", "Rowan, Ben, III"]),
    ("By Ada Quill (Swan Project) and Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill1,2, Ben Rowan2* and Cy Stone3", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada van der Quill and Ben de la Rowan", ["van der Quill, Ada", "de la Rowan, Ben"]),
    ("By Salma bint Rashid, Omar bin Said", ["bint Rashid, Salma", "bin Said, Omar"]),
    ("By Ada Quill, University of the Swan", ["Quill, Ada"]),
    ("By Ada Quill, University of the Swan, and Ben Rowan, Heron College", ["Quill, Ada", "Rowan, Ben"]),
    ("By A. Quill, B.C. Rowan, and C. Stone-Hart", ["Quill, A.", "Rowan, B.C.", "Stone-Hart, C."]),
    ("By Ólafur Þórsson and Łucja Żak", ["Þórsson, Ólafur", "Żak, Łucja"]),
    ("By Cuthbert Vail (Author), Ottoline Grice (Introduction)", ["Vail, Cuthbert"]),
    ("By Cuthbert Vail (Author) Format: Kindle Edition", ["Vail, Cuthbert"]),
    ("Final report to the Council of Swans. By Ada Quill", ["Quill, Ada"]),
    ("By The Swan Panel", ["[The Swan Panel]"]),
    (
        "By The Swan Institute and University of Heron Law Lab.",
        ["[The Swan Institute]", "[University of Heron Law Lab]"],
    ),
    ("By Swans Office on Ponds and Reed (SOPR)", ["[Swans Office on Ponds and Reed (SOPR)]"]),
    (
        "By Swan Educational, Pondlike and Reedy Organization (SEPRO)",
        ["[Swan Educational, Pondlike and Reedy Organization (SEPRO)]"],
    ),
    (
        "By Organization for Ponds and Co-operation in Heronry",
        ["[Organization for Ponds and Co-operation in Heronry]"],
    ),
    ("By Office for Asia and the Pacific", ["[Office for Asia and the Pacific]"]),
    (
        "By Department for Digital, Culture, Media & Sport",
        ["[Department for Digital, Culture, Media & Sport]"],
    ),
    ("By Centre on Swan Research, Heron University", ["[Centre on Swan Research, Heron University]"]),
    (
        "By Swan Bar Association, Criminal Justice Section",
        ["[Swan Bar Association, Criminal Justice Section]"],
    ),
    ("By Swan Secretary of State, Audits Division", ["[Swan Secretary of State, Audits Division]"]),
    ("By Swan LLP and Department of Reeds", ["[Swan LLP]", "[Department of Reeds]"]),
    ("By Ada Quill, Director, Swan Institute", ["Quill, Ada", "[Swan Institute]"]),
    ("By Ada Quill 1, Ben Rowan 2 and Cy Stone 1,2", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada Quill - Ben Rowan - Cy Stone", ["Quill, Ada", "Rowan, Ben", "Stone, Cy"]),
    ("By Ada Quill; with Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill (University of Leeds) and Ben Rowan", ["Quill, Ada", "Rowan, Ben"]),
    ("By van der Quill, A.M.; Rowan, B.C.", ["van der Quill, A.M.", "Rowan, B.C."]),
    ("By Ada Quill, MD, and Ben Rowan, MD, LISW-S", ["Quill, Ada", "Rowan, Ben"]),
    ("By The Hon. Ada Quill", ["Quill, Ada"]),
    ("By Anonymous", ["Anonymous"]),
    ("By the Author of “Swans”", ["the Author of “Swans”"]),
    ("By Swan Council for Statistics, SCS", ["[Swan Council for Statistics, SCS]"]),
    ("By Ada Quill and the Harm Index Working Group", ["Quill, Ada", "[the Harm Index Working Group]"]),
    (
        "By University of Swans and Ministry of Justice and Security",
        ["[University of Swans]", "[Ministry of Justice and Security]"],
    ),
    (
        "By The Heron Collective, the Ferry Trust and the Eastbank Boys' Club",
        ["[The Heron Collective]", "[the Ferry Trust]", "[the Eastbank Boys' Club]"],
    ),
    ("By Department of Health, Education, and Welfare", ["[Department of Health, Education, and Welfare]"]),
    ("By Women and Equalities Committee", ["[Women and Equalities Committee]"]),
    ("UNITED PROVINCES. ARMS BOARD", ["[UNITED PROVINCES. ARMS BOARD]"]),
    ("By U.S. Government Accountability Office", ["[U.S. Government Accountability Office]"]),
    (
        "By U.S. Department of Swans, Office of Ponds, Bureau of Reeds",
        ["[U.S. Department of Swans, Office of Ponds, Bureau of Reeds]"],
    ),
    ("By UNODC", ["[UNODC]"]),
    ("By Europol and Eurojust", ["[Europol]", "[Eurojust]"]),
    (
        "By National Academies of Sciences, Engineering, and Medicine",
        ["[National Academies of Sciences, Engineering, and Medicine]"],
    ),
    ("By Swan & Heron Consulting, Inc.", ["[Swan & Heron Consulting, Inc.]"]),
    ("By Swan Watch, Inc., and Ada Quill", ["[Swan Watch, Inc.]", "Quill, Ada"]),
    ("By Ada Quill, Swan Institute for Ponds", ["Quill, Ada", "[Swan Institute for Ponds]"]),
    ("By Penal Reform International", ["[Penal Reform International]"]),
    ("By The Swan Project (TSP) and Ada Quill", ["[The Swan Project (TSP)]", "Quill, Ada"]),
    ("By Ada Quill and Ben Rowan for the Swan Trust", ["Quill, Ada", "Rowan, Ben"]),
    ("By Ada Quill on behalf of the Swan Group", ["Quill, Ada"]),
]


@pytest.mark.parametrize(("text", "expected"), CREATORS, ids=[text for text, _ in CREATORS])
def test_creators(text: str, expected: list[str]) -> None:
    """Each author is found, in order, as a catalogue writes the name."""
    assert _printed(byline.read(text).creators) == expected


ROLES = [
    ("Edited by Ada Quill", [], ["Quill, Ada"], []),
    ("Edited by Ada Quill and Ben Rowan", [], ["Quill, Ada", "Rowan, Ben"], []),
    ("Edited and with an introduction by Ada Quill", [], ["Quill, Ada"], []),
    ("Editors: Ada Quill, Ben Rowan", [], ["Quill, Ada", "Rowan, Ben"], []),
    ("By Ada Quill and Ben Rowan, editors", [], ["Quill, Ada", "Rowan, Ben"], []),
    ("Ada Quill, Ben Rowan (Eds.)", [], ["Quill, Ada", "Rowan, Ben"], []),
    ("Ada Quill (Ed.)", [], ["Quill, Ada"], []),
    ("By Ada Quill (Editor), Ben Rowan (Editor)", [], ["Quill, Ada", "Rowan, Ben"], []),
    ("Compiled by Ada Quill", [], ["Quill, Ada"], []),
    ("Foreword by Ada Quill", [], [], ["Quill, Ada"]),
    ("Translated by Ada Quill", [], [], ["Quill, Ada"]),
    ("By Ada Quill. Translated by Ben Rowan", ["Quill, Ada"], [], ["Rowan, Ben"]),
    ("By Ada Quill; edited by Ben Rowan", ["Quill, Ada"], ["Rowan, Ben"], []),
    ("By Ada Quill (Foreword by Sir Ben Rowan)", ["Quill, Ada"], [], ["Rowan, Ben"]),
    ("By Ada Quill, with a foreword by Ben Rowan", ["Quill, Ada"], [], ["Rowan, Ben"]),
    ("By Ada Quill. Additional research was provided by Ben Rowan", ["Quill, Ada"], [], ["Rowan, Ben"]),
    (
        "By Ada Quill, with the assistance of Ben Rowan and Cy Stone",
        ["Quill, Ada"],
        [],
        ["Rowan, Ben", "Stone, Cy"],
    ),
    ("By Ada Quill (Author), Ben Rowan (Introduction)", ["Quill, Ada"], [], ["Rowan, Ben"]),
    ("By Ada Quill (Author, Editor)", ["Quill, Ada"], ["Quill, Ada"], []),
    ("By Ada Quill (Author), Ben Rowan (Translator)", ["Quill, Ada"], [], ["Rowan, Ben"]),
]


@pytest.mark.parametrize(
    ("text", "creators", "editors", "contributors"), ROLES, ids=[row[0] for row in ROLES]
)
def test_roles(text: str, creators: list[str], editors: list[str], contributors: list[str]) -> None:
    """Editors are told from authors, and both from those who helped."""
    read = byline.read(text)
    assert _printed(read.creators) == creators
    assert _printed(read.editors) == editors
    assert _printed(read.contributors) == contributors


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """No text makes the reading fail, and no name is empty."""
    read = byline.read(text)
    assert all(name.name.strip() for name in (*read.creators, *read.editors, *read.contributors))
    byline.likeness(text)
