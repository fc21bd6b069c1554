import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oai import text as text_module
from oai.text import CONTROLS, ENTITIES, MARKUP, MOJIBAKE, are_clean, clean

ALLOWED = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@pytest.mark.parametrize(
    "text",
    [
        "Plain text, with (brackets) and 100% signs.",
        "“Quotes”, ‘single’, dashes – and — ellipses… stay",
        "5 < 6 and 7 > 6",
        "the <b> tag, unclosed",
        "R&D at AT&T; see ?a=1&section=2&copy=3",
        "ﬁne ﬂow, ² and ½",
        "naïve Ωmega 王小明 محمد",
        "first paragraph\n\nsecond\nline",
        "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
    ],
)
def test_left_alone(text: str) -> None:
    """What is printed on purpose stays to the letter, and nothing is reported."""
    assert clean(text).text == text
    assert clean(text).mended == ()


@pytest.mark.parametrize(
    ("text", "expected", "mended"),
    [
        ("a\u00a0b\u2003c\td   e ", "a b c d e", ()),
        ("e\u0301", "é", ()),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", ()),
        ("a\n \n\n\n b", "a\n\nb", ()),
        ("soft\u00adhyphen and\u200b zero", "softhyphen and zero", ()),
        ("a\x00b\x1fc\ud800d\uffffe\ufdd0", "abcde", (CONTROLS,)),
        ("It\x92s", "It’s", (MOJIBAKE,)),
        ("donâ€™t", "don’t", (MOJIBAKE,)),
        ("Ã©tude", "étude", (MOJIBAKE,)),
        ("good “quotes”\nbad donâ€™t", "good “quotes”\nbad don’t", (MOJIBAKE,)),
        ("Ben &amp; Jo", "Ben & Jo", (ENTITIES,)),
        ("Ben &amp;amp; Jo", "Ben & Jo", (ENTITIES,)),
        ("&#8220;x&#x201d;&nbsp;y", "“x” y", (ENTITIES,)),
        ("<p>One</p><p>Two &lt; three</p>", "One\n\nTwo < three", (MARKUP,)),
        ("a<br>b<br/>c", "a\nb\nc", (MARKUP,)),
        ("<ul><li>one</li><li>two</li></ul>", "• one\n• two", (MARKUP,)),
        ("an <i>italic</i> word", "an italic word", (MARKUP,)),
        ("x<script>alert(1)</script> y<!-- z -->", "x y", (MARKUP,)),
        ("&lt;p&gt;escaped&lt;/p&gt;", "escaped", (ENTITIES, MARKUP)),
    ],
)
def test_mended(text: str, expected: str, mended: tuple[str, ...]) -> None:
    """What is certainly wrong is put right, and each kind of mending is named once."""
    cleaned = clean(text)
    assert cleaned.text == expected
    assert cleaned.mended == mended


PIECES = st.sampled_from(
    [
        *"& amp; &lt; &gt; <p> </p> <b> </b> <br> <li> &#38; &#109; Ã© â€™ e # ; < > &nbsp; <script>".split(),
        *["\x92", " ", "\n", "\u00a0", "\u0301", "\u037e", "\x85", "\ud800"],
    ]
)
MIXED = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(MIXED)
@example("&am&#112;;lt;p&gt;")
def test_idempotent(text: str) -> None:
    """Clean text stays as it is."""
    once = clean(text).text
    assert clean(once).text == once
    assert clean(once).mended == ()


@given(MIXED)
def test_fit_for_xml(text: str) -> None:
    """Clean text is NFC and holds only what XML 1.0 allows."""
    once = clean(text).text
    assert ALLOWED.fullmatch(once)
    assert unicodedata.is_normalized("NFC", once)


USUAL = st.lists(
    st.sampled_from(
        [
            *"aZ1 .&<\n“”‘’–—…•éßÿőŽÉØŁàαΒέжЯ£€§°²µ≤≈√×₂™»",
            "Ã",
            "Â",
            "œ",
            "â€",
            "&amp;",
            "<p>",
            "\u0301",
            "\u00a0",
        ]
    ),
    max_size=9,
).map("".join)


@settings(max_examples=400)
@given(USUAL)
@example("It’s “Bogotá”, é” and l’État: 5 < 6 & 7.\n\n“Ωmega”")
@example("é“ñ")
@example("a”É")
def test_plainly_clean_is_clean(text: str) -> None:
    """What is taken for clean at a glance is what all the steps together leave as it is."""
    if text_module._is_clean(text):
        assert text_module._mend(text) == text_module.Cleaned(text)


@pytest.mark.parametrize(
    "text",
    [
        "The “swans” of Bogotá – it’s said – were €5 each…",
        "l’État, São Paulo, Łódź, Århus",
        "12 µg/m³ of CO₂ (≤ 5 %)",
        "Ωmega & αβγ",
        "Swan & Co; 5 < 6\n\nB",
    ],
)
def test_common_text_is_plainly_clean(text: str) -> None:
    """Typographic quotes, dashes, accented and Greek letters need no step."""
    assert text_module._is_clean(text)


TEXTS = st.text(st.sampled_from("a É“”’Ã ż|&#;<>/p\n\r\t\u00a0\u2028€"), max_size=6)


@given(st.lists(TEXTS, max_size=4))
@example(["a ", "b"])
@example(["a", "\nb"])
@example(["&", "#1;"])
@example(["”", "a"])
@settings(max_examples=2000)
def test_clean_together_is_clean_each(texts: list[str]) -> None:
    """Texts that are clean when looked at together would not be changed by themselves."""
    if are_clean(texts):
        assert [clean(text).text.strip() for text in texts] == texts
