"""Imprints: place, publisher, date, extent, source and identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai.sources.pages import imprint

FIELDS = ("place", "publisher", "date", "extent", "source")
# text, place, publisher, date, extent, source
CASES = [
    ("London: Swan Panel, 2024. 139p.", "London", "Swan Panel", "2024", "139p.", None),
    ("London: Swan Panel. 2024. 25p.", "London", "Swan Panel", "2024", "25p.", None),
    ("London: Swan Panel, 2024, 25p", "London", "Swan Panel", "2024", "25p", None),
    ("Swan Panel, 2024. 25p.", None, "Swan Panel", "2024", "25p.", None),
    ("Swan Panel,2024. 25p.", None, "Swan Panel", "2024", "25p.", None),
    ("Swan Panel. 2024. 25p.", None, "Swan Panel", "2024", "25p.", None),
    ("Swan Panel (Europe), 2016. 15p.", None, "Swan Panel (Europe)", "2016", "15p.", None),
    ("Melbourne, VIC: Swan University, 2023. 52p.", "Melbourne, VIC", "Swan University", "2023", "52p.", None),
    ("Pond Rise, NC:Swan University Press, 1994. 163p.", "Pond Rise, NC", "Swan University Press", "1994", "163p.", None),
    ("Perth: University of the Swan 2015. 63p.", "Perth", "University of the Swan", "2015", "63p.", None),
    ("Swan Studies no. 6. Hobart: Pond Institute. 2021. 16p", "Hobart", "Pond Institute", "2021", "16p", "Swan Studies no. 6"),
    (
        "Halifax, NS: Tide Forum; Cork: Lee Trust, 2014. 57p.",
        "Halifax, NS; Cork",
        "Tide Forum; Lee Trust",
        "2014",
        "57p.",
        None,
    ),
    ("Oxford, UK; New York: Swan Press, 2011. 288p.", "Oxford, UK; New York", "Swan Press", "2011", "288p.", None),
    ("Oxford and New York: Swan Press, 2011. 288p.", "Oxford and New York", "Swan Press", "2011", "288p.", None),
    ("Berlin/Boston: Swan Verlag, 2011. 288 S.", "Berlin/Boston", "Swan Verlag", "2011", "288 S.", None),
    ("Swan University Press (1907) 312.", None, "Swan University Press", "1907", "312", None),
    ("NY. Swan Academic. 1969. 274p. CONTAINS MARK-UP", "NY", "Swan Academic", "1969", "274p.", None),
    ("New York. Swan Books. 1965. 343p.", "New York", "Swan Books", "1965", "343p.", None),
    ("Santa Pond. SWAN. An Imprint of HERON. 1996. 317p.", "Santa Pond", "SWAN. An Imprint of HERON", "1996", "317p.", None),
    ("UNITED PONDS. ARMS BOARD. 2010. 64p.", None, "UNITED PONDS. ARMS BOARD", "2010", "64p.", None),
    ("Washington, DC: Swan Institute, 2019. 45p.", "Washington, DC", "Swan Institute", "2019", "45p.", None),
    ("Washington, D.C.: Swan Institute, 2019. 45p.", "Washington, D.C.", "Swan Institute", "2019", "45p.", None),
    ("Washington, D.C. Swan Institute. 2019. 45p.", "Washington, D.C.", "Swan Institute", "2019", "45p.", None),
    ("Washington, DC; Swan Institute, 2019. 45p.", "Washington, DC", "Swan Institute", "2019", "45p.", None),
    ("[Washington, DC]: Swan Institute, [2019]. 45p.", "Washington, DC", "Swan Institute", "2019", "45p.", None),
    ("Swan Institution, Washington, DC, 2018. 33p.", "Washington, DC", "Swan Institution", "2018", "33p.", None),
    ("Swan Press (London), 2018. 33p.", "London", "Swan Press", "2018", "33p.", None),
    ("Swan Cham", "Cham", "Swan", None, None, None),
    ("The Hague: SWODC, 2018", "The Hague", "SWODC", "2018", None, None),
    ("Cambridge, MA: U.S. Swan Office, 2019. 45p.", "Cambridge, MA", "U.S. Swan Office", "2019", "45p.", None),
    ("New York: Swan & Sons, Inc., 1999. 45p.", "New York", "Swan & Sons, Inc.", "1999", "45p.", None),
    ("St. Paul, MN: Swan, 2001. 45p.", "St. Paul, MN", "Swan", "2001", "45p.", None),
    ("Vienna: SWODC, 2022. 2 volumes", "Vienna", "SWODC", "2022", "2 volumes", None),
    ("Berlin: Swan, 2019. xii, 234 pp.", "Berlin", "Swan", "2019", "xii, 234 pp.", None),
    ("Dublin: Swan Papers, 2006. 18 pages.", "Dublin", "Swan Papers", "2006", "18 pages.", None),
    ("Dublin: Swan Papers, 2006. pp. 312.", "Dublin", "Swan Papers", "2006", "pp. 312", None),
    ("Stockholm: Brå, 2023. 112p.", "Stockholm", "Brå", "2023", "112p.", None),
    ("Edinburgh: Swan Office, 12 March 2021. 44p.", "Edinburgh", "Swan Office", "2021-03-12", "44p.", None),
    ("Edinburgh: Swan Office, March 12, 2021. 44p.", "Edinburgh", "Swan Office", "2021-03-12", "44p.", None),
    ("Edinburgh: Swan Office, Sept. 2021. 44p.", "Edinburgh", "Swan Office", "2021-09", "44p.", None),
    ("Edinburgh: Swan Office, 2021-03-12. 44p.", "Edinburgh", "Swan Office", "2021-03-12", "44p.", None),
    ("Edinburgh: Swan Office, c1998. 44p.", "Edinburgh", "Swan Office", "1998", "44p.", None),
    ("London: Swan, 20222. 10p.", "London", "Swan", None, "10p.", None),
    ("London: Swan, 2019-2020. 10p.", "London", "Swan", None, "10p.", None),
    ("Report of the 2010 Council. London: Swan, 20222. 10p.", "London", "Swan", None, "10p.", "Report of the 2010 Council"),
    ("London: Swan, n.d. 10p.", "London", "Swan", None, "10p.", None),
    ("2021. Canberra: Swan Institute. 22p.", "Canberra", "Swan Institute", "2021", "22p.", None),
    ("Research in Brief. Washington, DC: SNIJ. 2016. 20p.", "Washington, DC", "SNIJ", "2016", "20p.", "Research in Brief"),
    ("UK Swan Office Research Report 114. London: Swan Office, 2019. 60p.", "London", "Swan Office", "2019", "60p.", "UK Swan Office Research Report 114"),
    ("SBER Working Paper 28000. Cambridge, MA: SBER, 2021. 50p.", "Cambridge, MA", "SBER", "2021", "50p.", "SBER Working Paper 28000"),
    ("Cambridge, MA: SBER, 2021. 50p. SBER Working Paper 28000", "Cambridge, MA", "SBER", "2021", "50p.", "SBER Working Paper 28000"),
    ("Cambridge, MA: SBER, 2021. 50p. (Working Paper No. 28000)", "Cambridge, MA", "SBER", "2021", "50p.", "Working Paper No. 28000"),
    ("SZA Discussion Paper No. 12345. Bonn: SZA, 2019. 45p.", "Bonn", "SZA", "2019", "45p.", "SZA Discussion Paper No. 12345"),
    ("Vol. 3, no. 2. Sydney: Swan Bureau. 2020. 22p.", "Sydney", "Swan Bureau", "2020", "22p.", "Vol. 3, no. 2"),
    ("London: Swan Office, Research Report 114, 2019. 60p.", "London", "Swan Office", "2019", "60p.", "Research Report 114"),
    ("Research Report 114, London: Swan Office, 2019. 60p.", "London", "Swan Office", "2019", "60p.", "Research Report 114"),
    ("Research Report 114 (London: Swan Office, 2019), 60p.", "London", "Swan Office", "2019", "60p.", "Research Report 114"),
    ("Working Paper 2019-05. Oslo: SUPI. 22p.", "Oslo", "SUPI", None, "22p.", "Working Paper 2019-05"),
    ("Swan Papers #44. 2019. 22p.", None, None, "2019", "22p.", "Swan Papers #44"),
    ("Working paper, 2017. 28p.", None, None, "2017", "28p.", None),
    ("Working paper, Swan Institute, 2017. 28p.", None, "Swan Institute", "2017", "28p.", None),
    ("Unpublished dissertation, University of the Swan, 2012. 210p.", None, "University of the Swan", "2012", "210p.", None),
    ("Thesis (PhD) – University of the Swan, 2012. 210p.", None, "University of the Swan", "2012", "210p.", None),
    ("Perth: University of the Swan (Dissertation), 2012. 210p.", "Perth", "University of the Swan", "2012", "210p.", None),
    ("Swan Office (UK), 2012. 210p.", None, "Swan Office (UK)", "2012", "210p.", None),
    ("J Swan Behav. 2022 Feb; 37(3-4): 1234-1250.", None, None, "2022-02", None, "J Swan Behav. 2022 Feb; 37(3-4): 1234-1250"),
    ("Journal of Swans (1973-), Vol. 98, No. 2 (Winter, 2008), pp. 569-600.", None, None, "2008", None, "Journal of Swans (1973-), Vol. 98, No. 2 (Winter, 2008), pp. 569-600"),
    ("Int. J. Swan Res. 2021, 18, 12345", None, None, "2021", None, "Int. J. Swan Res. 2021, 18, 12345"),
    ("Paper presented at the Swan Congress, 2014. 20p.", None, None, "2014", "20p.", None),
    ("PhD thesis. Perth: University of the Swan, 2012. 210p.", "Perth", "University of the Swan", "2012", "210p.", None),
    ("Final report to the Swan Institute, 2019. 120p.", None, None, "2019", "120p.", None),
    ("2nd edition. London: Swan, 2019. 120p.", "London", "Swan", "2019", "120p.", None),
    ("London: Swan, 2019. 2nd ed. 120p.", "London", "Swan", "2019", "120p.", None),
    ("Annals of Swans 2022. 9:115–138", None, None, "2022", None, "Annals of Swans 2022. 9:115–138"),
    ("Survey of SwansVol. 6:140-58, 2016.", None, None, "2016", None, "Survey of SwansVol. 6:140-58, 2016"),
    ("Journal of Swans, Volume 12, Issue 3, 2020, pages 34-56", None, None, "2020", None, "Journal of Swans, Volume 12, Issue 3, 2020, pages 34-56"),
    ("Journal of Swans, Volume 104, June 2022, 103684", None, None, "2022-06", None, "Journal of Swans, Volume 104, June 2022, 103684"),
    ("Swans & Public Policy. 2021;20:509–547.", None, None, "2021", None, "Swans & Public Policy. 2021;20:509–547"),
    ("Swan Science 2021, 10:5", None, None, "2021", None, "Swan Science 2021, 10:5"),
    ("Swan Quarterly, Volume 25(1), 2022, 30 pages", None, None, "2022", "30 pages", "Swan Quarterly, Volume 25(1), 2022"),
    ("Brit. J. Swans (2018) 58, 1–20", None, None, "2018", None, "Brit. J. Swans (2018) 58, 1–20"),
    ("42 SC Davis Law Review 1234 (2009)", None, None, "2009", None, "42 SC Davis Law Review 1234 (2009)"),
    ("SLoS ONE 17(5): e0267903. 2022.", None, None, "2022", None, "SLoS ONE 17(5): e0267903. 2022"),
    ("Swan Law Review, 2015. 60p.", None, None, "2015", "60p.", "Swan Law Review, 2015"),
    ("In: Handbook of Swans, London: Heron, 2015, pp. 30-45.", None, None, "2015", None, "Handbook of Swans, London: Heron, 2015, pp. 30-45"),
    ("Brussels: European Swan Network: 2015. 60p.", "Brussels", "European Swan Network", "2015", "60p.", None),
    ("Paris: SECD Publishing", "Paris", "SECD Publishing", None, None, None),
    ("Published by Swan House, Leeds, 1988. 60 p.", "Leeds", "Swan House", "1988", "60 p.", None),
    ("New York: Swan, 1970. Reprinted 1998. 60p.", "New York", "Swan", "1970", "60p.", None),
    ("Santa Monica, CA: Swan Corporation, 2020. xvi, 112 p.", "Santa Monica, CA", "Swan Corporation", "2020", "xvi, 112 p.", None),
    ("San José, Costa Rica: SLANUD, 2009. 60 págs.", "San José, Costa Rica", "SLANUD", "2009", "60 págs.", None),
    ("Rio de Janeiro: Instituto Cisne, 2018. 60p.", "Rio de Janeiro", "Instituto Cisne", "2018", "60p.", None),
    ("United Ponds: Swan Programme, 2018. 60p.", "United Ponds", "Swan Programme", "2018", "60p.", None),
    ("London, England. Swan House. 1968. 60p.", "London, England", "Swan House", "1968", "60p.", None),
    ("London, Swan House, 1968. 60p.", "London", "Swan House", "1968", "60p.", None),
    # place, publisher, date, extent, source, as printed on pages never seen before
    ("London: Swan, 2019. 12p. Swan Series", "London", "Swan", "2019", "12p.", "Swan Series"),
    ("London: Swan, 2019. 12p. (Studies in Ponds)", "London", "Swan", "2019", "12p.", "Studies in Ponds"),
    ("London: Swan, Spring 2019. 12p.", "London", "Swan", "2019", "12p.", None),
    ("London: Swan, 1967 [1921]. 12p.", "London", "Swan", "1967", "12p.", None),
    ("London: Swan, 1969, c1912. 12p.", "London", "Swan", "1969", "12p.", None),
    ("London: Swan, 2002 (updated 2012). 12p.", "London", "Swan", "2002", "12p.", None),
    ("London: Swan, R47077, 2019. 12p.", "London", "Swan", "2019", "12p.", None),
    ("London: Chr. Swan Institute, 2019. 12p.", "London", "Chr. Swan Institute", "2019", "12p.", None),
    ("Bergen: Swan (S4 Issue 7), 2019. 12p.", "Bergen", "Swan", "2019", "12p.", "S4 Issue 7"),
    (
        "Helsinki: University of Swan, Institute of Ponds, Research Report No. 5, 2014. 61p.",
        *("Helsinki", "University of Swan, Institute of Ponds", "2014", "61p.", "Research Report No. 5"),
    ),
    (
        "Swan Bank, SB Working Paper Series No. SB-WP-546, 2015. 28p.",
        *(None, "Swan Bank", "2015", "28p.", "SB Working Paper Series No. SB-WP-546"),
    ),
    ("Swan Brief, March 2019. London: Heron. 7p.", "London", "Heron", "2019-03", "7p.", "Swan Brief"),
    ("Swans, Vol. 112 (2017), No. 9", None, None, "2017", None, "Swans, Vol. 112 (2017), No. 9"),
    *(
        (journal, None, None, date, None, journal)
        for journal, date in (
            ("Swan Advances, 28 Jun 2019: Vol. 5, no. 6, e1234", "2019-06-28"),
            ("Swan Practice and Research. Volume 20, 2019 - Issue 4", "2019"),
            ("Swans and Justice: A Review of Research, vol. 43, 2014, pp. 421-490", "2014"),
            ("Swanning: A Journal of Ponds, Volume 15, Issue 1, March 2021, Pages 300–315", "2021-03"),
            ("Swan Behavior, Published online: 12 May 2022", "2022-05-12"),
            ("European Journal of Swans, OnlineFirst, 2021", "2021"),
            ("Swan Database of Reviews 2012, Issue 12. Art. No.: CD007999", "2012"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_fields(case: tuple[str | None, ...]) -> None:
    """Place, publisher, date, extent and source are told apart, and nothing is guessed."""
    text, *expected = case
    assert text is not None
    read = imprint.read(text)
    assert [getattr(read, name) for name in FIELDS] == [
        value.rstrip(".") if name == "source" and value else value
        for name, value in zip(FIELDS, expected, strict=True)
    ]


IDENTIFIERS = [
    ("Swans, 9(4), 301-322, 2023. DOI: 10.5555/di.9.4.301", ("https://doi.org/10.5555/di.9.4.301",)),
    (
        "Swans, 9(4), 301-322, 2023. https://doi.org/10.5555/di.9.4.301.",
        ("https://doi.org/10.5555/di.9.4.301",),
    ),
    ("London: Swan, 2019. 10p. ISBN 978-0-00-000000-2", ("urn:isbn:978-0-00-000000-2",)),
    ("Swan Forum: www.swan.example/. 2014. 71p.", ("www.swan.example/",)),
    (
        "Swan Forum, 2014. 71p. Available at: https://swan.example/a?b=1&c=2.",
        ("https://swan.example/a?b=1&c=2",),
    ),
]


@pytest.mark.parametrize(("text", "expected"), IDENTIFIERS)
def test_identifiers(text: str, expected: tuple[str, ...]) -> None:
    """DOIs, ISBNs and addresses are taken out of the imprint and leave nothing behind."""
    read = imprint.read(text)
    assert read.identifiers == expected
    assert "://" not in f"{read.source}{read.publisher}"
    assert not (read.publisher or "").endswith(":")


TYPES = [
    ("Annals of Swans 2022. 9:115–138", "article"),
    ("SBER Working Paper 28000. Cambridge, MA: SBER, 2021. 50p.", "workingPaper"),
    ("Unpublished dissertation, University of the Swan, 2012. 210p.", "doctoralThesis"),
    ("Master's thesis. University of the Swan, 2012. 210p.", "masterThesis"),
    ("London: Swan Press, 2024. 139p.", "book"),
    ("London: Swan Panel, 2024. 139p.", None),
]


@pytest.mark.parametrize(("text", "expected"), TYPES)
def test_type(text: str, expected: str | None) -> None:
    """The type is given where the imprint shows it, else none."""
    assert imprint.read(text).type == expected


def test_doubts() -> None:
    """What is not understood is left out and said so."""
    assert [reason for reason, _ in imprint.read("London: Swan, 20222. 10p. CONTAINS MARK-UP").doubts] == [
        "“CONTAINS MARK-UP” in the imprint is not understood",
        "the date “20222” is not believable",
    ]


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """No text makes the reading fail."""
    imprint.read(text)
    imprint.likeness(text)


@given(st.lists(st.sampled_from([case[0] for case in CASES]), max_size=3).map(" ".join))
def test_several(text: str) -> None:
    """Nor do imprints run together."""
    imprint.read(text)
