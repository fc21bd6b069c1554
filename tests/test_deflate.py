"""gzip put together from parts: one member that every unpacker reads."""

import gzip
import subprocess
import zlib

from hypothesis import given
from hypothesis import strategies as st

from oai.deflate import deflated, gzipped, joined
from oai.protocol.model import Piece

TEXTS = st.binary(max_size=200) | st.builds(
    lambda text, times: text * times, st.binary(min_size=1, max_size=50), st.integers(1, 5_000)
)


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=8))
def test_parts_make_one_member(parts: list[tuple[bytes, bool]]) -> None:
    """Whatever lies compressed and whatever does not: what is unpacked is all of it, with its checksum."""
    pieces: list[Piece] = [deflated(text) if packed else text for text, packed in parts]
    whole = b"".join(text for text, _ in parts)
    body = gzipped(pieces)
    unpacker = zlib.decompressobj(31)
    assert unpacker.decompress(body) + unpacker.flush() == whole
    assert unpacker.eof
    assert not unpacker.unused_data
    assert gzip.decompress(body) == whole


def test_other_programs_read_it() -> None:
    """GNU gzip finds nothing wrong with it, not even at lengths that a stored block cannot have."""
    record = "<record>ä</record>\n".encode() * 4_000
    done = subprocess.run(
        ["gzip", "-dc"],
        input=gzipped([b"x" * 200_000, deflated(record), b"</OAI-PMH>\n"]),
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"x" * 200_000 + record + b"</OAI-PMH>\n"
    assert not done.stderr


def test_what_is_not_compressed_is() -> None:
    """A response of which nothing lies compressed is compressed as a whole."""
    pieces: list[Piece] = [b"abc" * 1000, b"def" * 1000]
    assert gzip.decompress(gzipped(pieces)) == joined(pieces)
    assert len(gzipped(pieces)) < 200
