"""Bodies in gzip and zstd, put together from parts that were compressed when they were stored.

To compress a page takes longer than all else that is done for it. But what either coding holds is a
sequence of blocks (RFC 1951, §3.2; RFC 8878, §3.1.1.2). So records are compressed once, when they
are written, and a response copies their blocks between what it says of itself, which stays as it
is. What a harvester gets is one member of gzip, or one frame of zstd, like any other.

So no block of a part may refer to anything before that part. Deflate promises it to who begins
anew with each. zstd does not: what begins a frame takes offsets for granted that are others in the
midst of one ("repeat offsets", RFC 8878, §3.1.1.5). But the jobs into which it divides a stream for
several threads know nothing of each other, so a part is made as such a job.
"""

import struct
from collections.abc import Sequence

import zstandard
from isal import isal_zlib

from oai.protocol.model import Encoded, Piece

_DEFLATE_LEVEL = 2
_RAW = -15  # deflate without header or trailer, with the largest window
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, unknown system
_MOST_OF_DEFLATE = 0xFFFF  # bytes of a block that is not compressed

_ZSTD_LEVEL = 2
_WINDOW_LOG = 17  # most parts are smaller
_NO_OVERLAP = 1  # of jobs, in zstd's own numbers
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_DESCRIPTOR = bytes((0b10_0_0_0_0_00, (_WINDOW_LOG - 10) << 3))  # four bytes of size follow, no checksum
_MOST_OF_ZSTD = 1 << 17


class Compressor:
    """Compresses parts, for one thread.

    It must be gone before a fork, which zstd's own thread would not follow.
    """

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _ZSTD_LEVEL, threads=1, overlap_log=_NO_OVERLAP, window_log=_WINDOW_LOG
        )
        self._jobs = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self.zstd(b" ")  # the first job of all has the header of the frame

    def deflate(self, text: bytes) -> bytes:
        """Return *text* in blocks of deflate that end at a byte, none of them the last."""
        compressor = isal_zlib.compressobj(_DEFLATE_LEVEL, wbits=_RAW)
        return compressor.compress(text) + compressor.flush(isal_zlib.Z_SYNC_FLUSH)

    def zstd(self, text: bytes) -> bytes:
        """Return *text* in blocks of zstd, none of them the last."""
        return self._jobs.compress(text) + self._jobs.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def crc32(text: bytes) -> int:
    """Return the checksum that gzip has (RFC 1952, §8)."""
    return isal_zlib.crc32(text)


def gzip(pieces: Sequence[Piece]) -> bytes:
    """Return *pieces*, of which those that are encoded are deflate's blocks, as one member of gzip."""
    parts = [_GZIP_HEADER]
    checksum = size = 0
    for piece in pieces:
        if isinstance(piece, Encoded):
            parts.append(piece.data)
            checksum = isal_zlib.crc32_combine(checksum, piece.crc32, piece.size)
            size += piece.size
        else:
            parts += map(_stored, _cut(piece, _MOST_OF_DEFLATE))
            checksum = isal_zlib.crc32(piece, checksum)
            size += len(piece)
    parts += (_stored(b"", last=True), struct.pack("<II", checksum, size & 0xFFFFFFFF))
    return b"".join(parts)


def zstd(pieces: Sequence[Piece]) -> bytes:
    """Return *pieces*, of which those that are encoded are zstd's blocks, as one frame."""
    size = sum(piece.size if isinstance(piece, Encoded) else len(piece) for piece in pieces)
    parts = [_ZSTD_MAGIC, _ZSTD_DESCRIPTOR, struct.pack("<I", size)]
    for piece in pieces:
        if isinstance(piece, Encoded):
            parts.append(piece.data)
        else:
            parts += map(_raw, _cut(piece, _MOST_OF_ZSTD))
    parts.append(_raw(b"", last=True))
    return b"".join(parts)


def _cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _stored(text: bytes, *, last: bool = False) -> bytes:
    """Return a block of deflate that is not compressed (RFC 1951, §3.2.4)."""
    return struct.pack("<BHH", last, len(text), len(text) ^ 0xFFFF) + text


def _raw(text: bytes, *, last: bool = False) -> bytes:
    """Return a block of zstd that is not compressed (RFC 8878, §3.1.1.2)."""
    return (len(text) << 3 | last).to_bytes(3, "little") + text
