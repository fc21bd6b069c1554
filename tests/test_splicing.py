"""gzip and zstd put together from parts: one member, one frame, that every decoder reads."""

import gzip
import io
import subprocess
import zlib
from collections.abc import Sequence

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from oai import compression, splicing
from oai.protocol.model import Encoded, Piece

COMPRESSOR = splicing.Compressor()

# Runs of one byte and of short words are what a frame of zstd takes for granted how to repeat.
TEXTS = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda text, times: text * times, st.binary(min_size=1, max_size=50), st.integers(1, 5_000)),
    st.lists(
        st.sampled_from([b"0000", b"abcd", b"a", b"<record>", b"</record>\n", b"00000000"]), max_size=60
    ).map(b"".join),
)


def encoded(coding: str, text: bytes) -> Encoded:
    """Return *text* as a part."""
    make = COMPRESSOR.deflate if coding == "gzip" else COMPRESSOR.zstd
    return Encoded(make(text), len(text), splicing.crc32(text))


def decoded(coding: str, body: bytes) -> bytes:
    """Return what a decoder reads that takes one member or frame, knows its size, and wants nothing behind it."""
    if coding == "gzip":
        unpacker = zlib.decompressobj(31)
        text = unpacker.decompress(body) + unpacker.flush()
        assert unpacker.eof
        assert not unpacker.unused_data
        return text
    frame = zstandard.get_frame_parameters(body)
    text = zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    assert frame.content_size == len(text)
    return text


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@given(parts=st.lists(st.tuples(TEXTS, st.booleans()), max_size=8), data=st.data())
def test_parts_make_one_whole(coding: str, parts: Sequence[tuple[bytes, bool]], data: st.DataObject) -> None:
    """In whatever order they stand, and whatever was compressed before them: all of them come out."""
    made: list[tuple[bytes, Piece]] = [
        (text, encoded(coding, text) if is_encoded else text) for text, is_encoded in parts
    ]
    made = data.draw(st.permutations(made)) * 2
    body = getattr(splicing, coding)([piece for _, piece in made])
    assert decoded(coding, body) == b"".join(text for text, _ in made)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_long_and_short_pieces(coding: str) -> None:
    """Pieces longer than any block, compressed or not, and those of nothing at all."""
    record = "<record>ä</record>\n".encode() * 40_000
    texts = [b"x" * 300_000, record, b"", bytes(range(256)) * 3_000, record[:7]]
    for plain in (set(), {0, 2}, {1, 3, 4}, {0, 1, 2, 3}):
        pieces = [text if n in plain else encoded(coding, text) for n, text in enumerate(texts)]
        assert decoded(coding, getattr(splicing, coding)(pieces)) == b"".join(texts)


def test_other_decoders() -> None:
    """GNU gzip, and who reads zstd as it comes, a few bytes at a time, find nothing wrong."""
    record = "<record>ä</record>\n".encode() * 4_000
    texts = [b"head", record, record[::-1], b"</OAI-PMH>\n"]
    bodies = {
        coding: getattr(splicing, coding)(
            [texts[0], *(encoded(coding, text) for text in texts[1:3]), texts[3]]
        )
        for coding in ("gzip", "zstd")
    }
    done = subprocess.run(["gzip", "-dc"], input=bodies["gzip"], capture_output=True, check=True)
    assert done.stdout == b"".join(texts)
    assert not done.stderr
    assert gzip.decompress(bodies["gzip"]) == b"".join(texts)
    stream = zstandard.ZstdDecompressor(max_window_size=1 << 23).stream_reader(io.BytesIO(bodies["zstd"]))
    pieces = iter(lambda: stream.read(999), b"")
    assert b"".join(pieces) == b"".join(texts)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_what_is_not_compressed_is(coding: str) -> None:
    """A response of which nothing lies compressed is compressed as a whole."""
    pieces = [b"abc" * 1000, b"def" * 1000]
    body = compression.body(pieces, coding)
    assert len(body) < 200
    assert decoded(coding, body) == b"".join(pieces)
    assert decoded(coding, compression.body([], coding)) == b""
