"""How contributions are kept small: zstandard, with a dictionary of what the items have in common.

Each contribution is compressed by itself, and what it says by itself is short. With a dictionary
that was trained on some hundred items of the same library it takes half the room, and less time.
A store has one dictionary, made when first so many items are written at once, or none. What was
packed without it stays readable.
"""

from collections.abc import Sequence
from contextlib import suppress

import zstandard
from sqlalchemy import Connection, insert, select

from oai.store.schema import DictionaryRow

SAMPLES = 200
"""So many items show what they have in common."""

_SIZE = 16_384  # bytes; a greater one saves little more, and has to be loaded by whoever reads one item


class Packing:
    """Packs and unpacks; one for each thread, for zstandard's objects are not to be shared."""

    def __init__(self, dictionary: bytes | None = None) -> None:
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self.has_dictionary = known is not None
        self.pack = zstandard.ZstdCompressor(level=3, dict_data=known).compress
        self.unpack = zstandard.ZstdDecompressor(dict_data=known).decompress

    @classmethod
    def of(cls, connection: Connection) -> "Packing":
        """Return the packing of a store."""
        return cls(connection.scalar(select(DictionaryRow.content)))

    @classmethod
    def trained(cls, samples: Sequence[bytes], connection: Connection) -> "Packing":
        """Return a packing whose dictionary was made of *samples*, and write that into the store.

        It has none where there are too few samples, or where they have too little in common.
        """
        if len(samples) >= SAMPLES:
            with suppress(zstandard.ZstdError):
                made = zstandard.train_dictionary(_SIZE, list(samples))
                row = insert(DictionaryRow).values(id=made.dict_id(), content=made.as_bytes())
                connection.execute(row)
                return cls(made.as_bytes())
        return cls()
