import codecs
import time

import pytest

from oai.sources import Unreadable
from oai.sources.pages import blocks

TEXT = "Ünïcode\n\n\nsecond “line”\r\nthird\rfourth\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8 with BOM", "utf-16-le", "utf-16-be"],
)
def test_encodings(data: bytes) -> None:
    """Each encoding gives the same lines, with their numbers and the blank lines before them."""
    found = blocks.lines(data)
    assert [(line.text, line.number, line.gap) for line in found.lines] == [
        ("Ünïcode", 1, 0),
        ("second “line”", 4, 2),
        ("third", 5, 0),
        ("fourth", 6, 0),
    ]
    assert found.mended == ()


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", "the file is empty", 1),
        (b" \n\t\n", "the file is empty", 1),
        (codecs.BOM_UTF8, "the file is empty", 1),
        (b"good\nbad \xff\n", "not UTF-8: byte 0xff", 2),
        (b"good\r\ngood\r\nbad \xe9 ", "not UTF-8: byte 0xe9", 3),
        (codecs.BOM_UTF16_LE + "good\nbad".encode("utf-16-le") + b"\x00", "not UTF-16: byte 0x00", 2),
        (b"good\nnul \x00\n", "binary, not text", 2),
        (b"\x01\x02\x03\x04\x05 text", "binary, not text", 1),
        (b"x\n" * (blocks.MOST_LINES + 1), "more than 50000 lines of text", 50001),
    ],
)
def test_unreadable(data: bytes, reason: str, line: int) -> None:
    """What is no text is refused with the line at which that shows."""
    with pytest.raises(Unreadable) as caught:
        blocks.lines(data)
    assert (caught.value.reason, caught.value.line) == (reason, line)


def test_enormous() -> None:
    """A file of a hundred million bytes is refused without being looked at."""
    data = bytes(100_000_000)
    start = time.perf_counter()
    with pytest.raises(Unreadable, match="larger than 16 MiB"):
        blocks.lines(data)
    assert time.perf_counter() - start < 0.1


def test_mended() -> None:
    """A mended line is named by its number, and markup within a line makes lines of their own."""
    found = blocks.lines("one\n\n<p>two</p><p>donâ€™t</p>\n".encode())
    assert [(line.text, line.number, line.gap) for line in found.lines] == [
        ("one", 1, 0),
        ("two", 3, 1),
        ("don’t", 3, 1),
    ]
    assert found.mended == ((3, "wrong encoding mended"), (3, "HTML made plain text"))
