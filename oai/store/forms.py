"""The forms in which a block lies: the same records, once for each way in which they are sent.

As gzip and as zstd they are copied into responses (:mod:`oai.splicing`). For who wants neither,
and for records that are cut out of their block, they lie as LZ4, which is unpacked faster than
anything else. All three together are smaller than the plain bytes (docs/performance.md).
"""

from functools import cache
from typing import NamedTuple

from lz4.block import LZ4BlockError, compress, decompress

from oai import splicing


class Forms(NamedTuple):
    """Columns of ``block``, in their order."""

    size: int
    crc32: int
    lz4: bytes
    deflate: bytes
    zstd: bytes


class Packed(NamedTuple):
    """The form of a block that the others can be made of, and quickly made itself."""

    size: int
    crc32: int
    lz4: bytes


def pack(xml: bytes) -> Packed:
    """Return the first form of a block."""
    return Packed(len(xml), splicing.crc32(xml), compress(xml, store_size=False))


def unpack(block: Packed) -> bytes:
    """Return the records of a block; raises ValueError where they are damaged.

    LZ4 itself seldom notices it, and what is read may be written again.
    """
    try:
        xml: bytes = decompress(block.lz4, uncompressed_size=block.size)
    except (LZ4BlockError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if splicing.crc32(xml) != block.crc32:
        raise ValueError("its checksum is another")
    return xml


class Maker:
    """Makes forms, for one thread, and not beyond a fork (:class:`oai.splicing.Compressor`)."""

    def __init__(self) -> None:
        self._compressor = splicing.Compressor()

    def forms(self, xml: bytes) -> Forms:
        """Return all forms of a block."""
        return Forms(*pack(xml), *self.coded(xml))

    def coded(self, xml: bytes) -> tuple[bytes, bytes]:
        """Return those that are content codings."""
        return self._compressor.deflate(xml), self._compressor.zstd(xml)


_maker = cache(Maker)


def coded(block: Packed) -> tuple[bytes, bytes]:
    """Return the other forms of a block. It is for helpers, which have one thread and do not fork."""
    return _maker().coded(unpack(block))
