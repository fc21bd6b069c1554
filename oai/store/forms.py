"""The forms in which a block lies: the same records, once for each way in which they are sent.

As gzip and as zstd they are copied into responses (:mod:`oai.splicing`). For who wants neither,
and for records that are cut out of their block, they lie as LZ4, which is unpacked about as fast as
plain bytes of that size are read. All three together are smaller than the plain bytes.
"""

from typing import NamedTuple

from lz4.block import LZ4BlockError, compress, decompress

from oai import splicing
from oai.store.database import StoreError
from oai.store.schema import BlockRow

CODED = {"gzip": BlockRow.deflate, "zstd": BlockRow.zstd}
"""The columns of ``block`` that are copied into responses, by the name of the content coding."""


class Forms(NamedTuple):
    """Columns of ``block``, in their order."""

    size: int
    crc32: int
    lz4: bytes
    deflate: bytes
    zstd: bytes


class Press:
    """Gives blocks their forms. It is for one thread."""

    def __init__(self) -> None:
        self._compressor = splicing.Compressor()

    def forms(self, xml: bytes | bytearray) -> Forms:
        """Return the forms of a block."""
        return Forms(
            len(xml),
            splicing.crc32(xml),
            compress(xml, store_size=False),
            self._compressor.deflate(xml),
            self._compressor.zstd(xml),
        )


def unpacked(lz4: bytes, size: int) -> bytes:
    """Return the records of a block; raises StoreError where they are damaged."""
    try:
        xml: bytes = decompress(lz4, uncompressed_size=size)
    except (LZ4BlockError, ValueError) as error:
        raise StoreError(f"a block of records is damaged: {error}") from error
    if len(xml) != size:
        raise StoreError(f"a block of records is damaged: it has {len(xml)} bytes and not {size}")
    return xml
