"""The crosswalks: which element has what, in which order, and what is refused."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from oai import formats
from oai.formats import Context, Format, InvalidRecord, Written, oai_dc, oai_qdc
from oai.formats.dublin_core import as_uri
from oai.item import Item, Name, is_date
from oai.library import Library
from oai.protocol import syntax
from oai.settings import Settings, SettingsError
from tests.stores import Stores
from tests.workbench import Workbench, temporary

PAGE = "https://library.example.org/records/a"
CONTEXT = Context("https://library.example.org", ("info:eu-repo/semantics/openAccess",), "eng")
ITEM = Item(
    "a",
    "Counting <Sheep> & “Goats”",
    creators=(Name("Tansley, Moira", "personal"), Name("Fellside Institute", "corporate")),
    editors=(Name("Aune, Benedikt", "personal"),),
    contributors=(Name("Grice, Ottoline", "personal"),),
    description="One.\n\nTwo.",
    publisher="Fellside Institute",
    place="Carlisle",
    date="2022-05",
    extent="48p.",
    source="Rural Safety Briefings no. 14",
    tags=("livestock theft", "Children"),
    sections=("RURAL CRIME",),
    rights=("https://creativecommons.org/licenses/by/4.0/",),
    identifiers=("doi:10.1234/ABC", "ISBN 978-3-16-148410-0", "www.fellside.example/sheep"),
    url="https://fellside.example/sheep.pdf",
)


def elements(xml: bytes) -> list[tuple[str, str]]:
    """Return name and text of each element of a record."""
    root = etree.fromstring(xml)
    return [(etree.QName(child).localname, child.text or "") for child in root]


def test_oai_dc_has_what_the_contract_says() -> None:
    """Each element of Dublin Core has its values, in order, and place is in none of them."""
    xml, _ = oai_dc.FORMAT.render(ITEM, PAGE, CONTEXT)
    assert elements(xml) == [
        ("title", "Counting <Sheep> & “Goats”"),
        ("creator", "Tansley, Moira"),
        ("creator", "Fellside Institute"),
        ("contributor", "Aune, Benedikt"),
        ("contributor", "Grice, Ottoline"),
        ("subject", "livestock theft"),
        ("subject", "Children"),
        ("subject", "Rural Crime"),
        ("description", "One.\n\nTwo."),
        ("publisher", "Fellside Institute"),
        ("date", "2022-05"),
        ("type", "info:eu-repo/semantics/report"),
        ("type", "Text"),
        ("format", "48p."),
        ("identifier", PAGE),
        ("identifier", "https://fellside.example/sheep.pdf"),
        ("identifier", "https://doi.org/10.1234/ABC"),
        ("identifier", "urn:isbn:978-3-16-148410-0"),
        ("identifier", "http://www.fellside.example/sheep"),
        ("source", "Rural Safety Briefings no. 14"),
        ("language", "eng"),
        ("rights", "info:eu-repo/semantics/openAccess"),
        ("rights", "https://creativecommons.org/licenses/by/4.0/"),
    ]


def test_what_an_item_does_not_say_is_left_out() -> None:
    """An element that would be empty is not there, and nothing is guessed."""
    xml, _ = oai_dc.FORMAT.render(Item("a", "T"), PAGE, Context("https://library.example.org"))
    assert [name for name, _ in elements(xml)] == ["title", "type", "type", "identifier"]
    qualified, _ = oai_qdc.FORMAT.render(Item("a", "T"), PAGE, Context("https://library.example.org"))
    assert [name for name, _ in elements(qualified)] == ["title", "type", "type", "identifier"]


def test_oai_qdc_says_the_same_more_precisely() -> None:
    """Qualified Dublin Core has the same values, with refinements and encoding schemes."""
    xml, _ = oai_qdc.FORMAT.render(ITEM, PAGE, CONTEXT)
    found = dict(elements(xml))
    assert found["abstract"] == "One.\n\nTwo."
    assert found["issued"] == "2022-05"
    assert found["extent"] == "48p."
    assert found["isPartOf"] == "Rural Safety Briefings no. 14"
    assert found["accessRights"] == "info:eu-repo/semantics/openAccess"
    assert b'<dcterms:issued xsi:type="dcterms:W3CDTF">' in xml
    assert b'<dc:identifier xsi:type="dcterms:URI">https://doi.org/10.1234/ABC<' in xml
    plain, _ = oai_dc.FORMAT.render(ITEM, PAGE, CONTEXT)
    assert {text for _, text in elements(plain)} == {text for _, text in elements(xml)}


@pytest.mark.parametrize(
    ("given", "types"),
    [
        (None, ["info:eu-repo/semantics/report", "Text"]),
        ("article", ["info:eu-repo/semantics/article", "Text"]),
        ("info:eu-repo/semantics/workingPaper", ["info:eu-repo/semantics/workingPaper", "Text"]),
        ("Pamphlet", ["info:eu-repo/semantics/other", "Pamphlet", "Text"]),
    ],
)
def test_types(given: str | None, types: list[str]) -> None:
    """The first type is one of info:eu-repo, a report by default, and what else was said is kept."""
    xml, _ = oai_dc.FORMAT.render(replace(ITEM, type=given), PAGE, CONTEXT)
    assert [text for name, text in elements(xml) if name == "type"] == types


@pytest.mark.parametrize(
    ("printed", "uri"),
    [
        ("10.1234/abc", "https://doi.org/10.1234/abc"),
        ("DOI: 10.1234/a(b)c", "https://doi.org/10.1234/a(b)c"),
        ("http://dx.doi.org/10.1234/abc", "https://doi.org/10.1234/abc"),
        ("isbn 0306406152", "urn:isbn:0306406152"),
        ("ISBN-13: 978 0 306 40615 7", "urn:isbn:978-0-306-40615-7"),
        ("https://a.example/x", "https://a.example/x"),
        ("NCJ 12345", "NCJ 12345"),
    ],
)
def test_identifiers_are_uris_where_they_can_be(printed: str, uri: str) -> None:
    """DOIs, ISBNs and bare web addresses are written as URIs; what is none stays as it is."""
    assert as_uri(printed) == uri


def test_a_record_that_is_not_right_is_refused() -> None:
    """A crosswalk that breaks its promise rejects an item, and says how."""
    for broken, message in (
        (replace(oai_dc.FORMAT, namespace="http://other.example/"), "namespace"),
        (replace(oai_dc.FORMAT, schema="http://other.example/x.xsd"), "schemaLocation"),
        (replace(oai_dc.FORMAT, grammar=oai_qdc.FORMAT.grammar), "oai_dc: "),
    ):
        with pytest.raises(InvalidRecord, match=message):
            broken.render(ITEM, PAGE, CONTEXT)
    with pytest.raises(InvalidRecord, match="oai_dc: "):
        oai_dc.FORMAT.render(replace(ITEM, title="a\x00b"), PAGE, CONTEXT)


@pytest.fixture
def other_package(tmp_path: Path) -> Iterator[None]:
    """Install a package that has a format of its own."""
    (tmp_path / "other_format.py").write_text(
        "from dataclasses import replace\nfrom oai.formats.oai_dc import FORMAT as DC\n"
        "FORMAT = replace(DC, prefix='other', version=7)\n"
    )
    info = tmp_path / "other_format-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-format\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[oai.formats]\nother = other_format:FORMAT\n")
    sys.path.insert(0, str(tmp_path))
    yield
    sys.path.remove(str(tmp_path))


@pytest.mark.usefixtures("other_package")
def test_another_package_can_add_a_format(bench: Workbench) -> None:
    """A format that another package registers is served like our own."""
    assert {entry.name for entry in entry_points(group="oai.formats")} >= {"oai_dc", "oai_qdc", "other"}
    bench.sync({"id": "a"})
    prefixes = bench.ask("ListMetadataFormats").texts(".//o:metadataPrefix")
    assert sorted(prefixes) == ["oai_dc", "oai_qdc", "other"]
    assert set(bench.headers(prefix="other")) == {"a"}
    chosen = bench.again(formats=("oai_dc",))
    assert chosen.ask("ListMetadataFormats").texts(".//o:metadataPrefix") == ["oai_dc"]


def test_formats_that_cannot_be_had() -> None:
    """A format that is not installed is named with those that are, and oai_dc cannot be left out."""
    with pytest.raises(SettingsError, match=r"'marc' is not installed; there are: oai_dc, oai_qdc"):
        Library.of(Settings(formats=("oai_dc", "marc")))
    with pytest.raises(SettingsError, match="oai_dc is missing"):
        Library.of(Settings(formats=("oai_qdc",)))


def test_versions_and_settings_make_the_fingerprint() -> None:
    """What may change the records changes the fingerprint, and nothing else does."""
    known: Format = formats.installed()["oai_dc"]
    assert known.fingerprint(CONTEXT) == known.fingerprint(replace(CONTEXT))
    assert known.fingerprint(CONTEXT) != replace(known, version=99).fingerprint(CONTEXT)
    assert known.fingerprint(CONTEXT) != known.fingerprint(replace(CONTEXT, language=None))


def test_every_description_is_valid(stores: Stores) -> None:
    """Identify and records are valid with everything that the settings can add to them."""
    with temporary(
        stores,
        admin_email=("a@library.example.org", "b@library.example.org"),
        friends=("https://friend.example/oai", "https://other.example/oai"),
        branding_icon="https://library.example.org/icon.png",
        branding_link="https://library.example.org/",
        branding_title="A & B",
        eprints_content="Reports & <papers>",
        eprints_metadata_policy="Free to use",
        eprints_data_policy="As stated",
        eprints_submission_policy="By invitation",
        metadata_licence="https://creativecommons.org/publicdomain/zero/1.0/",
    ) as bench:
        bench.sync({"id": "a", "tags": ["T"]})
        names = [
            etree.QName(each[0]).localname for each in bench.ask("Identify").root.findall(".//{*}description")
        ]
        assert names == ["oai-identifier", "eprints", "friends", "branding", "rightsManifest"]
        records = bench.harvest("ListRecords")[0]
        assert len(records.root.findall(".//{*}about")) == 2
        assert len(bench.day_lines()) == 1


def test_a_new_licence_changes_the_records(bench: Workbench) -> None:
    """The licence of the metadata is part of each record: when it changes, so do they."""
    bench.sync({"id": "a"})
    other = bench.again(metadata_licence="https://creativecommons.org/publicdomain/zero/1.0/")
    assert other.sync({"id": "a"}).changed == 2


def as_lxml_writes(format_: Any, item: Item, context: Context) -> tuple[bytes, bytes] | None:
    """Return a record that is built element by element and judged by the grammar; None for one refused."""
    module = sys.modules[format_.crosswalk.__module__]
    root = module._CONTAINER.parsed([])
    try:
        for name, text, scheme in module._values(item, PAGE, context):
            if text:
                prefix, _, local = name.partition(":")
                element = etree.SubElement(root, f"{{{root.nsmap[prefix]}}}{local}")
                element.text = text
                if scheme:
                    element.set(f"{{{formats.XSI}}}type", scheme)
    except ValueError:
        return None
    if not format_.grammar().validate(root):
        return None
    return etree.tostring(root, encoding="utf-8"), etree.tostring(root, method="c14n", exclusive=True)


def as_it_renders(format_: Format, item: Item, context: Context) -> tuple[bytes, bytes] | None:
    """Return a record as it is stored; None for one refused."""
    try:
        return format_.render(item, PAGE, context)
    except InvalidRecord:
        return None


ODD = "a & b <c> \"d\" 'e' ]]> &amp; %b \r\n\t é \u0085 \u2028 \ufb01 \U0001f600"
texts = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.text(st.sampled_from([*ODD, "\0", "\x1b", "\x7f", "\ud800", "\ufdd0", "\ufffd", "\ufffe", "\uffff"])),
)
dates = st.one_of(
    texts,
    st.from_regex(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", fullmatch=True),
    st.dates().map(str),
    st.sampled_from(
        ["0000", "0001", "2023-02-29", "2024-02-29", "2024-02-30", "2024-13", "2024-05-17T00:00:00Z"]
    ),
)
uris = st.one_of(texts, st.from_regex(syntax._URI, fullmatch=True))
many = st.lists(texts, max_size=3).map(tuple)
names = st.lists(st.builds(Name, texts, st.just("personal")), max_size=3).map(tuple)
items = st.builds(
    Item,
    id=texts,
    title=texts,
    creators=names,
    editors=names,
    contributors=names,
    description=texts,
    publisher=st.none() | texts,
    date=st.none() | dates,
    extent=st.none() | texts,
    source=st.none() | texts,
    tags=many,
    sections=many,
    language=st.none() | texts,
    type=st.none() | texts,
    rights=many,
    identifiers=st.lists(uris, max_size=3).map(tuple),
    url=st.none() | uris,
)


@pytest.mark.parametrize("format_", [oai_dc.FORMAT, oai_qdc.FORMAT])
@settings(deadline=None)  # the first one compiles a grammar
@given(items, many, st.none() | texts)
def test_what_is_written_is_what_lxml_writes(
    format_: Format, item: Item, rights: tuple[str, ...], language: str | None
) -> None:
    """A record is, byte for byte, what lxml makes of a tree of its elements, and is refused as that is."""
    context = Context("https://library.example.org", rights, language)
    assert as_it_renders(format_, item, context) == as_lxml_writes(format_, item, context)


@pytest.mark.parametrize("format_", [oai_dc.FORMAT, oai_qdc.FORMAT])
@pytest.mark.parametrize("odd", [ODD, ODD.replace("\r", ""), ODD.replace("\r", "").replace("\ufb01", "")])
def test_odd_texts_are_written_as_lxml_writes_them(format_: Format, odd: str) -> None:
    """That holds whether a text is plain or goes through the parser."""
    name = (Name(odd, "personal"),)
    item = Item("a", odd, name, name, name, odd, odd, date="2024", tags=(odd,), url="http://x.org/?a&b")
    context = Context("https://library.example.org", (odd,), "eng")
    found = as_it_renders(format_, item, context)
    assert found is not None
    assert found == as_lxml_writes(format_, item, context)
    plain = "\r" not in odd and "\ufb01" not in odd
    assert isinstance(format_.crosswalk(item, PAGE, context), Written) is plain


@given(st.from_regex(syntax._URI, fullmatch=True) | st.text())
def test_a_uri_is_one_to_the_grammar(text: str) -> None:
    """What we take for a URI is one to the schemas, which need not be asked again."""
    if syntax.is_uri(text):
        grammar = etree.RelaxNG(etree.fromstring(ANY_URI))
        root = etree.Element("uri")
        root.text = text
        assert grammar.validate(root)


ANY_URI = (
    '<element name="uri" xmlns="http://relaxng.org/ns/structure/1.0"'
    ' datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">'
    '<data type="anyURI"><param name="minLength">1</param></data></element>'
)


def test_every_date_of_the_calendar_is_one_to_the_grammar() -> None:
    """What we take for a date is one to the schemas, which need not be asked again."""
    days = {date.fromordinal(n) for n in range(1, date.max.toordinal() + 1, 997)}
    days |= {date(2000, 1, 1) + timedelta(days=n) for n in range(4 * 366)}
    opening, closing = oai_qdc._CONTAINER._opening, oai_qdc._CONTAINER._closing
    written = {text for day in days for text in (f"{day}", f"{day}"[:7], f"{day}"[:4])}
    assert all(map(is_date, written))
    inside = "".join(f'<dcterms:issued xsi:type="dcterms:W3CDTF">{text}</dcterms:issued>' for text in written)
    grammar = oai_qdc.FORMAT.grammar
    assert grammar is not None
    assert grammar().validate(etree.fromstring(f"{opening}{inside}{closing}"))
