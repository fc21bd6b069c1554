"""Cleaning text: what came in, made fit to be printed, compared and sent as XML.

Whatever the source, the same things go wrong with text: it was escaped once too often, read in
the wrong encoding, copied with its tags, or carries characters that no XML document may hold.
:func:`clean` puts right what is certain and says what it did; what is printed on purpose, such
as typographic quotes and dashes, it leaves alone.

Cleaning clean text changes nothing. That is why markup and entities are undone until none is
left: "&amp;lt;" is text that was escaped twice on its way here, not an author's spelling.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import lxml.html
from ftfy import TextFixerConfig, fix_encoding
from lxml import etree

CONTROLS = "control characters removed"
ENTITIES = "character entities decoded"
MARKUP = "HTML made plain text"
MOJIBAKE = "wrong encoding mended"

_PASSES = 16  # deeper nesting of escapes than this is nothing that anybody wrote


class Cleaned(NamedTuple):
    """Text fit for use, and what had to be mended, in words for a person to read.

    Folding of spaces and of composed characters (NFC) is housekeeping and not mentioned.
    """

    text: str
    mended: tuple[str, ...] = ()


# What most text is made of. Left out are the letters that wrong decoding leaves behind ("Ã", "Â",
# "œ") and all that is not composed (NFC). Signs must stand alone, capitals with accents too or before
# a small letter, and quotes the right way round: all other company is for ftfy to judge.
_LOWER = "ß-öø-ÿāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįıĳĵķĸĺļľłńņňŋōŏőŕŗřśŝşšţťŧũūŭůűųŵŷźżžșț"
_UPPER = "ÀÁÄ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĲĴĶĹĻĽŁŃŅŇŊŌŎŐŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȘȚ"
_GREEK_CYRILLIC = "\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce\u0401\u0410-\u044f\u0451"
_LETTERS = _LOWER + _GREEK_CYRILLIC
_SIGNS = "£€¥§©®™°±×÷²³¹¼½¾µ·«»₀-₉−≈≠≤≥∞√"
_USUAL = re.compile(
    rf"""(?:
        [\n\ -~{_LETTERS}\u2010-\u2015’…′″]++
      | (?<![{_LETTERS}{_UPPER}{_SIGNS}])[“‘•]
      | ”(?![{_LETTERS}])(?:(?<![{_LETTERS}{_UPPER}{_SIGNS}]”)|(?![\w“‘•]))
      | (?<![{_LETTERS}{_UPPER}{_SIGNS}”])(?:[{_SIGNS}](?![^\n\ -~])|[{_UPPER}](?![^\n\ -~{_LOWER}]))
    )*+""",
    re.VERBOSE,
)
# Where an escape or a tag begins, if any does.
_MAYBE_ENTITY = re.compile(r"&(?:#|[A-Za-z][A-Za-z0-9]*;)")
_MAYBE_TAG = re.compile(r"<[A-Za-z/]")
# Line breaks that are not as they should be.
_MAYBE_GAP = re.compile(r" \n|\n |\n\n\n")


def _is_clean(text: str) -> bool:
    """Whether *text* is plainly clean, told cheaply: False leaves the question open."""
    return (
        _USUAL.fullmatch(text) is not None
        and text == text.strip(" \n")
        and "  " not in text
        and not ("\n" in text and _MAYBE_GAP.search(text))
        and not ("&" in text and _MAYBE_ENTITY.search(text))
        and not ("<" in text and _MAYBE_TAG.search(text))
    )


def are_clean(texts: Iterable[str]) -> bool:
    """Whether all of *texts* are plainly clean, told at once: False leaves the question open."""
    # The bar ends whatever was begun before it; and beside a space at an end of a text there are two.
    return _is_clean(f"| {' | '.join(texts)} |")


def clean(text: str) -> Cleaned:
    """Return *text* in NFC, holding only characters that XML 1.0 allows, one space at a time.

    Lines are kept, and paragraphs stay apart by one blank line. What is plainly clean, as most
    text is, takes a few linear scans; only the rest is put through the steps, until none has
    anything left to do.
    """
    if _is_clean(text):
        return Cleaned(text)
    return _mend(text)


def _mend(text: str) -> Cleaned:
    mended: list[str] = []
    for _ in range(_PASSES):
        before = text
        for step, reason in _STEPS:
            after = step(text)
            if after != text and reason:
                mended.append(reason)
            text = after
        if text == before:
            break
    return Cleaned(text, tuple(dict.fromkeys(mended)))


# ftfy mends what was decoded wrongly, and nothing that a library prints on purpose.
_MENDING = TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    replace_lossy_sequences=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
)


def _encoding(text: str) -> str:
    if text.isascii():
        return text
    # Line by line: one good line must not speak for its broken neighbour, nor the reverse.
    return "\n".join(line if line.isascii() else fix_encoding(line, _MENDING) for line in text.split("\n"))


_ELEMENTS = (
    "a|abbr|article|b|blockquote|body|br|center|cite|code|dd|div|dl|dt|em|figure|font|h[1-6]|head|hr|html|i"
    "|iframe|img|ins|jats:[a-z]+|li|ol|p|pre|script|section|small|span|strong|style|sub|sup|table|tbody|td|th"
    "|thead|tr|u|ul"
)
_TAG = re.compile(rf"<(?:(/)({_ELEMENTS})\s*|({_ELEMENTS})(?:\s[^<>]*|/)?)>", re.IGNORECASE)
_VOID = frozenset({"br", "hr", "img", "p", "li"})
_BLOCKS = frozenset(
    """article blockquote body center dd div dl dt figure h1 h2 h3 h4 h5 h6 hr ol p pre section
    table ul""".split()
)
_LINES = frozenset({"br", "tr", "li"})
_UNPRINTED = frozenset({"script", "style", "iframe", "head"})


def _is_markup(text: str) -> bool:
    """Whether *text* truly is HTML: an element opened and closed, or one that needs no end."""
    opened: set[str] = set()
    for end, closing, opening in _TAG.findall(text):
        if end and closing.lower() in opened:
            return True
        if opening.lower() in _VOID:
            return True
        opened.add(opening.lower())
    return False


def _markup(text: str) -> str:
    if "<" not in text or not _is_markup(text):
        return text
    try:
        # The wrapping element keeps an XML declaration within from being taken for ours.
        root = lxml.html.fragment_fromstring(_XML_UNSAFE.sub("", text), create_parent="div")
    except (etree.LxmlError, ValueError):
        return _TAG.sub(" ", text)
    return "".join(_printed(root))


def _printed(root: etree._Element) -> Iterator[str]:
    hidden = 0
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        tag = element.tag.rpartition(":")[2] if isinstance(element.tag, str) else ""
        gap = "\n\n" if tag in _BLOCKS else "\n" if tag in _LINES else ""
        if event == "start":
            hidden += tag in _UNPRINTED
            yield gap + ("• " if tag == "li" else "")
            if element.text and not hidden:
                yield element.text
            continue
        if event == "end":
            hidden -= tag in _UNPRINTED
            yield gap if tag in _BLOCKS else " " if tag in {"td", "th"} else ""
        if element.tail and not hidden and element is not root:
            yield element.tail


_AMPERSANDS = re.compile(r"&(?:(?:amp|#0{0,5}38|#[xX]0{0,5}26);)+")
# Only with its semicolon: "?a=1&section=2" is not "?a=1§ion=2".
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def _entities(text: str) -> str:
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda match: html.unescape(match[0]), _AMPERSANDS.sub("&", text))


_XML_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17))
    + "]"
)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")  # soft hyphens, zero-width spaces, stray marks


def _controls(text: str) -> str:
    return _CONTROL.sub("", text)


def printable(text: str) -> str:
    """Return *text*, which quotes what may be anything, so that it can be kept and printed."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028]")
_SPACE = re.compile("[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")


def _spaces(text: str) -> str:
    text = _BREAK.sub("\n", _INVISIBLE.sub("", text)).replace("\u2029", "\n\n")
    text = _AROUND_BREAK.sub("\n", _SPACE.sub(" ", text))
    return unicodedata.normalize("NFC", _BLANK_LINES.sub("\n\n", text).strip(" \n"))


# Encoding comes first: the control characters are the bytes that it mends.
_STEPS = (
    (_encoding, MOJIBAKE),
    (_markup, MARKUP),
    (_entities, ENTITIES),
    (_controls, CONTROLS),
    (_spaces, ""),
)
