"""The forms in which a block lies: the same records, once for each way in which they are sent.

As gzip and as zstd they are copied into responses (:mod:`oai.splicing`). For who wants neither,
and for records that are cut out of their block, they lie as LZ4, which is unpacked about as fast as
plain bytes of that size are read. All three together are smaller than the plain bytes.
"""

import threading
from typing import NamedTuple

from lz4.block import compress, decompress

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


class _Compressor(threading.local):
    def __init__(self) -> None:
        self.compressor = splicing.Compressor()


_COMPRESSOR = _Compressor()


def packed(xml: bytes) -> Packed:
    """Return the first form of a block."""
    return Packed(len(xml), splicing.crc32(xml), compress(xml, store_size=False))


def unpacked(lz4: bytes, size: int) -> bytes:
    """Return the records of a block; raises ValueError where they are damaged."""
    xml: bytes = decompress(lz4, uncompressed_size=size)
    if len(xml) != size:
        raise ValueError(f"{len(xml)} bytes where there were {size}")
    return xml


def coded(block: Packed) -> tuple[bytes, bytes]:
    """Return the other forms."""
    xml = unpacked(block.lz4, block.size)
    compressor = _COMPRESSOR.compressor
    return compressor.deflate(xml), compressor.zstd(xml)


def forms(xml: bytes) -> Forms:
    """Return all forms of a block."""
    compressor = _COMPRESSOR.compressor
    return Forms(*packed(xml), compressor.deflate(xml), compressor.zstd(xml))
