"""gzip made of parts that were compressed before (RFC 1951, RFC 1952).

To compress a page takes as long as all else that is done for it. But deflate is a sequence of
blocks, which may begin anew at any byte: so the records of a block are deflated once, when they
are stored, and a response copies that between what it says of itself, which stays as it is. What a
harvester gets is one gzip member like any other.
"""

import struct
from collections.abc import Iterable, Sequence

from isal import igzip, isal_zlib

from oai.protocol.model import Deflated, Piece

_LEVEL = 2
_RAW = -15  # deflate without header or trailer, with the largest window
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, unknown system
_MOST_STORED = 65_535  # bytes of a block that is not compressed


def deflated(xml: bytes) -> Deflated:
    """Return *xml* in deflate's blocks, none of them the last one, that end at a byte."""
    compressor = isal_zlib.compressobj(_LEVEL, wbits=_RAW)
    data = compressor.compress(xml) + compressor.flush(isal_zlib.Z_SYNC_FLUSH)
    return Deflated(data, isal_zlib.crc32(xml), len(xml))


def joined(pieces: Iterable[Piece]) -> bytes:
    """Return *pieces*, of which none lies compressed, as one."""
    return b"".join(pieces)  # type: ignore[arg-type]


def gzipped(pieces: Sequence[Piece]) -> bytes:
    """Return *pieces* as one gzip member."""
    if not any(isinstance(piece, Deflated) for piece in pieces):
        return igzip.compress(joined(pieces), _LEVEL, mtime=0)
    parts = [_HEADER]
    crc = size = 0
    for piece in pieces:
        if isinstance(piece, Deflated):
            parts.append(piece.data)
            crc = isal_zlib.crc32_combine(crc, piece.crc32, piece.size)
            size += piece.size
        else:
            parts += _stored(piece)
            crc = isal_zlib.crc32(piece, crc)
            size += len(piece)
    parts += (_stored_block(b"", last=True), struct.pack("<II", crc, size & 0xFFFFFFFF))
    return b"".join(parts)


def _stored(piece: bytes) -> list[bytes]:
    return [_stored_block(piece[n : n + _MOST_STORED]) for n in range(0, len(piece), _MOST_STORED)]


def _stored_block(data: bytes, *, last: bool = False) -> bytes:
    """Return a block that is not compressed (RFC 1951, §3.2.4)."""
    return struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF) + data
