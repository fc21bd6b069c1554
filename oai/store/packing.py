"""How contributions are kept small: zstandard, well under half of the JSON."""

import zstandard


class Packing:
    """Packs and unpacks; one for each thread, for zstandard's objects are not to be shared."""

    def __init__(self) -> None:
        self.pack = zstandard.ZstdCompressor(level=3).compress
        self.unpack = zstandard.ZstdDecompressor().decompress
